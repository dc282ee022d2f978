"""What many ask for at once: shared, in time, and no more than can be answered."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.errors import A4sError, ChangeRequest, GatewayUnavailable, NotAskedInTime, Overloaded
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.records.stock_records import Stock
from a4s_pipeline.ondemand.stock.live import LiveStock, Load, Outcome, calls_before
from a4s_pipeline_tests.support.answers import answer_body
from a4s_pipeline_tests.support.installed_site import Site, asks, installed, wait_until


class Gateway:
    """Answers for items once it may, or fails; records what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.failure: A4sError | None = None

    def __call__(self, item_code: str) -> Reply[Stock]:
        self.asked.append(item_code)
        assert self.may_answer.wait(20)
        if self.failure is not None:
            raise self.failure
        stock = Stock(
            itemCode=item_code,
            shelfStock=Decimal(len(self.asked)),
            toBeDelivered=Decimal(0),
            deliveryDates=[],
        )
        return Reply(stock, datetime.now(UTC), None)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def live(gateway: Gateway) -> Iterator[LiveStock]:
    made = LiveStock(gateway, 2, 0)
    yield made
    gateway.may_answer.set()
    made.close()


def soon(seconds: float = 30) -> float:
    return time.monotonic() + seconds


def told(outcome: Outcome) -> str:
    return type(outcome).__name__ if isinstance(outcome, A4sError) else str(outcome.value.shelf_stock)


def test_those_who_ask_at_the_same_time_share_one_call(gateway: Gateway, live: LiveStock) -> None:
    gateway.may_answer.clear()
    asked = [live.begin(["A1", "A2", "A3"], soon()) for _ in range(50)]
    gateway.may_answer.set()
    answers = [{code: told(future.result(20)) for code, future in one.items()} for one in asked]
    assert all(one == answers[0] for one in answers)
    assert sorted(gateway.asked) == ["A1", "A2", "A3"]


def test_who_asks_after_an_answer_gets_a_newer_one_unless_the_setting_allows_the_older(
    gateway: Gateway, live: LiveStock
) -> None:
    assert [told(live.begin(["A1"], soon())["A1"].result(20)) for _ in range(3)] == ["1", "2", "3"]
    fresh = LiveStock(gateway, 2, fresh_seconds=60)
    assert [told(fresh.begin(["A1"], soon())["A1"].result(20)) for _ in range(3)] == ["4", "4", "4"]
    fresh.close()
    brief = LiveStock(gateway, 2, fresh_seconds=0.01)
    first = told(brief.begin(["A1"], soon())["A1"].result(20))
    time.sleep(0.05)
    assert told(brief.begin(["A1"], soon())["A1"].result(20)) != first
    brief.close()


def test_a_failure_is_shared_and_not_kept(gateway: Gateway) -> None:
    live = LiveStock(gateway, 2, fresh_seconds=60)
    gateway.failure = GatewayUnavailable("down")
    assert told(live.begin(["A1"], soon())["A1"].result(20)) == "GatewayUnavailable"
    gateway.failure = None
    assert told(live.begin(["A1"], soon())["A1"].result(20)) == "2"
    live.close()


def test_who_may_wait_longer_does_not_share_a_call_that_is_given_up_before(
    gateway: Gateway, live: LiveStock
) -> None:
    gateway.may_answer.clear()
    short = live.begin(["A1"], soon(1))["A1"]
    assert live.begin(["A1"], soon(1.5))["A1"] is short
    assert live.begin(["A1"], soon(30))["A1"] is not short


def test_long_lists_take_turns_with_short_ones(gateway: Gateway, live: LiveStock) -> None:
    gateway.may_answer.clear()
    live.begin([f"A{number}" for number in range(100)], soon())
    wait_until(lambda: len(gateway.asked) == 2)
    one = live.begin(["one"], soon())["one"]
    gateway.may_answer.set()
    assert isinstance(one.result(20), Reply)
    assert gateway.asked.index("one") < 6


def test_a_gateway_that_is_down_is_asked_by_one_at_a_time_and_the_others_are_told_at_once(
    gateway: Gateway, live: LiveStock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.stock.live._ASKED_AGAIN_AFTER", 0.2)
    gateway.failure = GatewayUnavailable("no answer")
    for _ in range(3):
        live.begin(["A1"], soon())["A1"].result(20)
    asked = len(gateway.asked)
    refused = live.begin(["A1", "A2", "A3"], soon())
    assert all(future.done() for future in refused.values())
    error = refused["A2"].result()
    assert isinstance(error, GatewayUnavailable)
    assert error.wait_seconds
    assert "no answer" in str(error)
    assert len(gateway.asked) == asked
    time.sleep(0.25)
    gateway.may_answer.clear()
    asks_again = live.begin(["A1", "A2", "A3"], soon())
    assert [future.done() for future in asks_again.values()] == [False, True, True]
    gateway.failure = None
    gateway.may_answer.set()
    assert isinstance(asks_again["A1"].result(20), Reply)
    assert isinstance(live.begin(["A2"], soon())["A2"].result(20), Reply)


@pytest.fixture
def slow_gateway(gateway: Gateway, live: LiveStock) -> Gateway:
    """A gateway known to take at least half a second a call; it answers no further call yet."""
    gateway.may_answer.clear()
    slow = live.begin(["slow", "slower"], soon())
    time.sleep(0.5)
    gateway.may_answer.set()
    for future in slow.values():
        future.result(20)
    gateway.may_answer.clear()
    return gateway


def test_what_could_not_be_answered_in_time_is_refused_at_once_and_told_when_to_return(
    slow_gateway: Gateway, live: LiveStock
) -> None:
    for number in range(200):
        live.begin([f"A{number}"], soon(600))
    refused = live.begin(["B1", "A1"], soon(1))
    error = refused["B1"].result(0)
    assert isinstance(error, Overloaded)
    assert error.wait_seconds is not None
    assert error.wait_seconds > 1
    assert not refused["A1"].done(), "it shares the call that waits already"


def test_one_item_is_not_refused_because_another_asked_for_many(
    slow_gateway: Gateway, live: LiveStock
) -> None:
    live.begin([f"A{number}" for number in range(200)], soon(600))
    one = live.begin(["one"], soon(5))["one"]
    many = live.begin([f"B{number}" for number in range(100)], soon(5))
    assert {type(future.result(0)) for future in many.values()} == {Overloaded}
    slow_gateway.may_answer.set()
    assert isinstance(one.result(20), Reply)


def test_a_new_list_waits_for_its_turns_among_the_lists_that_wait() -> None:
    for queued, new, before in [
        ([], 1, 0),
        ([200], 1, 1),
        ([1] * 200, 1, 200),
        ([200], 300, 200),
        ([3, 200], 10, 13),
        ([200], 0, 0),
    ]:
        assert calls_before(queued, new) == before, (queued, new)


def test_a_gateway_is_down_after_three_failures_that_are_its_own() -> None:
    failure, answer = GatewayUnavailable("no answer"), ChangeRequest("unknown item")
    for given, took, usual, is_down in [
        (10, 10, 0.1, True),  # silent for as long as anybody waits
        (10, 0.0, 0.1, True),  # refuses connections
        (0.3, 0.0, 0.1, True),
        (0.3, 0.3, 0.1, False),  # the caller went too soon
        (2, 2, 0.1, True),
        (2, 2, 1, False),  # a slow gateway, and the caller went too soon
        (4, 4, 1, True),
    ]:
        load = Load()
        load.add(answer, 0, usual, 10)
        for _ in range(3):
            load.add(failure, 100, 100 + took, 100 + given)
        assert load.is_down is is_down, (given, took, usual)
        assert (load.average_seconds == usual) is not is_down
        load.add(answer, 200, 200 + usual, 210)
        assert not load.is_down


def test_one_impatient_caller_does_not_keep_the_others_from_a_gateway(gateway: Gateway) -> None:
    def cut_short(item_code: str) -> Reply[Stock]:
        if item_code == "impatient":
            time.sleep(0.05)
            raise GatewayUnavailable("no answer in time")
        return gateway(item_code)

    impatient = LiveStock(cut_short, 2, 0)
    for _ in range(6):
        impatient.begin(["impatient"], soon(0.05))["impatient"].result(20)
    assert isinstance(impatient.begin(["A1"], soon())["A1"].result(20), Reply)
    impatient.close()


def test_calls_that_waited_beyond_their_time_are_not_made_and_say_nothing_of_the_gateway(
    gateway: Gateway, live: LiveStock
) -> None:
    gateway.may_answer.clear()
    slow = live.begin(["slow", "slower"], soon())
    wait_until(lambda: len(gateway.asked) == 2)
    late = live.begin([f"A{number}" for number in range(10)], soon(0.2))
    time.sleep(0.3)
    gateway.may_answer.set()
    assert {type(future.result(20)) for future in late.values()} == {NotAskedInTime}
    assert {type(future.result(20)) for future in slow.values()} == {Reply}
    assert isinstance(live.begin(["one"], soon())["one"].result(20), Reply)
    assert gateway.asked == ["slow", "slower", "one"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, max_connections=4, answer_seconds=0.5, timeout_seconds=90) as site:
        yield site


def test_a_gateway_that_never_answers_costs_a_request_its_own_time_and_no_more(site: Site) -> None:
    site.put_items("A1")
    site.sandbox.faults.hang = 1
    site.sandbox.faults.hang_seconds = 60
    with site.service() as service:
        for _ in range(2):
            answered = answer_body(service, asks("A1"), datetime.now(UTC))
            assert (answered.status, answered.error and answered.error["code"]) == (
                "failed",
                "GatewayUnavailable",
            )
        # None of the calls has its answer yet, nor would the client have given it up.
        assert {call.status for call in site.sandbox.calls("stock")} == {0}
        site.sandbox.faults.hang_seconds = 0


def test_a_busy_gateway_is_reported_at_once_with_how_long_to_wait(site: Site) -> None:
    site.put_items("A1")
    site.sandbox.faults.too_many = 1
    site.sandbox.faults.retry_after_seconds = 30
    with site.service() as service:
        answered = answer_body(service, asks("A1"), datetime.now(UTC))
    assert len(site.sandbox.calls("stock")) == 1
    assert answered.error is not None
    assert 0 < answered.error["retryAfterSeconds"] <= 31
    assert "try again in" in answered.error["message"]


def test_what_is_stored_here_is_read_while_the_gateway_never_answers(site: Site) -> None:
    """One request without the gateway once waited for twenty that needed it."""
    site.choose(answer_seconds=60)
    site.put_items(*(f"A{number}" for number in range(20)))
    site.sandbox.faults.hang = 1
    site.sandbox.faults.hang_seconds = 60
    for number in range(20):
        site.drop(f"stock-{number}", asks(f"A{number}"))
    with site.worker():
        wait_until(lambda: len(site.sandbox.calls("stock")) == 4)
        site.drop("history", {"kind": "retrieve_orders", "connector": "demo"})
        site.wait_for("history")
        assert not any(name.startswith("stock") for name in site.answered())
        site.sandbox.faults.hang = site.sandbox.faults.hang_seconds = 0


def test_many_that_look_at_the_same_items_are_answered_by_few_calls(tmp_path: Path) -> None:
    with installed(tmp_path, latency_ms=50, max_connections=16) as site, site.service() as service:
        codes = [f"A{number}" for number in range(50)]
        site.put_items(*codes)

        def ask(_: int) -> Any:
            return answer_body(service, asks(*codes), datetime.now(UTC)).status

        with ThreadPoolExecutor(20) as threads:
            assert set(threads.map(ask, range(20))) == {"ok"}
        assert len(site.sandbox.calls("stock")) <= 200
