"""Checks paths in settings; each function raises `ValueError` with what is wrong."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

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


def openable(path: Path) -> Path:
    """Require that DuckDB can open files with this path."""
    for letter in _NOT_OPENED:
        if letter in str(path.absolute()):
            raise ValueError(f"{path.absolute()} holds {letter}, with which DuckDB opens no file: move it")
    return path


def authority_file(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError(f"{path} is not a PEM file of certificates") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    return path.absolute()
