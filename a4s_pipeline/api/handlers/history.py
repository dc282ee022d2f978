"""Order retrieval over HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from a4s_pipeline.api.calls import Call, renamed
from a4s_pipeline.api.problems import respond
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.ondemand.requests.answering import Request
from a4s_pipeline.ondemand.requests.kind import RequestKind
from a4s_pipeline.ondemand.requests.retrieve_order import RETRIEVE_ORDER
from a4s_pipeline.ondemand.requests.retrieve_orders import RETRIEVE_CUSTOMER_ORDERS, RETRIEVE_ORDERS

_FIELDS = {
    "customer": "customerCode",
    "from": "orderDateFrom",
    "to": "orderDateTo",
    "limit": "limit",
    "offset": "offset",
}
_CODES = ("UnknownOrder", "FocusConnectorNotConfigured")
_PARAMETERS = {field: name for name, field in _FIELDS.items()}


async def list_orders(state: ServerState, call: Call) -> Response:
    """List orders, newest first; from and to are days, both inclusive, or instants, the latter exclusive."""
    query = call.query(*_FIELDS)
    return await _listed(state, call, RETRIEVE_ORDERS, {_FIELDS[name]: text for name, text in query.items()})


async def orders_of_customer(state: ServerState, call: Call) -> Response:
    """List the orders of one customer."""
    query = call.query(*(name for name in _FIELDS if name != "customer"))
    wanted = {_FIELDS[name]: text for name, text in query.items()}
    wanted["customerCode"] = call.path["customerCode"]
    return await _listed(state, call, RETRIEVE_CUSTOMER_ORDERS, wanted)


async def _listed(state: ServerState, call: Call, kind: RequestKind[Any], wanted: dict[str, str]) -> Response:
    fields: dict[str, Any] = dict(wanted)
    for name in ("limit", "offset"):
        text = wanted.get(name, "")
        if text.isascii() and text.isdigit():
            fields[name] = int(text[:20])
    if "orderDateTo" in wanted:
        fields["orderDateTo"] = _after(wanted["orderDateTo"])
    request = Request(kind, call.connector, fields)
    answered = await state.answer(request, call.received_at, call.until)
    return respond(renamed(answered, _PARAMETERS), *_CODES)


def _after(text: str) -> str:
    """Return the day after a day, since the day itself is wanted too; an instant is left as it is."""
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat() if len(text) == 10 else text
    except (ValueError, OverflowError):
        return text


async def one_order(state: ServerState, call: Call) -> Response:
    """Answer with one order and its lines."""
    call.query()
    request = Request(RETRIEVE_ORDER, call.connector, {"orderCode": call.path["orderCode"]})
    return respond(await state.answer(request, call.received_at, call.until), *_CODES)
