"""Live answers to "how much of this will there be on that day?", many items side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Semaphore
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError, ChangeRequest, FieldFault
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.client import Reply
from a4s_pipeline.gateway.dates import real_date
from a4s_pipeline.gateway.routes import is_addressable
from a4s_pipeline.gateway.stock_records import Stock
from a4s_pipeline.ondemand.answers import Answered, error_object, failure
from a4s_pipeline.ondemand.order_retrieval import plain_decimal
from a4s_pipeline.ondemand.projected_stock import Projection, project, project_until

MOST_ITEMS = 10_000


@dataclass(frozen=True)
class Question:
    """One item and day asked for; with `until`, all days up to it on which the figure changes."""

    item_code: str
    day: date
    until: date | None = None


def read_questions(items: Any, timezone: ZoneInfo, today: date) -> list[Question]:
    """Read `[{"itemCode", "date"}]`, or raise `ChangeRequest` that names every fault; no date means today."""
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        fault = FieldFault("items", f"must be a list of 1 to {MOST_ITEMS:,} objects with itemCode and date")
        raise ChangeRequest("the request asks for no items", code="Invalid", fields=(fault,))
    questions: list[Question] = []
    faults: list[FieldFault] = []
    for place, item in enumerate(items):
        code = item.get("itemCode") if isinstance(item, dict) else None
        given = item.get("date") if isinstance(item, dict) else None
        day = today if given is None else real_date(given, timezone)
        if not isinstance(code, str) or not code:
            faults.append(FieldFault(f"items.{place}.itemCode", "must be a text that is not empty"))
        if day is None:
            faults.append(FieldFault(f"items.{place}.date", "must be a real ISO 8601 date"))
        if isinstance(code, str) and code and day is not None:
            questions.append(Question(code, day))
    if faults:
        raise ChangeRequest("the request cannot be read", code="Invalid", fields=tuple(faults))
    return questions


class StockAnswers:
    """Asks one administration for stock, and projects it."""

    def __init__(self, administration: Administration, pool: Executor, in_line: int = 16) -> None:
        self._administration = administration
        self._pool = pool
        # No request has more calls than this in the pool's line, so that a long one, with thousands of
        # items, does not keep the others waiting until it is done.
        self._in_line = in_line

    def answer(self, items: Any) -> Answered:
        """Answer a request for projected stock: ok where at least one item could be answered."""
        timezone = self._administration.timezone
        try:
            questions = read_questions(items, timezone, datetime.now(UTC).astimezone(timezone).date())
        except ChangeRequest as error:
            return failure(error)
        entries, errors = self.entries(questions)
        if len(errors) == len(questions) and not any(isinstance(error, ChangeRequest) for error in errors):
            return failure(errors[0])
        return Answered("ok", {"items": entries})

    def entries(self, questions: Sequence[Question]) -> tuple[list[dict[str, Any]], list[A4sError]]:
        """Return an entry for each question, in their order, and the errors of those that have one.

        An item that is asked for on several days is asked for once at the gateway.
        """
        places = Semaphore(self._in_line)
        calls: dict[str, Future[Reply[Stock] | A4sError]] = {}
        for code in dict.fromkeys(question.item_code for question in questions):
            places.acquire()
            calls[code] = self._pool.submit(self._ask, code)
            calls[code].add_done_callback(lambda _: places.release())
        entries: list[dict[str, Any]] = []
        errors: list[A4sError] = []
        for question in questions:
            reply = calls[question.item_code].result()
            if isinstance(reply, A4sError):
                errors.append(reply)
                entries.append(
                    {
                        "itemCode": question.item_code,
                        "date": question.day.isoformat(),
                        "error": error_object(reply),
                    }
                )
            else:
                entries += _answered(question, reply)
        return entries, errors

    def _ask(self, item_code: str) -> Reply[Stock] | A4sError:
        if not is_addressable(item_code):
            return ChangeRequest(
                f"item {item_code!r} cannot be asked for: its code cannot be put in a path",
                code="UnknownItem",
            )
        try:
            return self._administration.stock(item_code)
        except A4sError as error:
            return error


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
