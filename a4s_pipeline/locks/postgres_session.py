"""A connection to PostgreSQL with the advisory locks of this process; reopened after it was lost."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import psycopg2

from a4s_pipeline.errors import ChangeSettings, StoreUnreachable

_ALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# A machine that lost power closes no connection: the server checks that it is still there. A server that ends
# idle sessions or long statements would end the locks too.
_NOTICE_DEATH = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
    SET statement_timeout = 0;
    SELECT set_config('idle_session_timeout', '0', false)
    WHERE current_setting('server_version_num')::integer >= 140000
"""
_HOLDERS = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32 | objid::bigint) = %s
"""


class Session:
    """One connection after another; a new one does not have the locks of an earlier one."""

    def __init__(self, connection: str, opened: Callable[[bool], None] = lambda _is_child: None) -> None:
        self._string = connection
        self._opened = opened
        self._open: Any = None
        self._process = os.getpid()
        self.lock = threading.RLock()
        self.number = 0
        """The number of the connection, from 1."""

    def ask(self, question: str, name: str, *, again: bool = True) -> bool:
        """Query the lock with a name; if the connection was lost and `again` is set, on a new one.

        Raises `StoreUnreachable` if there is no answer.
        """
        return bool(self._rows(question, (number_of(name),), again=again)[0][0])

    def probe(self) -> None:
        """Ensure that there is a connection; open a new one if it was lost."""
        self._rows("SELECT 1", (), again=True)

    def holders(self, name: str) -> list[str]:
        """Return the owner of the lock with a name."""
        rows = self._rows(_HOLDERS, (number_of(name),), again=True)
        return [application or "another process" for (application,) in rows]

    def waited(self, question: str, name: str, seconds: float) -> bool:
        """Wait for the lock with a name; False if it was not free in time."""
        with self.lock:
            # Zero would mean for ever.
            wait = f"{max(1, round(seconds * 1000))}ms"
            self._rows("SELECT set_config('lock_timeout', %s, false)", (wait,), again=True)
            try:
                self._rows(question, (number_of(name),), again=False)
            except psycopg2.errors.LockNotAvailable:
                return False
            except BaseException:
                # An interrupt arrives after the wait, and then we may have the lock: close the connection to
                # release it.
                self.close()
                raise
            return True

    def close(self) -> None:
        """Close the connection and release all its locks."""
        with self.lock:
            gone, self._open = self._open, None
        if gone is not None:
            with suppress(psycopg2.Error):
                gone.close()

    def _rows(self, question: str, values: tuple[Any, ...], *, again: bool) -> list[Any]:
        with self.lock:
            was_open = self._open is not None
            try:
                with self._connected().cursor() as cursor:
                    cursor.execute(question, values)
                    return list(cursor.fetchall())
            except psycopg2.errors.LockNotAvailable:
                raise
            except psycopg2.Error as error:
                self.close()
                if was_open and again:
                    return self._rows(question, values, again=False)
                raise StoreUnreachable(
                    f"the database of the lake and its locks does not answer ({_why(error)}): see that "
                    "PostgreSQL runs and that A4S_WAREHOUSE leads to it; nothing is lost, try again then"
                ) from None

    def _connected(self) -> Any:
        is_child = self._process != os.getpid()
        if self._open is None or is_child:
            # A forked child must not close its parent's connection.
            self._open = None
            name = f"process {os.getpid()} on {socket.gethostname()}"
            try:
                # A name longer than PostgreSQL keeps is cut off there with a notice.
                self._open = psycopg2.connect(
                    self._string, application_name=name[:63], connect_timeout=10, **_ALIVE
                )
            except psycopg2.ProgrammingError:
                # The driver would quote part of the string, which may be the password.
                raise ChangeSettings(
                    "A4S_WAREHOUSE: what follows ducklake:postgres: is no connection string of libpq, such "
                    "as host=db.example.com dbname=lake user=a4s; a value with a space in it needs quotes"
                ) from None
            self._open.autocommit = True
            with self._open.cursor() as cursor:
                cursor.execute(_NOTICE_DEATH)
            self._process = os.getpid()
            self.number += 1
            self._opened(is_child)
        return self._open


def _why(error: Exception) -> str:
    """Return the driver's message if it quotes nothing of the connection string except a host."""
    first = str(error).partition("\n")[0]
    return first if first.startswith("connection to server") else type(error).__name__


def number_of(name: str) -> int:
    """Return the number for a name: advisory locks have no names."""
    return int.from_bytes(blake2b(f"a4s/{name}".encode(), digest_size=8).digest(), "big", signed=True)
