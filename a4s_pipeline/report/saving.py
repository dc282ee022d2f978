"""Writes the page: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.files.whole_files import write_whole


def replace_file(target: Path, text: str) -> Path:
    """Replace a file in one step, so that nobody opens half a page; return its path."""
    path = target.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # UTF-8 cannot encode half a surrogate pair: it becomes "?".
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be written ({error.strerror}): check the folder and the free disk space"
        ) from None
    return path
