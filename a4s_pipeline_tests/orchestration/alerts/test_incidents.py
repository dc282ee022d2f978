from datetime import UTC, datetime, timedelta

from a4s_pipeline.orchestration.alerts.incidents import (
    Failed,
    Kind,
    State,
    after_check,
    after_failure,
    after_recovery,
)

NOW = datetime(2026, 7, 10, 12, 0, tzinfo=UTC)


def told_of(*failures: tuple[str, str, bool, timedelta]) -> list[Kind | None]:
    """The reported failures: connector, reason, whether it is an outage, and the delay."""
    state, told = State(), []
    for connector, why, is_outage, later in failures:
        at = NOW + later
        failed = Failed(job="sync_orders", connector=connector, why=why, at=at, is_outage=is_outage)
        state, kind = after_failure(state, failed, at)
        told.append(kind)
    return told


def test_news_is_reported_and_what_goes_on_is_counted() -> None:
    start, soon, later = timedelta(), timedelta(minutes=15), timedelta(hours=25)
    for failures, told in [
        ([("demo", "no 1", False, start), ("demo", "no 2", False, soon)], [Kind.RUN_FAILED, None]),
        ([("demo", "no", False, start), ("noord", "no", False, soon)], [Kind.RUN_FAILED, Kind.RUN_FAILED]),
        ([("demo", "no", False, start), ("demo", "other", False, soon)], [Kind.RUN_FAILED, Kind.RUN_FAILED]),
        ([("demo", "no", False, start), ("demo", "no", False, later)], [Kind.RUN_FAILED, Kind.STILL_FAILING]),
        ([("demo", "a", True, start), ("noord", "b", True, soon)], [Kind.OUTAGE, None]),
        ([("demo", "a", True, start), ("noord", "b", True, later)], [Kind.OUTAGE, Kind.STILL_FAILING]),
        ([("demo", "a", True, start), ("demo", "no", False, soon)], [Kind.OUTAGE, Kind.RUN_FAILED]),
    ]:
        assert told_of(*failures) == told, failures


def test_an_incident_that_is_over_is_forgotten_with_its_count() -> None:
    state = State()
    for minutes in (0, 15, 30):
        at = NOW + timedelta(minutes=minutes)
        state, _ = after_failure(state, Failed(job="sync_items", connector="demo", why="no", at=at), at)
    state, over = after_recovery(state, ["sync_items demo"])
    assert state.incidents == {}
    assert (over["sync_items demo"].count, over["sync_items demo"].since) == (3, NOW)


def test_a_check_is_news_when_it_turns() -> None:
    state, told = State(), []
    for passed in (True, False, False, True, True, False):
        state, kind = after_check(state, "orders:have_lines", passed=passed)
        told.append(kind)
    assert told == [None, Kind.CHECK_FAILED, None, Kind.CHECK_PASSED, None, Kind.CHECK_FAILED]
