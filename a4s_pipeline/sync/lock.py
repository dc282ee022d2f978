"""What keeps two syncs of one stream apart: a file lock, which dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from a4s_pipeline.errors import ChangeSite, SyncUnderWay

_POLL = 0.1
LONGEST_WAIT = 10.0


@contextmanager
def stream_lock(
    data_dir: Path, connector: str, stream: str, wait_seconds: float = LONGEST_WAIT
) -> Iterator[None]:
    """Hold the lock of one connector's stream, or raise `SyncUnderWay` after a bounded wait."""
    path = data_dir / "locks" / f"{connector}.{stream}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be opened ({error.strerror}): check the folder", code="StoreUnusable"
        ) from None
    try:
        deadline = time.monotonic() + wait_seconds
        while not _taken(handle):
            if time.monotonic() >= deadline:
                raise SyncUnderWay(
                    f"a sync of the {stream} of {connector!r} is running (process {_holder(handle)}); "
                    "it is left to finish. Try again afterwards"
                )
            time.sleep(_POLL)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    return os.pread(handle, 20, 0).decode("ascii", "replace") or "unknown"
