"""Sends something exactly once: recorded before it is sent, looked up when its reply is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Protocol

from a4s_pipeline.errors import A4sError, ChangeRequest, Inconclusive, TryAgain
from a4s_pipeline.gateway.sending import Numbers
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.sending.bookkeeping import Bookkeeping, OpenAttempt
from a4s_pipeline.ondemand.sending.ledger_rules import (
    BY_HAND,
    Step,
    is_last_word,
    may_be_replaced,
    may_believe_absence,
    next_step,
    next_word,
    numbers_told,
    status_after,
    word_of,
)
from a4s_pipeline.ondemand.sending.sentences import (
    may_still_be_booked,
    not_booked,
    not_there_yet,
    not_to_be_resolved,
    other_content,
    refused_in_the_end,
)
from a4s_pipeline.warehouse.rows.ondemand.ledger import Entry, Ledger

# One lock per group of ids, with this many groups: one per id would leave a file for each id for ever.
_LOCK_GROUPS = 1024


class UnderWay(TryAgain):
    """Another thread or process is sending the same id now."""

    code = "UnderWay"


class NotRecorded(TryAgain):
    """Something was sent, but its outcome could not be recorded in the ledger."""

    code = "OutcomeUnknown"


class Sender(Protocol):
    """What is sent, and how it is looked up."""

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        """Send the payload once; raises the error if no numbers came back."""

    def get_ready(self) -> None:
        """Wait until it may be sent, before it is recorded as sent: this may take a while."""

    def look_up(self) -> Numbers | None:
        """Return the numbers of what was booked, or None if nothing was."""


@dataclass(frozen=True)
class Prepared:
    """The exact payload to send, and further columns for the ledger."""

    payload: str
    columns: Mapping[str, Any] = field(default_factory=dict)


Prepare = Callable[[datetime], Prepared]
"""Prepares the payload, given the time of first receipt, so that every send is the same."""


@dataclass(frozen=True)
class SendRules:
    """How long to wait: for the lock of an id, and before a look-up's "not there" is believed.

    `line` limits how many sends are under way at once; each is in it from its ledger entry to its answer.
    """

    locks: Locks
    resend_after: timedelta
    looked_up_first_for: timedelta = timedelta(0)
    """How long after a restore the gateway is asked first: it may know more than the ledger."""
    lock_wait_seconds: float = 45.0
    line: AbstractContextManager[Any] = field(default_factory=nullcontext)


class SendOnce:
    """Sends what a ledger records, under its rules."""

    def __init__(
        self, ledger: Ledger, rules: SendRules, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._ledger = ledger
        self._books = Bookkeeping(ledger, clock)
        self._rules = rules
        self._clock = clock

    def send(
        self,
        key: str,
        fingerprint: str,
        prepare: Prepare,
        sender: Sender,
        *,
        received_at: datetime,
        columns: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Send one thing to the gateway, unless it is there; return its ledger row.

        `columns` are stored with it in any case; `prepare` is called only if something is to be sent. Raises
        `ChangeRequest` if other content with the same id is done, under way or unsettled.
        """
        kept: dict[str, Any] = {
            **(columns or {}),
            self._ledger.kind.fingerprint: fingerprint,
            "received_at": received_at,
            "payload": None,
            **dict.fromkeys(self._ledger.kind.numbers.values()),
        }
        try:
            with self._lock(key, 0):
                return self._send_unless_there(key, fingerprint, prepare, sender, kept)
        except UnderWay:
            self._refuse_other_content(key, fingerprint)
        with self._lock(key, self._rules.lock_wait_seconds):
            return self._send_unless_there(key, fingerprint, prepare, sender, kept)

    def _refuse_other_content(self, key: str, fingerprint: str) -> None:
        """Refuse at once what would be refused after a wait.

        Refused and failed content may be replaced, so its replacement waits. The lock may also be another
        id's.
        """
        entry = self._ledger.entry(key)
        if entry is not None and entry.fingerprint != fingerprint and not may_be_replaced(entry):
            raise other_content(entry) from None

    def _send_unless_there(
        self,
        key: str,
        fingerprint: str,
        prepare: Prepare,
        sender: Sender,
        kept: Mapping[str, Any],
    ) -> Entry:
        known = self._ledger.known(key)
        entry = known.entry
        step = next_step(entry, fingerprint)
        if entry is not None and step is Step.LOOK_UP:
            entry = self._settle(entry, sender)
            step = next_step(entry, fingerprint)
            if step is Step.LOOK_UP and fingerprint != entry.fingerprint:
                step = Step.REFUSE
            if entry.status == "refused" and fingerprint == entry.fingerprint:
                # That is the answer. It is sent again if it is handed in again.
                step = Step.ANSWER
        if entry is not None and step is Step.REFUSE:
            raise other_content(entry)
        if entry is not None and step in (Step.ANSWER, Step.LOOK_UP):
            return entry
        if entry is not None and entry.fingerprint == fingerprint:
            kept = {**kept, "received_at": entry.row["received_at"]}
        if self._may_know_too_little(known.restored_at):
            found = sender.look_up()
            if found is not None:
                attempt = OpenAttempt("look_up", self._clock(), entry)
                return self._books.found(key, attempt, found, kept)
        return self._prepare_and_send(key, prepare, sender, entry, kept)

    def _may_know_too_little(self, restored_at: datetime | None) -> bool:
        """Tell whether the store was recently restored: it does not know what was sent since the backup."""
        return restored_at is not None and self._clock() - restored_at < self._rules.looked_up_first_for

    def settle(self, key: str, sender: Sender) -> Entry | None:
        """Look up an unknown outcome, and send again what was certainly not booked; return the row."""
        with self._lock(key, self._rules.lock_wait_seconds):
            entry = self._ledger.entry(key)
            if entry is None or next_step(entry, None) is not Step.LOOK_UP:
                return entry
            entry = self._settle(entry, sender)
            return (
                self._send(key, entry.row["payload"], sender, entry, {})
                if entry.status == "failed"
                else entry
            )

    def resolve(self, key: str, numbers: Numbers | None, said: str) -> Entry | None:
        """Record an outcome found by hand; return the row, or None if there is none.

        `numbers` are those of the back office; None means that it is not there. Raises `ChangeRequest` if the
        outcome is known, and `TryAgain` if it may still be booked.
        """
        with self._lock(key, self._rules.lock_wait_seconds):
            entry = self._ledger.entry(key)
            if entry is None:
                return None
            if next_step(entry, None) is not Step.LOOK_UP:
                raise not_to_be_resolved(entry)
            now = self._clock()
            if numbers is None and not may_believe_absence(entry.last_sent_at, now, self._rules.resend_after):
                since = now - (entry.last_sent_at or now)
                raise may_still_be_booked(key, (self._rules.resend_after - since).total_seconds())
            return self._books.resolved(key, OpenAttempt(BY_HAND, now, entry), numbers, said)

    def _lock(self, key: str, wait_seconds: float) -> AbstractContextManager[None]:
        group = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % _LOCK_GROUPS
        name = f"{self._ledger.connector}.{self._ledger.kind.table.name}.{group}"

        def busy(holder: str) -> UnderWay:
            return UnderWay(f"{key!r} is being sent by {holder}: ask again for its outcome")

        return self._rules.locks.exclusive(name, wait_seconds, busy)

    def _prepare_and_send(
        self,
        key: str,
        prepare: Prepare,
        sender: Sender,
        before: Entry | None,
        kept: Mapping[str, Any],
    ) -> Entry:
        attempt = OpenAttempt("prepare", self._clock(), before)
        try:
            prepared = prepare(kept["received_at"])
        except A4sError as error:
            status = "refused" if isinstance(error, ChangeRequest) else "failed"
            return self._books.did_not(key, status, attempt, error, kept)
        return self._send(key, prepared.payload, sender, before, {**kept, **prepared.columns})

    def _send(
        self, key: str, payload: str, sender: Sender, before: Entry | None, columns: Mapping[str, Any]
    ) -> Entry:
        outcome: Numbers | A4sError
        with self._rules.line:
            sender.get_ready()
            attempt = self._books.about_to_send(key, payload, before, columns)
            try:
                outcome = sender.send(payload, self._idempotency_key(key, payload))
            except A4sError as error:
                outcome = error
        try:
            return self._record_sent(key, outcome, sender, attempt, before)
        except A4sError as error:
            raise NotRecorded(
                f"{key!r} was sent, but its outcome could not be recorded ({error}): it is looked up later"
            ) from None

    def _record_sent(
        self,
        key: str,
        outcome: Numbers | A4sError,
        sender: Sender,
        attempt: OpenAttempt,
        before: Entry | None,
    ) -> Entry:
        if not isinstance(outcome, A4sError):
            return self._books.succeeded(key, attempt, outcome)
        # The wait before a "not there" is believed starts here: until now the gateway may have been working
        # on the request.
        columns = {"last_sent_at": self._clock()}
        if not isinstance(outcome, Inconclusive):
            return self._books.did_not(key, status_after(outcome), attempt, outcome, columns)
        numbers = numbers_told(outcome, self._ledger.kind) or self._found_after(sender)
        if numbers is not None:
            return self._books.succeeded(key, attempt, numbers)
        # The gateway's earlier answer counts only for the same content.
        is_same = before and attempt.row and before.fingerprint == attempt.row.fingerprint
        word = next_word(outcome, word_of(before) if is_same else None)
        return self._books.did_not(key, "unknown", attempt, outcome, columns, word=word)

    def _found_after(self, sender: Sender) -> Numbers | None:
        """Look up the outcome of a send with an inconclusive answer; None if that says nothing either."""
        try:
            return sender.look_up()
        except A4sError:
            return None

    def _settle(self, entry: Entry, sender: Sender) -> Entry:
        """Ask the gateway for an outcome; record it and return the new row."""
        attempt = OpenAttempt("look_up", self._clock(), entry)
        word = word_of(entry)
        try:
            numbers = sender.look_up()
        except A4sError as fault:
            return self._books.did_not(entry.key, "unknown", attempt, fault, word=word)
        if numbers is not None:
            return self._books.succeeded(entry.key, attempt, numbers)
        if not may_believe_absence(entry.last_sent_at, attempt.started_at, self._rules.resend_after):
            not_yet = not_there_yet(entry.key, word)
            return self._books.did_not(entry.key, "unknown", attempt, not_yet, word=word)
        if word is not None and is_last_word(word):
            refusal = refused_in_the_end(entry.key, word)
            return self._books.did_not(entry.key, "refused", attempt, refusal, word=word)
        return self._books.did_not(entry.key, "failed", attempt, not_booked(entry.key), word=word)

    def _idempotency_key(self, key: str, payload: str) -> str:
        # Other content with the id of a refused request is another request: a gateway that honours such keys
        # would repeat the old refusal.
        named = f"{self._ledger.connector}/{self._ledger.kind.table.name}/{key}/{payload}"
        return blake2b(named.encode(), digest_size=16).hexdigest()
