"""Which columns hold personal data of a customer, and which tables are about nobody else."""

from __future__ import annotations

from a4s_pipeline.warehouse.schema.schema import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMER_VERSIONS,
    CUSTOMERS,
)

CUSTOMER_TABLES: tuple[Table, ...] = (
    CUSTOMERS,
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_VERSIONS,
)
"""Every row of these is about one customer, and goes."""

ORDER_COLUMNS = ("customer_name", "reference", "your_reference", "notes", "delivery_address", "attributes")
"""Codes, dates and amounts of an order stay: the books need them. Attributes may hold anything."""

LINE_COLUMNS = ("instruction", "your_reference", "attributes")
"""The description of an item stays; that of a line of text alone may be about a person, and goes."""
