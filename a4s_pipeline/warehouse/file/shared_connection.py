"""Lets the threads of this process share one connection to a file."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from a4s_pipeline.warehouse.file.opened import OpenedFile

# A busy process keeps the file no longer than this before others may have it.
_LONGEST_HOLD = 0.5
# How long to wait for the file if another process just kept it for a whole wait.
_WAIT_ONCE_MORE = 1.0


class SharedConnection:
    """Lets the threads of this process use a file one after another.

    Opening and closing the file costs 15 ms, most uses of it 2. Where threads wait for it, the
    open connection is handed on to the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._waiting = 0
        self._kept: OpenedFile | None = None
        self._opened_at = 0.0
        self._locked_at: float | None = None

    def longest_wait(self, usual: float) -> float:
        """Return how long to wait for another process: `usual` seconds, but less after a wait in vain.

        Otherwise a command that could not read would wait as long again for each write.
        """
        locked_at = self._locked_at
        is_known = locked_at is not None and time.monotonic() - locked_at < usual
        return min(usual, _WAIT_ONCE_MORE) if is_known else usual

    def note_locked(self, *, is_locked: bool) -> None:
        """Note whether another process kept the file for a whole wait, or it could be opened."""
        self._locked_at = time.monotonic() if is_locked else None

    def acquire(self, wait_seconds: float) -> bool:
        """Wait until no other thread has it; False if that takes too long."""
        self._count(1)
        try:
            is_ours = self._lock.acquire(timeout=wait_seconds)
        finally:
            self._count(-1)
        if not is_ours and self._lock.acquire(blocking=False):
            # It came too late: a connection kept for us must not stay open.
            try:
                self._close_kept()
            finally:
                self._lock.release()
        return is_ours

    def kept(self) -> OpenedFile | None:
        """Return the connection passed on, or None if the file must be opened."""
        connection, self._kept = self._kept, None
        if connection is None:
            self._opened_at = time.monotonic()
        return connection

    def release(self, connection: OpenedFile | None, *, is_sound: bool) -> None:
        """Pass the connection on to a waiting thread, or close it."""
        try:
            is_wanted = is_sound and self._waiting > 0 and self._kept is None
            if connection is not None:
                if (
                    is_wanted
                    and connection.is_reusable
                    and time.monotonic() - self._opened_at < _LONGEST_HOLD
                ):
                    self._kept = connection
                else:
                    connection.close(is_sound=is_sound)
        finally:
            self._lock.release()
        self._close_if_unwanted()

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Count as waiting within the block."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._close_if_unwanted()

    def _close_if_unwanted(self) -> None:
        # The thread it was kept for may have given up meanwhile: then nobody else closes it.
        if self._waiting == 0 and self._kept is not None and self._lock.acquire(blocking=False):
            try:
                self._close_kept()
            finally:
                self._lock.release()

    def _close_kept(self) -> None:
        connection, self._kept = self._kept, None
        if connection is not None:
            connection.close()

    def _count(self, change: int) -> None:
        with self._count_lock:
            self._waiting += change


_connections: defaultdict[Path, SharedConnection] = defaultdict(SharedConnection)


def shared_connection_of(path: Path) -> SharedConnection:
    """Return the connection to a file, the same for all who use it in this process."""
    return _connections[path]
