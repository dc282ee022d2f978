"""Locks between machines: advisory locks of the PostgreSQL database that holds the lake's catalog.

A lock belongs to a connection, and goes with it: a worker that is killed, or a machine that is gone, leaves
none behind. Where the connection is lost while its process lives on, its locks are lost too; what is
guarded by them stays right all the same, because each transaction of a sync meets any other of its stream
in `sync_state`, and the ledger looks up what it holds as sent before anything is sent again.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any

import psycopg2

from a4s_pipeline.errors import ChangeSettings, StoreUnreachable
from a4s_pipeline.locks import Busy

_POLL = 0.05
_ALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_TRY = "SELECT pg_try_advisory_lock(%s)"
_TRY_SHARED = "SELECT pg_try_advisory_lock_shared(%s)"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_UNLOCK_SHARED = "SELECT pg_advisory_unlock_shared(%s)"
_WAIT = "SELECT pg_advisory_lock(%s)"
_WAIT_SHARED = "SELECT pg_advisory_lock_shared(%s)"
# A machine that lost its power says no farewell: the server asks whether it is still there.
_NOTICE_DEATH = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
_HOLDERS = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32 | objid::bigint) = %s
"""


class PostgresLocks:
    """The locks of one installation; `connection` is a connection string of libpq.

    One connection holds all locks of this process, and a second one the turns, which wait in PostgreSQL's
    own queue.
    """

    reach_other_machines = True

    def __init__(self, connection: str) -> None:
        self._locks = _Session(connection)
        self._turns = _Session(connection)
        self._turn = threading.Lock()
        # A connection may take a lock that it has once more: who has what within the process is ours to know.
        self._held: set[str] = set()
        self._shown: defaultdict[str, int] = defaultdict(int)

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
            with self._locks.lock:
                self._held.discard(name)
                with suppress(StoreUnreachable):
                    # With the connection the lock went.
                    self._locks.ask(_UNLOCK, name)

    def _is_taken(self, name: str) -> bool:
        with self._locks.lock:
            if name in self._held or not self._locks.ask(_TRY, name):
                return False
            self._held.add(name)
            return True

    def _holder(self, name: str) -> str:
        holders = self._locks.holders(name)
        return holders[0] if holders else "another process"

    @contextmanager
    def shown(self, name: str) -> Iterator[None]:
        """Show a sign for as long as the block lasts; any number may at once."""
        with self._locks.lock:
            self._locks.ask(_TRY_SHARED, name)
            self._shown[name] += 1
        try:
            yield
        finally:
            with self._locks.lock:
                self._shown[name] -= 1
                with suppress(StoreUnreachable):
                    self._locks.ask(_UNLOCK_SHARED, name)

    def is_shown(self, name: str) -> bool:
        """Tell whether anybody alive shows the sign."""
        return bool(self._locks.holders(name))

    @contextmanager
    def turn(self, name: str, wait_seconds: float, busy: Busy, *, is_alone: bool) -> Iterator[None]:
        """Take a turn beside all others that are not alone, or alone; raises as `held` does."""
        if not self._turn.acquire(timeout=wait_seconds):
            raise busy("another thread of this process")
        try:
            if not self._turns.waited(_WAIT if is_alone else _WAIT_SHARED, name, wait_seconds):
                raise busy(self._holder(name))
            try:
                yield
            finally:
                with suppress(StoreUnreachable):
                    self._turns.ask(_UNLOCK if is_alone else _UNLOCK_SHARED, name)
        finally:
            self._turn.release()


class _Session:
    """A connection that is opened where it is first needed, and anew after it was lost."""

    def __init__(self, connection: str) -> None:
        self._string = connection
        self._open: Any = None
        self._process = os.getpid()
        self.lock = threading.RLock()

    def ask(self, question: str, name: str) -> bool:
        """Ask about the lock of a name; what the answer is not, raises `StoreUnreachable`."""
        return bool(self._rows(question, (_number_of(name),))[0][0])

    def holders(self, name: str) -> list[str]:
        """Return who has the lock of a name."""
        return [
            application or "another process" for (application,) in self._rows(_HOLDERS, (_number_of(name),))
        ]

    def waited(self, question: str, name: str, seconds: float) -> bool:
        """Wait for the lock of a name; False where it did not come in time."""
        with self.lock:
            # Zero would be: for ever.
            self._rows(
                "SELECT set_config('lock_timeout', %s, false)", (f"{max(1, round(seconds * 1000))}ms",)
            )
            try:
                self._rows(question, (_number_of(name),))
            except psycopg2.errors.LockNotAvailable:
                return False
            return True

    def _rows(self, question: str, values: tuple[Any, ...]) -> list[Any]:
        with self.lock:
            try:
                with self._connected().cursor() as cursor:
                    cursor.execute(question, values)
                    return list(cursor.fetchall())
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                if isinstance(error, psycopg2.errors.LockNotAvailable):
                    raise
                if self._open is not None:
                    with suppress(psycopg2.Error):
                        self._open.close()
                    self._open = None
                raise StoreUnreachable(
                    f"the database of the lake and its locks does not answer ({_why(error)}): see that "
                    "PostgreSQL runs and that A4S_WAREHOUSE leads to it; nothing is lost, try again then"
                ) from None

    def _connected(self) -> Any:
        if self._open is None or self._process != os.getpid():
            name = f"process {os.getpid()} on {socket.gethostname()}"
            # A name longer than PostgreSQL keeps is cut off there with a notice.
            try:
                self._open = psycopg2.connect(
                    self._string, application_name=name[:63], connect_timeout=10, **_ALIVE
                )
            except psycopg2.ProgrammingError:
                # The driver would quote a part of the string, which may be the password.
                raise ChangeSettings(
                    "A4S_WAREHOUSE: what follows ducklake:postgres: is no connection string of libpq, such "
                    "as host=db.example.com dbname=lake user=a4s; a value with a space in it needs quotes"
                ) from None
            self._open.autocommit = True
            with self._open.cursor() as cursor:
                cursor.execute(_NOTICE_DEATH)
            self._process = os.getpid()
        return self._open


def _why(error: Exception) -> str:
    """Return what the driver said, where it quotes nothing of the connection string but a host."""
    first = str(error).partition("\n")[0]
    return first if first.startswith("connection to server") else type(error).__name__


def _number_of(name: str) -> int:
    """Return the number that stands for a name: advisory locks have no names."""
    return int.from_bytes(blake2b(f"a4s/{name}".encode(), digest_size=8).digest(), "big", signed=True)
