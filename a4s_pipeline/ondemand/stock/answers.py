"""Live answers to "how much of this will there be on that day?", for many items at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeRequest
from a4s_pipeline.files.texts import plain_decimal
from a4s_pipeline.gateway.calls.answers import no_time_left
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.calls.deadline import deadline
from a4s_pipeline.gateway.records.stock_records import Stock
from a4s_pipeline.ondemand.answers import Answered, error_object, failure
from a4s_pipeline.ondemand.stock.live import LiveStock
from a4s_pipeline.ondemand.stock.projection import Projection, project, project_until


@dataclass(frozen=True)
class Question:
    """One item and day; with `until`, also the later days up to it on which the stock changes."""

    item_code: str
    day: date
    until: date | None = None


class StockAnswers:
    """Asks one administration for stock, and projects it."""

    def __init__(self, live: LiveStock) -> None:
        self._live = live

    def answer(self, questions: Sequence[Question]) -> Answered:
        """Return an entry for each question, in order; ok if at least one item could be answered.

        The gateway is asked once for each item, for any number of days. The deadline is the thread's.
        """
        until = deadline()
        calls = self._live.begin(dict.fromkeys(question.item_code for question in questions), until)
        entries: list[dict[str, Any]] = []
        errors: list[A4sError] = []
        for question in questions:
            code = question.item_code
            outcome = self._live.outcome(calls[code], until)
            if outcome is None:
                outcome = no_time_left(f"the stock of item {code!r}", 0.0)
            if isinstance(outcome, A4sError):
                errors.append(outcome)
                entries.append(
                    {
                        "itemCode": question.item_code,
                        "date": question.day.isoformat(),
                        "error": error_object(outcome),
                    }
                )
            else:
                entries += _answered(question, outcome)
        if len(errors) == len(questions) and not any(isinstance(error, ChangeRequest) for error in errors):
            return replace(failure(errors[0]), told={"items": entries})
        return Answered("ok", {"items": entries}, flaw=str(errors[0]) if errors else None)


def _answered(question: Question, reply: Reply[Stock]) -> list[dict[str, Any]]:
    if question.until is None:
        projections = [project(reply.value, question.day)]
    else:
        projections = project_until(reply.value, question.day, question.until)
    return [_entry(question.item_code, projection, reply.answered_at) for projection in projections]


def _entry(item_code: str, projection: Projection, as_of: datetime) -> dict[str, Any]:
    return {
        "itemCode": item_code,
        "date": projection.day.isoformat(),
        "projected": plain_decimal(projection.projected),
        "shelfStock": plain_decimal(projection.shelf_stock),
        "toBeDelivered": plain_decimal(projection.to_be_delivered),
        "incoming": plain_decimal(projection.incoming),
        "entriesWithoutDate": projection.entries_without_date,
        "asOf": as_of.isoformat(),
    }
