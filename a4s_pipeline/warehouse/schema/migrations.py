"""Versions of the schema: an older store is migrated, a newer one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.files import exact_json
from a4s_pipeline.warehouse.rows.staging import amount
from a4s_pipeline.warehouse.table import AMOUNT, DAY, FLAG, INSTANT, JSON, TEXT, WHOLE, Column, Table

SCHEMA_VERSION = 2
"""Raised with each release that changes tables, so that older releases refuse the store."""

_UNNUMBERED = 1
_ATTRIBUTES = "attributes"

Columns = Mapping[str, Collection[str]]
"""The column names of each existing table."""


@dataclass(frozen=True)
class Migration:
    """A migration step: its purpose, and statements on the current tables."""

    to: int
    why: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        2,
        "No delivery is expected before 1990 or after 2200, and what is set aside has a part.",
        (
            """
            UPDATE item_deliveries SET delivery_date = NULL
            WHERE delivery_date < DATE '1990-01-01' OR delivery_date > DATE '2200-12-31'
            """,
            """
            UPDATE order_lines SET delivery_date = NULL
            WHERE delivery_date < DATE '1990-01-01' OR delivery_date > DATE '2200-12-31'
            """,
            "UPDATE set_aside SET part = '' WHERE part IS NULL",
        ),
    ),
)


def refuse_newer(version: int | None, what: str) -> None:
    """Raise `ChangeSite` if a newer version wrote the store."""
    if version is not None and version > SCHEMA_VERSION:
        raise ChangeSite(
            f"{what} was written by a newer version of a4s-pipeline (its schema is version {version}, this "
            f"one knows {SCHEMA_VERSION}): install that version again here; nothing was changed",
            code="StoreNewer",
        )


def version_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the version of a store's schema, or None.

    A surrounding transaction is over then: DuckDB aborts it because of the missing name.
    """
    try:
        return int(connection.execute("SELECT a4s_schema_version()").fetchall()[0][0])
    except duckdb.CatalogException:
        return None


def columns_of(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the columns of each existing table."""
    rows = connection.execute(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_catalog = current_database() AND table_schema = 'main'
        """
    ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def bring_forward(
    connection: duckdb.DuckDBPyConnection, version: int | None, before: Columns, tables: Sequence[Table]
) -> None:
    """Migrate the rows of a store, after its tables and columns; `before` are the earlier columns.

    A field among the attributes that now has a column moves there: the record will not be sent again, because
    it did not change at the source.
    """
    for table in tables:
        if table.name in before and _ATTRIBUTES in table.column_names:
            for column in table.columns:
                if column.name not in before[table.name] and column.day_of is None:
                    _move_from_attributes(connection, table, column)
    for step in MIGRATIONS:
        if before and (version or _UNNUMBERED) < step.to:
            for statement in step.statements:
                connection.execute(statement)
    connection.execute(f"CREATE OR REPLACE MACRO a4s_schema_version() AS {SCHEMA_VERSION}")


def _move_from_attributes(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> None:
    name = on_the_wire(column.name)
    keys = ", ".join(f'"{key}"' for key in table.key)
    rows = connection.execute(
        f"SELECT {keys}, attributes FROM {table.name} "  # noqa: S608 - own names
        f'WHERE json_exists(attributes, $path) AND "{column.name}" IS NULL',
        {"path": f'$."{name}"'},
    ).fetchall()
    moved = []
    for *key, text in rows:
        attributes = exact_json.loads(text)
        value = as_column(attributes.pop(name), column.type)
        if value is not None:
            rest = exact_json.dumps(attributes) if attributes else None
            moved.append({**dict(zip(table.key, key, strict=True)), "value": value, "rest": rest})
    if not moved:
        return
    types = {one.name: one.type for one in table.columns}
    shape = json.dumps([{**{key: types[key] for key in table.key}, "value": TEXT, "rest": TEXT}])
    match = " AND ".join(f'{table.name}."{key}" = moved."{key}"' for key in table.key)
    connection.execute(
        f'UPDATE {table.name} SET "{column.name}" = moved.value::{column.type}, '  # noqa: S608 - own names
        "attributes = moved.rest::JSON "
        f"FROM (SELECT unnest(from_json($rows, '{shape}'), recursive := true)) AS moved WHERE {match}",
        {"rows": json.dumps(moved)},
    )


def on_the_wire(column: str) -> str:
    """Return the gateway's name for the field of a column."""
    first, *others = column.split("_")
    return first + "".join(map(str.capitalize, others))


def as_column(value: Any, kind: str) -> str | None:
    """Return an attribute's value as text for a column of this type, or None in doubt."""
    try:
        return _READERS[kind](value)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return str(value)


def _number(value: Any) -> str | None:
    return None if isinstance(value, bool | float) else amount(Decimal(value))


def _instant(value: Any) -> str | None:
    # Without an offset it is local time, and the store does not know of which time zone.
    read = datetime.fromisoformat(value)
    return read.isoformat() if read.tzinfo else None


_READERS: Mapping[str, Callable[[Any], str | None]] = {
    TEXT: _text,
    AMOUNT: _number,
    WHOLE: lambda value: str(value) if type(value) is int else None,
    FLAG: lambda value: str(value).lower() if isinstance(value, bool) else None,
    DAY: lambda value: date.fromisoformat(value).isoformat(),
    INSTANT: _instant,
    JSON: lambda value: None if value is None else exact_json.dumps(value),
}
