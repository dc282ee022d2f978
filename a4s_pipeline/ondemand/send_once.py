"""Sends something exactly once: recorded before it is sent, looked up when its reply is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError, ChangeRequest, TryAgain
from a4s_pipeline.locks import held_lock
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.ondemand.ledger_rules import Step, may_believe_absence, next_step, status_after
from a4s_pipeline.warehouse.ledger import Attempt, Entry, Ledger

Numbers = dict[str, str]
# One lock file for each of so many groups of ids, rather than one for each id for ever.
_LOCK_GROUPS = 1024
_STALE_RECORD = timedelta(seconds=2)


class UnderWay(TryAgain):
    """The same id is being sent by somebody else at this moment."""

    code = "UnderWay"


class NotRecorded(TryAgain):
    """Something was sent, and the ledger could not be told what became of it."""

    code = "OutcomeUnknown"


class Errand(Protocol):
    """What is sent, and how it is looked up."""

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        """Send the payload once; raises whatever kept the numbers from coming back."""

    def look_up(self) -> Numbers | None:
        """Return the numbers of what was booked, or None where nothing was."""


@dataclass(frozen=True)
class Prepared:
    """What is about to be sent, to the letter, and the further columns that the ledger keeps of it."""

    payload: str
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SendRules:
    """How long is waited: for the lock of an id, and before a look-up's "not there" is believed."""

    locks: Path
    resend_after: timedelta
    lock_wait_seconds: float = 45.0


class SendOnce:
    """Sends what a ledger records, under its rules."""

    def __init__(
        self, ledger: Ledger, rules: SendRules, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._clock = clock

    def send(
        self,
        key: str,
        fingerprint: str,
        prepare: Callable[[], Prepared],
        errand: Errand,
        *,
        received_at: datetime,
    ) -> Entry:
        """Bring one thing to the gateway, unless it is there; return the ledger's row of it.

        `prepare` is called only where something is to be sent. Raises `ChangeRequest` where another
        content under the same id is done, on its way or not settled yet.
        """
        try:
            with self._lock(key, 0):
                return self._send_unless_there(key, fingerprint, prepare, errand, received_at)
        except UnderWay:
            entry = self._ledger.entry(key)
            if entry is not None and entry.fingerprint != fingerprint:
                raise _other_content(entry) from None
        with self._lock(key, self._rules.lock_wait_seconds):
            return self._send_unless_there(key, fingerprint, prepare, errand, received_at)

    def _send_unless_there(
        self,
        key: str,
        fingerprint: str,
        prepare: Callable[[], Prepared],
        errand: Errand,
        received_at: datetime,
    ) -> Entry:
        entry = self._ledger.entry(key)
        step = next_step(entry, fingerprint)
        if entry is not None and step is Step.LOOK_UP:
            entry = self._settle(entry, errand)
            step = next_step(entry, fingerprint)
            if step is Step.LOOK_UP and fingerprint != entry.fingerprint:
                step = Step.REFUSE
        if entry is not None and step is Step.REFUSE:
            raise _other_content(entry)
        if entry is not None and step in (Step.ANSWER, Step.LOOK_UP):
            return entry
        return self._prepare_and_send(key, fingerprint, prepare, errand, received_at)

    def settle(self, key: str, errand: Errand) -> Entry | None:
        """Look up what is unknown, and send again what certainly was not booked; return the row."""
        with self._lock(key, self._rules.lock_wait_seconds):
            entry = self._ledger.entry(key)
            if entry is None or next_step(entry, None) is not Step.LOOK_UP:
                return entry
            entry = self._settle(entry, errand)
            if entry.status == "failed":
                return self._send(key, entry.row["payload"], errand, {})
            return entry

    def _lock(self, key: str, wait_seconds: float) -> AbstractContextManager[None]:
        group = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % _LOCK_GROUPS
        name = f"{self._ledger.connector}.{self._ledger.kind.table.name}.{group}.lock"

        def busy(holder: str) -> UnderWay:
            return UnderWay(f"{key!r} is being sent by {holder}: ask again for what became of it")

        return held_lock(self._rules.locks / name, wait_seconds, busy)

    def _prepare_and_send(
        self,
        key: str,
        fingerprint: str,
        prepare: Callable[[], Prepared],
        errand: Errand,
        received_at: datetime,
    ) -> Entry:
        columns: dict[str, Any] = {
            self._ledger.kind.fingerprint: fingerprint,
            "received_at": received_at,
            **dict.fromkeys(self._ledger.kind.numbers.values()),
        }
        started_at = self._clock()
        try:
            prepared = prepare()
        except A4sError as error:
            status = "refused" if isinstance(error, ChangeRequest) else "failed"
            trace = getattr(error, "trace", None)
            attempt = {"kind": "prepare", "status": status, "started_at": started_at, "traceback": trace}
            self._record(key, status, columns, attempt, error=error)
            return self._entry(key)
        return self._send(key, prepared.payload, errand, {**columns, **prepared.columns})

    def _send(self, key: str, payload: str, errand: Errand, columns: Mapping[str, Any]) -> Entry:
        attempt: dict[str, Any] = {"number": self._record_sending(key, payload, columns)}
        try:
            numbers = errand.send(payload, self._idempotency_key(key))
        except A4sError as error:
            outcome: Numbers | A4sError = error
        else:
            outcome = numbers
        try:
            self._record_sent(key, outcome, errand, attempt)
            return self._entry(key)
        except A4sError as error:
            raise NotRecorded(
                f"{key!r} was sent, but what became of it could not be recorded ({error}): it is looked up later"
            ) from None

    def _record_sending(self, key: str, payload: str, columns: Mapping[str, Any]) -> int:
        """Record what is about to be sent, and when: no earlier than it really is."""
        before = self._ledger.entry(key)
        number: int | None = None
        while True:
            now = self._clock()
            number = self._ledger.record(
                key,
                {
                    **columns,
                    "status": "sending",
                    "payload": payload,
                    "attempts": (before.attempts if before else 0) + 1,
                    "last_sent_at": now,
                    "response": None,
                    "error": None,
                    "error_code": None,
                    "settled_at": None,
                },
                now,
                Attempt({"kind": "send", "status": "sending", "started_at": now, "request": payload}, number),
            )
            # The store may have been waited for, or the machine asleep: a send that is recorded too
            # early would let a "not there" be believed too early.
            if self._clock() - now < _STALE_RECORD:
                return number

    def _record_sent(
        self, key: str, outcome: Numbers | A4sError, errand: Errand, attempt: dict[str, Any]
    ) -> None:
        if not isinstance(outcome, A4sError):
            self._record(key, "ok", {}, attempt, numbers=outcome)
        elif isinstance(outcome, ChangeRequest) and outcome.code.startswith("Duplicate"):
            self._record_duplicate(key, outcome, errand, attempt)
        else:
            # The wait before a "not there" is believed starts here: the gateway may have had the request
            # until this moment.
            columns = {"last_sent_at": self._clock()}
            self._record(key, status_after(outcome), columns, attempt, error=outcome)

    def _record_duplicate(
        self, key: str, error: ChangeRequest, errand: Errand, attempt: dict[str, Any]
    ) -> None:
        """It is already there, which is what was wanted; where the reply names no numbers, they are looked up."""
        numbers = {name: error.known[name] for name in self._ledger.kind.numbers if name in error.known}
        if not numbers:
            try:
                numbers = errand.look_up() or {}
            except A4sError:
                self._record(key, "unknown", {}, attempt, error=error)
                return
        self._record(key, "ok", {}, attempt, numbers=numbers)

    def _settle(self, entry: Entry, errand: Errand) -> Entry:
        """Ask the gateway what became of something; record and return the row as it is then."""
        started_at = self._clock()
        attempt: dict[str, Any] = {"kind": "look_up", "started_at": started_at}
        try:
            numbers = errand.look_up()
        except A4sError as error:
            self._record(entry.key, "unknown", {}, attempt, error=error)
            return self._entry(entry.key)
        if numbers is not None:
            self._record(entry.key, "ok", {}, attempt, numbers=numbers)
        elif may_believe_absence(entry.last_sent_at, started_at, self._rules.resend_after):
            self._record(entry.key, "failed", {}, attempt, error=_not_booked(entry.key))
        elif entry.status != "unknown":
            self._record(entry.key, "unknown", {}, attempt, error=_not_there_yet(entry.key))
        return self._entry(entry.key)

    def _record(
        self,
        key: str,
        status: str,
        columns: Mapping[str, Any],
        attempt: dict[str, Any],
        *,
        numbers: Numbers | None = None,
        error: A4sError | None = None,
    ) -> None:
        now = self._clock()
        response = exact_json.dumps(numbers) if numbers is not None else None
        if error is not None and isinstance(error, ChangeRequest):
            response = exact_json.dumps(error_object(error))
        outcome = {"status": status, "error": str(error) if error else None}
        named = {column: (numbers or {}).get(name) for name, column in self._ledger.kind.numbers.items()}
        row = {
            **columns,
            **outcome,
            "error_code": error.code if error else None,
            "response": response,
            "settled_at": None if status == "unknown" else now,
            **(named if numbers is not None else {}),
        }
        number = attempt.pop("number", None)
        self._ledger.record(
            key, row, now, Attempt({**attempt, **outcome, "ended_at": now, "response": response}, number)
        )

    def _entry(self, key: str) -> Entry:
        entry = self._ledger.entry(key)
        if entry is None:
            raise LookupError(f"the ledger lost {key!r}")
        return entry

    def _idempotency_key(self, key: str) -> str:
        named = f"{self._ledger.connector}/{self._ledger.kind.table.name}/{key}"
        return blake2b(named.encode(), digest_size=16).hexdigest()


def _other_content(entry: Entry) -> ChangeRequest:
    return ChangeRequest(
        f"{entry.key!r} was sent before with other content and is {entry.status}: "
        "give new content a new id, or send the same again to learn what became of it",
        code="DuplicateRequest",
    )


def _not_booked(key: str) -> TryAgain:
    return TryAgain(
        f"the gateway has not booked {key!r}, and its time to do so is over: it may be sent again",
        code="NotBooked",
    )


def _not_there_yet(key: str) -> TryAgain:
    return TryAgain(
        f"the gateway does not show {key!r} yet; it may still book it, so nothing is sent. It is asked again",
        code="OutcomeUnknown",
    )
