"""`export_order`: an intake order reaches the back office exactly once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.kind import Fields, RequestKind, ThreadPool
from a4s_pipeline.ondemand.service import ConnectorAnswers
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER


class ExportOrder(Fields):
    """The intake order, which is read by `intake`."""

    order: Any


def _answer(answers: ConnectorAnswers, request: ExportOrder, received_at: datetime) -> Answered:
    return answers.orders.export(request.order, received_at)


EXPORT_ORDER = RequestKind("export_order", ExportOrder, _answer, ThreadPool.SENDING, ledger=ORDER_LEDGER)
