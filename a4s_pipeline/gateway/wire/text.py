"""Turns the bytes of an answer into text; a wrong byte costs one character, not the page."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, NamedTuple

from a4s_pipeline.files import exact_json

UNREAD = "\ufffd"
"""Replaces a byte that could not be read."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
# Declarations to believe; any other is read as UTF-8, which it mostly is.
_MEANT = re.compile(r"utf-(16|32)(-[lb]e)?|iso8859-\d+|cp125\d")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Text(NamedTuple):
    """The text of an answer; `is_mended` tells whether some of it had to be repaired."""

    text: str
    is_mended: bool


def text_of(body: bytes, content_type: str | None) -> Text:
    """Decode a body by its byte order mark, its declaration, or the look of JSON; UTF-8 by default."""
    encoding = _encoding(body, content_type)
    try:
        return Text(_unmarked(body.decode(encoding)), is_mended=False)
    except UnicodeDecodeError:
        pass
    try:
        # Halves of surrogate pairs, encoded as if each were a character.
        return Text(_unmarked(body.decode(encoding, "surrogatepass")), is_mended=False)
    except UnicodeDecodeError:
        return Text(_unmarked(body.decode(encoding, "replace")), is_mended=True)


def _unmarked(text: str) -> str:
    return text.removeprefix("\ufeff")


def _encoding(body: bytes, content_type: str | None) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding
    found = _CHARSET.search(content_type) if content_type else None
    if found is not None:
        try:
            declared = codecs.lookup(found[1]).name
        except LookupError:
            declared = ""
        if _MEANT.fullmatch(declared):
            return declared
    # The positions of the zeros reveal UTF-16 and UTF-32 without a mark.
    return json.detect_encoding(body) if b"\0" in body[:4] else "utf-8"


def json_of(body: bytes, content_type: str | None) -> tuple[Any, bool]:
    """Return the JSON of an answer, and whether its text was mended.

    Raises `ValueError` if it is not JSON, and `exact_json.NestedTooDeeply`. Raw line breaks and other control
    characters in a text are kept, although strict JSON forbids them.
    """
    text, is_mended = text_of(body, content_type)
    if is_mended:
        return exact_json.loads(text, strict=False), True
    try:
        return exact_json.loads(text), False
    except exact_json.NestedTooDeeply:
        raise
    except ValueError:
        return exact_json.loads(text, strict=False), True
