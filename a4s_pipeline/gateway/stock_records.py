"""The stock of an item on the wire."""

from __future__ import annotations

from decimal import Decimal

from a4s_pipeline.gateway.records import Code, Entries, RealDate, WireRecord


class Delivery(WireRecord):
    """One delivery that is expected; `date` is None where the entry has no real one."""

    date: RealDate = None
    quantity: Decimal


class StockLevels(WireRecord):
    """How much lies on the shelf, is still to be delivered to customers, and is to come in."""

    shelf_stock: Decimal
    to_be_delivered: Decimal
    delivery_dates: Entries[Delivery]


class Stock(StockLevels):
    """The stock of one item, asked for live."""

    item_code: Code
