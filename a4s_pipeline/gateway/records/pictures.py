"""Decides by the bytes alone whether they are a picture, and of which kind."""

from __future__ import annotations

import re

_NO_PICTURE = re.compile(rb"\s*(<!doctype html|<html|[{\[])", re.IGNORECASE)
# How far from the end a picture's end marker may be: some programs write a little after it.
_TAIL = 64 * 1024

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"%PDF-", "pdf"),
)
_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic"}
_LAST_MARKS = {"png": b"IEND", "jpg": b"\xff\xd9"}


def extension_of(picture: bytes) -> str:
    """Return the extension for a picture's file, or `bin` if its kind is not known."""
    for magic, extension in _BEGINNINGS:
        if picture.startswith(magic):
            return extension
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "webp"
    if picture[4:8] == b"ftyp":
        return _BRANDS.get(picture[8:12], "bin")
    beginning = picture[:4096].lstrip().lower()
    return "svg" if beginning.startswith(b"<") and b"<svg" in beginning else "bin"


def whole_picture(body: bytes) -> bytes:
    """Return the body of an answer unchanged, or raise `ValueError` if it is not a whole picture.

    A picture is fetched only once: a proxy's HTML page, or half a picture, must not be stored.
    """
    if not body:
        raise ValueError("the picture is empty")
    if _NO_PICTURE.match(body):
        raise ValueError("it is a text and no picture")
    kind = extension_of(body)
    if kind in _LAST_MARKS and _LAST_MARKS[kind] not in body[-_TAIL:]:
        raise ValueError("the picture is cut off")
    if kind == "webp" and len(body) < 8 + int.from_bytes(body[4:8], "little"):
        raise ValueError("the picture is cut off")
    return body
