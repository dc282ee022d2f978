"""Order retrieval over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from a4s_pipeline.api.calls import Call, renamed
from a4s_pipeline.api.problems import respond
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.answering import Request, note
from a4s_pipeline.ondemand.requests.kind import RequestKind
from a4s_pipeline.ondemand.requests.retrieve_orders import (
    RETRIEVE_CUSTOMER_ORDERS,
    RETRIEVE_ORDER,
    RETRIEVE_ORDERS,
)

_FIELDS = {
    "customer": "customerCode",
    "from": "orderDateFrom",
    "to": "orderDateTo",
    "limit": "limit",
    "offset": "offset",
    "after": "after",
}
_SURELY_THE_NEWEST_WITHIN = 2.0
_CODES = ("UnknownOrder", "FocusConnectorNotConfigured")
_PARAMETERS = {field: name for name, field in _FIELDS.items()}
_BESIDE_THE_PATH = {field: name for field, name in _PARAMETERS.items() if name != "customer"}


async def list_orders(state: ServerState, call: Call) -> Response:
    """List orders, newest first; from and to are days, both inclusive, or instants, the latter exclusive."""
    query = call.query(*_FIELDS)
    wanted = {_FIELDS[name]: text for name, text in query.items()}
    return await _listed(state, call, RETRIEVE_ORDERS, wanted, _PARAMETERS)


async def orders_of_customer(state: ServerState, call: Call) -> Response:
    """List the orders of one customer."""
    query = call.query(*_BESIDE_THE_PATH.values())
    wanted = {_FIELDS[name]: text for name, text in query.items()}
    wanted["customerCode"] = call.path["customerCode"]
    return await _listed(state, call, RETRIEVE_CUSTOMER_ORDERS, wanted, _BESIDE_THE_PATH)


async def _listed(
    state: ServerState, call: Call, kind: RequestKind[Any], wanted: dict[str, str], names: dict[str, str]
) -> Response:
    fields: dict[str, Any] = dict(wanted)
    for name in ("limit", "offset"):
        text = wanted.get(name, "")
        if text.isascii() and text.isdigit():
            fields[name] = int(text[:20])
    # The first and last day of the calendar set no limit.
    if _day_of(wanted.get("orderDateFrom")) == date.min:
        del fields["orderDateFrom"]
    last = _day_of(wanted.get("orderDateTo"))
    if last == date.max:
        del fields["orderDateTo"]
    elif last is not None:
        # The day itself is included, but the query ends before an instant.
        fields["orderDateTo"] = (last + timedelta(days=1)).isoformat()
    return await _answered(state, call, Request(kind, call.connector, fields), names)


async def _answered(state: ServerState, call: Call, request: Request, names: Mapping[str, str]) -> Response:
    """Answer from the published copy, or with the remembered answer from the same copy."""
    version = state.service.platform.readable.version()
    question = (request.kind.name, request.connector, *sorted(request.body.items()))
    known = state.remembered.find(version, question)
    if known is not None:
        note(state.service, request, Answered("ok"), call.received_at)
        return Response(known, media_type="application/json")
    began = time.monotonic()
    answered = await state.answer(request, call.received_at, call.until)
    response = respond(renamed(answered, names), *_CODES)
    # A reader that waits long for a new copy gets the old one in the end.
    is_of_this_version = version is not None and time.monotonic() - began < _SURELY_THE_NEWEST_WITHIN
    if response.status_code == 200 and is_of_this_version:
        body = bytes(response.body)
        state.remembered.keep(version, question, body, len(body))
    return response


def _day_of(text: str | None) -> date | None:
    """Return the day in a text, in any form of ISO 8601; None for an instant and for anything else."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


async def one_order(state: ServerState, call: Call) -> Response:
    """Answer with one order and its lines."""
    call.query()
    request = Request(RETRIEVE_ORDER, call.connector, {"orderCode": call.path["orderCode"]})
    return await _answered(state, call, request, {})
