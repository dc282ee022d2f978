"""Orders in a span of order dates: those stored, those that are gone, and what comparing them found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM, order_dates
from a4s_pipeline.warehouse.rows.staging import Row, replace_rows
from a4s_pipeline.warehouse.rows.state import StreamProgress, clear_set_aside
from a4s_pipeline.warehouse.rows.versions import keep_orders
from a4s_pipeline.warehouse.tables import RECONCILED_MONTHS


@dataclass(frozen=True)
class StoredHeader:
    """A stored order: its code, its date, and the hash of its header."""

    code: str
    order_date: datetime
    fingerprint: str | None


def stored_headers(
    connection: duckdb.DuckDBPyConnection, connector: str, start: datetime | None, end: datetime | None
) -> list[StoredHeader]:
    """Return the orders from `start`, inclusive, to `end`, exclusive, except those marked removed."""
    rows = connection.execute(
        """
        SELECT order_code, order_date, header_fingerprint FROM orders
        WHERE connector = $connector AND removed_at IS NULL
          AND ($start IS NULL OR order_date >= $start::TIMESTAMPTZ)
          AND ($end IS NULL OR order_date < $end::TIMESTAMPTZ)
        """,
        {"connector": connector, "start": start, "end": end},
    ).fetchall()
    return [StoredHeader(*row) for row in rows]


def mark_gone(
    connection: duckdb.DuckDBPyConnection, codes: Sequence[str], progress: StreamProgress
) -> list[datetime]:
    """Mark orders as gone at the source: their rows stay, and their lines are not asked for again.

    Returns their dates.
    """
    keep_orders(connection, progress.connector, codes, progress.at)
    connection.execute(
        """
        UPDATE orders SET removed_at = $at, synced_at = $at, run_id = $run
        WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
        """,
        {"at": progress.at, "run": progress.run_id, "connector": progress.connector, "codes": list(codes)},
    )
    clear_set_aside(connection, progress.connector, LINES_STREAM, codes)
    return list(order_dates(connection, progress.connector, list(codes)).values())


def save_reconciled_months(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> None:
    """Replace what the last reconciliation found in these months."""
    replace_rows(connection, RECONCILED_MONTHS, rows)
