"""Other processes that have a lock, a sign or a turn in PostgreSQL."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks import Locks

HOLDS = """
import sys
from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.postgres_locks import PostgresLocks

kind, name, connection = sys.argv[1:]
locks = PostgresLocks(connection)
taken = {
    "held": lambda: locks.held(name, 0, SyncUnderWay),
    "shown": lambda: locks.shown(name),
    "alone": lambda: locks.turn(name, 0, SyncUnderWay, is_alone=True),
    "beside": lambda: locks.turn(name, 0, SyncUnderWay, is_alone=False),
}[kind]
with taken():
    print("taken", flush=True)
    sys.stdin.readline()
print("let go", flush=True)
sys.stdin.readline()
"""
# What a look at PostgreSQL, and a poll of a lock, may take on a busy machine.
SLACK = 5.0
# Until the server has noticed that a process is gone whose connection was cut.
MOMENT = 3.0


class Holder:
    """Another process that has a lock, a sign or a turn until it is told to let go, or killed."""

    def __init__(self, kind: str, name: str, connection: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, kind, name, connection],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear("taken")

    @property
    def name(self) -> str:
        return f"process {self._process.pid} on {socket.gethostname()}"

    def let_go(self) -> None:
        """Let it go of what it has; the process and its connections live on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._hear("let go")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _hear(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"


Hold = Callable[[str, str], Holder]


def new_locks(database: str) -> Locks:
    """Locks with connections of their own, as another process has them."""
    from a4s_pipeline.postgres_locks import PostgresLocks  # noqa: PLC0415

    return PostgresLocks(database)


@contextmanager
def refused(because_of: str, *, within: float = SLACK, after: float = 0.0) -> Iterator[None]:
    """Expect a refusal that names the holder, and no sooner or later than that."""
    began = time.monotonic()
    with pytest.raises(SyncUnderWay, match=f"^{because_of}$"):
        yield
    assert after <= time.monotonic() - began < within


def asked(database: str, question: str) -> int:
    """Ask the database for a number."""
    import psycopg2  # noqa: PLC0415 - there where the cluster's group is installed

    connection = psycopg2.connect(database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(question)
            ((number,),) = cursor.fetchall()
            return int(number)
    finally:
        connection.close()
