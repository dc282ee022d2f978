"""Writes the page: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.files.whole_files import write_whole


def replace_file(target: Path, text: str) -> Path:
    """Put a text in the place of a file at once, so that nobody opens half a page; return where it is."""
    path = target.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair has no UTF-8: what cannot be written becomes "?".
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be written ({error.strerror}): check the folder and the free disk space"
        ) from None
    return path
