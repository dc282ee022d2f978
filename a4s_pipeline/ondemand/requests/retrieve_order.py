"""`retrieve_order`: one order with its lines."""

from __future__ import annotations

from datetime import datetime

from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.fields import StoredText
from a4s_pipeline.ondemand.requests.kind import Fields, RequestKind, ThreadPool
from a4s_pipeline.ondemand.requests.retrieve_orders import history_failure
from a4s_pipeline.ondemand.service import ConnectorAnswers


class RetrieveOrder(Fields):
    """The order that is wanted."""

    order_code: StoredText


def _answer(answers: ConnectorAnswers, request: RetrieveOrder, received_at: datetime) -> Answered:
    del received_at
    return Answered("ok", answers.history.order(request.order_code))


RETRIEVE_ORDER = RequestKind(
    "retrieve_order", RetrieveOrder, _answer, ThreadPool.LOCAL, failure=history_failure
)
