"""The table of all routes."""

from __future__ import annotations

from starlette.responses import Response

from a4s_pipeline.api.calls import Call
from a4s_pipeline.api.handlers import about, history, sending, stock
from a4s_pipeline.api.routing import Handler, Route
from a4s_pipeline.api.state import ServerState

_UNDER = "/v1/connectors/{connector}"
_INVALID = "the request must change; `fields` names each fault"
_READ = {422: _INVALID, 429: "more waits than can be answered in time", 503: "may be tried again"}
_SENT = {
    201: "sent now, and booked",
    200: "the same again: booked before",
    202: "sent, or being sent, and its outcome not known yet: ask at `Location`",
    409: "other content under the same key is done or under way",
    422: "refused; `fields` names each fault",
    429: "more waits than can be sent in time; nothing was sent",
    503: "failed, and nothing was sent: the same may be sent again",
}
_HISTORY = {**_READ, 409: "the legacy backend has no focus connector, so there is no history"}
_PAGE = ("from", "to", "limit", "offset", "after")


def _unsupported(kind: str) -> Handler:
    async def refuse(state: ServerState, call: Call) -> Response:
        del state, call
        raise about.not_supported(kind)

    return refuse


def _not_there(method: str, template: str, kind: str, may: str, summary: str) -> Route:
    answers = {422: _INVALID, 501: "the gateway has no such thing"}
    return Route(method, _UNDER + template, _unsupported(kind), may, summary, answers)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        _UNDER + "/items/{itemCode}/projected-stock",
        stock.one_item,
        "stock",
        "Projected stock of one item, live",
        {200: "the item's entry, or `items` with `until`", 404: "the gateway has no such item", **_READ},
        ("on", "until"),
        result="StockEntry",
    ),
    Route(
        "POST",
        _UNDER + "/projected-stock",
        stock.many_items,
        "stock",
        "Projected stock of many items, live",
        {200: "an entry for each item; an unknown one has an `error`", **_READ},
        body="StockQuestions",
        result="StockEntries",
    ),
    Route(
        "POST",
        _UNDER + "/orders",
        sending.export_order,
        "orders",
        "Export an intake order, exactly once",
        _SENT,
        ("dryRun",),
        body="IntakeOrder",
        result="Exported",
    ),
    Route(
        "GET",
        _UNDER + "/exports",
        sending.list_exports,
        "orders",
        "The export ledger, oldest first",
        {200: "a page of it", **_READ},
        ("status", "limit", "offset"),
        result="Exports",
    ),
    Route(
        "GET",
        _UNDER + "/exports/{intakeOrderId}",
        sending.one_export,
        "orders",
        "What became of one order",
        {200: "as the ledger has it", 404: "the ledger has no such order", **_READ},
        result="Export",
    ),
    Route(
        "POST",
        _UNDER + "/exports/{intakeOrderId}/retry",
        sending.retry_export,
        "orders",
        "Settle an order that is refused, failed or unknown",
        {**_SENT, 404: "the ledger has no such order"},
        result="Exported",
    ),
    Route(
        "POST",
        _UNDER + "/customers",
        sending.create_customer,
        "customers",
        "Create a customer, once",
        _SENT,
        body="NewCustomer",
        result="Created",
    ),
    Route(
        "GET",
        _UNDER + "/customers/{customerCode}",
        sending.one_customer,
        "customers",
        "What became of a customer that was to be created",
        {200: "as the ledger has it", 404: "none was created through this ledger", **_READ},
        result="Created",
    ),
    Route(
        "GET",
        _UNDER + "/customers/{customerCode}/orders",
        history.orders_of_customer,
        "retrieve",
        "Retrieve the orders of one customer, newest first",
        {200: "a page of them", **_HISTORY},
        _PAGE,
        result="Orders",
    ),
    Route(
        "GET",
        _UNDER + "/orders",
        history.list_orders,
        "retrieve",
        "Retrieve orders, newest first",
        {200: "a page of them", **_HISTORY},
        ("customer", *_PAGE),
        result="Orders",
    ),
    Route(
        "GET",
        _UNDER + "/orders/{orderCode}",
        history.one_order,
        "retrieve",
        "Retrieve one order with its lines",
        {200: "the order", 404: "it is not in the history", **_HISTORY},
        result="Order",
    ),
    _not_there("PUT", "/customers/{customerCode}", "update_customer", "customers", "Update a customer"),
    _not_there("PATCH", "/customers/{customerCode}", "update_customer", "customers", "Update a customer"),
    _not_there("DELETE", "/customers/{customerCode}", "delete_customer", "customers", "Delete a customer"),
    _not_there("GET", "/prices", "prices", "retrieve", "Prices"),
    _not_there("GET", "/attachments", "attachments", "retrieve", "Attachments"),
    _not_there("GET", "/restock-orders", "restock_orders", "retrieve", "Restock orders"),
)
