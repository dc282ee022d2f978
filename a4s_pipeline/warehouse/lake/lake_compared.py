"""Compares a warehouse file with the lake that it moves to, table by table and connector by connector.

The file is attached to the lake's DuckDB, so that both sides hash alike and no row leaves DuckDB.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import duckdb

from a4s_pipeline.warehouse import tables
from a4s_pipeline.warehouse.table import Table

FILE = "exported_file"
"""The name of the attached file."""
NEVER_DELETED = (
    tables.ORDER_EXPORTS,
    tables.ORDER_EXPORT_ATTEMPTS,
    tables.CREATED_CUSTOMERS,
    tables.ORDERS,
    tables.CUSTOMERS,
    tables.ITEMS,
    tables.RECONCILED_MONTHS,
    tables.FLOW_EXECUTIONS,
    tables.SYNC_STATE,
)
"""Their rows are only added or replaced by newer ones: `removed_at` marks what is gone."""


@dataclass(frozen=True)
class Piece:
    """One table of one connector: its rows in the file, and whether the lake has the same ones."""

    table: Table
    connector: str
    rows: int
    is_in_lake: bool


def pieces_of(connection: duckdb.DuckDBPyConnection, table: Table, connectors: Set[str]) -> list[Piece]:
    """Compare a table on both sides, for each connector with rows on either side."""
    ours = _sums(connection, f"{FILE}.main.{table.name}", table)
    theirs = _sums(connection, table.name, table)
    return [
        Piece(table, connector, ours.get(connector, (0, 0))[0], ours.get(connector) == theirs.get(connector))
        for connector in sorted(connectors & {*ours, *theirs})
    ]


def _sums(connection: duckdb.DuckDBPyConnection, relation: str, table: Table) -> dict[str, tuple[int, int]]:
    """Return, for each connector, how many rows there are, and the sum of their hashes."""
    rows = connection.execute(
        f"SELECT connector, count(*), sum(hash({columns_of(table)})) FROM {relation} GROUP BY connector"  # noqa: S608 - own names
    ).fetchall()
    return {connector: (count, total) for connector, count, total in rows}


def rows_ahead(connection: duckdb.DuckDBPyConnection, piece: Piece) -> int:
    """Count the rows of the lake that the file lacks, or has in an older state."""
    table = piece.table
    # A log has no key: its rows are written once and never change.
    is_log = not table.key
    same = " AND ".join(
        f'here."{column}" IS NOT DISTINCT FROM there."{column}"'
        for column in (table.column_names if is_log else (*table.key, "connector"))
    )
    age = "" if is_log else "AND here.synced_at >= there.synced_at"
    row = connection.execute(
        f"SELECT count(*) FROM {table.name} AS there WHERE connector = $connector AND NOT EXISTS "  # noqa: S608 - own names
        f"(SELECT 1 FROM {FILE}.main.{table.name} AS here WHERE {same} {age})",
        {"connector": piece.connector},
    ).fetchone()
    return int(row[0]) if row else 0


def columns_of(table: Table) -> str:
    """Return the names of a table's columns as a statement lists them."""
    return ", ".join(f'"{name}"' for name in table.column_names)
