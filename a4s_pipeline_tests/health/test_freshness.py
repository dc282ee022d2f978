from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from a4s_pipeline.health.freshness import (
    stale_histories,
    stale_streams,
    waits_until_tomorrow,
    without_history,
)
from a4s_pipeline.warehouse.health import StreamHealth
from a4s_pipeline.warehouse.rows.state import StreamState

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 7, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def success(ago: timedelta, *, tried: timedelta | None = None, error: str | None = None) -> StreamHealth:
    """A stream that last succeeded this long ago, and was possibly tried once since."""
    # A run that succeeds starts before it ends.
    last_run = NOW - (ago + timedelta(minutes=1) if tried is None else tried)
    return StreamHealth(NOW - ago, last_run, error)


def test_a_stream_that_has_not_succeeded_for_a_day_is_reported_with_what_to_do() -> None:
    for health, clause in [
        (success(timedelta()), None),
        (success(DAY), None),
        (success(timedelta(hours=-1)), None),  # the clock was set back
        (success(timedelta(hours=2), tried=timedelta(hours=1), error="503"), None),
        (
            success(DAY + timedelta(seconds=1)),
            "demo last succeeded 2026-07-09 13:59 and was not tried since: check that its schedule and the "
            "daemon run, or run `a4s sync items --connector demo`",
        ),
        (
            success(2 * DAY, tried=timedelta(hours=1), error="the gateway answered 503\nfor items"),
            "demo last succeeded 2026-07-08 14:00; the run of 2026-07-10 13:00 failed, `the gateway answered "
            "503 for items`: `a4s check --connector demo` says what to do",
        ),
        (
            success(2 * DAY, tried=timedelta(hours=1)),
            "demo last succeeded 2026-07-08 14:00; the run of 2026-07-10 13:00 found a listing that moved "
            "while it was read: run `a4s sync items --connector demo` at a quieter hour",
        ),
        (
            None,
            "demo was never tried: check that its schedule and the daemon run, or run "
            "`a4s sync items --connector demo`",
        ),
        (
            StreamHealth(None, NOW, "401"),
            "demo was never read to its end; the run of 2026-07-10 14:00 failed, `401`: "
            "`a4s check --connector demo` says what to do",
        ),
        (
            StreamHealth(NOW, NOW, "no focus connector", has_history=False),
            "demo lost its focus connector: have it configured in the legacy backend again, then run "
            "`a4s sync items --connector demo`",
        ),
        (
            StreamHealth(None, NOW, "no focus connector", has_history=False, watermark=NOW),
            "demo lost its focus connector: have it configured in the legacy backend again, then run "
            "`a4s sync items --connector demo`",
        ),
        (StreamHealth(None, NOW, None, has_history=False), None),
        (StreamHealth(NOW, NOW, None, has_history=True), None),
    ]:
        known = {} if health is None else {"demo": health}
        told = {"demo": clause} if clause else {}
        assert stale_streams("items", ["demo"], known, NOW, AMSTERDAM) == told, health


def test_a_long_error_is_cut() -> None:
    known = {"demo": StreamHealth(None, NOW, "x" * 5000)}
    assert len(stale_streams("items", ["demo"], known, NOW, AMSTERDAM)["demo"]) < 400


def test_connectors_are_those_that_are_configured_now() -> None:
    known = {"gone": success(9 * DAY), "demo": success(DAY), "old": success(9 * DAY)}
    told = stale_streams("items", ["demo", "new", "old"], known, NOW, AMSTERDAM)
    assert [clause.split(" ")[0] for clause in told.values()] == list(told) == ["new", "old"]


def test_a_history_that_the_legacy_backend_has_not_synced_for_a_day_is_reported() -> None:
    for has_history, synced, told in [
        (True, NOW - DAY, []),
        (True, NOW - DAY - timedelta(seconds=1), ["demo (last synced 2026-07-09 13:59)"]),
        (True, None, ["demo (never synced)"]),
        (False, None, []),
        (None, None, []),
    ]:
        known = {"demo": StreamHealth(has_history=has_history, last_history_sync=synced)}
        assert list(stale_histories(["demo", "new"], known, NOW, AMSTERDAM).values()) == told, (
            has_history,
            synced,
            told,
        )
        assert stale_histories(["new"], known, NOW, AMSTERDAM) == {}, (has_history, synced, told)


def test_a_connector_that_never_had_history_is_named_as_such() -> None:
    known = {
        "demo": StreamHealth(NOW, NOW, has_history=True),
        "lost": StreamHealth(NOW, NOW, has_history=False),
        "zuid": StreamHealth(None, NOW, has_history=False),
    }
    assert without_history(["demo", "lost", "new", "zuid"], known) == ["zuid"]
    assert without_history(["demo"], known) == []


MIDNIGHT = datetime(2026, 7, 9, 22, 0, tzinfo=UTC)
"""The night before NOW, in Amsterdam."""


def test_a_connector_without_history_is_asked_once_a_day() -> None:
    for has_history, last_run_at, now, waits in [
        (None, None, NOW, False),  # the first attempt ever
        (False, None, NOW, False),
        (None, NOW, NOW, False),
        (True, NOW, NOW, False),
        (False, NOW - timedelta(minutes=15), NOW, True),
        (False, MIDNIGHT, NOW, True),
        (False, MIDNIGHT - timedelta(seconds=1), NOW, False),
        (False, MIDNIGHT - timedelta(seconds=1), MIDNIGHT, False),
        (False, MIDNIGHT - timedelta(hours=1), MIDNIGHT - timedelta(seconds=1), True),
        (False, NOW + timedelta(days=1), NOW, False),  # the clock was set back
    ]:
        state = StreamState(has_history=has_history, last_run_at=last_run_at)
        assert waits_until_tomorrow(state, now, AMSTERDAM) is waits, (has_history, last_run_at, now, waits)
        # One that lost its history has failed: it is asked as often as any other.
        assert not waits_until_tomorrow(replace(state, last_success_at=MIDNIGHT), now, AMSTERDAM), (
            has_history,
            last_run_at,
            now,
            waits,
        )
        assert not waits_until_tomorrow(replace(state, watermark=MIDNIGHT), now, AMSTERDAM), (
            has_history,
            last_run_at,
            now,
            waits,
        )
