"""How tables join: described once, for the data dictionary and its diagram."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CREATED_CUSTOMERS,
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
    ORDER_EXPORT_ATTEMPTS,
    ORDER_EXPORTS,
    ORDER_LINES,
    ORDERS,
)


class Multiplicity(Enum):
    """How many rows of one table match a row of the other, in Mermaid's notation."""

    PART_OF_ONE = "||--o{"
    PART_OF_ONE_OR_NONE = "|o--o{"
    ONE_OF_ONE = "||--o|"
    ONE_OR_NONE = "|o--o|"


@dataclass(frozen=True)
class Join:
    """Two tables that join on `connector` and the columns named, as (of the parent, of the child)."""

    parent: Table
    child: Table
    on: tuple[tuple[str, str], ...]
    multiplicity: Multiplicity


def _join(
    parent: Table,
    child: Table,
    *on: str | tuple[str, str],
    how: Multiplicity = Multiplicity.PART_OF_ONE,
) -> Join:
    pairs = tuple((column, column) if isinstance(column, str) else column for column in on)
    return Join(parent, child, pairs, how)


JOINS: tuple[Join, ...] = (
    _join(ORDERS, ORDER_LINES, "order_code"),
    # An order may name a customer or an item that was never listed.
    _join(CUSTOMERS, ORDERS, "customer_code", how=Multiplicity.PART_OF_ONE_OR_NONE),
    _join(ITEMS, ORDER_LINES, "item_code", how=Multiplicity.PART_OF_ONE_OR_NONE),
    _join(CUSTOMERS, CUSTOMER_ADDRESSES, "customer_code"),
    _join(CUSTOMERS, CUSTOMER_CONTACT_PERSONS, "customer_code"),
    _join(CUSTOMERS, CUSTOMER_CONTACT_DETAILS, "customer_code"),
    # The customer's own details belong to no person.
    _join(
        CUSTOMER_CONTACT_PERSONS,
        CUSTOMER_CONTACT_DETAILS,
        "customer_code",
        "person_number",
        how=Multiplicity.PART_OF_ONE_OR_NONE,
    ),
    _join(ITEMS, ITEM_NAMES, "item_code"),
    _join(ITEMS, ITEM_ATTRIBUTES, "item_code"),
    _join(ITEMS, ITEM_IMAGES, "item_code"),
    _join(ITEMS, ITEM_STOCKS, "item_code", how=Multiplicity.ONE_OF_ONE),
    _join(ITEMS, ITEM_DELIVERIES, "item_code"),
    _join(ORDER_EXPORTS, ORDER_EXPORT_ATTEMPTS, "intake_order_id"),
    # An exported order is in the history after the legacy backend's next sync, and few orders were exported.
    _join(ORDER_EXPORTS, ORDERS, ("intake_order_id", "external_id"), how=Multiplicity.ONE_OR_NONE),
    _join(CUSTOMERS, CREATED_CUSTOMERS, "customer_code", how=Multiplicity.ONE_OR_NONE),
)
