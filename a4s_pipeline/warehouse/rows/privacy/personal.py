"""The columns with a customer's personal data, and the tables about one customer only."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMER_VERSIONS,
    CUSTOMERS,
    ORDER_LINES,
    ORDERS,
)

CUSTOMER_TABLES: tuple[Table, ...] = (
    CUSTOMERS,
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_VERSIONS,
)
"""Every row of these is about one customer, and is deleted."""

ORDER_COLUMNS = tuple(column.name for column in ORDERS.columns if column.is_personal)
"""Codes, dates and amounts of an order stay: the books need them. Attributes may contain anything."""

LINE_COLUMNS = tuple(column.name for column in ORDER_LINES.columns if column.is_personal)
"""The description of an item stays; that of a text-only line may be about a person, and is blanked."""
