from collections.abc import Mapping
from datetime import datetime
from typing import Any

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.requests.answering import answer, request_of
from a4s_pipeline.ondemand.service import OnDemand


def answer_body(service: OnDemand, body: Mapping[str, Any], received_at: datetime) -> Answered:
    """Answer a request at once, in the inbox's form: kind and connector beside its fields."""
    try:
        request = request_of(body, service.platform.settings.connectors)
    except ChangeRequest as error:
        return failure(error)
    return answer(service, request, received_at)
