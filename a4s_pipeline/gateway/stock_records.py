"""The stock of an item on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from a4s_pipeline.gateway.records import Code, RealDate, WireRecord


def _entries(value: Any) -> Any:
    return [] if value is None else value


class Delivery(WireRecord):
    """One delivery that is expected; `date` is None where the entry has no real one."""

    date: RealDate = None
    quantity: Decimal


class Stock(WireRecord):
    """How much of an item lies on the shelf, is still to be delivered to customers, and is to come in."""

    item_code: Code
    shelf_stock: Decimal
    to_be_delivered: Decimal
    delivery_dates: Annotated[list[Delivery], BeforeValidator(_entries)] = Field(default_factory=list)
