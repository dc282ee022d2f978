"""Loads a site's changed files, and records them in `site_files`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.models.conventions import identifier, literal
from a4s_pipeline.warehouse.site.own_sql import SCHEMA, OwnView, all_anew, in_order, read_view, rehearse
from a4s_pipeline.warehouse.site.reference import (
    Faulty,
    ReferenceFile,
    drop_stage,
    stage,
    write_free,
    write_shaped,
)
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import REFERENCE_TABLES, SITE_TABLES, TABLES

# What is wrong with a file, and not with the store.
_FAULTS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotImplementedException,
    duckdb.NotSupportedError,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
    duckdb.TypeMismatchException,
)
_SHAPED = {table.name: table for table in SITE_TABLES}


@dataclass(frozen=True)
class SiteFolders:
    """Where a site's files are: its reference tables, and its own SQL."""

    reference: Path
    models: Path

    def reference_files(self) -> list[ReferenceFile]:
        """Return the reference files, by name."""
        return [ReferenceFile(path) for path in _files_in(self.reference, ".csv", ".parquet")]

    def sql_files(self) -> list[Path]:
        """Return the files of the site's own SQL, by name."""
        return _files_in(self.models, ".sql")

    def are_empty(self) -> bool:
        """Tell whether the site has no files of its own."""
        return not self.reference_files() and not self.sql_files()

    def fingerprint(self) -> str:
        """Return a hash of the files' names, times and sizes."""
        files = [*(file.path for file in self.reference_files()), *self.sql_files()]
        state = [(str(path), *_stamp(path)) for path in files]
        return hashlib.blake2b(json.dumps(state).encode(), digest_size=16).hexdigest()


def _files_in(folder: Path, *endings: str) -> list[Path]:
    try:
        paths = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ChangeSite(
            f"{folder} cannot be read ({error.strerror or type(error).__name__}): check its permissions"
        ) from None
    return sorted(path for path in paths if path.suffix.lower() in endings and not path.name.startswith("."))


def _stamp(path: Path) -> tuple[int, int]:
    """Return a file's time and size; a broken link has neither."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_mtime_ns, state.st_size


@dataclass(frozen=True)
class _Account:
    file: str
    kind: str
    relation: str
    rows: int | None = None
    problem: str | None = None


def is_loaded(connection: duckdb.DuckDBPyConnection, folders: SiteFolders) -> bool:
    """Tell whether the store has the site's current files."""
    loaded = _loaded(connection)
    return loaded == _wanted(connection, folders.fingerprint()) if loaded is not None else folders.are_empty()


def bring_in(warehouse: Warehouse, folders: SiteFolders) -> None:
    """Load a site's reference tables and apply its views; `site_files` says what was left out as faulty.

    If a file becomes faulty, its table keeps its rows. A file that changes while it is read is read again the
    next time.
    """
    # Before reading: a file that changes meanwhile then differs from the recorded one.
    found = folders.fingerprint()
    accounts = _load_tables(warehouse, folders.reference_files())
    views, faults = _working_views(warehouse, folders.sql_files())
    accounts += faults
    accounts += [_Account(f"{view.name}.sql", "model", f"{SCHEMA}.{view.name}") for view in views]

    def apply(connection: duckdb.DuckDBPyConnection) -> None:
        # Without any files the store gets no empty schema.
        if views or _has_schema(connection):
            for statement in all_anew(views):
                connection.execute(statement)
        _keep_account(connection, accounts)
        fingerprint = _wanted(connection, found)
        connection.execute(f"CREATE OR REPLACE MACRO a4s_site() AS {literal(fingerprint)}")

    warehouse.transact(apply)


def problems_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return what is wrong with a site's files, a line each."""
    rows = connection.execute(
        "SELECT file, problem FROM site_files WHERE problem IS NOT NULL ORDER BY file"
    ).fetchall()
    return [f"{file}: {problem}" for file, problem in rows]


def _wanted(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> str:
    # A view that was faulty may work with the tables of a new version.
    (schema,) = connection.execute("SELECT a4s_schema()").fetchall()[0]
    return f"{fingerprint} {schema}"


def _loaded(connection: duckdb.DuckDBPyConnection) -> str | None:
    try:
        rows = connection.execute("SELECT a4s_site()").fetchall()
    except duckdb.CatalogException:
        return None
    return str(rows[0][0])


def _load_tables(warehouse: Warehouse, files: Sequence[ReferenceFile]) -> list[_Account]:
    accounts: list[_Account] = []
    for file in files:
        taken = {account.relation for account in accounts}
        try:
            rows = _load(warehouse, file, taken)
            accounts.append(_Account(file.path.name, "reference", file.table_name, rows))
        except Faulty as fault:
            accounts.append(
                _Account(file.path.name, "reference", file.table_name, problem=f"{fault}: it is left out")
            )
    _clear_tables(warehouse, {account.relation for account in accounts})
    return accounts


def _load(warehouse: Warehouse, file: ReferenceFile, taken: set[str]) -> int:
    name = file.table_name
    if not file.has_table_name():
        raise Faulty("its name is not valid for a table: use letters, digits and _")
    if name in taken:
        raise Faulty(f"another file fills the table {name}")
    shape = _SHAPED.get(name)
    if shape is None and name in _names_of_ours(warehouse):
        raise Faulty(f"{name} is a table or view of the pipeline")

    def load(connection: duckdb.DuckDBPyConnection) -> int:
        rows = stage(connection, file, shape)
        if shape:
            write_shaped(connection, shape)
        else:
            write_free(connection, name, file.path.name)
        drop_stage(connection)
        return rows

    return _told(warehouse, load)


def _told(warehouse: Warehouse, load: Callable[[duckdb.DuckDBPyConnection], int]) -> int:
    def work(connection: duckdb.DuckDBPyConnection) -> int:
        try:
            return load(connection)
        except _FAULTS as error:
            raise Faulty(str(error).splitlines()[0]) from None

    return warehouse.transact(work)


def _names_of_ours(warehouse: Warehouse) -> set[str]:
    return {table.name for table in (*TABLES, *REFERENCE_TABLES)} | _views_in_main(warehouse)


def _names_in_main(warehouse: Warehouse) -> set[str]:
    with warehouse.session() as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()"
        ).fetchall()
    return _names_of_ours(warehouse) | {name for (name,) in tables}


def _views_in_main(warehouse: Warehouse) -> set[str]:
    with warehouse.session() as connection:
        views = connection.execute(
            "SELECT view_name FROM duckdb_views() "
            "WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()"
        ).fetchall()
    return {name for (name,) in views}


def _clear_tables(warehouse: Warehouse, there: set[str]) -> None:
    """Empty the tables of a described shape with a missing file, and drop other such tables."""
    # A file refused for its name may have the name of one of our views, which must not be dropped.
    ours = _names_of_ours(warehouse)

    def clear(connection: duckdb.DuckDBPyConnection) -> None:
        before = connection.execute("SELECT relation FROM site_files WHERE kind = 'reference'").fetchall()
        for (relation,) in before:
            if relation in there:
                continue
            if relation in _SHAPED:
                connection.execute(f"DELETE FROM {relation}")
            elif relation not in ours:
                connection.execute(f"DROP TABLE IF EXISTS {identifier(relation)}")

    warehouse.transact(clear)


def _working_views(warehouse: Warehouse, paths: Sequence[Path]) -> tuple[list[OwnView], list[_Account]]:
    """Return the working views, each after those it reads, and the faults of the others."""
    views: list[OwnView] = []
    faults: list[_Account] = []

    def left_out(name: str, fault: Exception) -> None:
        faults.append(
            _Account(name, "model", f"{SCHEMA}.{Path(name).stem}", problem=f"{fault}: it is left out")
        )

    ours = _names_in_main(warehouse)
    for path in paths:
        try:
            view = read_view(path)
            if view.name in ours:
                raise Faulty(f"a table or view {view.name} exists already: give it another name")
            if view.name in {other.name for other in views}:
                raise Faulty(f"another file makes the view {view.name}")
            views.append(view)
        except Faulty as fault:
            left_out(path.name, fault)
    working, broken = _rehearsed(warehouse, in_order(views))
    for view, why in broken:
        missing = sorted({other.name for other, _ in broken} & view.words - {view.name})
        left_out(
            f"{view.name}.sql",
            Faulty(f"it reads {', '.join(missing)}, left out too ({why})") if missing else why,
        )
    return working, faults


def _rehearsed(
    warehouse: Warehouse, views: Sequence[OwnView]
) -> tuple[list[OwnView], list[tuple[OwnView, Faulty]]]:
    """Return the views that work with those before them, and the others with their faults."""
    working: list[OwnView] = []
    waiting = list(views)
    while True:
        broken: list[tuple[OwnView, Faulty]] = []
        tried = waiting
        while tried:
            # All at once: a transaction for each would try the first views again for every later one.
            worked, fault = rehearse(warehouse, working, tried)
            working += tried[:worked]
            if fault is not None:
                broken.append((tried[worked], fault))
            tried = tried[worked + 1 :]
        # One of these may read a view that came after it.
        if not broken or len(broken) == len(waiting):
            return working, broken
        waiting = [view for view, _ in broken]


def _has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT 1 FROM duckdb_schemas() WHERE schema_name = $1 AND database_name = current_database()",
        [SCHEMA],
    )
    return bool(found.fetchall())


def _keep_account(connection: duckdb.DuckDBPyConnection, accounts: Sequence[_Account]) -> None:
    connection.execute("DELETE FROM site_files")
    for account in accounts:
        connection.execute(
            "INSERT INTO site_files (file, kind, relation, row_count, problem, loaded_at) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            [account.file, account.kind, account.relation, account.rows, account.problem, datetime.now(UTC)],
        )
