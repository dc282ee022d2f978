from datetime import UTC, datetime, timedelta

import pytest

from a4s_pipeline.ondemand.worker.runs import RunUnderWay, why_none_starts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANSWERED = "a run is answering requests"
ENOUGH = "3 runs wait for a worker: check that one is running"


def queued() -> RunUnderWay:
    return RunUnderWay()


def handed_over(seconds: float) -> RunUnderWay:
    return RunUnderWay(handed_over_at=NOW - timedelta(seconds=seconds))


def begun(seconds: float) -> RunUnderWay:
    began_at = NOW - timedelta(seconds=seconds)
    return RunUnderWay(handed_over_at=began_at, began_at=began_at)


@pytest.mark.parametrize(
    ("under_way", "why"),
    [
        pytest.param([], None, id="there is none"),
        pytest.param([queued()], ANSWERED, id="Dagster's own queue loses none"),
        pytest.param([handed_over(59)], ANSWERED, id="a worker is about to take it up"),
        pytest.param([handed_over(60)], None, id="its worker is gone"),
        pytest.param([begun(29)], ANSWERED, id="it is about to show that it answers"),
        pytest.param([begun(30)], None, id="it was killed"),
        pytest.param([handed_over(90), handed_over(5)], ANSWERED, id="the second is coming"),
        pytest.param([handed_over(150), handed_over(90)], None, id="two are gone"),
        pytest.param([handed_over(210), handed_over(150), handed_over(90)], ENOUGH, id="three are enough"),
        pytest.param([begun(90)] * 4, None, id="those that were killed wait for no worker"),
    ],
)
def test_a_run_is_started_where_none_is_coming(under_way: list[RunUnderWay], why: str | None) -> None:
    told = why_none_starts(waiting=1, where="the inbox", is_answered=False, under_way=under_way, now=NOW)
    assert told == why


def test_none_is_started_while_one_answers() -> None:
    told = why_none_starts(waiting=1, where="the inbox", is_answered=True, under_way=[begun(3000)], now=NOW)
    assert told == ANSWERED


def test_none_is_started_where_nothing_waits() -> None:
    for lost in [0, 3]:
        runs = [handed_over(90)] * lost
        told = why_none_starts(
            waiting=0, where="s3://bucket/inbox", is_answered=False, under_way=runs, now=NOW
        )
        assert told == "no request waits in s3://bucket/inbox", lost
