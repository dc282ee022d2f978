from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from a4s_pipeline.orchestration.assets.pictures import picture_asset
from a4s_pipeline.orchestration.automation.schedules import run_request_for_listing
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import PARTITION, RANGE_END, RANGE_START
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS, Site, evaluated, failure_of

STREAMS = {
    "sync_items": [table.name for table in ITEM_TABLES.all],
    "sync_customers": [table.name for table in CUSTOMER_TABLES.all],
}
SCHEDULES = {"items_hourly": "sync_items", "customers_hourly": "sync_customers"}
GROUPS = {"sync_items": "catalogue", "sync_customers": "customers"}
BOTH = pytest.mark.parametrize("job", STREAMS)


def put(site: Site, job: str, code: str, connector: str = "demo", **more: Any) -> None:
    source = site.source(connector)
    if job == "sync_items":
        source.put_item({"itemCode": code, "names": {"nl": code}, "images": [], **more})
    else:
        source.put_customer({"customerCode": code, "name": code, "addresses": [], **more})


def run(site: Site, job: str, *connectors: str) -> dg.ExecuteInProcessResult:
    """Run a job for one connector as the schedule does, or for a range of them as a backfill does."""
    tags = {PARTITION: connectors[0]}
    if len(connectors) > 1:
        tags = {RANGE_START: connectors[0], RANGE_END: connectors[-1]}
    return site.definitions.resolve_job_def(job).execute_in_process(
        instance=site.instance, tags=tags, resources={"platform": site.platform}, raise_on_error=False
    )


def bring_in(site: Site, job: str) -> None:
    """Import what is new and publish it, without Dagster."""
    site.platform.sync(job.removeprefix("sync_"), "demo", run_id="sync").or_raise()
    site.platform.publish()


def held(site: Site, job: str) -> list[tuple[Any, ...]]:
    table = STREAMS[job][0]
    code = f"{table[:-1]}_code"
    return site.query(f"SELECT connector, {code} FROM {table} WHERE removed_at IS NULL ORDER BY ALL", True)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = [
        event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)
    ]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        f"{check.asset_key.to_user_string()} {check.check_name}": check
        for check in result.get_asset_check_evaluations()
    }


# What there is


@BOTH
def test_one_step_imports_a_listing_and_its_child_tables_by_connector(site: Site, job: str) -> None:
    parent, *children = STREAMS[job]
    assets = site.definitions.resolve_assets_def(parent)
    assert {key.to_user_string() for key in assets.keys} == set(STREAMS[job])
    assert assets.partitions_def == dg.StaticPartitionsDefinition(list(ADMINISTRATIONS))
    assert assets.backfill_policy == dg.BackfillPolicy.single_run()
    for name in children:
        (dep,) = assets.get_asset_spec(dg.AssetKey(name)).deps
        assert dep.asset_key == dg.AssetKey(parent)
    assert {spec.group_name for spec in assets.specs} == {GROUPS[job]}


@BOTH
def test_a_job_imports_its_stream_publishes_and_checks(site: Site, job: str) -> None:
    definition = site.definitions.resolve_job_def(job)
    keys = {key.to_user_string() for key in definition.asset_layer.executable_asset_keys}
    assert keys == {*STREAMS[job], "analytics"}
    assert definition.tags["a4s/work"] == "import"
    assert definition.executor_def.name == "in_process"


def test_the_copy_comes_after_everything_that_is_imported(site: Site) -> None:
    (spec,) = site.definitions.resolve_assets_def("analytics").specs
    after = {dep.asset_key.to_user_string() for dep in spec.deps}
    assert after == {"orders", "order_lines", *STREAMS["sync_items"], *STREAMS["sync_customers"]}


def test_pictures_are_an_asset_that_no_job_and_no_schedule_fetches(site: Site) -> None:
    assert site.definitions.resolve_assets_def("item_pictures").partitions_def is not None
    for job in site.definitions.resolve_all_job_defs():
        if job.name.startswith("sync_"):
            keys = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
            assert "item_pictures" not in keys, job.name


# What a run does


@pytest.mark.parametrize(("schedule", "job"), SCHEDULES.items())
def test_a_scheduled_run_imports_one_connector_and_publishes_it(site: Site, schedule: str, job: str) -> None:
    for code in ("A1", "A2"):
        put(site, job, code)
    put(site, job, "B1", "noord")
    request = site.tick(schedule).run_requests[0]
    result = site.definitions.resolve_job_def(job).execute_in_process(
        instance=site.instance, tags=request.tags, resources={"platform": site.platform}
    )
    assert result.success
    assert held(site, job) == [("demo", "A1"), ("demo", "A2")]
    for name in STREAMS[job]:
        assert site.instance.get_materialized_partitions(dg.AssetKey(name)) == {"demo"}, name
    told = metadata(result, STREAMS[job][0])
    assert (told["dagster/row_count"], told["new"], told["run/seen"]) == (2, 2, 2)
    for name in STREAMS[job][1:]:
        told = metadata(result, name)
        ((rows,),) = site.query(f"SELECT count(*) FROM {name}")
        assert (told["dagster/row_count"], told["new"]) == (rows, rows), name
        assert not [key for key in told if key.startswith("run/")], name
    assert metadata(result, "analytics")[f"{STREAMS[job][0]}_rows"] == 2


@BOTH
def test_a_backfill_of_several_connectors_is_one_run_with_the_numbers_of_each(site: Site, job: str) -> None:
    put(site, job, "A1")
    put(site, job, "B1", "noord")
    put(site, job, "C1", "zuid")
    site.source("noord").forbidden = True
    result = run(site, job, "demo", "zuid")
    # One that fails holds up no other, and what came in is published.
    assert not result.success
    assert failure_of(result).startswith("noord: the gateway answered 403")
    assert held(site, job) == [("demo", "A1"), ("zuid", "C1")]
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey(STREAMS[job][0]):
            assert event.materialization.metadata["new"].value == 1
    site.source("noord").forbidden = False
    assert run(site, job, "demo", "zuid").success
    assert [connector for connector, _ in held(site, job)] == ["demo", "noord", "zuid"]
    assert site.instance.get_materialized_partitions(dg.AssetKey(STREAMS[job][1])) == set(ADMINISTRATIONS)


@BOTH
def test_the_numbers_tell_removals_and_what_was_withheld(site: Site, job: str) -> None:
    for code in ("A1", "A2"):
        put(site, job, code)
    bring_in(site, job)
    records = getattr(site.source(), STREAMS[job][0])
    records.remove("A1")
    told = metadata(run(site, job, "demo"), STREAMS[job][0])
    assert (told["run/seen"], told["run/unchanged"], told["removed"]) == (1, 1, 1)
    assert "removals_withheld" not in told
    records.remove("A2")
    told = metadata(run(site, job, "demo"), STREAMS[job][0])
    assert told["removed"] == 0
    assert told["removals_withheld"].startswith("the listing came back empty, where 1 ")


# Checks


def test_checks_pass_where_there_is_nothing_to_report(site: Site) -> None:
    site.put("O1")
    put(site, "sync_items", "A1")
    put(site, "sync_customers", "K1")
    site.sync()
    for job in STREAMS:
        found = checks(run(site, job, "demo"))
        # The other connectors never ran, which is told by name; see test_standing_checks.py.
        assert not found.pop(f"{STREAMS[job][0]} stream_is_fresh").passed
        for name, check in found.items():
            assert check.passed, name
            assert check.description == "nothing to report", name


def test_items_and_customers_named_in_orders_but_never_listed_are_counted(site: Site) -> None:
    lines = [
        {"lineCode": str(number), "lineNumber": number, "itemCode": code, "quantity": 1}
        for number, code in enumerate(("A1", "A2", "A3", "A3"))
    ]
    site.put("O1", lines=lines)
    site.put("O2", customerCode="K2")
    site.put("O3", connector="noord", customerCode="K3")
    put(site, "sync_items", "A1")
    put(site, "sync_customers", "K1")
    site.sync()
    site.sync("noord")
    found = checks(run(site, "sync_items", "demo")) | checks(run(site, "sync_customers", "demo"))
    for name in ("items items_of_orders_are_listed", "customers customers_of_orders_are_listed"):
        assert not found[name].passed
        assert found[name].severity is dg.AssetCheckSeverity.WARN
    # Of Café Noord no listing was read yet: nothing can be said of it.
    assert found["items items_of_orders_are_listed"].description == (
        "items of orders that were never listed: 2 (demo: `A2`, `A3`); "
        "ask whoever runs the gateway to list them, then run `a4s sync items`"
    )
    assert found["customers customers_of_orders_are_listed"].metadata["count"].value == 1


def test_an_item_that_was_listed_once_and_removed_is_not_missing(site: Site) -> None:
    site.put("O1")
    for code in ("A1", "A2"):
        put(site, "sync_items", code)
    site.sync()
    bring_in(site, "sync_items")
    site.source().remove_item("A1")
    assert checks(run(site, "sync_items", "demo"))["items items_of_orders_are_listed"].passed


def test_each_record_set_aside_is_counted_by_the_check_of_its_own_stream(site: Site) -> None:
    site.put("..")
    put(site, "sync_items", "..")
    put(site, "sync_items", ".")
    put(site, "sync_customers", "..")
    results = [site.run(), *(run(site, job, "demo") for job in STREAMS)]
    told = {
        name: (check.description or "").split(";")[0]
        for result in results
        for name, check in checks(result).items()
        if name.endswith("records_are_readable")
    }
    assert told == {
        "orders records_are_readable": "unreadable, set aside: 1 (demo orders: `..`)",
        "items records_are_readable": "unreadable, set aside: 2 (demo items: `.`, `..`)",
        "customers records_are_readable": "unreadable, set aside: 1 (demo customers: `..`)",
    }


# Schedules


def requested(site: Site, schedule: str) -> list[str]:
    return [request.tags[PARTITION] for request in site.tick(schedule).run_requests]


@pytest.mark.parametrize(
    ("schedule", "cron"), [("items_hourly", "5 * * * *"), ("customers_hourly", "10 * * * *")]
)
def test_listings_are_read_once_an_hour_without_anybody_switching_it_on(
    site: Site, schedule: str, cron: str
) -> None:
    definition = site.definitions.resolve_schedule_def(schedule)
    assert definition.default_status is dg.DefaultScheduleStatus.RUNNING
    assert definition.cron_schedule == cron
    assert definition.job_name == SCHEDULES[schedule]
    assert definition.execution_timezone == "Europe/Amsterdam"


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_tick_starts_one_run_a_connector_with_a_key_that_no_other_tick_has(
    site: Site, schedule: str
) -> None:
    first, second = site.tick(schedule).run_requests, site.tick(schedule).run_requests
    assert [request.tags[PARTITION] for request in first] == list(ADMINISTRATIONS)
    keys = [request.run_key for request in [*first, *second]]
    assert len(set(keys)) == 2 * len(ADMINISTRATIONS)
    assert {request.tags["a4s/work"] for request in first} == {"import"}
    assert [request.tags["a4s/connector"] for request in first] == list(ADMINISTRATIONS)


def test_a_run_of_orders_does_not_hold_up_items_of_the_same_connector(site: Site) -> None:
    site.note_run("sync_orders", {RANGE_START: "demo|2024-01-01", RANGE_END: "demo|2024-05-01"})
    site.note_run("sync_customers", {PARTITION: "noord"})
    assert requested(site, "items_hourly") == ["demo", "noord", "zuid"]
    assert requested(site, "customers_hourly") == ["demo", "zuid"]


def test_a_run_of_items_holds_up_items_and_nothing_else(site: Site) -> None:
    site.note_run("sync_items", {PARTITION: "demo"})
    assert requested(site, "items_hourly") == ["noord", "zuid"]
    assert requested(site, "customers_hourly") == list(ADMINISTRATIONS)
    connectors = [
        request.tags["a4s/connector"] for request in site.tick("orders_every_15_minutes").run_requests
    ]
    assert connectors == list(ADMINISTRATIONS)


@pytest.mark.parametrize(
    ("assets", "items", "customers"),
    [
        (STREAMS["sync_items"], ["noord", "zuid"], list(ADMINISTRATIONS)),
        (STREAMS["sync_customers"], list(ADMINISTRATIONS), ["noord", "zuid"]),
        (["item_pictures"], list(ADMINISTRATIONS), list(ADMINISTRATIONS)),
        (["analytics"], list(ADMINISTRATIONS), list(ADMINISTRATIONS)),
    ],
)
def test_a_backfill_from_the_ui_is_told_apart_by_its_assets(
    site: Site, assets: list[str], items: list[str], customers: list[str]
) -> None:
    chosen = frozenset(dg.AssetKey(name) for name in assets)
    site.note_run("__ASSET_JOB", {PARTITION: "demo"}, asset_selection=chosen)
    assert requested(site, "items_hourly") == items
    assert requested(site, "customers_hourly") == customers


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_tick_that_finds_everything_under_way_or_nothing_to_do_says_so(site: Site, schedule: str) -> None:
    site.note_run(SCHEDULES[schedule], {RANGE_START: "demo", RANGE_END: "zuid"})
    assert site.tick(schedule).skip_message == "under way: demo, noord, zuid"
    stream = schedule.removesuffix("_hourly")
    settings = GivenSettings()
    nobody = evaluated(build_definitions(settings), schedule, site.instance, Platform(settings))
    assert nobody.skip_message == f"A4S_CONNECTORS names no connector whose {stream} are imported"


def test_a_request_names_its_connector_as_the_partition() -> None:
    request = run_request_for_listing("demo", datetime(2024, 5, 1, tzinfo=UTC))
    assert (request.tags[PARTITION], request.run_key) == ("demo", "demo 2024-05-01T00:00:00+00:00")


# Pictures


def materialize_pictures(site: Site) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [picture_asset(site.settings, Layout())],
        partition_key="demo",
        instance=site.instance,
        resources={"platform": site.platform},
        raise_on_error=False,
    )


def test_the_asset_of_pictures_fetches_them_and_says_what_it_did(site: Site) -> None:
    site.source().put_image("h1", b"\x89PNG\r\n\x1a\nIEND")
    images = [{"hash": "h1", "sequence": 1}, {"hash": "gone", "sequence": 2}]
    put(site, "sync_items", "A1", images=images)
    bring_in(site, "sync_items")
    result = materialize_pictures(site)
    assert result.success
    told = metadata(result, "item_pictures")
    assert (told["named"], told["fetched"], told["unknown"], told["left_for_next_time"]) == (2, 1, 1, 0)
    assert told["missed"] == "gone of item A1"
    assert [path.name for path in site.settings.images_path.iterdir()] == ["h1.png"]


def test_pictures_before_the_first_sync_of_items_are_a_clear_failure(site: Site) -> None:
    result = materialize_pictures(site)
    assert failure_of(result).startswith("demo: there is no ")
    assert "run `a4s sync` first" in failure_of(result)
