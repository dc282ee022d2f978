import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.gateway.calls.pace import Pace


class Clock:
    """A clock that only moves while somebody rests."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.rests: list[float] = []

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_without_a_ceiling_nobody_waits(clock: Clock) -> None:
    pace = Pace(None, clock)
    for _ in range(3):
        pace.wait_for_turn(clock.rest)
    assert clock.rests == [0, 0, 0]


def test_calls_that_come_at_once_are_spaced(clock: Clock) -> None:
    pace = Pace(4, clock)
    for _ in range(4):
        pace.wait_for_turn(clock.rest)
    assert clock.rests == [0, 0.25, 0.25, 0.25]


def test_time_that_was_not_used_is_not_saved_up(clock: Clock) -> None:
    pace = Pace(4, clock)
    pace.wait_for_turn(clock.rest)
    clock.now += 60
    pace.wait_for_turn(clock.rest)
    pace.wait_for_turn(clock.rest)
    assert clock.rests == [0, 0, 0.25]


def test_a_pause_holds_the_next_call(clock: Clock) -> None:
    pace = Pace(None, clock)
    pace.pause(30)
    pace.pause(10)
    pace.wait_for_turn(clock.rest)
    pace.wait_for_turn(clock.rest)
    assert clock.rests == [30, 0]


def test_a_pause_that_begins_while_a_call_waits_delays_that_call_too(clock: Clock) -> None:
    pace = Pace(2, clock)
    pace.wait_for_turn(clock.rest)

    def rest(seconds: float) -> None:
        if not paused:
            paused.append(True)
            pace.pause(30)
        clock.rest(seconds)

    paused: list[bool] = []
    began = clock.now
    pace.wait_for_turn(rest)
    assert clock.now - began >= 30
    pace.wait_for_turn(clock.rest)
    assert clock.rests[-1] == 0.5


def test_a_rest_that_is_broken_off_breaks_off_the_wait(clock: Clock) -> None:
    def broken(_: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Pace(1, clock).wait_for_turn(broken)


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 5), min_size=2, max_size=20))
def test_whenever_calls_come_no_two_start_closer_than_the_ceiling_allows(
    ceiling: float, idle: list[float]
) -> None:
    clock = Clock()
    pace = Pace(ceiling, clock)
    starts = []
    for seconds in idle:
        clock.now += seconds
        pace.wait_for_turn(clock.rest)
        starts.append(clock.now)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) >= 1 / ceiling - 1e-9


def test_threads_share_one_ceiling() -> None:
    pace = Pace(200)
    starts: list[float] = []
    noting = threading.Lock()

    def call(_: int) -> None:
        pace.wait_for_turn(time.sleep)
        with noting:
            starts.append(time.monotonic())

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(61)))
    assert max(starts) - began >= 60 / 200
