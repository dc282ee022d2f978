"""Simultaneous questions to a ledger share one transaction, and no one suffers from another's fault."""

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import duckdb
import pytest

from a4s_pipeline.errors import StoreHeld, TryAgain
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.ondemand.batching import Batcher
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Attempt, Entry, Ledger
from a4s_pipeline.warehouse.store import T, Work
from a4s_pipeline_tests.support.installed_site import wait_until

NOW = datetime(2024, 6, 3, 10, tzinfo=UTC)
LATER = datetime(2024, 6, 3, 22, 30, tzinfo=UTC)


class Gate:
    """Answers in upper case; the first call waits until this many others queue."""

    def __init__(self, others: int) -> None:
        self.groups: list[list[str]] = []
        self.batcher = Batcher[str, str](self._answer_all)
        self._others = others

    def _answer_all(self, questions: Sequence[str]) -> list[str]:
        self.groups.append(list(questions))
        if len(self.groups) == 1:
            wait_until(lambda: self.batcher.waiting == self._others, what="waiting")
        if "held" in questions or (len(self.groups) > 2 and questions[0].startswith("late")):
            raise StoreHeld("the file is held")
        if "stop" in questions:
            raise KeyboardInterrupt
        if any("wrong" in question for question in questions):
            raise ValueError("wrong")
        return [question.upper() for question in questions]


def all_at_once(gate: Gate, *questions: str) -> list[str]:
    """Ask the first, and the others while it is answered; return all results."""

    def ask(question: str) -> str:
        try:
            return gate.batcher.ask(question)
        except BaseException as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(questions)) as threads:
        first = threads.submit(ask, questions[0])
        wait_until(lambda: len(gate.groups) == 1, what="begun")
        rest = [threads.submit(ask, question) for question in questions[1:]]
        return [first.result(30), *(one.result(30) for one in rest)]


def test_the_first_question_is_answered_alone_and_those_that_come_meanwhile_together() -> None:
    gate = Gate(others=3)
    assert all_at_once(gate, "a", "b", "c", "d") == ["A", "B", "C", "D"]
    assert [sorted(group) for group in gate.groups] == [["a"], ["b", "c", "d"]]
    assert gate.batcher.ask("e") == "E"
    assert gate.groups[2:] == [["e"]]


def test_nobody_pays_for_the_fault_of_another() -> None:
    for faulty, others, calls in [
        # Its own fault: the others are answered, one by one.
        ("wrong", {"B", "C"}, 5),
        # The store's: nobody has an answer.
        ("held", {"StoreHeld"}, 2),
    ]:
        gate = Gate(others=3)
        first, became, *rest = all_at_once(gate, "a", faulty, "b", "c")
        assert (first, became) == ("A", {"wrong": "ValueError", "held": "StoreHeld"}[faulty]), faulty
        assert set(rest) == others, faulty
        assert len(gate.groups) == calls, faulty
        assert gate.batcher.ask("d") == "D", faulty


def test_a_store_locked_after_a_fault_is_not_waited_for_by_one_after_another() -> None:
    gate = Gate(others=3)
    first, *rest = all_at_once(gate, "a", "wrong", "late one", "late two")
    assert (first, rest[1:]) == ("A", ["StoreHeld", "StoreHeld"])
    # All of them, the faulty one where it was the first, and the first that met the store.
    assert len(gate.groups) <= 4


def test_whoever_is_stopped_leaves_nobody_waiting() -> None:
    gate = Gate(others=2)
    first, *rest = all_at_once(gate, "a", "stop", "b")
    assert first == "A"
    assert sorted(rest) == ["KeyboardInterrupt", TryAgain.__name__]
    assert gate.batcher.ask("c") == "C"


BATCHING = "a4s_pipeline.warehouse.rows.ondemand.batching"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Answers whose last call had three questions, so that the next waits for as many."""
    monkeypatch.setattr(f"{BATCHING}._LONGEST_GATHERING", 30)
    gate = Gate(others=3)
    all_at_once(gate, "a", "b", "c", "d")
    return gate


def test_a_call_waits_for_as_many_as_the_one_before_it_had(patient: Gate) -> None:
    with ThreadPoolExecutor(3) as threads:
        early = [threads.submit(patient.batcher.ask, question) for question in ("e", "f")]
        wait_until(lambda: patient.batcher.waiting == 2, what="waiting")
        late = threads.submit(patient.batcher.ask, "g")
        assert [one.result(20) for one in (*early, late)] == ["E", "F", "G"]
    assert [sorted(group) for group in patient.groups[2:]] == [["e", "f", "g"]]


def test_what_most_wait_for_is_done_first_and_nobody_is_passed_over_three_times() -> None:
    calls: list[str] = []
    may_end = threading.Semaphore(0)

    def answer_all(questions: Sequence[str]) -> list[str]:
        calls.append("".join(questions))
        assert may_end.acquire(timeout=20)
        return list(questions)

    batcher = Batcher[str, str](answer_all, kind_of=lambda question: question)

    def call_is_under_way(number: int) -> None:
        wait_until(lambda: len(calls) == number, what="a call")

    def ask(questions: str) -> None:
        waiting = batcher.waiting + len(questions)
        for question in questions:
            threads.submit(batcher.ask, question)
        wait_until(lambda: batcher.waiting == waiting, what="waiting")

    with ThreadPoolExecutor(12) as threads:
        threads.submit(batcher.ask, "first")
        for number, meanwhile in enumerate((("c", "aaa"), ("bb",), ("dddd",), (), ()), start=1):
            call_is_under_way(number)
            for questions in meanwhile:
                ask(questions)
            may_end.release()
    assert calls == ["first", "aaa", "bb", "c", "dddd"]


def nothing() -> None:
    """Do nothing."""


def ask_and_be_interrupted(
    batcher: Batcher[str, str], before: Callable[[], None] = nothing, then: Callable[[], None] = nothing
) -> str:
    """Ask in this thread, and be interrupted once another waits too; return the other's answer."""

    def interrupt() -> str:
        wait_until(lambda: batcher.waiting == 1, what="waiting")
        other = threads.submit(batcher.ask, "other")
        wait_until(lambda: batcher.waiting == 2, what="waiting")
        before()
        signal.pthread_kill(ours, signal.SIGUSR1)
        return other.result(20)

    def raise_as_ctrl_c_does(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ours, usual = threading.get_ident(), signal.signal(signal.SIGUSR1, raise_as_ctrl_c_does)
    try:
        with ThreadPoolExecutor(2) as threads:
            answer = threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                batcher.ask("ours")
            then()
            return answer.result(20)
    finally:
        signal.signal(signal.SIGUSR1, usual)


def test_whoever_is_interrupted_while_waiting_is_left_out() -> None:
    groups: list[list[str]] = []
    is_over = threading.Event()

    def answer_all(questions: Sequence[str]) -> list[str]:
        groups.append(list(questions))
        assert is_over.wait(20)
        return list(questions)

    batcher = Batcher[str, str](answer_all)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(batcher.ask, "first")
        wait_until(lambda: len(groups) == 1, what="begun")
        assert ask_and_be_interrupted(batcher, then=is_over.set) == "other"
        assert first.result(20) == "first"
    assert groups == [["first"], ["other"]]


def test_whoever_is_interrupted_while_leading_hands_the_lead_on(
    patient: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_no_more() -> None:
        monkeypatch.setattr(f"{BATCHING}._LONGEST_GATHERING", 0)

    assert ask_and_be_interrupted(patient.batcher, before=wait_no_more) == "OTHER"
    assert patient.groups[2:] == [["other"]]


class Counted(WarehouseFile):
    """A store that counts transactions, and holds some back until this many wait for the next."""

    transactions = 0
    before_commit: Callable[[], None] = staticmethod(lambda: None)

    def transact(self, work: Work[T]) -> T:
        self.transactions += 1

        def done(connection: duckdb.DuckDBPyConnection) -> T:
            result = work(connection)
            self.before_commit()
            return result

        return super().transact(done)


def recorded(
    ledger: Ledger, key: str, before: Entry | None = None, **columns: Any
) -> tuple[Entry, int | None]:
    attempt = {
        "kind": "send",
        "status": columns["status"],
        "started_at": NOW,
        "request": columns.get("payload"),
    }
    return ledger.record(key, before, columns, NOW, Attempt(attempt))


def together(store: Counted, ledger: Ledger, *records: Callable[[], Any]) -> list[Any]:
    """Record the first alone, and all others in one later transaction; return results and errors."""
    is_held = threading.Event()

    def hold() -> None:
        if not is_held.is_set():
            is_held.set()
            wait_until(lambda: ledger.waiting == len(records) - 1, what="waiting")

    store.before_commit = hold
    with ThreadPoolExecutor(len(records)) as threads:
        first = threads.submit(records[0])
        assert is_held.wait(20)
        futures: list[Future[Any]] = [first, *(threads.submit(record) for record in records[1:])]
        return [future.exception(30) or future.result() for future in futures]


@pytest.fixture
def store(path: Any) -> Counted:
    return Counted(path)


def test_what_threads_record_at_the_same_time_shares_a_transaction_and_each_row_is_its_own(
    store: Counted,
) -> None:
    ledger = Ledger(store, ORDER_LEDGER, "demo", "r1")
    other = Ledger(store, ORDER_LEDGER, "zuid", "r1")
    old, _ = recorded(ledger, "OLD", status="failed", received_at=NOW, intake_fingerprint="f")
    again, _ = recorded(ledger, "AGAIN", status="failed", received_at=NOW, intake_fingerprint="f")
    recorded(other, "OLD", status="failed", received_at=NOW, error="zuid's own")
    begun = store.transactions
    sending: dict[str, Any] = {
        "status": "sending",
        "received_at": LATER,
        "payload": '{"a":1.50}',
        "customer_code": "K\"'1",
    }
    results = together(
        store,
        ledger,
        lambda: recorded(ledger, "FIRST", **sending),
        lambda: recorded(ledger, "ONE", **sending),
        lambda: recorded(ledger, "TWO", **sending, order_number=None),
        lambda: recorded(ledger, "OLD", old, status="sending", error="was"),
        lambda: recorded(ledger, "AGAIN", again, status="sending", error="was too"),
    )
    # The first, what is new, and what has a row already.
    assert store.transactions - begun == 3
    assert [number for _, number in results] == [1, 1, 1, 2, 2]
    rows = {entry.key: entry for entry in ledger.entries()}
    for entry, _ in results:
        stored = rows[entry.key]
        # The store alone works out the day; all else is what the ledger said.
        assert {**stored.row, "received_day": None} == {**entry.row, "received_day": None}
    assert (rows["ONE"].row["received_day"].day, rows["ONE"].row["payload"]) == (4, '{"a":1.50}')
    assert (rows["OLD"].row["error"], rows["AGAIN"].row["error"]) == ("was", "was too")
    assert [entry.row["error"] for entry in other.entries()] == ["zuid's own"]
    for key, number in {"FIRST": 1, "ONE": 1, "OLD": 2, "AGAIN": 2}.items():
        assert [one["attempt_number"] for one in ledger.attempts(key)] == list(range(1, number + 1)), key


def test_attempts_end_together_each_with_its_own_outcome(store: Counted) -> None:
    ledger = Ledger(store, ORDER_LEDGER, "demo", "r1")
    begun = [recorded(ledger, key, status="sending", received_at=NOW) for key in ("A", "B", "C", "D")]

    def end(entry: Entry, number: int | None, status: str, **columns: Any) -> Callable[[], Any]:
        attempt = Attempt({"status": status, "ended_at": LATER}, number)
        return lambda: ledger.record(entry.key, entry, {"status": status, **columns}, LATER, attempt)

    outcomes = ["ok", "ok", "refused", "ok"]
    together(
        store,
        ledger,
        *(
            end(entry, number, outcome, order_number=f"TP-{entry.key}" if outcome == "ok" else None)
            for (entry, number), outcome in zip(begun, outcomes, strict=True)
        ),
    )
    ended = {entry.key: (entry.status, entry.row["order_number"]) for entry in ledger.entries()}
    assert ended == {"A": ("ok", "TP-A"), "B": ("ok", "TP-B"), "C": ("refused", None), "D": ("ok", "TP-D")}
    assert [(one["status"], one["ended_at"]) for key in "ABCD" for one in ledger.attempts(key)] == [
        (outcome, LATER) for outcome in outcomes
    ]


def test_one_that_cannot_be_recorded_stops_none_of_the_others(store: Counted) -> None:
    ledger = Ledger(store, ORDER_LEDGER, "demo", "r1")
    first, good, bad, last = together(
        store,
        ledger,
        lambda: recorded(ledger, "FIRST", status="sending"),
        lambda: recorded(ledger, "GOOD", status="sending", payload="{}"),
        lambda: recorded(ledger, "BAD", status="sending", payload="{not json"),
        lambda: recorded(ledger, "LAST", status="sending", payload="[]"),
    )
    assert isinstance(bad, duckdb.Error)
    assert [entry.key for entry, _ in (first, good, last)] == ["FIRST", "GOOD", "LAST"]
    assert {entry.key: entry.attempts for entry in ledger.entries()}.keys() == {"FIRST", "GOOD", "LAST"}
    assert [len(ledger.attempts(key)) for key in ("GOOD", "BAD", "LAST")] == [1, 0, 1]


def test_where_a_group_cannot_be_committed_nobody_is_told_that_it_was_recorded(store: Counted) -> None:
    ledger = Ledger(store, CUSTOMER_LEDGER, "demo", "r1")
    entry, number = ledger.record("K1", None, {"status": "sending"}, NOW, Attempt({"kind": "send"}))
    assert (entry.key, number) == ("K1", None)

    def fail() -> None:
        raise StoreHeld("held")

    store.before_commit = fail
    for before in (None, entry):
        with pytest.raises(StoreHeld):
            ledger.record(before.key if before else "K2", before, {"status": "ok"}, NOW)
    assert [(one.key, one.status) for one in ledger.entries()] == [("K1", "sending")]
