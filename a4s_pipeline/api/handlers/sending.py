"""Orders and customers over HTTP: sent exactly once, even if the call is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from a4s_pipeline.api.calls import Call
from a4s_pipeline.api.problems import as_json, problem_of, respond
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.errors import ChangeRequest, FieldFault, NotThere
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.files.texts import has_utf8
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.customer_creation import created_row
from a4s_pipeline.ondemand.orders.export_ledger import STATUSES, export_row
from a4s_pipeline.ondemand.orders.order_export import dry_run
from a4s_pipeline.ondemand.requests.answering import Request
from a4s_pipeline.ondemand.requests.create_customer import CREATE_CUSTOMER
from a4s_pipeline.ondemand.requests.export_order import EXPORT_ORDER
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Entry, LedgerKind

_MOST_EXPORTS = 1000
_MOST = {"limit": _MOST_EXPORTS, "offset": 10**9}
_UNDER_WAY = {
    "code": "UnderWay",
    "message": "it is being sent: ask at Location for the outcome",
    "fields": [],
}


async def export_order(state: ServerState, call: Call) -> Response:
    """Export an intake order, or with `dryRun=true` say what would be sent."""
    query = call.query("dryRun")
    order = await call.body()
    if query.get("dryRun", "false") not in ("true", "false"):
        raise _fault("dryRun", "must be true or false")
    key = _agreed_key(call, order, "intakeOrderId")
    if query.get("dryRun") == "true":
        return respond(
            await state.read(
                lambda: dry_run(order, state.settings, state.service.hook, call.received_at), call.until
            )
        )
    return await _export(state, call, key, order)


async def _export(state: ServerState, call: Call, key: str, order: Mapping[str, Any]) -> Response:
    request = Request(EXPORT_ORDER, call.connector, {"order": order})
    answered, is_first = await _sent(state, call, key, request)
    location = f"/v1/connectors/{call.connector}/exports/{quote(key, safe='')}"
    if answered is None or answered.status == "unknown":
        told = (answered and answered.answer) or {"externalId": key}
        error = answered.error if answered else _UNDER_WAY
        status = "unknown" if answered else "sending"
        return as_json(
            {"intakeOrderId": key, "status": status, **told, "error": error}, 202, {"Location": location}
        )
    if answered.answer is None:
        return respond(answered)
    document = {"intakeOrderId": key, "status": "ok", **answered.answer}
    if is_first and answered.is_new:
        return as_json(document, 201, {"Location": location})
    return as_json(document)


async def create_customer(state: ServerState, call: Call) -> Response:
    """Create a customer at the gateway, once."""
    call.query()
    customer = await call.body()
    key = _agreed_key(call, customer, "customerCode")
    request = Request(CREATE_CUSTOMER, call.connector, {"customer": customer})
    answered, is_first = await _sent(state, call, key, request)
    location = f"/v1/connectors/{call.connector}/customers/{quote(key, safe='')}"
    if answered is None or answered.status == "unknown":
        told = (answered and answered.answer) or {"customerCode": key, "externalId": None}
        error = answered.error if answered else _UNDER_WAY
        status = "unknown" if answered else "sending"
        return as_json({**told, "status": status, "error": error}, 202, {"Location": location})
    if answered.answer is None:
        return respond(answered)
    if answered.answer.get("differs"):
        faults = tuple(
            FieldFault(name, "is not what this customer was created with")
            for name in answered.answer["differs"]
        )
        return problem_of(
            ChangeRequest(
                f"customer {key!r} was created before with other content, and cannot be updated",
                code="DuplicateRequest",
                fields=faults,
            )
        )
    if is_first and answered.is_new:
        return as_json(answered.answer, 201, {"Location": location})
    return as_json(answered.answer)


async def _sent(state: ServerState, call: Call, key: str, request: Request) -> tuple[Answered | None, bool]:
    """Return the outcome, or None if it is not known in time, and whether this call began it."""
    at = (call.connector, request.kind.name, f"{key}\0{fingerprint_of(request.body)}")
    task, is_first = state.send(at, request, call.received_at, call.until)
    try:
        return await asyncio.wait_for(asyncio.shield(task), max(0.0, call.until - time.monotonic())), is_first
    except TimeoutError:
        state.tell_later(at)
        return None, is_first


def _agreed_key(call: Call, document: Mapping[str, Any], name: str) -> str:
    """Return the key of what is sent; `Idempotency-Key`, if a client sends one, must equal it."""
    key = document.get(name)
    text = key if isinstance(key, str) else ""
    given = call.request.headers.get("idempotency-key")
    if given is not None and text and given.encode("latin-1", "replace") != text.encode() and given != text:
        raise _fault("Idempotency-Key", f"must be the {name}, which is what keeps it from being sent twice")
    return text


def _whole(query: Mapping[str, str], name: str, least: int, usual: int) -> int:
    text = query.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or not least <= int(text[:10]) <= _MOST[name]:
        raise _fault(name, f"must be a whole number from {least} to {_MOST[name]}")
    return int(text)


def _fault(field: str, message: str) -> ChangeRequest:
    return ChangeRequest("the request cannot be read", code="Invalid", fields=(FieldFault(field, message),))


async def list_exports(state: ServerState, call: Call) -> Response:
    """List the export ledger, oldest first."""
    query = call.query("status", "limit", "offset")
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise _fault("status", f"must be one of {', '.join(STATUSES)}")
    limit, offset = _whole(query, "limit", 1, _MOST_EXPORTS), _whole(query, "offset", 0, 0)
    ledger = state.service.connector(call.connector).ledger(ORDER_LEDGER)
    entries, total = await state.read(lambda: ledger.page(status, limit, offset), call.until)
    return as_json({"exports": [export_row(entry) for entry in entries], "total": total})


async def one_export(state: ServerState, call: Call) -> Response:
    """Return the outcome of one order."""
    call.query()
    key = call.path["intakeOrderId"]
    entry = await _entry(state, call, ORDER_LEDGER, key)
    if entry is not None:
        return as_json(export_row(entry))
    if state.is_under_way(call.connector, EXPORT_ORDER.name, key):
        return as_json({"intakeOrderId": key, "status": "pending", "externalId": key, "error": None})
    raise _no_export(key)


async def retry_export(state: ServerState, call: Call) -> Response:
    """Settle one order that is refused, failed or unknown, by the ledger's rules."""
    call.query()
    key = call.path["intakeOrderId"]
    entry = await _entry(state, call, ORDER_LEDGER, key)
    if entry is None or not entry.row["intake"]:
        raise _no_export(key)
    # If sent again, the order keeps its original time of receipt.
    call.received_at = entry.row["received_at"] or call.received_at
    return await _export(state, call, key, exact_json.loads(entry.row["intake"]))


async def one_customer(state: ServerState, call: Call) -> Response:
    """Return the outcome of creating a customer."""
    call.query()
    code = call.path["customerCode"]
    entry = await _entry(state, call, CUSTOMER_LEDGER, code)
    if entry is not None:
        return as_json(created_row(entry))
    if state.is_under_way(call.connector, CREATE_CUSTOMER.name, code):
        return as_json({"customerCode": code, "externalId": None, "status": "pending", "error": None})
    raise NotThere(f"no customer {code!r} was created through this ledger", code="UnknownCustomerCode")


async def _entry(state: ServerState, call: Call, kind: LedgerKind, key: str) -> Entry | None:
    if not has_utf8(key):
        return None
    ledger = state.service.connector(call.connector).ledger(kind)
    return await state.read(lambda: ledger.entry(key), call.until)


def _no_export(key: str) -> NotThere:
    return NotThere(f"the ledger has no order {key!r}", code="UnknownExport")
