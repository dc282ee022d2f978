"""Turns an item of the wire into rows."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.records.item_records import Item, ItemStock, UnitOfMeasure
from a4s_pipeline.gateway.records.records import numbered
from a4s_pipeline.sync.records.record_writer import RecordKind
from a4s_pipeline.sync.rows import Stamp, attributes_as_json, merged_attributes, row_of, stamped
from a4s_pipeline.warehouse.rows.records import ITEM_TABLES, RowsByTable
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.tables import (
    ITEM_ATTRIBUTES,
    ITEM_DELIVERIES,
    ITEM_IMAGES,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
)

_WITHIN = frozenset({"names", "unit_of_measure", "images", "stock"})
_WITHIN_STOCK = frozenset({"delivery_dates"})
_IN_DELIVERY = frozenset({"date"})


def item_rows(item: Item, stamp: Stamp, fingerprint: str) -> RowsByTable:
    """Turn an item into rows; raises `Unstorable` for an amount too large for its column."""
    attributes = _attributes(item)
    own = {"item_code": item.item_code, **stamped(stamp)}
    parent = row_of(item, stamp, without=_WITHIN)
    parent |= _unit(item.unit_of_measure, stamp)
    parent |= {"attributes": attributes_as_json(attributes), "fingerprint": fingerprint}
    return {
        ITEMS.name: [parent],
        ITEM_NAMES.name: [
            {**own, "language": language, "name": name}
            for language, name in item.names.items()
            if name is not None
        ],
        ITEM_ATTRIBUTES.name: [
            {**own, "name": name, "value": exact_json.dumps(value), "value_text": as_text(value)}
            for name, value in attributes.items()
        ],
        ITEM_IMAGES.name: [
            {**row_of(image, stamp, path=f"images.{number}."), **own, "image_number": number}
            for number, image in numbered(item.images)
        ],
        **_stock(item.stock, own, stamp),
    }


def _attributes(item: Item) -> dict[str, Any]:
    """Return the item's attributes, with the unit's fields that have no column."""
    extra = dict(item.model_extra or {})
    if item.unit_of_measure is not None and item.unit_of_measure.model_extra:
        extra["unitOfMeasure"] = item.unit_of_measure.model_extra
    return merged_attributes(extra)


def _unit(unit: UnitOfMeasure | None, stamp: Stamp) -> Row:
    if unit is None:
        return {}
    row = row_of(unit, stamp, path="unit_of_measure.")
    return {f"unit_{name}": row[name] for name in ("code", "description", "quantity")}


def _stock(stock: ItemStock | None, own: Row, stamp: Stamp) -> RowsByTable:
    if stock is None:
        return {}
    deliveries = [
        {
            **row_of(entry, stamp, without=_IN_DELIVERY, path=f"stock.delivery_dates.{number}."),
            **own,
            "entry_number": number,
            "delivery_date": entry.date.isoformat() if entry.date else None,
        }
        for number, entry in numbered(stock.delivery_dates)
    ]
    # The row has the item's own code, whatever code the stock names.
    levels = {**row_of(stock, stamp, without=_WITHIN_STOCK, path="stock."), **own}
    return {ITEM_STOCKS.name: [levels], ITEM_DELIVERIES.name: deliveries}


def as_text(value: Any) -> str | None:
    """Return the value of an attribute as plain text: a list or an object as JSON, null as None."""
    if value is None or isinstance(value, str):
        return value
    return exact_json.dumps(value)


ITEM_KIND: RecordKind[Item] = RecordKind(
    tables=ITEM_TABLES,
    model=Item,
    key_field="itemCode",
    page=Administration.items,
    code_of=lambda item: item.item_code,
    rows_of=item_rows,
)
