"""Locks between processes that die with their process: no lock is ever left behind.

On one machine a lock is a file lock of the operating system. On several machines it is a lock of the
PostgreSQL database with the lake's catalog (`postgres_locks`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from a4s_pipeline.errors import A4sError, ChangeSite
from a4s_pipeline.runtime import MACHINE, Runtime

_POLL = 0.05

Busy = Callable[[str], A4sError]
"""Makes an error from the description of a lock's owner."""


class Locks(Protocol):
    """The locks and presences of one installation, by name."""

    reach_other_machines: bool

    def exclusive(self, name: str, wait_seconds: float, busy: Busy) -> AbstractContextManager[None]:
        """Take an exclusive lock, or raise the error that `busy` makes of its owner after a bounded wait."""

    def announce_presence(self, name: str) -> AbstractContextManager[None]:
        """Announce a presence within the block; any number of processes may at once."""

    def is_present(self, name: str) -> bool:
        """Tell whether any live process announces this presence."""

    def alone(self, name: str, busy: Busy) -> AbstractContextManager[None]:
        """Keep every process from announcing this presence within the block: it waits.

        Raises the error that `busy` makes of a live process that announces it already.
        """

    def to_write(
        self, name: str, wait_seconds: float, busy: Busy, *, is_exclusive: bool
    ) -> AbstractContextManager[None]:
        """Take a lock to write, shared with other writers or exclusive; raises as `exclusive` does."""


class FileLocks:
    """The locks of one machine: each is a file in a folder."""

    reach_other_machines = False

    def __init__(self, folder: Path, runtime: Runtime = MACHINE) -> None:
        self._folder = folder
        self._runtime = runtime

    def exclusive(self, name: str, wait_seconds: float, busy: Busy) -> AbstractContextManager[None]:
        """Take an exclusive lock, or raise the error that `busy` makes of its owner after a bounded wait."""
        return file_lock(self._folder / f"{name}.lock", wait_seconds, busy, runtime=self._runtime)

    def announce_presence(self, name: str) -> AbstractContextManager[None]:
        """Announce a presence within the block; any number of processes may at once."""
        return file_presence(self._folder / name)

    def is_present(self, name: str) -> bool:
        """Tell whether any live process announces this presence."""
        return is_present(self._folder / name)

    def alone(self, name: str, busy: Busy) -> AbstractContextManager[None]:
        """Keep every process from announcing this presence within the block: it waits.

        Raises the error that `busy` makes of a live process that announces it already.
        """
        return file_lock(self._folder / name, 0, busy)

    def to_write(
        self, name: str, wait_seconds: float, busy: Busy, *, is_exclusive: bool
    ) -> AbstractContextManager[None]:
        """Take a lock to write, shared with other writers or exclusive; raises as `exclusive` does."""
        path, is_shared = self._folder / f"{name}.lock", not is_exclusive
        return file_lock(path, wait_seconds, busy, is_shared=is_shared, runtime=self._runtime)


@contextmanager
def file_lock(
    path: Path,
    wait_seconds: float,
    busy: Busy,
    *,
    is_shared: bool = False,
    runtime: Runtime = MACHINE,
) -> Iterator[None]:
    """Lock a file, or raise the error that `busy` makes of its owner after a bounded wait."""
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    handle = _opened(path)
    try:
        deadline = runtime.monotonic() + wait_seconds
        while not _is_taken(handle, kind):
            if runtime.monotonic() >= deadline:
                raise busy(_holder(handle))
            runtime.sleep(_POLL)
        # The process id is for those who wait; on a full disk the lock works without it.
        with suppress(OSError):
            _sign(handle)
        yield
    finally:
        os.close(handle)


@contextmanager
def file_presence(path: Path) -> Iterator[None]:
    """Announce within the block that a process is running; any number may at once."""
    handle = _opened(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def is_present(path: Path) -> bool:
    """Tell whether any live process announces this presence."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _is_taken(handle)
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        with suppress(FileNotFoundError):
            return os.open(path, flags, 0o644)
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be opened ({error.strerror}): check the folder, its permissions "
            "and the free disk space",
            code="StoreUnusable",
        ) from None


def _is_taken(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(handle: int) -> None:
    ours = str(os.getpid()).encode()
    # To write what is there already costs as much as all else that a lock does.
    if os.pread(handle, 20, 0) != ours:
        os.ftruncate(handle, 0)
        os.pwrite(handle, ours, 0)


def _holder(handle: int) -> str:
    pid = os.pread(handle, 20, 0).decode("ascii", "replace")
    return f"process {pid}" if pid else "another process"
