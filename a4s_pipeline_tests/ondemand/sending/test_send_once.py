"""The rules at work, in random weather and with kills anywhere; ledger and gateway are models here."""

import random
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.errors import (
    A4sError,
    ChangeRequest,
    GatewayUnavailable,
    Inconclusive,
    RefuseOrder,
    ReplyUnreadable,
    StoreHeld,
)
from a4s_pipeline.locks.file_locks import FileLocks, file_lock
from a4s_pipeline.ondemand.orders.hook import HookFailed
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce, SendRules, UnderWay
from a4s_pipeline.warehouse.rows.ondemand.ledger import (
    ORDER_LEDGER,
    Attempt,
    Entry,
    Known,
    Ledger,
    LedgerKind,
)
from a4s_pipeline_tests.ondemand.conftest import NOW, Clock, Killed
from a4s_pipeline_tests.support.nightly import examples
from a4s_pipeline_tests.support.project import ROOT

RESEND_AFTER = 600
PAGE = ROOT / "docs" / "exactly-once.md"
Numbers = dict[str, str]
Chance = Callable[[str, list[str]], str]
"""Draws one of several events, by what it is an event of."""


def calm(what: str, events: list[str]) -> str:
    """Weather in which only the first, good outcome happens."""
    return events[0]


@dataclass
class LedgerInMemory:
    """A ledger whose writes may fail, or be the last act of the process."""

    chance: Chance = calm
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: set[tuple[str, str]] = field(default_factory=set)
    """From which status to which a row went; `[*]` where there was none."""
    kind: LedgerKind = ORDER_LEDGER
    connector = "demo"

    def entry(self, key: str) -> Entry | None:
        if key not in self.rows:
            return None
        row = dict.fromkeys(self.kind.table.column_names) | self.rows[key]
        return Entry(
            key,
            str(row["status"]),
            row[self.kind.fingerprint],
            row["attempts"] or 0,
            row["last_sent_at"],
            row,
        )

    def known(self, key: str) -> Known:
        return Known(self.entry(key), None)

    def record(
        self,
        key: str,
        before: Entry | None,
        columns: Mapping[str, Any],
        at: datetime,
        attempt: Attempt | None = None,
    ) -> tuple[Entry, int | None]:
        assert (before is None) == (key not in self.rows)
        event = self.chance("a write", ["written", "held", "killed before", "killed after"])
        if event == "held":
            raise StoreHeld("held")
        if event == "killed before":
            raise Killed
        known = self.rows.get(key, {})
        self.rows[key] = {**known, **columns}
        self.steps.add((known.get("status", "[*]"), self.rows[key]["status"]))
        if event == "killed after":
            raise Killed
        entry = self.entry(key)
        assert entry is not None
        return entry, 1


@dataclass
class BackOffice:
    """A gateway that never deduplicates; it books what it took within the given time, or never."""

    clock: Clock
    chance: Chance = calm
    bookings: list[datetime] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        self.sent.append((payload, idempotency_key))
        fate = self.chance("an order", ["booked", "late", "lost", "turned away", "refused", "not told"])
        if fate == "turned away":
            raise GatewayUnavailable("busy", is_untaken=True)
        if fate == "refused":
            raise ChangeRequest("refused", code="ValidationFailed")
        if fate == "not told":
            if self.chance("what was not told", ["booked", "not booked"]) == "booked":
                self.bookings.append(self.clock())
            raise Inconclusive("409", code="Conflict")
        if fate == "booked":
            self.bookings.append(self.clock())
        if fate == "late":
            delay = int(self.chance("a delay", ["1", "300", "599", "600"]))
            self.bookings.append(self.clock() + timedelta(seconds=delay))
        self.clock.move(int(self.chance("a wait for the answer", ["0", "1", "30"])))
        reply = self.chance("a reply", ["comes", "times out", "is cut off", "comes to a dead process"])
        if reply == "comes to a dead process":
            raise Killed
        if fate != "booked" or reply == "times out":
            raise GatewayUnavailable("no answer in time")
        if reply == "is cut off":
            raise ReplyUnreadable("cut off")
        return {"orderId": "1", "orderNumber": "one"}

    def get_ready(self) -> None:
        pass

    def look_up(self) -> Numbers | None:
        event = self.chance("a look-up", ["answered", "fails", "killed"])
        if event == "fails":
            raise GatewayUnavailable("no answer")
        if event == "killed":
            raise Killed
        is_there = any(at <= self.clock() for at in self.bookings)
        return {"orderId": "1", "orderNumber": "one"} if is_there else None


class Exporter:
    """One order, sent by a process that is restarted whenever it ends."""

    def __init__(self, locks: Path, resend_after: float = RESEND_AFTER) -> None:
        self.locks = locks
        self.clock = Clock()
        self.ledger = LedgerInMemory()
        self.office = BackOffice(self.clock)
        rules = SendRules(FileLocks(locks), timedelta(seconds=resend_after), lock_wait_seconds=0.05)
        self.send_once = SendOnce(cast("Ledger", self.ledger), rules, self.clock)

    def weather(self, chance: Chance) -> None:
        self.ledger.chance = self.office.chance = chance

    def send(self, content: str = "content", received_at: datetime = NOW) -> Entry:
        return self.send_once.send(
            "IO-1",
            content,
            lambda first: self._prepared(f"{content} of {first.isoformat()}"),
            self.office,
            received_at=received_at,
        )

    def _prepared(self, payload: str) -> Prepared:
        event = self.office.chance("a hook", ["changes it", "refuses it", "fails"])
        if event == "changes it":
            return Prepared(payload)
        raise RefuseOrder("no") if event == "refuses it" else HookFailed("failed", "Traceback")

    def run(self, how: str) -> str | None:
        """Let a process do one thing and return what it prints; None if it was killed."""
        try:
            entry = self.send() if how == "send" else self.send_once.settle("IO-1", self.office)
        except Killed:
            return None
        except A4sError as error:
            return error.code
        return None if entry is None else entry.status


@pytest.fixture
def exporter(tmp_path: Path) -> Exporter:
    return Exporter(tmp_path)


@settings(max_examples=examples(50, 1000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_in_any_weather_an_order_is_booked_once_at_most_and_in_calm_weather_once(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exporter = Exporter(Path(folder))
        exporter.weather(lambda what, events: data.draw(st.sampled_from(events), what))
        for _ in range(data.draw(st.integers(1, 8), "processes")):
            exporter.run(data.draw(st.sampled_from(["send", "settle"]), "what it does"))
            assert len(exporter.office.bookings) <= 1
            exporter.clock.move(data.draw(st.sampled_from([0, 1, 60, 599, 600, 3600]), "then passes"))
        exporter.weather(calm)
        outcomes = []
        for _ in range(2):
            outcomes.append(exporter.run("send"))
            exporter.clock.move(RESEND_AFTER)
        assert outcomes[-1] == "ok"
        assert len(exporter.office.bookings) == 1


def test_the_page_draws_each_way_from_state_to_state_and_no_other(tmp_path: Path) -> None:
    drawn = set(re.findall(r"^    (\S+) --> (\w+): ", PAGE.read_text(), re.M))
    chance = random.Random(7)
    taken: set[tuple[str, str]] = set()
    # The same answer twice in a row is more than chance brings about.
    stubborn = {"an order": "not told", "what was not told": "not booked"}
    for number in range(400):
        exporter = Exporter(tmp_path)
        if number % 10:
            exporter.weather(lambda what, events: chance.choice([events[0], *events]))
        else:
            exporter.weather(lambda what, events: stubborn.get(what, events[0]))
        for _ in range(8):
            exporter.run(chance.choice(["send", "settle"]))
            exporter.clock.move(chance.choice([0, RESEND_AFTER]))
        taken |= exporter.ledger.steps
    assert taken == drawn


def test_were_absence_believed_too_early_this_model_would_book_twice(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path, resend_after=RESEND_AFTER - 1)
    late = {"an order": "late", "a delay": "600"}
    exporter.weather(lambda what, events: late.get(what, events[0]))
    exporter.run("send")
    exporter.clock.move(RESEND_AFTER - 1)
    exporter.weather(calm)
    exporter.run("send")
    assert len(exporter.office.bookings) == 2


def test_what_is_sent_again_is_the_same_to_the_letter_under_the_same_key(exporter: Exporter) -> None:
    exporter.weather(lambda what, events: "turned away" if what == "an order" else events[0])
    assert exporter.send().status == "failed"
    exporter.clock.move(60)
    assert exporter.send(received_at=exporter.clock()).status == "failed"
    first, second = exporter.office.sent
    assert first == second
    assert first[0] == f"content of {NOW.isoformat()}"
    assert exporter.ledger.rows["IO-1"]["received_at"] == NOW


def test_other_content_in_the_place_of_what_was_refused_is_another_request(exporter: Exporter) -> None:
    exporter.weather(lambda what, events: "refused" if what == "an order" else events[0])
    assert exporter.send("wrong").status == "refused"
    exporter.weather(calm)
    later = NOW + timedelta(hours=1)
    assert exporter.send("right", later).status == "ok"
    (_, first_key), (payload, second_key) = exporter.office.sent
    assert payload == f"right of {later.isoformat()}"
    assert first_key != second_key
    assert exporter.ledger.rows["IO-1"]["received_at"] == later


def test_a_send_whose_record_took_long_is_recorded_again_before_it_goes_out(exporter: Exporter) -> None:
    waits = [5, 3, 1]
    recorded: list[datetime] = []

    def slowly(what: str, events: list[str]) -> str:
        if what == "a write" and not exporter.office.sent:
            recorded.append(exporter.clock())
            exporter.clock.move(waits.pop(0))
        return events[0]

    exporter.weather(slowly)
    assert exporter.send().status == "ok"
    assert recorded == [NOW, NOW + timedelta(seconds=5), NOW + timedelta(seconds=8)]
    assert exporter.ledger.rows["IO-1"]["last_sent_at"] == NOW + timedelta(seconds=8)
    assert exporter.ledger.rows["IO-1"]["attempts"] == 1


def lock_of(exporter: Exporter, key: str = "IO-1") -> Path:
    """The lock file of an id, found by taking the lock."""
    exporter.run("send")
    [path] = exporter.locks.iterdir()
    return path


def test_an_order_that_somebody_else_holds_is_waited_for_within_bounds(exporter: Exporter) -> None:
    exporter.weather(lambda what, events: "turned away" if what == "an order" else events[0])
    path = lock_of(exporter)
    exporter.weather(calm)
    with file_lock(path, 0, UnderWay), pytest.raises(UnderWay, match="'IO-1' is being sent by process"):
        exporter.send()
    assert len(exporter.office.sent) == 1
    assert exporter.send().status == "ok"


@pytest.mark.parametrize("status", ["failed", "refused"])
def test_other_content_waits_for_the_lock_where_it_may_replace_what_is_there(
    exporter: Exporter, status: str
) -> None:
    fate = "turned away" if status == "failed" else "refused"
    exporter.weather(lambda what, events: fate if what == "an order" else events[0])
    path = lock_of(exporter)
    with file_lock(path, 0, UnderWay), pytest.raises(UnderWay):
        exporter.send("other")


@pytest.mark.parametrize(("status", "told"), [("sending", "is under way"), ("ok", "is done")])
def test_other_content_is_refused_at_once_while_the_first_is_under_way(
    exporter: Exporter, status: str, told: str
) -> None:
    path = lock_of(exporter)
    exporter.ledger.rows["IO-1"]["status"] = status
    with file_lock(path, 0, UnderWay), pytest.raises(ChangeRequest, match=told) as refused:
        exporter.send("other")
    assert refused.value.code == "DuplicateRequest"
