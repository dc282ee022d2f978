"""The tables of order history."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import AMOUNT, DAY, INSTANT, JSON, TEXT, WHOLE, Column, local_day
from a4s_pipeline.warehouse.tables.common import ATTRIBUTES, REMOVED_AT, synced_table

_ORDER_DATE = Column("order_date", INSTANT, "When the order was placed.")
_MODIFIED = Column("modified", INSTANT, "When the legacy backend last changed the order, if it says so.")

ORDERS = synced_table(
    "orders",
    "Order headers as the legacy backend last gave them: one row per order.",
    ("order_code",),
    Column("order_code", TEXT, "The order's code, unique in its administration."),
    Column("order_number", TEXT, "The number that people know the order by."),
    Column("external_id", TEXT, "The identifier that the order was exported with."),
    _ORDER_DATE,
    local_day("order_day", _ORDER_DATE),
    Column("customer_code", TEXT, "The customer who ordered."),
    Column("customer_name", TEXT, "The customer's name on the order.", is_personal=True),
    Column("order_type", TEXT, "order, quotation, invoice or return."),
    Column("status", TEXT, "The status in the legacy backend."),
    Column("reference", TEXT, "Our reference.", is_personal=True),
    Column("your_reference", TEXT, "The customer's reference.", is_personal=True),
    Column("notes", TEXT, "Notes on the order.", is_personal=True),
    Column("currency", TEXT, "The currency of every amount of the order."),
    Column("sub_total", AMOUNT, "The sum of the line totals, after discount and before VAT."),
    Column("vat_total", AMOUNT, "The VAT."),
    Column("shipping_costs", AMOUNT, "The shipping costs."),
    Column("total", AMOUNT, "Sub total, VAT and shipping costs together."),
    Column("sales_rep", TEXT, "The sales representative."),
    _MODIFIED,
    local_day("modified_day", _MODIFIED),
    Column("delivery_address", JSON, "The delivery address as received.", is_personal=True),
    ATTRIBUTES,
    Column(
        "header_fingerprint",
        TEXT,
        "A hash of the header as received; a sync uses it to see whether the order changed.",
    ),
    Column("lines_fingerprint", TEXT, "A hash of the lines as received; null until the lines are stored."),
    Column(
        "lines_synced_at",
        INSTANT,
        "When the order's lines were stored; null while they must be fetched, or fetched again.",
    ),
    REMOVED_AT,
)

ORDER_LINES = synced_table(
    "order_lines",
    "Order lines: all lines of an order, or none until they are first stored (orders.lines_synced_at).",
    ("order_code", "line_code"),
    Column("order_code", TEXT, "The order that the line belongs to."),
    Column("line_code", TEXT, "The line's code, unique in its order."),
    Column(
        "line_number",
        WHOLE,
        "The line's position in the order; some back offices count from 0, others from 1.",
    ),
    Column("item_code", TEXT, "The item ordered."),
    Column("description", TEXT, "The description on the order."),
    Column("quantity", AMOUNT, "How many units; negative on a return."),
    Column("unit", TEXT, "The unit of the quantity."),
    Column("price", AMOUNT, "The price of one unit, in the order's currency."),
    Column("discount", AMOUNT, "The discount in percent."),
    Column("line_total", AMOUNT, "The amount after discount and before VAT, in the order's currency."),
    Column("delivery_date", DAY, "The day of delivery; null if there is no real one."),
    Column("instruction", TEXT, "The instruction on the line.", is_personal=True),
    Column("your_reference", TEXT, "The customer's reference of the line.", is_personal=True),
    ATTRIBUTES,
)
