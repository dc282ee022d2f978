"""`create_customer`: a customer is created at the gateway once, and its external identifier kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.kind import Fields, RequestKind, ThreadPool
from a4s_pipeline.ondemand.service import ConnectorAnswers
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER


class CreateCustomer(Fields):
    """The new customer, which is read by `intake`."""

    customer: Any


def _answer(answers: ConnectorAnswers, request: CreateCustomer, received_at: datetime) -> Answered:
    return answers.customers.create(request.customer, received_at)


CREATE_CUSTOMER = RequestKind(
    "create_customer", CreateCustomer, _answer, ThreadPool.SENDING, ledger=CUSTOMER_LEDGER
)
