"""`retrieve_orders`, `retrieve_customer_orders` and `retrieve_order`: the order history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ValidationInfo, field_validator

from a4s_pipeline.errors import A4sError, ChangeRequest
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.requests.fields import After, InstantFilter, StoredText, TextFilter, whole_number
from a4s_pipeline.ondemand.requests.kind import Fields, RequestKind, ThreadPool
from a4s_pipeline.ondemand.service import ConnectorAnswers
from a4s_pipeline.warehouse.rows.orders.retrieval import OrderFilter

MOST_ORDERS = 1000
MOST_SKIPPED = 10**9
USUAL_LIMIT = 50


class RetrieveOrders(Fields):
    """Which orders are wanted: from inclusive, to exclusive, as at the gateway; no filter may be empty."""

    customer_code: TextFilter = None
    order_date_from: InstantFilter = None
    order_date_to: InstantFilter = None
    limit: Annotated[int, whole_number(1, MOST_ORDERS)] = USUAL_LIMIT
    offset: Annotated[int, whole_number(0, MOST_SKIPPED)] = 0
    after: After = None

    @field_validator("after")
    @classmethod
    def _instead_of_an_offset(cls, after: Any, info: ValidationInfo) -> Any:
        if after is not None and info.data.get("offset"):
            raise ValueError("continues where a page ended: leave out the offset")
        return after


class RetrieveCustomerOrders(RetrieveOrders):
    """The orders of one customer, who must be named."""

    customer_code: StoredText


def _answer(answers: ConnectorAnswers, request: RetrieveOrders, received_at: datetime) -> Answered:
    del received_at
    wanted = OrderFilter(
        request.customer_code,
        request.order_date_from,
        request.order_date_to,
        request.limit,
        request.offset,
        (request.after.order_date, request.after.order_code) if request.after else None,
    )
    return Answered("ok", answers.history.orders(wanted))


def history_failure(error: A4sError) -> Answered:
    """Without order history the request is refused: asking again changes nothing."""
    if error.code == "FocusConnectorNotConfigured":
        return failure(ChangeRequest(str(error), code=error.code))
    return failure(error)


RETRIEVE_ORDERS = RequestKind(
    "retrieve_orders", RetrieveOrders, _answer, ThreadPool.LOCAL, failure=history_failure
)
RETRIEVE_CUSTOMER_ORDERS = RequestKind(
    "retrieve_customer_orders",
    RetrieveCustomerOrders,
    _answer,
    ThreadPool.LOCAL,
    failure=history_failure,
)


class RetrieveOrder(Fields):
    """The order that is wanted."""

    order_code: StoredText


def _answer_one(answers: ConnectorAnswers, request: RetrieveOrder, received_at: datetime) -> Answered:
    del received_at
    return Answered("ok", answers.history.order(request.order_code))


RETRIEVE_ORDER = RequestKind(
    "retrieve_order", RetrieveOrder, _answer_one, ThreadPool.LOCAL, failure=history_failure
)
