from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from a4s_pipeline.orchestration.automation import schedules
from a4s_pipeline.orchestration.automation.schedules import (
    connectors_under_way,
    run_request_for_orders,
)
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.partitions import PARTITION, RANGE_END, RANGE_START
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import month_of
from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS, Site, evaluated

SCHEDULE = "orders_every_15_minutes"
ASSET_JOB = "__ASSET_JOB"
"""The job of runs that are started from assets, as the UI does."""
UNDER_WAY = ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"]
OVER = ["SUCCESS", "FAILURE", "CANCELED"]


def requested(site: Site) -> dict[str, str]:
    """The partition that the schedule requests, by connector."""
    requests = site.tick(SCHEDULE).run_requests
    return {request.tags["a4s/connector"]: request.tags[PARTITION] for request in requests}


def this_month(site: Site) -> str:
    return month_of(datetime.now(UTC), site.settings.timezone).isoformat()


def test_each_connector_has_a_run_of_its_own(site: Site) -> None:
    assert list(requested(site)) == list(ADMINISTRATIONS)


def test_a_run_names_the_month_that_is_running_and_records_the_others_that_it_touches(site: Site) -> None:
    month = this_month(site)
    assert requested(site) == {name: f"{name}|{month}" for name in ADMINISTRATIONS}


def test_an_outage_of_months_is_caught_up_by_the_next_run(site: Site) -> None:
    """The copy's watermark did not move; runs that failed meanwhile need not be requested again."""
    site.put("A1", "2024-04-09T12:00:00")
    site.sync()
    for month in ("05", "06", "09"):
        site.put(f"A{month}", f"2024-{month}-20T12:00:00")
    request = site.tick(SCHEDULE).run_requests[0]
    config = request.run_config
    result = site.definitions.resolve_job_def("sync_orders").execute_in_process(
        instance=site.instance, tags=request.tags, resources={"platform": site.platform}, run_config=config
    )
    assert result.success
    assert site.held() == ["demo A05", "demo A06", "demo A09", "demo A1"]
    materialized = site.instance.get_materialized_partitions(dg.AssetKey("orders"))
    assert {
        "demo|2024-05-01",
        "demo|2024-06-01",
        "demo|2024-09-01",
        f"demo|{this_month(site)}",
    } <= materialized


def test_a_scheduled_run_reads_from_the_watermark_and_not_whole_months(site: Site) -> None:
    site.put("OLD", "2024-04-01T12:00:00")
    site.put("A1", "2024-04-20T12:00:00")
    site.sync()
    site.sandbox.clear()
    site.sync()
    listed_from = datetime.fromisoformat(site.sandbox.calls("orders")[0].query["orderDateFrom"])
    assert listed_from == datetime(2024, 4, 13, 10, tzinfo=UTC)
    assert site.sandbox.calls("order_lines") == []


def test_the_month_of_a_run_is_the_one_that_is_running_in_amsterdam(site: Site) -> None:
    for now, month in [
        (datetime(2024, 5, 31, 21, 59, tzinfo=UTC), "demo|2024-05-01"),
        (datetime(2024, 5, 31, 22, 0, tzinfo=UTC), "demo|2024-06-01"),
        (datetime(2024, 12, 31, 23, 0, tzinfo=UTC), "demo|2025-01-01"),
    ]:
        assert run_request_for_orders("demo", site.settings, now).tags[PARTITION] == month


def test_every_partition_that_a_tick_names_exists(site: Site) -> None:
    site.put("A1", "2024-04-09T12:00:00")
    site.sync()
    partitions = site.definitions.resolve_assets_def("orders").partitions_def
    assert partitions is not None
    keys = set(partitions.get_partition_keys())
    assert set(requested(site).values()) <= keys


def test_several_requests_of_a_tick_have_run_keys_that_no_other_tick_has(site: Site) -> None:
    """Dagster refuses a tick with several requests without keys, and starts no second run for a known key."""
    first, second = site.tick(SCHEDULE).run_requests, site.tick(SCHEDULE).run_requests
    keys = [request.run_key for request in [*first, *second]]
    assert None not in keys
    assert len(set(keys)) == len(keys) == 2 * len(ADMINISTRATIONS)


def test_runs_count_against_the_limit_on_imports(site: Site) -> None:
    assert {request.tags["a4s/work"] for request in site.tick(SCHEDULE).run_requests} == {"import"}


@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_connector_whose_sync_is_under_way_is_left_alone_while_others_go_on(
    site: Site, status: str
) -> None:
    tags = {RANGE_START: "demo|2024-01-01", RANGE_END: "demo|2024-05-01"}
    site.note_run("sync_orders", tags, status)
    assert list(requested(site)) == ["noord", "zuid"]


def test_a_run_that_waits_in_the_queue_is_under_way_too() -> None:
    """A stand-in: a queued run cannot be recorded without a served code location."""
    over = {dg.DagsterRunStatus(status) for status in [*OVER, "MANAGED", "SUSPENDED"]}
    assert set(schedules.RUNS_UNDER_WAY) == set(dg.DagsterRunStatus) - over


@pytest.mark.parametrize("status", OVER)
def test_a_sync_that_is_over_holds_nothing_up(site: Site, status: str) -> None:
    tags = {RANGE_START: "demo|2024-01-01", RANGE_END: "demo|2024-05-01"}
    site.note_run("sync_orders", tags, status)
    assert list(requested(site)) == list(ADMINISTRATIONS)


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        ({RANGE_START: "noord|2024-02-01", RANGE_END: "noord|2024-03-01"}, ["demo", "zuid"]),
        ({RANGE_START: "noord|2024-02-01", RANGE_END: "zuid|2024-03-01"}, ["demo"]),
        ({PARTITION: "demo|2024-02-01"}, ["noord", "zuid"]),
    ],
)
def test_a_backfill_from_the_ui_is_a_sync_of_its_connectors_too(
    site: Site, tags: dict[str, str], left: list[str]
) -> None:
    assets = frozenset({dg.AssetKey("orders"), dg.AssetKey("order_lines")})
    site.note_run(ASSET_JOB, {**tags, "dagster/backfill": "abc"}, asset_selection=assets)
    assert list(requested(site)) == left


def test_a_run_that_only_publishes_the_copy_delays_no_connector(site: Site) -> None:
    site.note_run(ASSET_JOB, {}, asset_selection=frozenset({dg.AssetKey("analytics")}))
    assert list(requested(site)) == list(ADMINISTRATIONS)


def test_a_run_of_another_job_is_not_mistaken_for_a_sync(site: Site) -> None:
    site.note_run("sync_orders", {PARTITION: "demo|2024-02-01"})
    assert connectors_under_way(site.instance, {"sync_orders"}, list(site.settings.connectors)) == {"demo"}
    assert connectors_under_way(site.instance, {"another_job"}, list(site.settings.connectors)) == set()


def test_a_tick_that_finds_everything_under_way_says_so(site: Site) -> None:
    site.note_run("sync_orders", {RANGE_START: "demo|2024-01-01", RANGE_END: "zuid|2024-05-01"})
    data = site.tick(SCHEDULE)
    assert not data.run_requests
    assert data.skip_message == "under way: demo, noord, zuid"


def test_a_tick_without_connectors_says_which_setting_is_empty(instance: dg.DagsterInstance) -> None:
    settings = GivenSettings()
    data = evaluated(build_definitions(settings), SCHEDULE, instance, Platform(settings))
    assert not data.run_requests
    assert data.skip_message == "A4S_CONNECTORS names no connector whose orders are imported"


def test_a_history_that_starts_in_this_month_is_only_this_month(make_site: Callable[..., Site]) -> None:
    today = datetime.now(ZoneInfo("Europe/Amsterdam")).date()
    site = make_site(history_start=today)
    assert requested(site)["demo"] == f"demo|{today:%Y-%m}-01"


def note_asked(site: Site, connector: str, has_history: bool, at: datetime) -> None:
    """Publish that a connector's history was last requested at this time."""
    site.platform.warehouse.transact(
        lambda connection: connection.execute(
            "INSERT INTO sync_state (connector, stream, has_history, last_run_at) "
            "VALUES ($1, 'orders', $2, $3)",
            [connector, has_history, at],
        )
    )
    site.platform.publish()


def test_a_connector_without_focus_connector_is_asked_once_a_day_and_the_others_go_on(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(requested(site)) == list(ADMINISTRATIONS)
    assert site.run("zuid|2024-03-01").success
    capfd.readouterr()
    assert list(requested(site)) == ["demo", "noord"]
    told = "no focus connector: zuid; asked again tomorrow, or by `a4s sync orders`"
    assert told in "".join(capfd.readouterr())
    note_asked(site, "noord", True, datetime.now(UTC))
    assert list(requested(site)) == ["demo", "noord"]


def test_a_connector_without_focus_connector_is_asked_again_the_next_day(site: Site) -> None:
    note_asked(site, "zuid", False, datetime.now(UTC) - timedelta(hours=25))
    assert list(requested(site)) == list(ADMINISTRATIONS)


def test_a_connector_that_was_given_a_focus_connector_is_asked_four_times_an_hour_again(site: Site) -> None:
    site.run("zuid|2024-03-01", alone=True)
    site.source("zuid").focus_connector = "Exact Globe"
    site.run("zuid|2024-03-01")
    assert list(requested(site)) == list(ADMINISTRATIONS)


def test_a_tick_that_finds_no_history_anywhere_says_so(make_site: Callable[..., Site]) -> None:
    site = make_site(connectors={"zuid": ADMINISTRATIONS["zuid"], "demo": ADMINISTRATIONS["demo"]})
    note_asked(site, "zuid", False, datetime.now(UTC))
    site.note_run("sync_orders", {RANGE_START: "demo|2024-01-01", RANGE_END: "demo|2024-05-01"})
    data = site.tick(SCHEDULE)
    assert not data.run_requests
    assert data.skip_message == (
        "under way: demo; no focus connector: zuid; asked again tomorrow, or by `a4s sync orders`"
    )
