"""Writes the page: whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from a4s_pipeline.errors import ChangeSite


def replace_file(target: Path, text: str) -> Path:
    """Put a text in the place of a file at once, so that nobody opens half a page; return where it is."""
    path = target.absolute()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair has no UTF-8: what cannot be written becomes "?".
        temporary.write_bytes(text.encode("utf-8", "replace"))
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ChangeSite(
            f"{path} cannot be written ({error.strerror}): check the folder and the free disk space"
        ) from None
    return path
