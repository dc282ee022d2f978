"""Locks between processes that die with their process: no lock is ever left behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from a4s_pipeline.errors import A4sError, ChangeSite

_POLL = 0.05


@contextmanager
def held_lock(path: Path, wait_seconds: float, busy: Callable[[str], A4sError]) -> Iterator[None]:
    """Hold the lock that a file stands for, or raise what `busy` makes of its holder after a bounded wait."""
    handle = _opened(path)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _is_taken(handle):
            if time.monotonic() >= deadline:
                raise busy(_holder(handle))
            time.sleep(_POLL)
        # The number is for those who wait; on a full disk the lock holds without it.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared_sign(path: Path) -> Iterator[None]:
    """Show, for as long as the block lasts, that somebody is at work; any number may at once."""
    handle = _opened(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def is_shown(path: Path) -> bool:
    """Tell whether anybody alive shows the sign."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _is_taken(handle)
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be opened ({error.strerror}): check the folder, its permissions "
            "and the free disk space",
            code="StoreUnusable",
        ) from None


def _is_taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    pid = os.pread(handle, 20, 0).decode("ascii", "replace")
    return f"process {pid}" if pid else "another process"
