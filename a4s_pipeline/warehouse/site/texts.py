"""Reads a site's text files as UTF-8, in whatever encoding they were written."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_AT_ONCE = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: UTF-8, UTF-16 if marked, and otherwise that of Windows."""
    with path.open("rb") as file:
        start = file.read(_AT_ONCE)
        if start.startswith(_UTF16):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while start:
                decoder.decode(start)
                start = file.read(_AT_ONCE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


@contextmanager
def as_utf8(path: Path) -> Iterator[Path]:
    """Yield a file with the same text in UTF-8: itself, or a temporary copy."""
    encoding = encoding_of(path)
    if encoding == "utf-8":
        yield path
        return
    with TemporaryDirectory(prefix="a4s-site-") as folder:
        copy = Path(folder) / path.name
        with (
            path.open(encoding=encoding, errors="replace", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            while text := source.read(_AT_ONCE):
                target.write(text)
        yield copy
