"""Orders in the warehouse: what is stored, what is left to do, and writing a batch in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.rows.privacy.incoming import blank_orders_of_forgotten
from a4s_pipeline.warehouse.rows.row_changes import RowCounts, compared, rows_by_code
from a4s_pipeline.warehouse.rows.staging import Row, append_rows, delete_codes
from a4s_pipeline.warehouse.rows.state import (
    SetAside,
    StreamProgress,
    replace_set_aside,
    save_progress,
    stream_state,
)
from a4s_pipeline.warehouse.rows.versions import changed_orders, keep_orders
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

STREAM = "orders"
LINES_STREAM = "order_lines"


@dataclass(frozen=True)
class StoredOrder:
    """What the warehouse knows of an order: enough to tell whether to fetch it again."""

    fingerprint: str | None
    lines_fingerprint: str | None
    has_lines: bool
    is_removed: bool
    run_id: str | None


@dataclass
class OrderBatch:
    """Orders to be written in one transaction, each with all of its readable lines or with none.

    `orders` has header rows by code, `lines` the line rows by code for orders with fetched lines, and
    `mended` the codes of unchanged orders that were set aside before. `lines_kept` are orders with lines that
    a whole reading could not fetch: their stored lines stay.
    """

    orders: dict[str, Row] = field(default_factory=dict)
    lines: dict[str, Sequence[Row]] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)
    lines_kept: set[str] = field(default_factory=set)
    set_aside: dict[tuple[str, str, str], SetAside] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.orders or self.mended or self.set_aside)


def stored_orders(warehouse: Warehouse, connector: str, codes: Iterable[str]) -> dict[str, StoredOrder]:
    """Return the stored state of the orders with these codes."""
    wanted = list(codes)
    if not wanted:
        return {}
    with warehouse.session() as connection:
        rows = connection.execute(
            """
            SELECT order_code, header_fingerprint, lines_fingerprint,
                   lines_synced_at IS NOT NULL, removed_at IS NOT NULL, run_id
            FROM orders WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
            """,
            {"connector": connector, "codes": wanted},
        ).fetchall()
    return {code: StoredOrder(*columns) for code, *columns in rows}


def has_no_orders(connection: duckdb.DuckDBPyConnection, connector: str) -> bool:
    """Tell whether no order of the connector is stored."""
    found = connection.execute("SELECT 1 FROM orders WHERE connector = $1 LIMIT 1", [connector])
    return found.fetchone() is None


def had_history(connection: duckdb.DuckDBPyConnection, connector: str) -> bool:
    """Tell whether any order history of the connector was ever imported."""
    state = stream_state(connection, connector, STREAM)
    return state.was_read or not has_no_orders(connection, connector)


@dataclass(frozen=True)
class PendingOrder:
    """An order with lines to fetch: it has none, or `set_aside` of them could not be read."""

    order_date: datetime
    code: str
    lines_fingerprint: str | None
    set_aside: int


def pending_orders(
    connection: duckdb.DuckDBPyConnection, connector: str, after: PendingOrder | None, limit: int
) -> list[PendingOrder]:
    """Return the next orders with missing lines, oldest first."""
    rows = connection.execute(
        """
        WITH aside AS (
            SELECT record_key AS order_code, count(*) AS parts FROM set_aside
            WHERE connector = $connector AND stream = $lines GROUP BY ALL
        )
        SELECT order_date, order_code, lines_fingerprint, coalesce(parts, 0)
        FROM orders LEFT JOIN aside USING (order_code)
        WHERE connector = $connector AND removed_at IS NULL
          AND (lines_synced_at IS NULL OR parts IS NOT NULL)
          AND ($date IS NULL OR (order_date, order_code) > ($date::TIMESTAMPTZ, $code))
        ORDER BY order_date, order_code LIMIT $limit
        """,
        {
            "connector": connector,
            "lines": LINES_STREAM,
            "date": after.order_date if after else None,
            "code": after.code if after else None,
            "limit": limit,
        },
    ).fetchall()
    return [PendingOrder(*row) for row in rows]


@dataclass(frozen=True)
class OrderChanges:
    """What a batch did to the rows of each order, by code; `dates_before` are the earlier dates of stored
    orders.
    """

    orders: dict[str, RowCounts]
    lines: dict[str, RowCounts]
    dates_before: dict[str, datetime]


def write_orders(warehouse: Warehouse, batch: OrderBatch, progress: StreamProgress) -> OrderChanges:
    """Write a batch, the watermark and the run id, all or nothing; return what changed."""

    def write(connection: duckdb.DuckDBPyConnection) -> OrderChanges:
        blank_orders_of_forgotten(connection, progress.connector, batch.orders, batch.lines)
        changes = _replace_orders(connection, batch, progress.connector, progress.at)
        _keep_set_aside(connection, batch, progress)
        save_progress(connection, progress)
        return changes

    return warehouse.transact(write)


def _replace_orders(
    connection: duckdb.DuckDBPyConnection, batch: OrderBatch, connector: str, at: datetime
) -> OrderChanges:
    # Only stored orders have lines: for an all-new batch, the larger table is not searched.
    dates = order_dates(connection, connector, list(batch.orders))
    stored = list(dates)
    replaced = [code for code in stored if code not in batch.lines_kept]
    headers = rows_by_code(connection, ORDERS, connector, stored)
    fingerprints = {
        code: (batch.orders[code].get("header_fingerprint"), batch.orders[code].get("lines_fingerprint"))
        for code in stored
    }
    keep_orders(connection, connector, changed_orders(connection, connector, fingerprints), at)
    lines = rows_by_code(connection, ORDER_LINES, connector, replaced)
    delete_codes(connection, ORDERS, connector, "order_code", stored)
    delete_codes(connection, ORDER_LINES, connector, "order_code", replaced)
    append_rows(connection, ORDERS, list(batch.orders.values()))
    append_rows(connection, ORDER_LINES, [line for lines in batch.lines.values() for line in lines])
    # An order with lines that could not be fetched now loses the stored ones.
    written_lines = {code: batch.lines.get(code, ()) for code in (*batch.lines, *lines)}
    return OrderChanges(
        compared(headers, rows_by_code(connection, ORDERS, connector, stored), batch.orders.keys()),
        compared(lines, rows_by_code(connection, ORDER_LINES, connector, list(lines)), written_lines),
        dates,
    )


def order_dates(
    connection: duckdb.DuckDBPyConnection, connector: str, codes: list[str]
) -> dict[str, datetime]:
    """Return the dates of those of the orders with these codes that are stored."""
    rows = connection.execute(
        """
        SELECT order_code, order_date FROM orders
        WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
        """,
        {"connector": connector, "codes": codes},
    ).fetchall()
    return dict(rows)


def _keep_set_aside(
    connection: duckdb.DuckDBPyConnection, batch: OrderBatch, progress: StreamProgress
) -> None:
    came_in = {STREAM: [*batch.orders, *batch.mended], LINES_STREAM: batch.lines}
    replace_set_aside(connection, progress, batch.set_aside.values(), came_in)


@dataclass(frozen=True)
class FilledLines:
    """The lines of an order with a stored header, and their hash as received."""

    rows: Sequence[Row]
    fingerprint: str


def fill_lines(
    warehouse: Warehouse,
    filled: dict[str, FilledLines],
    set_aside: Sequence[SetAside],
    progress: StreamProgress,
) -> dict[str, RowCounts]:
    """Write the lines of orders with stored headers, and what is set aside.

    Returns what changed.
    """
    codes = list(filled)

    def write(connection: duckdb.DuckDBPyConnection) -> dict[str, RowCounts]:
        before = rows_by_code(connection, ORDER_LINES, progress.connector, codes)
        rows: dict[str, Sequence[Row]] = {code: lines.rows for code, lines in filled.items()}
        blank_orders_of_forgotten(connection, progress.connector, {}, rows)
        _keep_lines(connection, [code for code in filled if code in before], filled, progress)
        delete_codes(connection, ORDER_LINES, progress.connector, "order_code", codes)
        append_rows(connection, ORDER_LINES, [row for of_order in rows.values() for row in of_order])
        connection.execute(
            """
            UPDATE orders
            SET lines_synced_at = $at, synced_at = $at, run_id = $run, lines_fingerprint = filled.fingerprint
            FROM (SELECT unnest($codes) AS code, unnest($fingerprints) AS fingerprint) AS filled
            WHERE connector = $connector AND order_code = filled.code
            """,
            {
                "at": progress.at,
                "run": progress.run_id,
                "connector": progress.connector,
                "codes": codes,
                "fingerprints": [lines.fingerprint for lines in filled.values()],
            },
        )
        replace_set_aside(connection, progress, set_aside, {LINES_STREAM: codes})
        save_progress(connection, progress)
        after = rows_by_code(connection, ORDER_LINES, progress.connector, list(before))
        return compared(before, after, {code: lines.rows for code, lines in filled.items()})

    return warehouse.transact(write)


def _keep_lines(
    connection: duckdb.DuckDBPyConnection,
    stored: Sequence[str],
    filled: dict[str, FilledLines],
    progress: StreamProgress,
) -> None:
    """Keep the current version of orders with stored lines that are about to be replaced."""
    rows = connection.execute(
        """
        SELECT order_code, lines_fingerprint FROM orders
        WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
        """,
        {"connector": progress.connector, "codes": list(stored)},
    ).fetchall()
    changed = [code for code, fingerprint in rows if fingerprint != filled[code].fingerprint]
    keep_orders(connection, progress.connector, changed, progress.at)


def count_without_lines(connection: duckdb.DuckDBPyConnection, connector: str) -> int:
    """Count the orders without lines."""
    row = connection.execute(
        "SELECT count(*) FROM orders_without_lines WHERE connector = $connector", {"connector": connector}
    ).fetchone()
    return int(row[0]) if row else 0
