"""Counts the rows of partitions: a connector's orders by month, its items and customers in total."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import duckdb

from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

RowsByMonth = dict[str, dict[date, int]]
"""How many rows, by table and by the first day of the month."""

_MONTH = "date_trunc('month', timezone($zone, order_date))::DATE"

_ORDERS = f"""
    SELECT {_MONTH}, count(*) FROM orders
    WHERE connector = $connector AND ($since IS NULL OR order_date >= $since::TIMESTAMPTZ) GROUP BY ALL
"""  # noqa: S608 - own texts
_LINES = f"""
    SELECT {_MONTH}, count(*) FROM order_lines JOIN orders USING (connector, order_code)
    WHERE connector = $connector AND ($since IS NULL OR order_date >= $since::TIMESTAMPTZ) GROUP BY ALL
"""  # noqa: S608 - own texts

# An unreadable order counts where it was listed; unreadable lines count in the month of their order.
_SET_ASIDE = f"""
    SELECT stream, {_MONTH}, count(*) FROM (
        SELECT stream, coalesce(listed_at, order_date) AS order_date
        FROM set_aside LEFT JOIN orders
            ON orders.connector = set_aside.connector AND orders.order_code = set_aside.record_key
        WHERE set_aside.connector = $connector AND set_aside.run_id = $run
          AND stream IN ('orders', 'order_lines')
    ) WHERE order_date IS NOT NULL GROUP BY ALL
"""  # noqa: S608 - own texts


def order_rows_by_month(
    connection: duckdb.DuckDBPyConnection, connector: str, zone: ZoneInfo, since: datetime | None = None
) -> RowsByMonth:
    """Return how many orders and lines a connector's months have, from `since` on; removed orders count."""
    values = {"connector": connector, "zone": zone.key, "since": since}
    return {
        table.name: dict(connection.execute(query, values).fetchall())
        for table, query in ((ORDERS, _ORDERS), (ORDER_LINES, _LINES))
    }


def set_aside_by_month(
    connection: duckdb.DuckDBPyConnection, connector: str, zone: ZoneInfo, run_id: str
) -> RowsByMonth:
    """Return how many orders, and lines of how many orders, a run could not read, by month."""
    found: RowsByMonth = {}
    values = {"connector": connector, "zone": zone.key, "run": run_id}
    for stream, month, count in connection.execute(_SET_ASIDE, values).fetchall():
        found.setdefault(stream, {})[month] = count
    return found


def rows_of_connector(
    connection: duckdb.DuckDBPyConnection, connector: str, tables: Sequence[Table]
) -> dict[str, int]:
    """Return how many rows of a connector each table has; removed records count."""
    counts: dict[str, int] = {}
    for table in tables:
        query = f"SELECT count(*) FROM {table.name} WHERE connector = $connector"  # noqa: S608 - own names
        ((counts[table.name],),) = connection.execute(query, {"connector": connector}).fetchall()
    return counts
