"""Other processes that hold a lock or a presence in PostgreSQL."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.file_locks import Locks
from cluster.services import PostgreSQL

HOLDS = """
import sys
from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.postgres_locks import PostgresLocks

kind, name, connection = sys.argv[1:]
locks = PostgresLocks(connection)
taken = {
    "held": lambda: locks.exclusive(name, 0, SyncUnderWay),
    "shown": lambda: locks.announce_presence(name),
    "alone": lambda: locks.to_write(name, 0, SyncUnderWay, is_exclusive=True),
    "beside": lambda: locks.to_write(name, 0, SyncUnderWay, is_exclusive=False),
}[kind]
with taken():
    print("taken", flush=True)
    sys.stdin.readline()
print("let go", flush=True)
sys.stdin.readline()
"""
# Until the server has noticed that a process is gone whose connection was cut.
PATIENCE = 30.0


WAITS = """
import signal, sys
from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.postgres_locks import PostgresLocks

name, connection = sys.argv[1:]
locks = PostgresLocks(connection)
# Whoever was started in the background by a shell ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("waiting", flush=True)
try:
    with locks.to_write(name, 60, SyncUnderWay, is_exclusive=True):
        print("taken", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.readline()
"""


class Other:
    """Another process that prints a word once it is ready, and can be killed."""

    def __init__(self, script: str, first_word: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hear(first_word)

    @property
    def name(self) -> str:
        return f"process {self._process.pid} on {socket.gethostname()}"

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def hear(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"


class Holder(Other):
    """Another process that holds a lock or a presence until it is told to release it, or killed."""

    def __init__(self, kind: str, name: str, connection: str) -> None:
        super().__init__(HOLDS, "taken", kind, name, connection)

    def let_go(self) -> None:
        """Make it release what it holds; the process and its connections live on."""
        self.go_on()
        self.hear("let go")


class Waiter(Other):
    """Another process that waits for an exclusive lock."""

    def __init__(self, name: str, connection: str) -> None:
        super().__init__(WAITS, "waiting", name, connection)


Hold = Callable[[str, str], Holder]


def new_locks(database: str) -> Locks:
    """Locks with their own connections, as another process has."""
    from a4s_pipeline.locks.postgres_locks import PostgresLocks  # noqa: PLC0415

    return PostgresLocks(database)


@contextmanager
def refused(because_of: str) -> Iterator[None]:
    """Expect a refusal that names the holder, which keeps its lock."""
    with pytest.raises(SyncUnderWay, match=f"^{because_of}$"):
        yield


@contextmanager
def let_go_later(holder: Holder) -> Iterator[list[str]]:
    """Release a holder's lock while the block waits for it; the list tells which came first."""
    order: list[str] = []

    def let_go() -> None:
        order.append("let go")
        holder.let_go()

    timer = threading.Timer(0.3, let_go)
    timer.start()
    try:
        yield order
    finally:
        timer.join()


def asked(database: str, question: str) -> int:
    """Query a number from the database."""
    with _cursor(database) as cursor:
        cursor.execute(question)
        ((number,),) = cursor.fetchall()
        return int(number)


def new_database(server: PostgreSQL, name: str, *, like: str = "template1") -> str:
    """Create a database with this name as a copy of another; return its connection string."""
    told(server.words("postgres"), f"CREATE DATABASE {name} TEMPLATE {like}")
    return server.words(name)


def told(database: str, statement: str, *values: str) -> None:
    """Execute a statement in the database."""
    with _cursor(database) as cursor:
        cursor.execute(statement, values or None)


@contextmanager
def _cursor(database: str) -> Iterator[Any]:
    import psycopg2  # noqa: PLC0415 - there where the cluster's group is installed

    connection = psycopg2.connect(database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
