"""A lake as opened by one process: attached once, with a connection for each session."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import duckdb

from a4s_pipeline.settings.store_location import LakeLocation, PostgresLake
from a4s_pipeline.warehouse.lake.extensions import load_extension

NAME = "lake"
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_S3 = {
    "KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET": "AWS_SECRET_ACCESS_KEY",
    "SESSION_TOKEN": "AWS_SESSION_TOKEN",
    "REGION": "AWS_REGION",
}


class Attached:
    """Attaches a lake at first use, and again after `drop`: that costs 30 to 250 ms."""

    def __init__(self, location: LakeLocation) -> None:
        self._location = location
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._not_ours: duckdb.DuckDBPyConnection | None = None
        self._process = os.getpid()

    def connection(self, in_turn: Callable[[], AbstractContextManager[None]]) -> duckdb.DuckDBPyConnection:
        """Return a new connection to the lake, which the caller closes; raises DuckDB's errors.

        `in_turn` keeps other processes from attaching meanwhile: of two that find a new catalog empty, both
        make its tables, and one fails.
        """
        with self._lock:
            if self._root is not None and self._process != os.getpid():
                # A forked child must neither use nor close its parent's connections: closing would wait for
                # the parent's threads for ever.
                self._not_ours, self._root = self._root, None
            if self._root is None:
                with in_turn():
                    self._root, self._process = _attached(duckdb.connect(), self._location), os.getpid()
            connection = self._root.cursor()
        try:
            connection.execute("USE lake")
            connection.execute("SET TimeZone = 'UTC'")
        except BaseException:
            # On any exception, even Ctrl-C, the caller gets nothing to close.
            connection.close()
            raise
        return connection

    def drop(self) -> None:
        """Forget what is attached, after the database behind it went away."""
        with self._lock:
            root, self._root = self._root, None
        if root is not None:
            with suppress(duckdb.Error):
                root.close()


def _attached(root: duckdb.DuckDBPyConnection, location: LakeLocation) -> duckdb.DuckDBPyConnection:
    try:
        if "://" in location.files:
            load_extension(root, "httpfs")
            _let_in(root)
        if isinstance(location, PostgresLake):
            load_extension(root, "postgres_scanner")
            catalog = f"ducklake:postgres:{_patient(location.connection)}"
        else:
            load_extension(root, "sqlite_scanner")
            _make_ready(location.catalog)
            catalog = f"ducklake:sqlite:{location.catalog}"
        load_extension(root, "ducklake")
        if "://" not in location.files:
            # Before the catalog is made: it stores the folder for ever.
            Path(location.files).mkdir(parents=True, exist_ok=True)
        # ATTACH takes no parameters: both are the operator's own settings.
        root.execute(f"ATTACH {_quoted(catalog)} AS {NAME} (DATA_PATH {_quoted(location.files)})")
    except BaseException:
        # A half-opened lake would keep its catalog open until it is collected.
        root.close()
        raise
    return root


def _patient(connection: str) -> str:
    """Add time-outs for a lost server to a connection string, unless it has its own.

    A machine that lost power closes no connection: a sync would wait for TCP's fifteen minutes.
    """
    from psycopg2.extensions import make_dsn, parse_dsn  # noqa: PLC0415 - an optional dependency

    return str(make_dsn(connection, **{**_PATIENCE, **parse_dsn(connection)}))


def without_connection(text: str, location: PostgresLake) -> str:
    """Return DuckDB's message without the connection string, which may contain a password."""
    from psycopg2.extensions import parse_dsn  # noqa: PLC0415 - an optional dependency

    secrets = [_patient(location.connection), location.connection]
    secrets += [value for name, value in parse_dsn(location.connection).items() if "password" in name]
    for secret in filter(None, secrets):
        text = text.replace(secret, "A4S_WAREHOUSE")
    return text


def _let_in(root: duckdb.DuckDBPyConnection) -> None:
    """Pass on the keys of the object store from AWS's own variables, if set.

    Without them DuckDB uses the secrets that an operator made in it (`CREATE PERSISTENT SECRET`).
    """
    given = {option: os.environ[name] for option, name in _S3.items() if os.environ.get(name)}
    if "KEY_ID" not in given:
        return
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        scheme, _, host = endpoint.rstrip("/").rpartition("://")
        # Other vendors' stores do not have the bucket in the host name.
        given |= {"ENDPOINT": host, "USE_SSL": str(scheme != "http"), "URL_STYLE": "path"}
    options = ", ".join(f"{option} {_quoted(value)}" for option, value in given.items())
    root.execute(f"CREATE SECRET a4s_lake (TYPE s3, {options})")


def _make_ready(catalog: Path) -> None:
    """Allow readers and a writer of the catalog at once: without a write-ahead log, they lock each other
    out.
    """
    catalog.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(catalog, timeout=10)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
