"""The items of the wire: what is sold, in which unit, with which pictures, and how much of it there is."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from a4s_pipeline.gateway.records import Code, Entries, LineNumber, OptionalInstant, WireRecord
from a4s_pipeline.gateway.stock_records import StockLevels


def _names(value: Any) -> Any:
    return {} if value is None else value


class UnitOfMeasure(WireRecord):
    """The one unit that an item is sold in; `quantity` is how many pieces it holds."""

    code: str
    description: str | None = None
    quantity: Decimal | None = None


class ItemImage(WireRecord):
    """One picture of an item, by the hash that names it at the gateway."""

    hash: str
    file_name: str | None = None
    sequence: LineNumber | None = None


class ItemStock(StockLevels):
    """The stock of an item as the listing of items holds it."""

    item_code: str | None = None


class Item(WireRecord):
    """One item, whole; its own `attributes` are among the extras."""

    item_code: Code
    names: Annotated[dict[str, str | None], BeforeValidator(_names)] = Field(default_factory=dict)
    family_code: str | None = None
    ean_code: str | None = None
    unit_of_measure: UnitOfMeasure | None = None
    images: Entries[ItemImage]
    stock: ItemStock | None = None
    created: OptionalInstant = None
    modified: OptionalInstant = None
