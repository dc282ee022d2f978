"""The warehouse as one DuckDB file: opened for short sessions, with a bounded wait."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import duckdb

from a4s_pipeline.errors import ChangeSite, StoreHeld
from a4s_pipeline.files.whole_files import sync
from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.file.opened import STORAGE, OpenedFile
from a4s_pipeline.warehouse.file.shared_connection import shared_connection_of
from a4s_pipeline.warehouse.schema.applied_schema import apply_schema, is_applied, schema_of_file
from a4s_pipeline.warehouse.schema.migrations import refuse_newer, version_of
from a4s_pipeline.warehouse.store import LONGEST_WAIT, T, Work, transaction_on

# Each try costs some 10 ms of the processor, so the wait between them grows.
_FIRST_POLL = 0.02
_LONGEST_POLL = 0.1
_DAMAGED = re.compile(r"checksum|not a valid DuckDB database file|[Cc]orrupt")
_HOLDER = re.compile(r"PID (\d+)")
# DuckDB's errors for a full disk, from a statement, a commit or a checkpoint.
_DISK_FAILURES = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)


class WarehouseFile:
    """The pipeline's own DuckDB file, and the only access to it.

    Across processes DuckDB allows one writer or many readers, never both, so each use is a short session: the
    file is opened late, closed early, and waited for at most `wait_seconds`, which
    `SharedConnection.longest_wait` shortens. `conventions` shape the days, months and words of the models.
    """

    def __init__(
        self, path: Path, wait_seconds: float = LONGEST_WAIT, *, conventions: Conventions | None = None
    ) -> None:
        self.path = path
        self._conventions = conventions or Conventions()
        self._wait_seconds = wait_seconds
        # DuckDB's lock is between processes; within one, sessions share one connection.
        self._shared = shared_connection_of(path)
        self._has_schema = False

    def __repr__(self) -> str:
        return f"WarehouseFile({str(self.path)!r})"

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file for a session, with its tables and views in place; raises as `opened` does."""
        with self.opened() as file:
            yield file.connection

    @contextmanager
    def opened(self) -> Iterator[OpenedFile]:
        """Open the file for a session, with its tables and views in place.

        Raises `StoreHeld` if another process does not close it in time, and `ChangeSite` if the file cannot
        be opened or written.
        """
        longest = self._shared.longest_wait(self._wait_seconds)
        deadline = time.monotonic() + longest
        if not self._shared.acquire(self._wait_seconds):
            raise StoreHeld(f"{self.path} is in use by another thread of this process: try again later")
        file: OpenedFile | None = None
        is_sound = False
        try:
            file = self._shared.kept() or self._open(deadline, longest)
            if not self._has_schema:
                _clear_abandoned(self.path)
                _bring_up_to_date(file.connection, self._conventions, str(self.path))
                self._has_schema = True
            yield file
            is_sound = True
        except _DISK_FAILURES as error:
            raise _unusable(self.path, error) from None
        finally:
            self._shared.release(file, is_sound=is_sound)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file for a session that writes everything or nothing."""
        with self.opened() as file:
            with transaction_on(file.connection):
                yield file.connection
            # A log that was there before may be of a process that was killed before it synced the name.
            if not file.is_log_named and file.has_log():
                self._sync_name_of_log()
                file.is_log_named = True

    def _sync_name_of_log(self) -> None:
        # DuckDB syncs the content of the write-ahead log but not its name: without the name, a power cut
        # loses committed data, such as an order being sent.
        try:
            sync(self.path.parent)
        except OSError as error:
            raise _unusable(self.path, error) from None

    def transact(self, work: Work[T]) -> T:
        """Do work in a transaction; nobody else is at the file meanwhile, so it is done once."""
        with self.transaction() as connection:
            return work(connection)

    def expected(self) -> AbstractContextManager[None]:
        """Announce that this thread will want a session soon: the thread with the file then passes it on
        open.
        """
        return self._shared.expected()

    def rewrite(self) -> None:
        """Rewrite the file from its rows, and replace the old one.

        DuckDB frees the blocks of deleted and replaced rows but does not blank them: only a new file is
        without them.
        """
        with self.opened() as file:
            temporary = _temporary(self.path)
            try:
                _copy_everything(file.connection, temporary)
                shutil.copymode(self.path, temporary)
                file.replace_file(temporary)
            finally:
                for left in (temporary, temporary.with_name(f"{temporary.name}.wal")):
                    left.unlink(missing_ok=True)

    def _open(self, deadline: float, longest: float) -> OpenedFile:
        wait = _FIRST_POLL
        while True:
            try:
                if not self.path.exists():
                    _create(self.path)
                file = OpenedFile.open(self.path)
                self._shared.note_locked(is_locked=False)
                return file
            except duckdb.Error as error:
                if "Could not set lock" not in str(error):
                    raise _unusable(self.path, error) from None
                if time.monotonic() >= deadline:
                    self._shared.note_locked(is_locked=True)
                    raise _held(self.path, error, longest) from None
            except OSError as error:
                raise _unusable(self.path, error) from None
            time.sleep(wait)
            wait = min(1.3 * wait, _LONGEST_POLL)


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection, conventions: Conventions, what: str) -> None:
    """Apply the schema to a new file or one of an older version; a file that is current is only read."""
    statements = schema_of_file(conventions)
    if not is_applied(connection, statements):
        version = version_of(connection)
        refuse_newer(version, what)
        with transaction_on(connection):
            apply_schema(connection, statements, version)


def _create(path: Path) -> None:
    """Create an empty database in one step, unless another process was first.

    If a kill or a full disk cuts short the first blocks of a file, DuckDB never opens it again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(path)
    temporary = _temporary(path)
    try:
        _make_empty(temporary)
        sync(temporary)
        # A link, because a rename would replace another process's new file.
        try:
            path.hardlink_to(temporary)
        except OSError:
            # Another was first; or the file system has no links.
            if not path.exists():
                temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _make_empty(path: Path) -> None:
    duckdb.connect(str(path), config=STORAGE).close()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")


def _copy_everything(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copy tables, views, macros and comments into a new file."""
    with duckdb.connect(str(target), config=STORAGE):
        # It is made with our options for files, which ATTACH does not all have.
        pass
    # Neither a path nor a name of a database can be a parameter: quotes in them are doubled.
    path = str(target).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS fresh")
    try:
        (ours,) = connection.execute("SELECT current_database()").fetchall()[0]
        name = str(ours).replace('"', '""')
        connection.execute(f'COPY FROM DATABASE "{name}" TO fresh')
        connection.execute("CHECKPOINT fresh")
    finally:
        connection.execute("DETACH fresh")


def _clear_abandoned(path: Path) -> None:
    """Delete half-made files of killed processes; a process making one now then finds the finished file."""
    for abandoned in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            abandoned.unlink(missing_ok=True)


def _held(path: Path, error: Exception, waited: float) -> StoreHeld:
    holder = _HOLDER.search(str(error))
    who = f"process {holder.group(1)}" if holder else "another process"
    return StoreHeld(
        f"{path} is held by {who}, waited {waited:g} s: close it there and try again. "
        "To query, open analytics.duckdb, which is never locked"
    )


def _unusable(path: Path, error: Exception) -> ChangeSite:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    if _DAMAGED.search(first_line):
        return ChangeSite(f"{path} is damaged ({first_line}): {_way_on_from(path)}", code="StoreDamaged")
    return ChangeSite(
        f"{path} cannot be used ({first_line}): check the folder, its permissions and the free disk space",
        code="StoreUnusable",
    )


def _way_on_from(path: Path) -> str:
    """Name an intact copy of a damaged file, and the command to continue from it."""
    copy = path.with_name("analytics.duckdb")
    published_at = _whole_since(copy)
    if published_at is None:
        return (
            "no intact copy is beside it. Continue from a backup with `a4s restore FOLDER --replace`, or "
            f"move it away (`mv {quote(str(path))} {quote(f'{path}.damaged')}`) and import everything "
            "again with `a4s sync`; only that file says which orders were exported, so compare them with the "
            "back office before you export again"
        )
    log = path.with_name(f"{path.name}.wal")
    moves = [f"mv {quote(str(one))} {quote(f'{one}.damaged')}" for one in (path, log) if one.exists()]
    command = " && ".join([*moves, f"cp {quote(str(copy))} {quote(str(path))}", "a4s sync"])
    return (
        f"{copy} is intact, as published {published_at:%Y-%m-%d %H:%M} UTC. Stop everything of this "
        f"installation and continue from it with `{command}`, which imports what is newer; compare the "
        "orders exported since then with the back office before you export again"
    )


def _whole_since(copy: Path) -> datetime | None:
    """Return when a copy was published, or None if it is absent or damaged."""
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                name = table.replace('"', '""')
                connection.execute(f'SELECT count(COLUMNS(*)) FROM "{name}"').fetchall()  # noqa: S608 - own file
        return datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    except (duckdb.Error, OSError):
        return None
