"""Writes files whole or not at all, even through a power cut, and cleans up after kills."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from a4s_pipeline.errors import ChangeSite

# Writing a file takes seconds at most: an older temporary file was left by a kill.
ABANDONED_AFTER_SECONDS = 600.0


def make_folder(folder: Path) -> None:
    """Make a folder for such files, or say why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChangeSite(
            f"{folder} cannot be made ({error.strerror}): check the folder, its permissions "
            "and the free disk space",
            code="StoreUnusable",
        ) from None


def write_whole(
    target: Path, content: bytes, *, is_name_synced: bool = True, mode: int | None = None
) -> None:
    """Write a temporary file, then rename it into place; on OSError nothing is left behind.

    On return the file and its name are on the disk: a power cut leaves the old or the new file. Without
    `is_name_synced` it also leaves one of them, but possibly the old one even after this returns. With a
    `mode` the file has it, whatever the umask.
    """
    # Two threads may write to one name at once: for a request and its unresolved duplicate.
    name = f".{target.name.removeprefix('.')}.{os.getpid()}.{threading.get_native_id()}.tmp"
    temporary = target.with_name(name)
    try:
        temporary.write_bytes(content)
        if mode is not None:
            temporary.chmod(mode)
        put_in_place(temporary, target, is_name_synced=is_name_synced)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def put_in_place(temporary: Path, target: Path, *, is_name_synced: bool = True) -> None:
    """Rename a temporary file into place, with its content on the disk before its name."""
    sync(temporary)
    temporary.replace(target)
    if is_name_synced:
        sync(target.parent)


def sync_what_others_wrote(path: Path) -> None:
    """Wait until the disk has another program's file; ignore one that cannot be opened."""
    with suppress(OSError):
        sync(path)


def sync(path: Path) -> None:
    """Wait until the disk has the content of a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        sync_handle(handle)
    except OSError as error:
        # Some network file systems cannot sync a folder, and say so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def sync_handle(handle: int) -> None:
    """Wait until the disk has the content of an open file; errors of the disk are raised."""
    # On macOS, fsync leaves the content in the drive's own memory, which a power cut loses.
    full_sync: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is not None:
        # Not every file system can: the others are synced as elsewhere.
        with suppress(OSError):
            fcntl.fcntl(handle, full_sync)
            return
    os.fsync(handle)


def clear_abandoned(folder: Path) -> None:
    """Delete files that killed processes left half written; by age, because others may be writing now."""
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for temporary in folder.glob(".*.tmp"):
        with suppress(OSError):
            if temporary.lstat().st_mtime < oldest:
                temporary.unlink()
