"""The tables about the pipeline itself: its state, what it could not read, and what it did."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import (
    DAY,
    FLAG,
    INSTANT,
    JSON,
    SECONDS,
    TEXT,
    WHOLE,
    Column,
    local_day,
)
from a4s_pipeline.warehouse.tables.common import synced_table

SYNC_STATE = synced_table(
    "sync_state",
    "How far each stream of each connector has been imported, and how its last run went.",
    ("stream",),
    Column("stream", TEXT, "items, customers or orders."),
    Column(
        "watermark",
        INSTANT,
        "The most recently imported order date; orders dated after the start of their run do not count.",
    ),
    Column("last_success_at", INSTANT, "When the stream was last read completely."),
    Column("last_run_at", INSTANT, "When the stream was last tried."),
    Column("last_error", TEXT, "Why the last run did not finish; null if it did."),
    Column("last_history_sync", INSTANT, "When the legacy backend last synced its order history."),
    Column("has_history", FLAG, "Whether order history exists here; false without a focus connector."),
    Column("focus_connector", TEXT, "The name of the legacy backend's focus connector."),
    Column("seen", WHOLE, "Records listed in the last run."),
    Column("new", WHOLE, "Records that were not stored before the last run."),
    Column("changed", WHOLE, "Records stored before the last run and written again by it."),
    Column("unchanged", WHOLE, "Records that the last run found unchanged."),
    Column("removed", WHOLE, "Records that the last run found missing at the source."),
    Column("set_aside", WHOLE, "Records that the last run could not read."),
    Column("without_lines", WHOLE, "Orders without stored lines when the last run ended."),
    Column("calls", WHOLE, "Calls to the gateway in the last run, including retries."),
    Column("retries", WHOLE, "Retries of failed calls in the last run."),
    Column("seconds", SECONDS, "How long the last run took."),
)

SET_ASIDE = synced_table(
    "set_aside",
    "Records that could not be read, and unreadable parts of records, as received; a row is removed when "
    "its record can be read.",
    ("stream", "record_key", "part"),
    Column("stream", TEXT, "orders, order_lines, items or customers."),
    Column("record_key", TEXT, "The record's code, or a hash of the record if it has none."),
    Column(
        "part",
        TEXT,
        "The part of the record, with places from 1, such as contactDetails.2 or lines.3; empty where it is "
        "the whole record.",
    ),
    Column("reason", TEXT, "Why it cannot be read."),
    Column("payload", JSON, "The record, or the part, as received."),
    Column("listed_at", INSTANT, "Orders: the order date next to which the record was listed."),
    Column("first_seen_at", INSTANT, "When the record was first set aside."),
)

RECONCILED_MONTHS = synced_table(
    "reconciled_months",
    "What the last reconciliation of order headers found: one row per month.",
    ("month",),
    Column("month", DAY, "The month, by its first day; orders dated in the future count to the running one."),
    Column("gateway_orders", WHOLE, "How many orders the gateway counted."),
    Column("store_orders", WHOLE, "How many orders were stored, without those marked removed."),
    Column("missing", WHOLE, "Orders that were listed but not stored."),
    Column("gone", WHOLE, "Orders that were stored but not listed."),
    Column("changed", WHOLE, "Orders that were stored with another header."),
    Column("waiting", WHOLE, "Missing or changed orders that the next sync would import by itself."),
    Column("set_aside", WHOLE, "Orders that were listed but could not be read."),
    Column("differs", FLAG, "Whether an order differed; null if the listing kept changing."),
    Column("examples", JSON, "Some of the codes of the orders that were missing, gone or changed."),
)

_STARTED_AT = Column("started_at", INSTANT, "When it started.")

FLOW_EXECUTIONS = synced_table(
    "flow_executions",
    "One row per flow execution: every sync, export and creation, one in ten of the live answers, "
    "every failure.",
    (),
    Column("flow", TEXT, "sync_orders, sync_items, sync_customers, export_order, projected_stock, …"),
    Column("status", TEXT, "ok, refused, failed or unknown."),
    _STARTED_AT,
    local_day("started_day", _STARTED_AT),
    Column("duration_ms", SECONDS, "How long it took, in milliseconds."),
    Column("error", TEXT, "What went wrong; null when nothing did."),
)

ACKNOWLEDGED = synced_table(
    "acknowledged",
    "Records that were set aside and that somebody has acknowledged, with the reason; valid until the "
    "record changes.",
    ("stream", "record_key", "part"),
    Column("stream", TEXT, "The stream, as in set_aside."),
    Column("record_key", TEXT, "The record, as in set_aside."),
    Column("part", TEXT, "The part of the record, as in set_aside."),
    Column(
        "content",
        TEXT,
        "A hash of the payload and its reason: if either changes, the record is no longer acknowledged.",
    ),
    Column("acknowledged_at", INSTANT, "When it was acknowledged."),
    Column("acknowledged_by", TEXT, "By whom."),
    Column("note", TEXT, "Why it may stay as it is."),
)

DRIFT = synced_table(
    "drift",
    "Fields of records that depart from the contract, counted by run; the runs of the last 30 days. "
    "Lines are read, and counted, for new and changed orders only.",
    ("stream", "run_id", "field", "drift", "found"),
    Column("stream", TEXT, "orders, order_lines, items or customers."),
    Column(
        "field",
        TEXT,
        "The path of the field, such as stock.shelfStock or addresses[].type; … stands for unknown fields "
        "beyond 200 of a stream, * for any name.",
    ),
    Column(
        "drift",
        TEXT,
        "unknown: the contract does not name it. missing: it must be there, and is absent or null. "
        "kind: it is of another kind than it must be. value: it is of that kind and cannot be read. "
        "text: it holds U+FFFD in the place of a byte that could not be read, or a control character as it "
        "came.",
    ),
    Column("found", TEXT, "What was found: text, number, flag, list, object or nothing."),
    Column("example", TEXT, "The form of the first value found: a letter is x or X, a digit 9."),
    Column(
        "records",
        WHOLE,
        "How many records of the run have it; if a listing was read several times, the largest count.",
    ),
    Column("first_seen_at", INSTANT, "When a run first found it, as far back as the table goes."),
)

RESTORES = synced_table(
    "restores",
    "When this store was restored from a backup: its ledger does not know what was sent in between.",
    ("restored_at",),
    Column("restored_at", INSTANT, "When the backup was restored."),
    Column("backup_made_at", INSTANT, "When the backup was made."),
)

FORGOTTEN_CUSTOMERS = synced_table(
    "forgotten_customers",
    "Customers whose personal data was removed on request: no sync brings it back.",
    ("customer_code",),
    Column("customer_code", TEXT, "The customer's code, which the books keep."),
    Column("forgotten_at", INSTANT, "When the data was last removed."),
    Column("asked_by", TEXT, "Who asked for it: the person named in the command, or else its user."),
    Column("touched", JSON, "How many rows and files were removed or blanked, by table and folder."),
)
