"""Locks between machines: advisory locks of the PostgreSQL database that holds the lake's catalog.

A lock belongs to a connection and ends with it: a killed worker or a lost machine leaves none behind. If the
connection is lost while its process lives on, its locks are lost too. That process writes and sends nothing
more under them: before each write it checks that it still has every lock it took. Presences are announced
again on the next connection.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from a4s_pipeline.errors import StoreUnreachable
from a4s_pipeline.locks.file_locks import Busy
from a4s_pipeline.locks.postgres_session import Session

_POLL = 0.05
# A run that reads for a long time does not query the database: its presence must be renewed meanwhile.
_ANNOUNCED_EVERY = 10.0
_TRY = "SELECT pg_try_advisory_lock(%s)"
_TRY_SHARED = "SELECT pg_try_advisory_lock_shared(%s)"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_UNLOCK_SHARED = "SELECT pg_advisory_unlock_shared(%s)"
_WAIT = "SELECT pg_advisory_lock(%s)"
_WAIT_SHARED = "SELECT pg_advisory_lock_shared(%s)"


class PostgresLocks:
    """The locks of one installation; `connection` is a connection string of libpq.

    One connection has the exclusive locks and presences of this process, and a second one the locks to write,
    which wait in PostgreSQL's own queue.
    """

    reach_other_machines = True

    def __init__(self, connection: str) -> None:
        self._locks = Session(connection, self._announce_again)
        self._writers = Session(connection)
        self._to_write = threading.Lock()
        # A connection may take the same lock twice: we track which thread has which lock, and on which
        # connection.
        self._taken: dict[str, int] = {}
        self._presences: Counter[str] = Counter()

    @contextmanager
    def exclusive(self, name: str, wait_seconds: float, busy: Busy) -> Iterator[None]:
        """Take an exclusive lock, or raise the error that `busy` makes of its owner after a bounded wait."""
        deadline = time.monotonic() + wait_seconds
        while not self._is_taken(name):
            if time.monotonic() >= deadline:
                raise busy(self._holder(name))
            time.sleep(_POLL)
        try:
            yield
        finally:
            self._let_go(name)

    def _is_taken(self, name: str) -> bool:
        with self._locks.lock:
            if name in self._taken:
                return False
            try:
                is_taken = self._locks.ask(_TRY, name)
                if is_taken:
                    self._taken[name] = self._locks.number
            except BaseException:
                # An interrupt may come after we got the lock.
                self._let_go(name)
                raise
            return is_taken

    def _let_go(self, name: str) -> None:
        with self._locks.lock:
            self._taken.pop(name, None)
            with suppress(StoreUnreachable):
                # The lock was lost with the connection.
                self._locks.ask(_UNLOCK, name, again=False)

    def _holder(self, name: str) -> str:
        holders = self._locks.holders(name)
        return holders[0] if holders else "another process"

    @contextmanager
    def announce_presence(self, name: str) -> Iterator[None]:
        """Announce a presence within the block; any number of processes may at once."""
        over = threading.Event()
        with self._locks.lock:
            self._locks.ask(_TRY_SHARED, name)
            self._presences[name] += 1
        keeper = threading.Thread(
            target=self._keep_announcing, args=(over,), name=f"presence {name}", daemon=True
        )
        keeper.start()
        try:
            yield
        finally:
            over.set()
            with self._locks.lock:
                self._presences[name] -= 1
                with suppress(StoreUnreachable):
                    self._locks.ask(_UNLOCK_SHARED, name, again=False)

    def _keep_announcing(self, over: threading.Event) -> None:
        while not over.wait(_ANNOUNCED_EVERY):
            with suppress(StoreUnreachable):
                self._locks.probe()

    def _announce_again(self, is_child: bool) -> None:
        if is_child:
            # A forked child does not have its parent's locks.
            self._taken.clear()
            self._presences.clear()
        for name in self._presences.elements():
            self._locks.ask(_TRY_SHARED, name, again=False)

    def is_present(self, name: str) -> bool:
        """Tell whether any live process announces this presence."""
        return bool(self._locks.holders(name))

    def alone(self, name: str, busy: Busy) -> AbstractContextManager[None]:
        """Keep this presence for one process; raises the error that `busy` makes of another that announces
        it.
        """
        return self.exclusive(name, 0, busy)

    @contextmanager
    def to_write(self, name: str, wait_seconds: float, busy: Busy, *, is_exclusive: bool) -> Iterator[None]:
        """Take a lock to write, shared with other writers or exclusive; raises as `exclusive` does.

        Raises `StoreUnreachable` if a lock of this process was lost with its connection.
        """
        deadline = time.monotonic() + wait_seconds
        if not self._to_write.acquire(timeout=wait_seconds):
            raise busy("another thread of this process")
        try:
            left = max(0.0, deadline - time.monotonic())
            if not self._writers.waited(_WAIT if is_exclusive else _WAIT_SHARED, name, left):
                raise busy(self._holder(name))
            try:
                self._assert_locks_are_ours()
                yield
            finally:
                with suppress(StoreUnreachable):
                    self._writers.ask(_UNLOCK if is_exclusive else _UNLOCK_SHARED, name, again=False)
        finally:
            self._to_write.release()

    def _assert_locks_are_ours(self) -> None:
        with self._locks.lock:
            if not self._taken:
                return
            self._locks.probe()
            if any(number != self._locks.number for number in self._taken.values()):
                raise StoreUnreachable(
                    "the connection to PostgreSQL that held the locks of this process was cut off, and "
                    "another may have them now: nothing more is written; nothing is lost, try again"
                )
