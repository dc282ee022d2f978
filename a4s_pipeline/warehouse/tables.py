"""The tables of the warehouse, described once."""

from __future__ import annotations

from a4s_pipeline.warehouse.schema import (
    AMOUNT,
    DAY,
    FLAG,
    INSTANT,
    JSON,
    SECONDS,
    TEXT,
    WHOLE,
    Column,
    Table,
)

CONNECTOR = Column("connector", TEXT, "The App4Sales Platform connection that the row belongs to.")
SYNCED_AT = Column("synced_at", INSTANT, "When the row was last written.")
RUN_ID = Column("run_id", TEXT, "The run that last wrote the row, as shown in Dagster.")
ATTRIBUTES = Column(
    "attributes",
    JSON,
    "Fields that the contract does not name, together with the record's own attributes, which win a clash.",
)
REMOVED_AT = Column(
    "removed_at", INSTANT, "When the record was found gone at the source; null while it is there."
)


def _table(name: str, comment: str, key: tuple[str, ...], *columns: Column) -> Table:
    return Table(name, comment, ("connector", *key), (CONNECTOR, *columns, SYNCED_AT, RUN_ID))


ORDERS = _table(
    "orders",
    "Order headers as the legacy backend last gave them: one row an order.",
    ("order_code",),
    Column("order_code", TEXT, "The order's code, unique in its administration."),
    Column("order_number", TEXT, "The number that people know the order by."),
    Column("external_id", TEXT, "The identifier that the order was exported with."),
    Column("order_date", INSTANT, "When the order was placed."),
    Column("customer_code", TEXT, "The customer who ordered."),
    Column("customer_name", TEXT, "The customer's name on the order."),
    Column("order_type", TEXT, "order, quotation, invoice or return."),
    Column("status", TEXT, "The status in the legacy backend."),
    Column("reference", TEXT, "Our reference."),
    Column("your_reference", TEXT, "The customer's reference."),
    Column("notes", TEXT, "Notes on the order."),
    Column("currency", TEXT, "The currency of every amount of the order."),
    Column("sub_total", AMOUNT, "The sum of the line totals, after discount and before VAT."),
    Column("vat_total", AMOUNT, "The VAT."),
    Column("shipping_costs", AMOUNT, "The shipping costs."),
    Column("total", AMOUNT, "Sub total, VAT and shipping costs together."),
    Column("sales_rep", TEXT, "The sales representative."),
    Column("modified", INSTANT, "When the legacy backend last changed the order, where it says so."),
    Column("delivery_address", JSON, "The delivery address as it came."),
    ATTRIBUTES,
    Column(
        "header_fingerprint",
        TEXT,
        "A hash of the header as it came; a sync tells by it whether the order changed.",
    ),
    Column("lines_fingerprint", TEXT, "A hash of the lines as they came; null while they are not in."),
    Column(
        "lines_synced_at",
        INSTANT,
        "When the order's lines came in; null while they are not in, and then no line is held.",
    ),
    REMOVED_AT,
)

ORDER_LINES = _table(
    "order_lines",
    "Order lines: all lines of an order, or none while they are not in (orders.lines_synced_at).",
    ("order_code", "line_code"),
    Column("order_code", TEXT, "The order that the line belongs to."),
    Column("line_code", TEXT, "The line's code, unique in its order."),
    Column("line_number", WHOLE, "The line's place in the order; counts from 0 or from 1, by back office."),
    Column("item_code", TEXT, "The item ordered."),
    Column("description", TEXT, "The description on the order."),
    Column("quantity", AMOUNT, "How many units; negative on a return."),
    Column("unit", TEXT, "The unit of the quantity."),
    Column("price", AMOUNT, "The price of one unit, in the order's currency."),
    Column("discount", AMOUNT, "The discount in percent."),
    Column("line_total", AMOUNT, "The amount after discount and before VAT, in the order's currency."),
    Column("delivery_date", DAY, "The day of delivery; null where there is no real one."),
    Column("instruction", TEXT, "The instruction on the line."),
    Column("your_reference", TEXT, "The customer's reference of the line."),
    ATTRIBUTES,
)

SYNC_STATE = _table(
    "sync_state",
    "How far each stream of each connector is, and how its last run went.",
    ("stream",),
    Column("stream", TEXT, "items, customers or orders."),
    Column(
        "watermark",
        INSTANT,
        "The most recently imported order date; orders dated after the start of their run do not count.",
    ),
    Column("last_success_at", INSTANT, "When the stream was last read to its end."),
    Column("last_run_at", INSTANT, "When the stream was last tried."),
    Column("last_error", TEXT, "Why the last run did not reach its end; null when it did."),
    Column("last_history_sync", INSTANT, "When the legacy backend last synced its order history."),
    Column("has_history", FLAG, "Whether order history exists here; false without a focus connector."),
    Column("focus_connector", TEXT, "The name of the legacy backend's focus connector."),
    Column("seen", WHOLE, "Records listed in the last run."),
    Column("new", WHOLE, "Records that were not held before the last run."),
    Column("changed", WHOLE, "Records held before the last run and written again by it."),
    Column("unchanged", WHOLE, "Records that the last run found as they were."),
    Column("removed", WHOLE, "Records that the last run found gone."),
    Column("set_aside", WHOLE, "Records that the last run could not read."),
    Column("without_lines", WHOLE, "Orders whose lines were not in when the last run ended."),
    Column("calls", WHOLE, "Calls to the gateway in the last run, repeated ones included."),
    Column("retries", WHOLE, "Calls of the last run that repeated one that failed."),
    Column("seconds", SECONDS, "How long the last run took."),
)

SET_ASIDE = _table(
    "set_aside",
    "Records that could not be read, as they came; a row goes when its record comes in.",
    ("stream", "record_key"),
    Column("stream", TEXT, "orders, order_lines, items or customers."),
    Column("record_key", TEXT, "The record's code, or a hash of the record where it has none."),
    Column("reason", TEXT, "What keeps the record from being read."),
    Column("payload", JSON, "The record as it came."),
    Column("listed_at", INSTANT, "Orders: the order date next to which the record was listed."),
    Column("first_seen_at", INSTANT, "When the record was first set aside."),
)

FLOW_EXECUTIONS = _table(
    "flow_executions",
    "One row a flow execution: every sync, export and creation, one in ten of the live answers, "
    "every failure.",
    (),
    Column("flow", TEXT, "sync_orders, sync_items, sync_customers, export_order, projected_stock, …"),
    Column("status", TEXT, "ok, refused, failed or unknown."),
    Column("started_at", INSTANT, "When it started."),
    Column("duration_ms", SECONDS, "How long it took, in milliseconds."),
    Column("error", TEXT, "What went wrong; null when nothing did."),
)

SCHEMA_HISTORY = Table(
    "schema_history",
    "Which descriptions of tables and views were applied to this file, and when.",
    ("fingerprint",),
    (
        Column("fingerprint", TEXT, "A hash of the description."),
        Column("applied_at", INSTANT, "When it was applied."),
    ),
)

TABLES: tuple[Table, ...] = (ORDERS, ORDER_LINES, SYNC_STATE, SET_ASIDE, FLOW_EXECUTIONS, SCHEMA_HISTORY)
