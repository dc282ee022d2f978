"""Projected stock over HTTP: one item on its page, or many at once."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response

from a4s_pipeline.api.calls import Call, renamed
from a4s_pipeline.api.problems import BY_CODE, as_json, problem, respond
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.ondemand.requests.answering import Request
from a4s_pipeline.ondemand.requests.projected_stock import PROJECTED_STOCK, longer_for

_PARAMETERS = {"items.0.itemCode": "itemCode", "items.0.date": "on", "items.0.until": "until"}


async def one_item(state: ServerState, call: Call) -> Response:
    """Answer with one item on a day, today by default, or with each day on which it changes."""
    query = call.query("on", "until")
    item = {"itemCode": call.path["itemCode"]}
    if "on" in query:
        item["date"] = query["on"]
    if "until" in query:
        item["until"] = query["until"]
    request = Request(PROJECTED_STOCK, call.connector, {"items": [item]})
    answered = renamed(await state.answer(request, call.received_at, call.until), _PARAMETERS)
    if answered.answer is None:
        return respond(answered)
    entries: list[dict[str, Any]] = answered.answer["items"]
    error = entries[0].get("error")
    if error is not None:
        return problem(error, BY_CODE["UnknownItem"] if error["code"] == "UnknownItem" else 422)
    return as_json({"items": entries} if "until" in query else entries[0])


async def many_items(state: ServerState, call: Call) -> Response:
    """Answer with an entry for each item; for an unknown item the entry has an error."""
    call.query()
    body = await call.body()
    items = body.get("items")
    if not call.has_own_deadline and isinstance(items, list):
        call.until += longer_for(len(items), state.settings.answer_seconds)
    request = Request(PROJECTED_STOCK, call.connector, body)
    return respond(await state.answer(request, call.received_at, max(call.until, time.monotonic())))
