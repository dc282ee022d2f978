"""The interface of every store of the pipeline, for any engine."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb

from a4s_pipeline.errors import TryAgain

LONGEST_WAIT = 30.0
QUERY_INTERRUPTED = "Query interrupted"
"""DuckDB's message for Ctrl-C during a query, in a RuntimeError."""

T = TypeVar("T")
Work = Callable[[duckdb.DuckDBPyConnection], T]
"""Work within a transaction. After a conflict it is repeated from the start, so it must change nothing but
the store.
"""


class NotPublished(TryAgain):
    """There is no published copy yet."""

    code = "NotPublished"


@dataclass(frozen=True)
class Published:
    """The published copy: its path, its size in bytes, and whether this call replaced it."""

    path: Path | str
    size: int
    was_replaced: bool
    problems: tuple[str, ...] = ()
    """Faults of the site's own files that were left out."""


class Readable(Protocol):
    """What analysts, reports and order retrieval read."""

    @property
    def name(self) -> str:
        """Its name on a page."""

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it for reading: a consistent state, without blocking anybody."""

    def version(self) -> Hashable:
        """Return the version of the current content; None if there are no versions."""

    def reading_version(self) -> AbstractContextManager[tuple[duckdb.DuckDBPyConnection, Hashable]]:
        """Open it as `reading` does; also yields the version that is open."""

    def kept_open(self) -> AbstractContextManager[None]:
        """Keep it open within the block, for frequent readers."""


class Warehouse(Protocol):
    """The pipeline's own store; whenever it is open, its tables and views are in place."""

    def session(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the store for a reading session.

        Raises `StoreHeld` if others do not release it in time, `StoreUnreachable` if it does not answer, and
        `ChangeSite` if it cannot be used.
        """

    def transact(self, work: Work[T]) -> T:
        """Do work that writes everything or nothing; raises as `session` does."""

    def expected(self) -> AbstractContextManager[None]:
        """Announce that this thread will want a session soon: until then the store may stay open."""

    def rewrite(self) -> None:
        """Rewrite the store: its files then contain nothing of deleted or replaced rows."""


@contextmanager
def transaction_on(connection: duckdb.DuckDBPyConnection, *, is_kept: bool = True) -> Iterator[None]:
    """Commit everything written within the block, or nothing if it fails or is not to be kept."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # On any exception, even Ctrl-C, nothing is kept. After a fatal error a rollback fails too, and the
        # first error is the reason.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    if is_kept:
        connection.execute("COMMIT")
    else:
        connection.execute("ROLLBACK")
