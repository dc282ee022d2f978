"""The ledgers of what was sent: orders exported and customers created, each once."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, JSON, TEXT, WHOLE, Column, local_day
from a4s_pipeline.warehouse.tables.common import synced_table

_STATUS = Column("status", TEXT, "pending, sending, ok, refused, failed or unknown.")
_ERROR = Column("error", TEXT, "What went wrong and what to do; null when nothing did.")
_ERROR_CODE = Column("error_code", TEXT, "The code of what went wrong.")
_RECEIVED_AT = Column("received_at", INSTANT, "When the request first came in.")
_SENT_AT = Column("last_sent_at", INSTANT, "When it was last about to be sent.")
_SETTLED_AT = Column("settled_at", INSTANT, "When its outcome became known; null while it is not.")
_UNKNOWN_AT = Column("unknown_at", INSTANT, "When its outcome first was unknown; null if it never was.")
_ANNOUNCED_AT = Column("announced_at", INSTANT, "When all URLs of A4S_CALLBACKS had accepted its outcome.")
_ATTEMPTS = Column("attempts", WHOLE, "How often it was sent.")

ORDER_EXPORTS = synced_table(
    "order_exports",
    "The ledger of exported orders: one row per intake order, with what was sent and the outcome.",
    ("intake_order_id",),
    Column("intake_order_id", TEXT, "The intake order's id, which is its external id at the gateway."),
    _STATUS,
    Column("customer_code", TEXT, "The customer who orders."),
    Column("order_id", TEXT, "The order id that the gateway gave."),
    Column("order_number", TEXT, "The order number that the gateway gave."),
    _ATTEMPTS,
    Column("intake", JSON, "The intake order as received."),
    Column(
        "intake_fingerprint",
        TEXT,
        "A hash of the intake order; the same id with another hash is another order.",
    ),
    Column("payload", JSON, "The order exactly as it was about to be sent, after the hook."),
    Column("not_sent", JSON, "Fields of the intake order that the gateway's order has no place for."),
    Column("response", JSON, "What the gateway answered."),
    _ERROR,
    _ERROR_CODE,
    _RECEIVED_AT,
    local_day("received_day", _RECEIVED_AT),
    _SENT_AT,
    _SETTLED_AT,
    _UNKNOWN_AT,
    _ANNOUNCED_AT,
)

ORDER_EXPORT_ATTEMPTS = synced_table(
    "order_export_attempts",
    "Every attempt to export an order: each send, each look-up, each failure of the hook.",
    ("intake_order_id", "attempt_number"),
    Column("intake_order_id", TEXT, "The intake order's id."),
    Column("attempt_number", WHOLE, "The attempt's number, from 1."),
    Column("kind", TEXT, "prepare, send, look_up or by_hand."),
    _STATUS,
    Column("started_at", INSTANT, "When the attempt started."),
    Column("ended_at", INSTANT, "When it ended; null if it was cut short."),
    Column("request", JSON, "What was sent."),
    Column("response", JSON, "What the gateway answered."),
    _ERROR,
    Column("traceback", TEXT, "The traceback if the hook failed; null otherwise."),
)

CREATED_CUSTOMERS = synced_table(
    "created_customers",
    "The ledger of customers created at the gateway: one row per customer.",
    ("customer_code",),
    Column("customer_code", TEXT, "The customer's code."),
    Column("external_id", TEXT, "The external customer identifier that the gateway gave."),
    _STATUS,
    _ATTEMPTS,
    Column("payload", JSON, "The customer exactly as it was about to be sent."),
    Column("payload_fingerprint", TEXT, "A hash of the payload."),
    Column("response", JSON, "What the gateway answered."),
    _ERROR,
    _ERROR_CODE,
    _RECEIVED_AT,
    local_day("received_day", _RECEIVED_AT),
    _SENT_AT,
    _SETTLED_AT,
    _UNKNOWN_AT,
    _ANNOUNCED_AT,
)
