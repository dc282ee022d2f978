"""Items and customers in the warehouse: what is stored, and writing a batch in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from a4s_pipeline.warehouse.rows.privacy.incoming import forgotten_codes
from a4s_pipeline.warehouse.rows.row_changes import RowCounts, compared, rows_by_code
from a4s_pipeline.warehouse.rows.staging import Row, append_rows, delete_codes
from a4s_pipeline.warehouse.rows.state import SetAside, StreamProgress, replace_set_aside, save_progress
from a4s_pipeline.warehouse.rows.versions import keep_records
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMERS,
    ITEM_ATTRIBUTES,
    ITEM_DELIVERIES,
    ITEM_IMAGES,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
)

RowsByTable = Mapping[str, Sequence[Row]]
"""The rows of one record, by the name of their table."""


@dataclass(frozen=True)
class RecordTables:
    """The tables of one stream: the records', and those of their nested parts."""

    stream: str
    parent: Table
    children: tuple[Table, ...]

    @property
    def code_column(self) -> str:
        """The column with the record's code, in each of the tables."""
        return self.parent.key[1]

    @property
    def all(self) -> tuple[Table, ...]:
        """The parent and its children."""
        return (self.parent, *self.children)


ITEM_TABLES = RecordTables(
    "items", ITEMS, (ITEM_NAMES, ITEM_ATTRIBUTES, ITEM_IMAGES, ITEM_STOCKS, ITEM_DELIVERIES)
)
CUSTOMER_TABLES = RecordTables(
    "customers", CUSTOMERS, (CUSTOMER_ADDRESSES, CUSTOMER_CONTACT_PERSONS, CUSTOMER_CONTACT_DETAILS)
)


@dataclass(frozen=True)
class StoredRecord:
    """What the warehouse knows of a record: enough to tell whether it changed."""

    fingerprint: str | None
    is_removed: bool


@dataclass
class RecordBatch:
    """Records to be written in one transaction, each with all of its rows.

    `replaced` has the codes that are stored already, and `mended` those of unchanged records that were set
    aside before, wholly or in part.
    """

    rows: dict[str, RowsByTable] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    mended: set[str] = field(default_factory=set)
    set_aside: dict[tuple[str, str, str], SetAside] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.mended or self.set_aside)


def stored_records(
    connection: duckdb.DuckDBPyConnection, tables: RecordTables, connector: str, codes: Sequence[str]
) -> dict[str, StoredRecord]:
    """Return the stored state of the records with these codes."""
    code = tables.code_column
    rows = connection.execute(
        f"SELECT {code}, fingerprint, removed_at IS NOT NULL FROM {tables.parent.name} "  # noqa: S608 - own names
        f"WHERE connector = $connector AND {code} IN (SELECT unnest($codes))",
        {"connector": connector, "codes": list(codes)},
    ).fetchall()
    return {found: StoredRecord(*columns) for found, *columns in rows}


def write_records(
    connection: duckdb.DuckDBPyConnection, tables: RecordTables, batch: RecordBatch, progress: StreamProgress
) -> dict[str, RowCounts]:
    """Write a batch within a transaction, replacing each record completely.

    Returns what changed in each table. Forgotten customers are removed from the batch, and stay out of the
    store.
    """
    if tables is CUSTOMER_TABLES:
        for code in batch.rows.keys() & forgotten_codes(connection, progress.connector):
            del batch.rows[code]
            batch.replaced.discard(code)
    connector, replaced = progress.connector, list(batch.replaced)
    changes: dict[str, RowCounts] = {}
    keep_records(connection, tables.parent, connector, replaced, progress.at)
    for table in tables.all:
        before = rows_by_code(connection, table, connector, replaced)
        delete_codes(connection, table, connector, tables.code_column, replaced)
        written = {code: rows.get(table.name, ()) for code, rows in batch.rows.items()}
        append_rows(connection, table, [row for rows in written.values() for row in rows])
        after = rows_by_code(connection, table, connector, list(before))
        counts = changes[table.name] = RowCounts()
        for one in compared(before, after, written).values():
            counts.add(one)
    came_in = {tables.stream: [*batch.rows, *batch.mended]}
    replace_set_aside(connection, progress, batch.set_aside.values(), came_in)
    save_progress(connection, progress)
    return changes


def stored_codes(connection: duckdb.DuckDBPyConnection, tables: RecordTables, connector: str) -> list[str]:
    """Return the codes of the stored records, without those marked removed."""
    rows = connection.execute(
        f"SELECT {tables.code_column} FROM {tables.parent.name} "  # noqa: S608 - own names
        "WHERE connector = $connector AND removed_at IS NULL",
        {"connector": connector},
    ).fetchall()
    return [code for (code,) in rows]


def mark_removed(
    connection: duckdb.DuckDBPyConnection,
    tables: RecordTables,
    codes: Sequence[str],
    progress: StreamProgress,
) -> None:
    """Mark records as gone; their rows stay."""
    keep_records(connection, tables.parent, progress.connector, codes, progress.at)
    connection.execute(
        f"UPDATE {tables.parent.name} SET removed_at = $at, synced_at = $at, run_id = $run "  # noqa: S608 - own names
        f"WHERE connector = $connector AND {tables.code_column} IN (SELECT unnest($codes))",
        {"at": progress.at, "run": progress.run_id, "connector": progress.connector, "codes": list(codes)},
    )


def adopt_created_customers(connection: duckdb.DuckDBPyConnection, progress: StreamProgress) -> None:
    """Fill in the external identifier of customers that we created, if the gateway's listing has none."""
    connection.execute(
        """
        UPDATE customers SET external_id = created.external_id, synced_at = $at, run_id = $run
        FROM created_customers AS created
        WHERE customers.connector = $connector AND created.connector = $connector
          AND created.customer_code = customers.customer_code
          AND coalesce(customers.external_id, '') = '' AND created.external_id <> ''
        """,
        {"at": progress.at, "run": progress.run_id, "connector": progress.connector},
    )
