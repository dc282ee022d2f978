"""What every store of the pipeline can do, whatever engine holds it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol, TypeVar

import duckdb

LONGEST_WAIT = 30.0
QUERY_INTERRUPTED = "Query interrupted"
"""What DuckDB makes of Ctrl-C in the middle of a query, as a RuntimeError."""

T = TypeVar("T")
Work = Callable[[duckdb.DuckDBPyConnection], T]
"""What is done within a transaction. Where writers meet it is done again from the start, so it changes
nothing but the store."""


class Readable(Protocol):
    """What analysts, reports and order retrieval read."""

    @property
    def name(self) -> str:
        """What it is called on a page."""

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it for reading: what is read is of one instant, and keeps nobody waiting."""

    def version(self) -> Hashable:
        """Return what tells what is read now from what is read later; None where nothing does."""

    def reading_version(self) -> AbstractContextManager[tuple[duckdb.DuckDBPyConnection, Hashable]]:
        """Open it as `reading` does; the version is that of what is open."""


class Warehouse(Protocol):
    """The pipeline's own store, with its tables and views in place whenever it is open."""

    def session(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the store for a session, to ask it.

        Raises `StoreHeld` where others do not let go in time, `StoreUnreachable` where nobody answers,
        and `ChangeSite` where the store cannot be used at all.
        """

    def transact(self, work: Work[T]) -> T:
        """Do work of which everything written is kept, or nothing is; raises as `session` does."""

    def expected(self) -> AbstractContextManager[None]:
        """Announce that this thread wants a session in a moment: until then the store may stay open."""

    def rewrite(self) -> None:
        """Write the store anew: nothing of rows that were deleted or replaced is left in its files."""


@contextmanager
def transaction_on(connection: duckdb.DuckDBPyConnection, *, is_kept: bool = True) -> Iterator[None]:
    """Keep everything that is written within the block, or nothing: where it fails, or is not to be kept."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # Whatever it is, Ctrl-C too, nothing of it is kept. After a fatal error there is nothing left to roll
        # back, and what came first is the reason.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    if is_kept:
        connection.execute("COMMIT")
    else:
        connection.execute("ROLLBACK")
