"""Locks between machines: advisory locks of the PostgreSQL database that holds the lake's catalog.

A lock belongs to a connection, and goes with it: a worker that is killed, or a machine that is gone, leaves
none behind. Where the connection is lost while its process lives on, its locks are lost too. That process
writes and sends nothing more under them: before each turn it is seen that all that it holds is held still.
Signs are shown again on the next connection.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from a4s_pipeline.errors import StoreUnreachable
from a4s_pipeline.locks.file_locks import Busy
from a4s_pipeline.locks.postgres_session import Session

_POLL = 0.05
# A run that reads for long asks nothing of the database: its sign must not be missed for as long.
_SIGNS_SEEN_TO_EVERY = 10.0
_TRY = "SELECT pg_try_advisory_lock(%s)"
_TRY_SHARED = "SELECT pg_try_advisory_lock_shared(%s)"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_UNLOCK_SHARED = "SELECT pg_advisory_unlock_shared(%s)"
_WAIT = "SELECT pg_advisory_lock(%s)"
_WAIT_SHARED = "SELECT pg_advisory_lock_shared(%s)"


class PostgresLocks:
    """The locks of one installation; `connection` is a connection string of libpq.

    One connection holds all locks and signs of this process, and a second one the turns, which wait in
    PostgreSQL's own queue.
    """

    reach_other_machines = True

    def __init__(self, connection: str) -> None:
        self._locks = Session(connection, self._show_again)
        self._turns = Session(connection)
        self._turn = threading.Lock()
        # A connection may take a lock that it has once more: who has what within the process is ours to know,
        # and by which connection.
        self._held: dict[str, int] = {}
        self._shown: Counter[str] = Counter()

    @contextmanager
    def held(self, name: str, wait_seconds: float, busy: Busy) -> Iterator[None]:
        """Hold a lock, or raise what `busy` makes of its holder after a bounded wait."""
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
            if name in self._held:
                return False
            try:
                is_taken = self._locks.ask(_TRY, name)
                if is_taken:
                    self._held[name] = self._locks.number
            except BaseException:
                # An interrupt may come when it is ours already.
                self._let_go(name)
                raise
            return is_taken

    def _let_go(self, name: str) -> None:
        with self._locks.lock:
            self._held.pop(name, None)
            with suppress(StoreUnreachable):
                # With the connection the lock went.
                self._locks.ask(_UNLOCK, name, again=False)

    def _holder(self, name: str) -> str:
        holders = self._locks.holders(name)
        return holders[0] if holders else "another process"

    @contextmanager
    def shown(self, name: str) -> Iterator[None]:
        """Show a sign for as long as the block lasts; any number may at once."""
        over = threading.Event()
        with self._locks.lock:
            self._locks.ask(_TRY_SHARED, name)
            self._shown[name] += 1
        keeper = threading.Thread(target=self._see_to_signs, args=(over,), name=f"sign {name}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            with self._locks.lock:
                self._shown[name] -= 1
                with suppress(StoreUnreachable):
                    self._locks.ask(_UNLOCK_SHARED, name, again=False)

    def _see_to_signs(self, over: threading.Event) -> None:
        while not over.wait(_SIGNS_SEEN_TO_EVERY):
            with suppress(StoreUnreachable):
                self._locks.probe()

    def _show_again(self, is_child: bool) -> None:
        if is_child:
            # What its parent has is not a forked child's.
            self._held.clear()
            self._shown.clear()
        for name in self._shown.elements():
            self._locks.ask(_TRY_SHARED, name, again=False)

    def is_shown(self, name: str) -> bool:
        """Tell whether anybody alive shows the sign."""
        return bool(self._locks.holders(name))

    @contextmanager
    def turn(self, name: str, wait_seconds: float, busy: Busy, *, is_alone: bool) -> Iterator[None]:
        """Take a turn beside all others that are not alone, or alone; raises as `held` does.

        Raises `StoreUnreachable` where a lock that this process holds went with its connection.
        """
        deadline = time.monotonic() + wait_seconds
        if not self._turn.acquire(timeout=wait_seconds):
            raise busy("another thread of this process")
        try:
            left = max(0.0, deadline - time.monotonic())
            if not self._turns.waited(_WAIT if is_alone else _WAIT_SHARED, name, left):
                raise busy(self._holder(name))
            try:
                self._see_to_locks()
                yield
            finally:
                with suppress(StoreUnreachable):
                    self._turns.ask(_UNLOCK if is_alone else _UNLOCK_SHARED, name, again=False)
        finally:
            self._turn.release()

    def _see_to_locks(self) -> None:
        with self._locks.lock:
            if not self._held:
                return
            self._locks.probe()
            if any(number != self._locks.number for number in self._held.values()):
                raise StoreUnreachable(
                    "the connection to PostgreSQL that held the locks of this process was cut off, and "
                    "another may have them now: nothing more is written; nothing is lost, try again"
                )
