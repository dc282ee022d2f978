"""Files that are there whole or not at all, after a power cut too, and what kills leave of them."""

from __future__ import annotations

import errno
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


def write_whole(target: Path, content: bytes, *, is_name_synced: bool = True) -> None:
    """Write a file beside its place, and put it there at once; raises OSError and leaves nothing behind.

    When it returns the file is on the disk, name and all: a power cut leaves the old one or the new one.
    Without `is_name_synced` it leaves one of them too, but which is not settled when this returns.
    """
    # Two threads may write under one name at once: a request, and the same again that waits unsettled.
    name = f".{target.name.removeprefix('.')}.{os.getpid()}.{threading.get_native_id()}.tmp"
    temporary = target.with_name(name)
    try:
        temporary.write_bytes(content)
        put_in_place(temporary, target, is_name_synced=is_name_synced)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def put_in_place(temporary: Path, target: Path, *, is_name_synced: bool = True) -> None:
    """Give a file that was written beside its place its name, content first and name second on the disk."""
    sync(temporary)
    temporary.replace(target)
    if is_name_synced:
        sync(target.parent)


def sync_what_others_wrote(path: Path) -> None:
    """Wait until the disk has a file of somebody else's; what cannot be opened is left as it is."""
    with suppress(OSError):
        sync(path)


def sync(path: Path) -> None:
    """Wait until the disk has what a file holds, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems over a network keep no order of names, and say so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def clear_abandoned(folder: Path) -> None:
    """Delete what killed processes had half written; by age, because others may be writing now."""
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for temporary in folder.glob(".*.tmp"):
        with suppress(OSError):
            if temporary.lstat().st_mtime < oldest:
                temporary.unlink()
