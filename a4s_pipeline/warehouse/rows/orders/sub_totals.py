"""Finds orders with a sub total that is not the sum of their lines: probably another order's lines."""

from __future__ import annotations

import duckdb

from a4s_pipeline.warehouse.rows.orders.writing import PendingOrder

# A cent of rounding is allowed. An order stored without lines has a sum of 0; text-only lines have no sum to
# compare.
ORDERS_OFF = """
    WITH sums AS (
        SELECT connector, order_code, sum(line_total) AS line_sum,
               count(*) FILTER (line_total IS NULL AND item_code IS NOT NULL) = 0
                   AND count(line_total) > 0 AS has_sum
        FROM order_lines GROUP BY ALL
    )
    SELECT connector, order_date, order_code, lines_fingerprint
    FROM orders LEFT JOIN sums USING (connector, order_code)
    WHERE removed_at IS NULL AND lines_synced_at IS NOT NULL AND coalesce(has_sum, true)
        AND abs(sub_total - coalesce(line_sum, 0)) > 0.01
"""


def orders_off(store: duckdb.DuckDBPyConnection, connector: str) -> list[PendingOrder]:
    """Return a connector's orders whose `sub_total` differs from the sum of their lines, oldest first."""
    rows = store.execute(
        f"""
        SELECT order_date, order_code, lines_fingerprint, 0 FROM ({ORDERS_OFF})
        WHERE connector = $connector ORDER BY order_date, order_code
        """,  # noqa: S608 - our own query
        {"connector": connector},
    ).fetchall()
    return [PendingOrder(*row) for row in rows]
