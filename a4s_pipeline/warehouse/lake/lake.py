"""The warehouse as a DuckLake: concurrent writers and readers, and time travel."""

from __future__ import annotations

import random
import re
import sqlite3
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any

import duckdb

from a4s_pipeline.errors import A4sError, ChangeSettings, ChangeSite, StoreHeld, StoreUnreachable
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.models import Conventions
from a4s_pipeline.settings.store_location import LakeLocation, PostgresLake, SqliteLake
from a4s_pipeline.warehouse.lake.attached import NAME, Attached, without_connection
from a4s_pipeline.warehouse.schema.applied_schema import apply_schema, is_applied, schema_of_lake
from a4s_pipeline.warehouse.schema.migrations import refuse_newer, version_of
from a4s_pipeline.warehouse.site import SiteFolders, bring_in, is_loaded, problems_in
from a4s_pipeline.warehouse.store import LONGEST_WAIT, NotPublished, Published, T, Work, transaction_on
from a4s_pipeline.warehouse.tables import TABLES

# Writers run concurrently at first. If two meet in a table, DuckLake lets one win; after losing this often, a
# writer works alone, so that a long transaction can finish among many short ones.
TRIES_SIDE_BY_SIDE = 3
_WRITING = "lake.writing"
_ATTACHING = "lake.attaching"
_LONGEST_PAUSE = 0.2

_MET = re.compile(
    r"transaction conflict|database is locked|could not serialize access|deadlock detected", re.IGNORECASE
)
_GONE = re.compile(
    r"unable to connect|connection to server|server closed the connection|terminating connection"
    r"|connection not open|no connection to the server|could not connect|unexpectedly",
    re.IGNORECASE,
)

_FLUSH = "CALL ducklake_flush_inlined_data('lake')"
_REWRITE = "CALL ducklake_rewrite_data_files('lake', $1, delete_threshold => 0.0)"
_EXPIRE_ALL = "CALL ducklake_expire_snapshots('lake', older_than => $1)"
_CLEAN_ALL = "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"

# Errors of an engine that cannot continue; any other is our defect and raised unchanged.
_UNUSABLE = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException, duckdb.HTTPException)

# Shared within the process: attaching a lake costs 30 to 250 ms.
_attached: dict[LakeLocation, Attached] = {}


def _done(connection: duckdb.DuckDBPyConnection, statement: str, values: list[Any]) -> None:
    connection.execute(statement, values).fetchall()


def writers_met(error: duckdb.Error) -> bool:
    """Tell whether a transaction failed because another writer was first: a retry may succeed."""
    return _MET.search(str(error)) is not None


class Lake:
    """A DuckLake, and the only access to it.

    Each session reads one snapshot, whatever others write meanwhile. A transaction that conflicts with
    another is repeated from its start, finally alone; a turn is waited for at most `wait_seconds`.
    """

    def __init__(
        self,
        location: LakeLocation,
        locks: Locks,
        wait_seconds: float = LONGEST_WAIT,
        *,
        conventions: Conventions | None = None,
    ) -> None:
        self.location = location
        self._locks = locks
        self._wait_seconds = wait_seconds
        self._conventions = conventions or Conventions()
        self._has_schema = False
        self._attached = _attached.setdefault(location, Attached(location))
        # Two threads of a process that write at once would only conflict.
        self._writing = threading.Lock()

    def __repr__(self) -> str:
        return f"Lake({self.location!r})"

    @property
    def name(self) -> str:
        """Its name on a page."""
        return NAME

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the lake for a session that reads one snapshot."""
        if not self._has_schema:
            self._bring_up_to_date()
        with self._told(), self._transaction(is_kept=False) as connection:
            yield connection

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the lake for reading, or say that nothing was synced yet."""
        if isinstance(self.location, SqliteLake) and not self.location.catalog.exists():
            raise NotPublished(
                f"there is no {self.location.catalog} yet: run `a4s sync` first, or `a4s lake export` to "
                "move an existing warehouse over"
            )
        return self.session()

    def detach(self) -> None:
        """Let go of the lake before its files are replaced; the next session attaches what is there then."""
        self._attached.drop()
        self._has_schema = False

    def version(self) -> Hashable:
        """Return None: another writer may commit at any time."""
        return None

    @contextmanager
    def reading_version(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, Hashable]]:
        """Open the lake as `reading` does."""
        with self.reading() as connection:
            yield connection, None

    def kept_open(self) -> AbstractContextManager[None]:
        """Do nothing: a lake stays attached."""
        return nullcontext()

    def published(self, folders: SiteFolders) -> Published:
        """Load the site's own files, and return the size of the lake; there is no copy to replace."""
        with self.session() as connection:
            is_current = is_loaded(connection, folders)
        if not is_current:
            bring_in(self, folders)
        with self.session() as connection:
            problems = tuple(problems_in(connection))
            size = connection.execute(
                "SELECT coalesce(sum(file_size_bytes), 0) FROM ducklake_table_info('lake')"
            ).fetchall()
        return Published(self.location.files, int(size[0][0]), was_replaced=False, problems=problems)

    def transact(self, work: Work[T]) -> T:
        """Do work that writes everything or nothing; repeat it after a conflict."""
        if not self._has_schema:
            self._bring_up_to_date()
        with self._told():
            return self._done_until_kept(work)

    def expected(self) -> AbstractContextManager[None]:
        """Do nothing: a lake stays attached."""
        return nullcontext()

    def rewrite(self) -> None:
        """Rewrite every file with deleted or replaced rows, and delete the old ones.

        All snapshots but the last are removed, and with them time travel before now. A query running
        meanwhile may lose a file that it reads, and fail.
        """
        steps: list[tuple[str, list[Any]]] = [
            (_FLUSH, []),
            *((_REWRITE, [table.name]) for table in TABLES),
            (_EXPIRE_ALL, [datetime.now(UTC)]),
            (_CLEAN_ALL, []),
        ]
        for statement, values in steps:
            self.transact(partial(_done, statement=statement, values=values))
        if isinstance(self.location, SqliteLake):
            # Rows of small batches were in the catalog, and SQLite does not blank what it frees either.
            with self._turn(is_exclusive=True), closing(sqlite3.connect(self.location.catalog)) as catalog:
                catalog.execute("VACUUM")

    def _bring_up_to_date(self) -> None:
        statements = schema_of_lake(self._conventions)

        def bring(connection: duckdb.DuckDBPyConnection) -> None:
            # Another may have been first.
            if not is_applied(connection, statements):
                apply_schema(connection, statements, version)

        with self._told():
            with self._transaction(is_kept=False) as connection:
                is_current = is_applied(connection, statements)
            if not is_current:
                with self._transaction(is_kept=False) as connection:
                    version = version_of(connection)
                refuse_newer(version, "the lake")
                self._done_until_kept(bring)
        self._has_schema = True

    def _done_until_kept(self, work: Work[T]) -> T:
        deadline = time.monotonic() + self._wait_seconds
        tries = 0
        while True:
            # An SQLite catalog has one writer at a time anyway; waiting for it would be in vain.
            is_exclusive = isinstance(self.location, SqliteLake) or tries >= TRIES_SIDE_BY_SIDE
            try:
                with self._turn(is_exclusive=is_exclusive), self._transaction(is_kept=True) as connection:
                    return work(connection)
            except duckdb.Error as error:
                # Work that takes longer than others wait still runs alone.
                is_given_up = tries >= TRIES_SIDE_BY_SIDE and time.monotonic() >= deadline
                if not writers_met(error) or is_given_up:
                    raise
            tries += 1
            time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - so that two do not meet again

    @contextmanager
    def _turn(self, *, is_exclusive: bool) -> Iterator[None]:
        deadline = time.monotonic() + self._wait_seconds

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        if not self._writing.acquire(timeout=left()):
            raise self._held("another thread of this process")
        try:
            with self._locks.to_write(_WRITING, left(), self._held, is_exclusive=is_exclusive):
                yield
        finally:
            self._writing.release()

    @contextmanager
    def _transaction(self, *, is_kept: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connection()
        try:
            with transaction_on(connection, is_kept=is_kept):
                yield connection
        finally:
            connection.close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._attached.connection(
                lambda: self._locks.exclusive(_ATTACHING, self._wait_seconds, self._held)
            )
        except duckdb.Error as error:
            raise self._error_for(error) from None
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(str(error)) from None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn an error of the engine into one of ours, unless it is a defect."""
        try:
            yield
        except duckdb.Error as error:
            if isinstance(error, _UNUSABLE) or type(error) is duckdb.Error or _GONE.search(str(error)):
                raise self._error_for(error) from None
            raise

    def _error_for(self, error: duckdb.Error) -> A4sError:
        if writers_met(error):
            return self._held("other writers")
        why = str(error)
        if isinstance(self.location, PostgresLake):
            why = without_connection(why, self.location)
        why = why.partition("\n")[0] or type(error).__name__
        if isinstance(self.location, PostgresLake) and _GONE.search(str(error)):
            self._attached.drop()
            return StoreUnreachable(
                f"the catalog of the lake does not answer ({why}): see that PostgreSQL runs and that "
                "A4S_WAREHOUSE leads to it; nothing is lost, try again then"
            )
        if "does not match existing data path" in why:
            return ChangeSettings(
                f"A4S_LAKE_FILES is not where this lake has its files ({why}): set it to where they "
                'are; for a lake that was moved, see "Back up" in docs/deployment.md'
            )
        return self._unusable(why)

    def _held(self, holder: str) -> StoreHeld:
        return StoreHeld(f"{holder} kept the lake busy for {self._wait_seconds:g} s: try again later")

    def _unusable(self, why: str) -> ChangeSite:
        which = (
            f" with its catalog in {self.location.catalog}" if isinstance(self.location, SqliteLake) else ""
        )
        return ChangeSite(
            f"the lake{which} cannot be used ({why}): check A4S_WAREHOUSE and A4S_LAKE_FILES, what they lead "
            "to, and its permissions and free space",
            code="StoreUnusable",
        )
