"""Writes the ledger: what is about to be sent, and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from a4s_pipeline.errors import A4sError, ChangeRequest, TryAgain
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.ondemand.sending.ledger_rules import Word, marks_when_closed, marks_when_sent
from a4s_pipeline.ondemand.sending.sentences import not_booked_by_hand
from a4s_pipeline.warehouse.rows.ondemand.ledger import Attempt, Entry, Ledger

_STALE_RECORD = timedelta(seconds=2)


@dataclass(frozen=True)
class OpenAttempt:
    """An attempt under way: its number if the ledger has it already, and what is known of it."""

    kind: str
    started_at: datetime
    row: Entry | None
    """The ledger's row during the attempt; for a send, as it is once the send is recorded."""
    number: int | None = None


class Bookkeeping:
    """Writes a row and its attempt together, and returns the new row."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def about_to_send(
        self, key: str, payload: str, before: Entry | None, columns: Mapping[str, Any]
    ) -> OpenAttempt:
        """Record what is about to be sent, with a time that is never too early."""
        number: int | None = None
        sent_before = before.attempts if before else 0
        while True:
            now = self._clock()
            row = {
                **columns,
                **marks_when_sent(before),
                "status": "sending",
                "payload": payload,
                "attempts": sent_before + 1,
                "last_sent_at": now,
                "response": None,
                "error": None,
                "error_code": None,
                "settled_at": None,
            }
            attempt = {"kind": "send", "status": "sending", "started_at": now, "request": payload}
            before, number = self._ledger.record(key, before, row, now, Attempt(attempt, number))
            # This may have waited for the store, or the machine may have slept: a send recorded too early
            # would let a "not there" be believed too early.
            if self._clock() - now < _STALE_RECORD:
                return OpenAttempt("send", now, before, number)

    def succeeded(self, key: str, attempt: OpenAttempt, numbers: Mapping[str, str]) -> Entry:
        """Record that it is booked, with these numbers."""
        named = {column: numbers.get(name) for name, column in self._ledger.kind.numbers.items()}
        return self._close(key, "ok", attempt, named, response=exact_json.dumps(dict(numbers)))

    def found(
        self, key: str, attempt: OpenAttempt, numbers: Mapping[str, str], columns: Mapping[str, Any]
    ) -> Entry:
        """Record that it was booked already, although the ledger did not know."""
        named = {column: numbers.get(name) for name, column in self._ledger.kind.numbers.items()}
        return self._close(key, "ok", attempt, {**columns, **named}, response=exact_json.dumps(dict(numbers)))

    def resolved(self, key: str, attempt: OpenAttempt, numbers: Mapping[str, str] | None, said: str) -> Entry:
        """Record what somebody found out by hand, and the reason: booked with numbers, or not booked."""
        told = exact_json.dumps({**(numbers or {}), "byHand": said})
        if numbers is None:
            return self._close(key, "failed", attempt, {}, response=told, error=not_booked_by_hand(key, said))
        named = {column: numbers.get(name) for name, column in self._ledger.kind.numbers.items()}
        return self._close(key, "ok", attempt, named, response=told)

    def did_not(
        self,
        key: str,
        status: str,
        attempt: OpenAttempt,
        error: A4sError,
        columns: Mapping[str, Any] | None = None,
        *,
        word: Word | None = None,
    ) -> Entry:
        """Record why it is refused, failed or unknown; the traceback of a hook goes with the attempt.

        `word` is stored as the gateway's answer.
        """
        asks_for_pause = isinstance(error, TryAgain) and error.wait_seconds is not None
        told = (
            exact_json.dumps(error_object(error))
            if isinstance(error, ChangeRequest) or asks_for_pause
            else None
        )
        response = word.as_response() if word else told
        return self._close(key, status, attempt, columns or {}, response=response, error=error)

    def _close(
        self,
        key: str,
        status: str,
        attempt: OpenAttempt,
        columns: Mapping[str, Any],
        *,
        response: str | None,
        error: A4sError | None = None,
    ) -> Entry:
        now = self._clock()
        outcome = {"status": status, "error": str(error) if error else None, "response": response}
        row = {
            **columns,
            **marks_when_closed(attempt.row, status, attempt.kind, now),
            **outcome,
            "error_code": error.code if error else None,
            "settled_at": None if status == "unknown" else now,
        }
        closed = {**outcome, "ended_at": now}
        if attempt.number is None:
            closed |= {
                "kind": attempt.kind,
                "started_at": attempt.started_at,
                "traceback": getattr(error, "trace", None),
            }
        entry, _ = self._ledger.record(key, attempt.row, row, now, Attempt(closed, attempt.number))
        return entry
