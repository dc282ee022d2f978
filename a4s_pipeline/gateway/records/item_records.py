"""The items of the wire, with their unit, pictures and stock."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from a4s_pipeline.gateway.records.records import (
    Amount,
    Code,
    Entries,
    LineNumber,
    OptionalInstant,
    RealDate,
    Text,
    WireRecord,
)


def _names(value: Any) -> Any:
    return {} if value is None else value


class UnitOfMeasure(WireRecord):
    """The one unit that an item is sold in, of `quantity` pieces."""

    code: str
    description: str | None = None
    quantity: Amount | None = None


class ItemImage(WireRecord):
    """One picture of an item, by the hash that names it at the gateway."""

    hash: Text
    file_name: str | None = None
    sequence: LineNumber | None = None


class ItemDelivery(WireRecord):
    """One expected delivery; `date` is None if the entry has no real one."""

    date: RealDate = None
    quantity: Amount


class ItemStock(WireRecord):
    """The stock of an item as listed with the item."""

    item_code: str | None = None
    shelf_stock: Amount
    to_be_delivered: Amount
    delivery_dates: Entries[ItemDelivery]


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
