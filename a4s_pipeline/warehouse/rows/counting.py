"""Counts the rows of relations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import duckdb

from a4s_pipeline.models.conventions import identifier


def counts_by_status(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """Return how many rows of a ledger have each status."""
    query = f"SELECT status, count(*) FROM {identifier(table)} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - own names
    return dict(connection.execute(query).fetchall())


def is_written_since(connection: duckdb.DuckDBPyConnection, table: str, since: datetime) -> bool:
    """Tell whether a row of a table was written since an instant."""
    query = f"SELECT count(*) FROM {identifier(table)} WHERE synced_at >= $since"  # noqa: S608 - own names
    return connection.execute(query, {"since": since}).fetchall() != [(0,)]


def rows_of_views(
    connection: duckdb.DuckDBPyConnection, names: Iterable[Sequence[str]]
) -> dict[tuple[str, ...], int | str]:
    """Return how many rows each of these views has, or why it cannot be read; other relations are left out.

    A name is a view's, optionally with its schema.
    """
    rows = connection.execute("SELECT schema_name, view_name FROM duckdb_views()").fetchall()
    there = {view if schema == "main" else (schema, view) for schema, view in rows}
    found: dict[tuple[str, ...], int | str] = {}
    for name in map(tuple, names):
        if (name if len(name) > 1 else name[0]) in there:
            found[name] = _rows_of(connection, name)
    return found


def _rows_of(connection: duckdb.DuckDBPyConnection, name: tuple[str, ...]) -> int | str:
    query = f"SELECT count(*) FROM {'.'.join(map(identifier, name))}"  # noqa: S608 - quoted
    try:
        ((count,),) = connection.execute(query).fetchall()
    except duckdb.Error as error:
        # A site's own SQL may fail on the current data.
        return str(error).splitlines()[0]
    return int(count)


def columns_of_view(connection: duckdb.DuckDBPyConnection, name: Sequence[str]) -> Mapping[str, str]:
    """Return the columns of a view with their types."""
    query = "SELECT column_name, data_type FROM duckdb_columns() WHERE (schema_name, table_name) = ($1, $2)"
    schema, view = ("main", *name)[-2:]
    return dict(connection.execute(query, [schema, view]).fetchall())
