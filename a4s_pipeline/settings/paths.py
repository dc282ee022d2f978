"""Checks paths in settings; each function raises `ValueError` with what is wrong."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

from a4s_pipeline.files.texts import has_utf8, on_a_line

_AT_HOME = re.compile(r"(ducklake:sqlite:)?(~)(?=/|$)")
# In a path, DuckDB reads the first as the end of a file's name, and the second as that of a folder's.
_NOT_OPENED = ("?", "\\")


def at_home(value: Any) -> Any:
    """Return a path or location, with a leading `~` replaced by the home folder."""
    found = _AT_HOME.match(str(value)) if isinstance(value, str | Path) else None
    if found is None:
        return value
    home = str(Path("~").expanduser())
    return f"{found[1] or ''}{home}{str(value)[found.end() :]}"


def in_utf8(text: str) -> str:
    """Require a text without bytes of another encoding: neither DuckDB's files nor hosts have them."""
    if not has_utf8(text):
        # By its escapes: pydantic cannot hold a message with half a surrogate pair.
        raise ValueError(f"{on_a_line(text)} is not UTF-8: name it in UTF-8")
    return text


def openable(path: Path) -> Path:
    """Require that DuckDB can open files with this path."""
    text = in_utf8(str(path.absolute()))
    for letter in _NOT_OPENED:
        if letter in text:
            raise ValueError(f"{text} holds {letter}, with which DuckDB opens no file: move it")
    return path


def authority_file(path: Path) -> Path:
    shown = on_a_line(str(path))
    # A proxy's URL, given here by mistake, holds a password.
    if ":/" in shown:
        raise ValueError("must be the path of a PEM file, not a URL")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError(f"{shown} is not a PEM file of certificates") from None
    except OSError as error:
        raise ValueError(f"{shown} cannot be read ({error.strerror})") from None
    return path.absolute()
