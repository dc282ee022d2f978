"""The stock of an item on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from a4s_pipeline.gateway.records.records import Code, Entries, RealDate, WireRecord, numbered

_MOST_DIGITS = 100


def _sane(quantity: Decimal) -> Decimal:
    # 1E+999999999 is ten letters of JSON, and no sum with it can be written out.
    exponent = quantity.as_tuple().exponent
    if quantity.adjusted() >= _MOST_DIGITS or not isinstance(exponent, int) or exponent < -_MOST_DIGITS:
        raise ValueError("is not a usable quantity")
    return quantity


Quantity = Annotated[Decimal, AfterValidator(_sane)]
"""An exact quantity, of at most a hundred digits before its point and a hundred after."""


class Delivery(WireRecord):
    """One expected delivery; `date` is None if the entry has no real one."""

    date: RealDate = None
    quantity: Quantity


class Stock(WireRecord):
    """The live stock of one item: on the shelf, sold but not delivered, and incoming."""

    # Leaving a delivery out would falsify a sum that looks exact.
    useless_without: ClassVar[frozenset[str]] = frozenset({"deliveryDates"})

    item_code: Code
    shelf_stock: Quantity
    to_be_delivered: Quantity
    delivery_dates: Entries[Delivery]

    @property
    def deliveries(self) -> list[Delivery]:
        """The expected deliveries."""
        return [delivery for _, delivery in numbered(self.delivery_dates)]
