"""The tables of items, with names, attributes, pictures, stocks and deliveries."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import AMOUNT, DAY, INSTANT, JSON, TEXT, WHOLE, Column, local_day
from a4s_pipeline.warehouse.tables.common import ATTRIBUTES, FINGERPRINT, REMOVED_AT, SYNCED_AT, synced_table

_ITEM_CODE = Column("item_code", TEXT, "The item's code, unique in its administration.")

_CREATED = Column("created", INSTANT, "When the item was created, if the gateway says so.")
_MODIFIED = Column("modified", INSTANT, "When the item was last changed, if the gateway says so.")

ITEMS = synced_table(
    "items",
    "Items as the gateway last listed them: one row per item.",
    ("item_code",),
    _ITEM_CODE,
    Column("family_code", TEXT, "The family that the item belongs to."),
    Column("ean_code", TEXT, "The item's EAN bar code."),
    Column("unit_code", TEXT, "The code of the item's one unit of measure."),
    Column("unit_description", TEXT, "The unit of measure in words."),
    Column("unit_quantity", AMOUNT, "How many pieces are in the unit of measure."),
    _CREATED,
    local_day("created_day", _CREATED),
    _MODIFIED,
    local_day("modified_day", _MODIFIED),
    ATTRIBUTES,
    FINGERPRINT,
    REMOVED_AT,
)

ITEM_NAMES = synced_table(
    "item_names",
    "The names of items: one row per language.",
    ("item_code", "language"),
    _ITEM_CODE,
    Column("language", TEXT, "The language of the name, such as nl or en."),
    Column("name", TEXT, "The item's name in that language."),
)

ITEM_ATTRIBUTES = synced_table(
    "item_attributes",
    "The attributes of items: one row per attribute.",
    ("item_code", "name"),
    _ITEM_CODE,
    Column("name", TEXT, "The attribute's name."),
    Column("value", JSON, "The attribute's value as received: a text, a number, a boolean or a list."),
    Column("value_text", TEXT, "The same value as plain text; a list as its JSON."),
)

ITEM_IMAGES = synced_table(
    "item_images",
    "The pictures of items: `a4s images` fetches them by their hash.",
    ("item_code", "image_number"),
    _ITEM_CODE,
    Column("image_number", WHOLE, "The picture's position in the record, from 1."),
    Column("hash", TEXT, "The hash that names the picture at the gateway."),
    Column("file_name", TEXT, "The name of the picture's file in the back office."),
    Column("sequence", WHOLE, "The picture's position among the item's pictures, from the back office."),
    ATTRIBUTES,
)

ITEM_STOCKS = synced_table(
    "item_stocks",
    "The stock of items at the time of the last sync; `a4s stock` asks for it live.",
    ("item_code",),
    _ITEM_CODE,
    Column("shelf_stock", AMOUNT, "The quantity on the shelf."),
    Column("to_be_delivered", AMOUNT, "The quantity that is sold but not delivered yet."),
    local_day("stock_day", SYNCED_AT),
    ATTRIBUTES,
)

ITEM_DELIVERIES = synced_table(
    "item_deliveries",
    "Expected deliveries from suppliers: one row per entry of the record.",
    ("item_code", "entry_number"),
    _ITEM_CODE,
    Column("entry_number", WHOLE, "The entry's position in the record, from 1."),
    Column("delivery_date", DAY, "The day of the delivery; null if the entry has no real date."),
    Column("quantity", AMOUNT, "The expected quantity."),
    ATTRIBUTES,
)
