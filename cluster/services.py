"""Our own PostgreSQL and Redis: each on a free port of the loopback interface, in its own folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.processes import Child, ClusterError, free_port

DATABASES = ("dagster", "lake")
_SUPERUSER = "postgres"
# Where Debian and Homebrew keep the programs that they leave off the PATH.
_POSTGRESQL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_TO_INSTALL = "install it with `make cluster-deps`, or put it on the PATH"


@dataclass(frozen=True)
class PostgreSQL:
    """A server that accepts anybody on this machine as its superuser."""

    port: int
    user: str = _SUPERUSER
    host: str = "127.0.0.1"

    def url(self, database: str) -> str:
        """Return a database's address for SQLAlchemy."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{database}"

    def words(self, database: str) -> str:
        """Return a database's address for libpq."""
        return f"host={self.host} port={self.port} dbname={database} user={self.user}"


@dataclass(frozen=True)
class Redis:
    """A server without a password."""

    port: int

    def url(self, number: int = 0) -> str:
        """Return the address of a numbered database."""
        return f"redis://127.0.0.1:{self.port}/{number}"


@contextmanager
def postgresql(folder: Path, databases: tuple[str, ...] = DATABASES) -> Iterator[PostgreSQL]:
    """Make a new server in a folder with these databases, and stop it afterwards."""
    programs = _postgresql_programs()
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    folder.mkdir(parents=True)
    if user:
        _give_to(user, folder)
    data = folder / "data"
    _run([programs / "initdb", "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "-N"], folder, user)
    server = PostgreSQL(free_port())
    settings = {
        "listen_addresses": server.host,
        "port": server.port,
        "unix_socket_directories": "",
        "max_connections": 300,
        # Nothing here outlives the machine.
        "fsync": "off",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), *options]
    child = Child("PostgreSQL", command, folder.parent / "logs" / "postgresql.log", folder=folder, user=user)
    where = ["-h", server.host, "-p", str(server.port), "-U", server.user]
    try:
        child.wait_until(lambda: _succeeds([programs / "pg_isready", *where, "-q"]))
        for database in databases:
            _run([programs / "createdb", *where, database], folder, user)
        yield server
    finally:
        # INT: those who are connected are not waited for.
        child.stop(signal.SIGINT)


@contextmanager
def redis(folder: Path) -> Iterator[Redis]:
    """Start a new server that keeps nothing on disk, and stop it afterwards."""
    program = shutil.which("redis-server")
    if program is None:
        raise ClusterError(f"redis-server is missing: {_TO_INSTALL}")
    folder.mkdir(parents=True)
    server = Redis(free_port())
    command = [program, "--port", str(server.port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--tcp-keepalive", "15"]
    child = Child("Redis", command, folder.parent / "logs" / "redis.log", folder=folder)
    try:
        child.wait_until(lambda: _answers_ping(server.port))
        yield server
    finally:
        child.stop()


def _postgresql_programs() -> Path:
    """Return the folder of PostgreSQL's programs, of the newest version."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [
        folder
        for pattern in _POSTGRESQL_FOLDERS
        for folder in Path("/").glob(pattern.removeprefix("/"))
        if (folder / "initdb").exists()
    ]
    if not found:
        raise ClusterError(f"PostgreSQL is missing (no initdb): {_TO_INSTALL}")
    return max(found, key=lambda folder: [int(digits) for digits in _numbers(str(folder))])


def _numbers(text: str) -> list[str]:
    return "".join(letter if letter.isdigit() else " " for letter in text).split()


def _give_to(user: str, folder: Path) -> None:
    try:
        shutil.chown(folder, user, user)
    except LookupError:
        raise ClusterError(
            f"PostgreSQL does not run as root, and there is no user {user!r} to run it as: "
            "install it with `make cluster-deps`, or run this as another user"
        ) from None


def _run(command: list[str | Path], folder: Path, user: str | None) -> None:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        command, cwd=folder, user=user, group=user, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        who = f" as user {user!r}, who must be able to reach {folder}" if user else ""
        raise ClusterError(f"{Path(command[0]).name} failed{who}: {(done.stderr or done.stdout).strip()}")


def _succeeds(command: list[str | Path]) -> bool:
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - PostgreSQL's own programs


def _answers_ping(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False
