"""`projected_stock`: how much of each item will be in stock on a day, live from the gateway."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.fields import Day, Text
from a4s_pipeline.ondemand.requests.kind import Fields, RequestKind, ThreadPool
from a4s_pipeline.ondemand.service import ConnectorAnswers
from a4s_pipeline.ondemand.stock.answers import Question

MOST_ITEMS = 10_000
# The number of items that the deadline is meant for; a longer list gets proportionally longer.
_ITEMS_IN_TIME = 500
_BEFORE_THE_DAY = "lies before the day asked for"


def _items(value: Any) -> Any:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_ITEMS:
        raise ValueError(f"must be a list of 1 to {MOST_ITEMS:,} objects with itemCode and date")
    return value


class AskedItem(Fields):
    """One item, the day (today by default), and optionally the last day up to which to show changes."""

    item_code: Text
    date: Day = None
    until: Day = None

    @field_validator("until")
    @classmethod
    def _not_before_the_day(cls, until: Any, info: ValidationInfo) -> Any:
        day = info.data.get("date")
        if until is not None and day is not None and until < day:
            raise ValueError(_BEFORE_THE_DAY)
        return until


class ProjectedStock(Fields):
    """The items asked for."""

    items: Annotated[list[AskedItem], BeforeValidator(_items), Field(min_length=1, max_length=MOST_ITEMS)]


def _answer(answers: ConnectorAnswers, request: ProjectedStock, received_at: datetime) -> Answered:
    del received_at
    today = answers.runtime.now().astimezone(answers.administration.timezone).date()
    faults = [
        FieldFault(f"items.{position}.until", _BEFORE_THE_DAY)
        for position, item in enumerate(request.items)
        if item.until is not None and item.until < (item.date or today)
    ]
    if faults:
        raise ChangeRequest("the request cannot be read", code="Invalid", fields=tuple(faults))
    return answers.stock.answer(
        [Question(item.item_code, item.date or today, item.until) for item in request.items]
    )


def longer_for(items: int, seconds: float) -> float:
    """Return by which factor of A4S_ANSWER_SECONDS this many items may take longer."""
    return seconds * max(0.0, items / _ITEMS_IN_TIME - 1)


def _seconds(request: ProjectedStock, seconds: float) -> float:
    return seconds + longer_for(len(request.items), seconds)


PROJECTED_STOCK = RequestKind("projected_stock", ProjectedStock, _answer, ThreadPool.LIVE, seconds=_seconds)
