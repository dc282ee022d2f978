import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import requests

from a4s_pipeline.errors import StoreHeld
from a4s_pipeline.orchestration.alerts import sensor as module
from a4s_pipeline.orchestration.alerts.failures import FailedRun, summary_of
from a4s_pipeline.orchestration.alerts.incidents import Incident, Kind
from a4s_pipeline.orchestration.alerts.messages import of_run
from a4s_pipeline.orchestration.automation.schedules import run_request_for_orders
from a4s_pipeline.orchestration.failing import reason_of_step
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.orchestration.conftest import IMPORTED, Site, held_by_an_analyst
from a4s_pipeline_tests.test_alerts import KEY, Hook, hook

__all__ = ["hook"]

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
AT = datetime(2026, 7, 10, 12, 0, 30, tzinfo=UTC)
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
ONE_MONTH = {START: "demo|2024-03-01", END: "demo|2024-03-01"}
SCHEDULED = {"dagster/schedule_name": "orders_every_15_minutes", "a4s/connector": "demo"}
AGAIN = "This is not retried automatically: fix the cause, then launch the same run again in Dagster."


def failed(job: str = "sync_orders", why: str | None = "no answer", **tags: str) -> FailedRun:
    return FailedRun(job, "r1", AT, tags, why)


# The line


def test_a_line_says_when_what_why_and_what_to_do() -> None:
    for run, line in [
        (
            failed(**SCHEDULED, **ONE_MONTH),
            "sync_orders demo 2024-03-01 failed: no answer. Nothing is lost: the schedule tries again. "
            "(run r1)",
        ),
        (
            failed(**{START: "demo|2024-03-01", END: "demo|2024-05-01", "dagster/backfill": "b"}),
            f"sync_orders demo 2024-03-01 to 2024-05-01 failed: no answer. {AGAIN} (run r1)",
        ),
        (
            failed(**{START: "demo|2024-03-01", END: "noord|2024-03-01"}),
            f"sync_orders demo to noord 2024-03-01 failed: no answer. {AGAIN} (run r1)",
        ),
        (
            failed("sync_items", **{"dagster/partition": "demo", **SCHEDULED}),
            "sync_items demo failed: no answer. Nothing is lost: the schedule tries again. (run r1)",
        ),
        (
            failed("__ASSET_JOB", **{"dagster/partition": "demo|2024-03-01"}),
            f"__ASSET_JOB demo 2024-03-01 failed: no answer. {AGAIN} (run r1)",
        ),
        (
            failed("sync_items", **{START: "demo", END: "zuid"}),
            f"sync_items demo to zuid failed: no answer. {AGAIN} (run r1)",
        ),
        (
            failed("on_demand", "out of memory"),
            "on_demand failed: out of memory. Requests are safe in the inbox and the ledger; the next run "
            "continues with them. (run r1)",
        ),
        (
            failed("standing_checks", "a\n\tb\x1b[2J."),
            "standing_checks failed: a b [2J. Fix the cause, then launch the run again in Dagster. (run r1)",
        ),
        (
            failed("standing_checks", None),
            "standing_checks failed: it left no message. Fix the cause, then launch the run again in "
            "Dagster. (run r1)",
        ),
        (
            failed("standing_checks", "x" * 900),
            f"standing_checks failed: {'x' * 299}…. Fix the cause, then launch the run again in Dagster. "
            f"(run r1)",
        ),
    ]:
        assert run.line(AMSTERDAM) == f"2026-07-10 14:00 {line}", run


def incident(count: int = 1) -> Incident:
    return Incident(job="sync_orders", connector="demo", why="no", count=count, since=AT, last=AT, told_at=AT)


def test_a_webhook_gets_the_line_and_its_parts() -> None:
    run = failed(why="the gateway answered <!channel> @here [503](x)", **SCHEDULED, **ONE_MONTH)
    alert = of_run(run, Kind.RUN_FAILED, incident(), AMSTERDAM, "https://dagster.example.com")
    assert alert.document() == {
        "text": "2026-07-10 14:00 sync_orders demo 2024-03-01 failed: the gateway answered "
        "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}!channel\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
        "\N{FULLWIDTH COMMERCIAL AT}here (503)(x). Nothing is lost: the schedule tries again. (run r1) "
        "https://dagster.example.com/runs/r1",
        "kind": "run_failed",
        "job": "sync_orders",
        "connector": "demo",
        "runId": "r1",
        "why": "the gateway answered <!channel> @here [503](x)",
        "count": 1,
        "since": "2026-07-10T12:00:30+00:00",
        "failedAt": "2026-07-10T12:00:30+00:00",
        "asset": None,
        "check": None,
        "url": "https://dagster.example.com/runs/r1",
    }


def test_a_failure_that_goes_on_is_reported_with_its_count() -> None:
    alert = of_run(failed(**SCHEDULED), Kind.STILL_FAILING, incident(97), AMSTERDAM, None)
    assert alert.line == (
        "2026-07-10 14:00 sync_orders demo has failed 97 times since 2026-07-10 14:00: no answer. (run r1)"
    )


def test_the_connector_is_that_of_the_partition_where_no_tag_names_it() -> None:
    for tags, connector in [(ONE_MONTH, "demo"), ({"dagster/partition": "noord"}, "noord"), ({}, None)]:
        alert = of_run(failed(**tags), Kind.RUN_FAILED, incident(), AMSTERDAM, None)
        assert alert.document()["connector"] == connector, tags


# The sensor


class Watch:
    """A site's alert sensor, evaluated as the daemon does: from its last cursor."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cursor: str | None = None
        self.tick()

    def tick(self, cursor: str | None = None) -> None:
        """Evaluate once."""
        with dg.build_sensor_context(
            instance=self.site.instance,
            cursor=cursor or self.cursor,
            resources={"platform": Platform(self.site.settings)},
            sensor_name="alerts",
        ) as context:
            sensor = self.site.definitions.get_repository_def().get_sensor_def("alerts")
            self.cursor = sensor.evaluate_tick(context).cursor

    @property
    def lines(self) -> list[str]:
        path = self.site.settings.data_dir / "failures.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line[17:23] != "check "]


def make_run(site: Site, job: str = "sync_items", **tags: str) -> dg.DagsterRun:
    return site.instance.create_run_for_job(site.definitions.resolve_job_def(job), tags=tags)


def fail_without_a_step(site: Site, job: str = "sync_items", message: str = "the worker crashed") -> str:
    run = make_run(site, job)
    site.instance.report_run_failed(run, message)
    return run.run_id


def test_a_failed_run_is_one_line_with_what_its_step_said(site: Site) -> None:
    site.put("A1")
    site.sync()
    watch = Watch(site)
    site.source().focus_connector = None
    result = site.run(alone=True)
    watch.tick()
    (line,) = watch.lines
    when, rest = line[:16], line[17:]
    told_at = datetime.strptime(when, "%Y-%m-%d %H:%M").replace(tzinfo=AMSTERDAM)
    assert timedelta(minutes=-1) < datetime.now(UTC) - told_at < timedelta(minutes=10)
    assert rest.startswith(
        "sync_orders demo 2024-03-01 failed: demo: order history does not exist for the administration "
    )
    assert rest.endswith(f"{AGAIN} (run {result.run_id})")
    assert "Traceback" not in line
    assert "Stack" not in line


def test_success_and_what_somebody_cancelled_is_not_reported(site: Site) -> None:
    watch = Watch(site)
    site.put("A1")
    assert site.run(alone=True).success
    site.instance.report_run_canceled(make_run(site))
    watch.tick()
    assert watch.lines == []


def test_a_run_that_could_not_start_says_so(site: Site) -> None:
    watch = Watch(site)
    run_id = fail_without_a_step(site, message="Run worker process\nexited unexpectedly")
    watch.tick()
    (line,) = watch.lines
    assert line[17:] == (
        "sync_items failed: no step failed, its process could not start or ended before it was done: "
        f"Run worker process exited unexpectedly. Fix the cause, then launch the run again in Dagster. "
        f"(run {run_id})"
    )


def test_a_locked_store_is_reported_in_its_own_words(cold_site: Site) -> None:
    site = cold_site
    watch = Watch(site)
    with site.platform.warehouse.session():
        pass
    site.platform = Platform(site.settings, store_wait_seconds=0.05)
    with held_by_an_analyst(site.settings.warehouse_path) as analyst:
        site.run(alone=True)
    watch.tick()
    (line,) = watch.lines
    assert line[17:].startswith("sync_orders demo 2024-03-01 failed: ")
    assert f"{site.settings.warehouse_path} is held by process {analyst}, waited 0.05 s: " in line
    assert "close it there and try again" in line


def test_an_error_that_nobody_expected_is_reported_without_its_traceback(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(Platform, "sync", break_down)
    watch = Watch(site)
    site.run(alone=True)
    watch.tick()
    assert watch.lines[0][17:].startswith(
        "sync_orders demo 2024-03-01 failed: KeyError: 'no such thing'. This is not"
    )


def test_what_ended_a_step_is_put_into_words() -> None:
    """One job with a step for each error: a run costs more than a step."""
    words = [
        (KeyError("no such thing"), "KeyError: 'no such thing'"),
        (requests.ConnectionError("far away"), "ConnectionError: far away"),
        (StoreHeld("it is held: close it"), "it is held: close it"),
        (RuntimeError(), "RuntimeError"),
        (KeyboardInterrupt(), "it was interrupted: Dagster was stopped, or somebody ended the run"),
    ]

    def step(number: int, error: BaseException) -> dg.OpDefinition:
        @dg.op(name=f"step_{number}")
        def break_down() -> None:
            raise error

        return break_down

    @dg.job
    def breaks() -> None:
        for number, (error, _) in enumerate(words):
            step(number, error)()

    result = breaks.execute_in_process(raise_on_error=False)
    told = {event.step_key: reason_of_step(event) for event in result.get_step_failure_events()}
    assert told == {f"step_{number}": text for number, (_, text) in enumerate(words)}


def test_a_run_is_reported_once_though_the_sensor_sees_it_again(
    make_site: Callable[..., Site], hook: Hook
) -> None:
    site = make_site(alert_webhook_url=hook.url)
    watch = Watch(site)
    before = watch.cursor
    fail_without_a_step(site)
    watch.tick()
    watch.tick()
    watch.tick(before)
    assert len(watch.lines) == len(hook.told) == 1


def scheduled(site: Site, connector: str) -> None:
    """Import a connector's orders as the schedule does, without publishing and checks."""
    request = run_request_for_orders(connector, site.settings, datetime.now(UTC))
    job = site.definitions.resolve_job_def("sync_orders")
    job.get_subset(asset_selection=IMPORTED, asset_check_selection=set()).execute_in_process(
        instance=site.instance,
        tags=request.tags,
        resources={"platform": site.platform},
        run_config=request.run_config,
        raise_on_error=False,
    )


def of_runs(hook: Hook) -> list[dict[str, Any]]:
    return [told for told in hook.told if told["check"] is None]


def test_a_repeated_failure_is_reported_once_and_once_more_when_it_ends(
    make_site: Callable[..., Site], hook: Hook
) -> None:
    site = make_site(alert_webhook_url=hook.url)
    watch = Watch(site)
    site.source().forbidden = True
    for connector in ("demo", "demo", "demo", "noord"):
        scheduled(site, connector)
        watch.tick()
    assert [told["kind"] for told in of_runs(hook)] == ["run_failed"]
    site.source().forbidden = False
    for _ in range(2):
        scheduled(site, "demo")
        watch.tick()
    assert [told["kind"] for told in of_runs(hook)] == ["run_failed", "run_recovered"]
    last = of_runs(hook)[1]
    assert (last["job"], last["connector"], last["count"]) == ("sync_orders", "demo", 3)
    assert "sync_orders demo succeeds again: 3 runs failed since " in watch.lines[1]


def test_an_outage_of_the_gateway_is_one_message_for_all_connectors_and_streams(
    make_site: Callable[..., Site], hook: Hook
) -> None:
    site = make_site(alert_webhook_url=hook.url)
    watch = Watch(site)
    site.faults.unavailable, site.faults.retry_after_seconds = 1.0, 0
    for connector in ("demo", "noord"):
        scheduled(site, connector)
        watch.tick()
    assert [told["kind"] for told in of_runs(hook)] == ["gateway_outage"]
    site.faults.unavailable = 0.0
    scheduled(site, "noord")
    watch.tick()
    assert [told["kind"] for told in of_runs(hook)] == ["gateway_outage", "gateway_outage_over"]
    assert "the gateway answers again: 2 runs failed since " in of_runs(hook)[1]["text"]


def test_a_check_that_turns_red_or_green_is_reported_once_with_its_sentence(
    make_site: Callable[..., Site], hook: Hook
) -> None:
    site = make_site(alert_webhook_url=hook.url, dagster_url="https://dagster.example.com/")
    watch = Watch(site)
    site.put("..")
    site.run()
    watch.tick()
    site.run()
    watch.tick()
    told = [one for one in hook.told if one["check"] == "records_are_readable"]
    assert [one["kind"] for one in told] == ["check_failed"]
    assert "check records_are_readable of orders warns: unreadable, set aside: 1 (demo" in told[0]["text"]
    assert told[0]["url"] == "https://dagster.example.com/assets/orders?view=checks"
    site.source().remove_order("..")
    site.run()
    watch.tick()
    told = [one for one in hook.told if one["check"] == "records_are_readable"]
    assert [one["kind"] for one in told] == ["check_failed", "check_passed"]


def test_failures_older_than_a_day_are_one_line_and_no_alert(
    make_site: Callable[..., Site], hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(alert_webhook_url=hook.url)
    watch = Watch(site)
    for _ in range(4):
        fail_without_a_step(site)
    with monkeypatch.context() as later:
        later.setattr(module, "OLDEST_TOLD", timedelta(seconds=-1))
        watch.tick()
    (line,) = watch.lines
    assert line[17:] == (
        "4 runs failed more than a day before this was looked at: see Runs in Dagster, status Failure"
    )
    assert hook.told == []
    fail_without_a_step(site)
    watch.tick()
    assert len(watch.lines) == 2
    assert len(hook.told) == 1


def test_the_summary_is_dated_when_it_is_made() -> None:
    assert summary_of(300, AT, AMSTERDAM).startswith(
        "2026-07-10 14:00 300 runs failed more than a day before"
    )


# The webhook


@pytest.mark.parametrize("behaviour", ["500", "302", "reset", "hang"])
def test_a_failing_webhook_is_reported_in_the_log_and_not_called_again(
    make_site: Callable[..., Site],
    hook: Hook,
    behaviour: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("a4s_pipeline.alerts._TIMEOUT", 0.2)
    monkeypatch.setattr("a4s_pipeline.alerts._LONGEST", 0.4)
    hook.behaviour = behaviour
    site = make_site(alert_webhook_url=hook.url)
    watch = Watch(site)
    run_id = fail_without_a_step(site)
    watch.tick()
    watch.tick()
    assert len(watch.lines) == len(hook.told) == 1
    written = "".join(capfd.readouterr())
    assert f"A4S_ALERT_WEBHOOK_URL did not get the alert of run {run_id}: " in written
    assert KEY not in written
    assert "Traceback" not in written


def test_the_url_of_the_webhook_is_shown_nowhere(make_site: Callable[..., Site], hook: Hook) -> None:
    site = make_site(alert_webhook_url=hook.url)
    shown = f"{site.settings!r} {site.settings} {site.settings.model_dump()} {site.definitions!r}"
    assert KEY not in shown


# Where even the log cannot be written


def test_a_log_that_cannot_be_written_is_reported_and_stops_no_alert(
    make_site: Callable[..., Site], hook: Hook, capfd: pytest.CaptureFixture[str]
) -> None:
    site = make_site(alert_webhook_url=hook.url)
    (site.settings.data_dir / "failures.log").mkdir(parents=True)
    watch = Watch(site)
    fail_without_a_step(site)
    watch.tick()
    assert len(hook.told) == 1
    assert f"failures.log cannot be written ({os.strerror(21)})" in "".join(capfd.readouterr())
