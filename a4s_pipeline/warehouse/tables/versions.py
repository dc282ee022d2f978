"""The tables of earlier versions of rows."""

from __future__ import annotations

from dataclasses import replace

from a4s_pipeline.warehouse.table import INSTANT, Column, Table
from a4s_pipeline.warehouse.tables.customers import CUSTOMERS
from a4s_pipeline.warehouse.tables.items import ITEMS
from a4s_pipeline.warehouse.tables.orders import ORDER_LINES, ORDERS

VALID_FROM = Column("valid_from", INSTANT, "Since when the row was like this, as far as known.")
VALID_TO = Column("valid_to", INSTANT, "When it was replaced by another, or marked removed.")


def _versions_of(table: Table, name: str, comment: str) -> Table:
    return replace(
        table,
        name=name,
        comment=f"{comment} (A4S_HISTORY_VERSIONS).",
        key=(*table.key, "valid_to"),
        columns=(*table.columns, VALID_FROM, VALID_TO),
    )


ORDER_VERSIONS = _versions_of(
    ORDERS,
    "order_versions",
    "Earlier versions of order headers that changed or were removed: one row per version; "
    "orders_as_of(instant) reads it",
)
ORDER_LINE_VERSIONS = _versions_of(
    ORDER_LINES,
    "order_line_versions",
    "The lines of each row of order_versions: all that the order had, with the same valid_to",
)
CUSTOMER_VERSIONS = _versions_of(
    CUSTOMERS,
    "customer_versions",
    "Earlier versions of customers that changed or were removed: one row per version",
)
ITEM_VERSIONS = _versions_of(
    ITEMS, "item_versions", "Earlier versions of items that changed or were removed: one row per version"
)
