"""Reads the published copy: never locked, as fresh as the last sync."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.warehouse.schema.migrations import refuse_newer, version_of
from a4s_pipeline.warehouse.store import NotPublished

# How long new readers wait for the readers of a replaced copy, before they read the old copy too.
_PATIENCE = 5.0

Version = tuple[int, int, int]
"""Identifies a file, as opposed to the one that replaces it."""


@dataclass(frozen=True)
class PublishedCopy:
    """The published copy, for its readers."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Its name on a page."""
        return self.path.name

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it for reading; raises as `published` does."""
        return published(self.path)

    def version(self) -> Version | None:
        """Return the version of this copy; None if it cannot be read."""
        try:
            return _version_at(self.path)
        except OSError:
            return None

    def reading_version(self) -> AbstractContextManager[tuple[duckdb.DuckDBPyConnection, Version]]:
        """Open it for reading; yields its version too."""
        return _of(self.path).reading_version()

    def kept_open(self) -> AbstractContextManager[None]:
        """Keep it open within the block, for frequent readers."""
        return _of(self.path).kept_open()


def published(path: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """Open the published copy for reading, or say that nothing was synced yet."""
    return _of(path).reading()


class _SharedCopy:
    """The copy at one path, for all threads of this process.

    If a process has a path open, DuckDB returns that database for it even after the file was replaced:
    overlapping readers would read the old copy for ever. So after a replacement new readers wait for the old
    ones, then open the new copy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Condition()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._file: Version | None = None
        self._readers = 0
        self._keepers = 0

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.reading_version() as (session, _):
            yield session

    @contextmanager
    def reading_version(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, Version]]:
        with self._lock:
            session = self._opened().cursor()
            version = self._file
            assert version is not None
            self._readers += 1
        try:
            session.execute("SET TimeZone = 'UTC'")
            yield session, version
        finally:
            session.close()
            with self._lock:
                self._readers -= 1
                self._close_if_unused()
                self._lock.notify_all()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        with self._lock:
            self._keepers += 1
        try:
            yield
        finally:
            with self._lock:
                self._keepers -= 1
                self._close_if_unused()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        file = self._file_there()
        deadline = time.monotonic() + _PATIENCE
        while self._connection is not None and self._file != file:
            if self._readers == 0:
                self._close()
            elif not self._lock.wait(max(0.0, deadline - time.monotonic())):
                break
            file = self._file_there()
        if self._connection is None:
            self._connection, self._file = self._connect(), file
        return self._connection

    def _file_there(self) -> Version:
        try:
            return _version_at(self._path)
        except FileNotFoundError:
            raise NotPublished(f"there is no {self._path} yet: run `a4s sync` first") from None
        except OSError as error:
            raise self._unreadable(error.strerror or type(error).__name__) from None

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self._path), read_only=True)
        except duckdb.Error as error:
            raise self._unreadable(str(error).splitlines()[0]) from None
        try:
            refuse_newer(version_of(connection), str(self._path))
        except BaseException:
            # Ctrl-C too: otherwise the copy stays open as long as the process.
            connection.close()
            raise
        return connection

    def _unreadable(self, why: str) -> ChangeSite:
        return ChangeSite(f"{self._path} cannot be read ({why}): run `a4s sync` to publish it again")

    def _close_if_unused(self) -> None:
        if self._readers == 0 and self._keepers == 0:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _version_at(path: Path) -> Version:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@cache
def _of(path: Path) -> _SharedCopy:
    return _SharedCopy(path)
