"""Shows an order of the export ledger, for the command and HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.answers import error_of
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry

# The gateway order's names that differ from the intake order's.
_INTAKE_NAMES = {"externalId": "intakeOrderId", "reference": "ourReference"}
STATUSES = ("pending", "sending", "ok", "refused", "failed", "unknown")


def export_row(entry: Entry) -> dict[str, Any]:
    """Return one order of the ledger: the request, its outcome, and the times."""
    row = entry.row
    return {
        "intakeOrderId": entry.key,
        "status": entry.status,
        "customerCode": row["customer_code"],
        "externalId": entry.key,
        "orderId": row["order_id"],
        "orderNumber": row["order_number"],
        "attempts": entry.attempts,
        "notSent": exact_json.loads(row["not_sent"]) if row["not_sent"] else [],
        "receivedAt": instant_or_none(row["received_at"]),
        "lastSentAt": instant_or_none(row["last_sent_at"]),
        "settledAt": instant_or_none(row["settled_at"]),
        "error": _error(entry),
    }


def _error(entry: Entry) -> dict[str, Any] | None:
    row = entry.row
    if row["error"] is None:
        return None
    error = error_of(row["error_code"] or "Failed", row["error"])
    response = exact_json.loads(row["response"]) if row["response"] else {}
    error["fields"] = fields_of(error["code"], response)
    return error


def fields_of(code: str, response: Any) -> list[dict[str, str]]:
    """Return the fields at fault under the intake order's names, the only ones its sender knows.

    A hook's faults keep the names of the order that the hook returned.
    """
    faults = (response.get("fields") if isinstance(response, dict) else None) or []
    if code == "InvalidAfterHook":
        return list(faults)
    return [{**fault, "field": _INTAKE_NAMES.get(fault["field"], fault["field"])} for fault in faults]


def instant_or_none(value: datetime | None) -> str | None:
    """Return an instant as answers show it."""
    return None if value is None else value.astimezone(UTC).isoformat()
