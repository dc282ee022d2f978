"""Writes sets of rows: as one JSON parameter into a stage, and from there into their table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
from pydantic_core import PydanticSerializationError, to_json

from a4s_pipeline.warehouse.table import JSON, Column, Table, day_expression

Row = Mapping[str, Any]
"""Column name to JSON value: texts, booleans, whole numbers, ISO instants and days, and amounts as decimal
texts. A missing column is null.
"""

_SMALLEST = Decimal("0.0001")
_LIMIT = Decimal(10) ** 14


def amount(value: Decimal) -> str:
    """Return an amount as stored: rounded half up to four decimals.

    Raises `ValueError` if it has more than 14 digits before the point.
    """
    if value.adjusted() > 14 or abs(rounded := value.quantize(_SMALLEST, ROUND_HALF_UP)) >= _LIMIT:
        raise ValueError("has more than 14 digits before the decimal point")
    return str(rounded)


def stage(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> str:
    """Put rows into a temporary table shaped like `table`, replacing what was in it; return its name."""
    name = f"stage_{table.name}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS {_rows_of_document(table)}", {"document": _document(rows)}
    )
    return name


def _document(rows: Sequence[Row]) -> str:
    try:
        # Takes a quarter of the time of json.dumps, which blocks all other threads.
        return to_json(rows).decode()
    except PydanticSerializationError:
        # A code may contain half a surrogate pair, which UTF-8 cannot encode: it becomes "?".
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace").decode()


def _rows_of_document(table: Table) -> str:
    """Return the query that turns `$document` into rows of a table.

    The document is first split into rows, which are then parsed: parsing it as one list takes twice as long.
    """
    columns = ", ".join(f'{_cell(column)} AS "{column.name}"' for column in table.columns)
    return (
        f"SELECT {columns} FROM (SELECT from_json(document, '{table.json_shape()}') AS row "  # noqa: S608 - names and shapes are this package's own
        """FROM (SELECT unnest(from_json($document, '["JSON"]')) AS document))"""
    )


def _cell(column: Column) -> str:
    if column.day_of is not None:
        return day_expression(column, "row.")
    return f'row."{column.name}"::JSON' if column.type == JSON else f'row."{column.name}"'


def replace_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> None:
    """Replace the rows with the same key; the caller passes each key once, within a transaction."""
    if not rows:
        return
    staged = stage(connection, table, rows)
    match = " AND ".join(f'{table.name}."{column}" = {staged}."{column}"' for column in table.key)
    connection.execute(f"DELETE FROM {table.name} USING {staged} WHERE {match}")  # noqa: S608 - own names
    columns = _columns(table)
    connection.execute(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {staged}")  # noqa: S608 - own names


def append_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows that are not in the table."""
    if rows:
        connection.execute(
            f"INSERT INTO {table.name} ({_columns(table)}) {_rows_of_document(table)}",
            {"document": _document(rows)},
        )


def _columns(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.column_names)


def delete_codes(
    connection: duckdb.DuckDBPyConnection, table: Table, connector: str, column: str, codes: Sequence[str]
) -> None:
    """Delete the rows of one connector with one of the codes in `column`."""
    if codes:
        connection.execute(
            f"DELETE FROM {table.name} "  # noqa: S608 - own names
            f'WHERE connector = $connector AND "{column}" IN (SELECT unnest($codes))',
            {"connector": connector, "codes": list(codes)},
        )
