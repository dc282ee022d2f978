"""Files that are there whole or not at all, and the clearing away of what kills leave of them."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from a4s_pipeline.errors import ChangeSite

# A file is written within moments: what is older than this was left half written by a kill.
ABANDONED_AFTER_SECONDS = 600.0


def make_folder(folder: Path) -> None:
    """Make a folder that is to hold such files, or say why it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChangeSite(
            f"{folder} cannot be made ({error.strerror}): check the folder, its permissions "
            "and the free disk space",
            code="StoreUnusable",
        ) from None


def write_whole(target: Path, content: bytes, *, for_a_power_cut: bool = False) -> None:
    """Write a file beside its place, and put it there at once; raises OSError and leaves nothing behind.

    `for_a_power_cut` waits until the disk has it.
    """
    # Two threads may write under one name at once: a request, and the same again that waits unsettled.
    name = f".{target.name.removeprefix('.')}.{os.getpid()}.{threading.get_native_id()}.tmp"
    temporary = target.with_name(name)
    try:
        temporary.write_bytes(content)
        if for_a_power_cut:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def clear_abandoned(folder: Path) -> None:
    """Delete what killed processes had half written; by age, because others may be writing now."""
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for temporary in folder.glob(".*.tmp"):
        with suppress(OSError):
            if temporary.lstat().st_mtime < oldest:
                temporary.unlink()
