"""The view of what is still to be had of order history."""

from __future__ import annotations

from a4s_pipeline.warehouse.schema import AMOUNT, INSTANT, TEXT, Column, View
from a4s_pipeline.warehouse.tables import CONNECTOR, RUN_ID

ORDERS_WITHOUT_LINES = View(
    "orders_without_lines",
    "Orders whose lines are not in yet: the next sync asks for them first. Removed orders are left out.",
    """
    SELECT connector, order_code, order_number, order_date, customer_code, sub_total, currency,
           synced_at, run_id
    FROM orders
    WHERE lines_synced_at IS NULL AND removed_at IS NULL
    """,
    (
        CONNECTOR,
        Column("order_code", TEXT, "The order's code."),
        Column("order_number", TEXT, "The number that people know the order by."),
        Column("order_date", INSTANT, "When the order was placed."),
        Column("customer_code", TEXT, "The customer who ordered."),
        Column("sub_total", AMOUNT, "What the missing lines should add up to."),
        Column("currency", TEXT, "The currency of the order."),
        Column("synced_at", INSTANT, "When the header was last written."),
        RUN_ID,
    ),
)
