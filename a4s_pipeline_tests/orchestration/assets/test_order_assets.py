import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from a4s_pipeline.orchestration.assets.orders import STEP, OrdersRead
from a4s_pipeline.orchestration.automation.schedules import run_request_for_orders
from a4s_pipeline.orchestration.checks.store_checks import standing_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.sync.windows import month_of
from a4s_pipeline_tests.orchestration.conftest import Site, failure_of, line
from a4s_sandbox import Faults

ASSETS = ["orders", "order_lines"]


def materialized(result: dg.ExecuteInProcessResult, asset: str) -> dict[str | None, dict[str, Any]]:
    """The metadata of an asset's materializations, by partition."""
    return {
        event.materialization.partition: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset)
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def put_four_months(site: Site, connector: str = "demo") -> None:
    for month in (2, 3, 4, 5):
        site.put(f"A{month}", f"2024-0{month}-10T09:00:00", connector=connector)


def test_one_run_covers_a_range_of_months_with_their_lines_and_materializes_each(site: Site) -> None:
    put_four_months(site)
    result = site.run("demo|2024-03-01", "demo|2024-05-01", alone=True)
    assert result.success
    # They carry the id that Dagster shows.
    assert site.query(
        "SELECT o.order_code, l.line_code, o.run_id, l.run_id "
        "FROM orders o JOIN order_lines l USING (connector, order_code) ORDER BY ALL"
    ) == [(code, "1", result.run_id, result.run_id) for code in ("A3", "A4", "A5")]
    months = {"demo|2024-03-01", "demo|2024-04-01", "demo|2024-05-01"}
    for asset in ASSETS:
        assert set(materialized(result, asset)) == months
        assert site.instance.get_materialized_partitions(dg.AssetKey(asset)) == months


def test_one_run_covers_months_of_several_connectors(site: Site) -> None:
    put_four_months(site)
    put_four_months(site, "noord")
    result = site.run("demo|2024-03-01", "noord|2024-04-01", alone=True)
    assert result.success
    assert site.held() == ["demo A3", "demo A4", "noord A3", "noord A4"]
    found = materialized(result, "orders")
    assert {partition: (told["new"], told["dagster/row_count"]) for partition, told in found.items()} == {
        f"{connector}|2024-0{month}-01": (1, 1) for connector in ("demo", "noord") for month in (3, 4)
    }
    # What is of a sync as a whole stands once, on the last month that it read.
    assert {partition: told["run/new"] for partition, told in found.items() if "run/new" in told} == {
        "demo|2024-04-01": 2,
        "noord|2024-04-01": 2,
    }


def test_each_month_and_table_has_numbers_of_its_own(site: Site) -> None:
    site.put("A1", "2024-01-03T09:00:00", lines=[line("1"), line("2")])
    site.put("A2", "2024-01-04T09:00:00", lines=[line("1")])
    site.put("GONE", "2024-02-08T09:00:00", lines=[line("1")])
    site.put("MOVED", "2024-02-09T09:00:00", lines=[line("1")])
    site.sync()
    site.put("A1", "2024-01-03T09:00:00", status="shipped", lines=[line("1", quantity=5), line("3")])
    site.put("B1", "2024-02-10T09:00:00", lines=[line("1"), line("2"), line("3")])
    site.put("MOVED", "2024-03-09T09:00:00", lines=[line("1")])
    site.put("..", "2024-03-10T09:00:00")
    site.source().remove_order("GONE")
    result = site.run("demo|2024-01-01", "demo|2024-03-01", alone=True)
    assert result.success

    def numbers(asset: str) -> dict[str | None, tuple[int, ...]]:
        names = ("dagster/row_count", "new", "changed", "removed", "set_aside")
        return {
            partition: tuple(told[name] for name in names)
            for partition, told in materialized(result, asset).items()
        }

    assert numbers("orders") == {
        "demo|2024-01-01": (2, 0, 1, 0, 0),
        "demo|2024-02-01": (2, 1, 0, 2, 0),  # B1; GONE stays as removed, MOVED went to March
        "demo|2024-03-01": (1, 1, 0, 0, 1),
    }
    assert numbers("order_lines") == {
        "demo|2024-01-01": (3, 1, 1, 1, 0),
        "demo|2024-02-01": (4, 3, 0, 0, 0),
        "demo|2024-03-01": (1, 0, 0, 0, 0),
    }


def test_the_numbers_of_a_sync_stand_once(site: Site) -> None:
    for number in range(5):
        site.put(f"A{number}", f"2024-01-0{number + 2}T09:00:00Z")
    site.put("GONE", "2024-01-08T09:00:00Z")
    site.put("..", "2024-01-09T09:00:00Z")
    site.sync()
    site.put("A1", "2024-01-03T09:00:00Z", status="shipped")
    site.put("B1", "2024-01-10T09:00:00Z")
    site.source().remove_order("GONE")
    site.sandbox.faults = Faults(lines_404={"B1"}, script={"orders": ["server_error", "reset"]})
    before = len(site.sandbox.requests)
    result = site.run("demo|2024-01-01", alone=True)
    assert result.success
    assert not [name for name in materialized(result, "order_lines")["demo|2024-01-01"] if "run/" in name]
    told = materialized(result, "orders")["demo|2024-01-01"]
    counts = {name.removeprefix("run/"): value for name, value in told.items() if name.startswith("run/")}
    assert 0 < counts.pop("seconds") < 60
    assert counts == {
        "seen": 7,
        "new": 1,
        "changed": 1,
        "unchanged": 4,
        "removed": 1,
        "set_aside": 1,
        "without_lines": 1,
        "left_for_next_sync": 1,
        "calls": len(site.sandbox.requests) - before,
        "retries": 2,
    }
    assert told["listing_complete"] is True
    assert told["watermark_before"] == datetime(2024, 1, 8, 9, tzinfo=UTC).timestamp()
    assert told["watermark"] == datetime(2024, 1, 10, 9, tzinfo=UTC).timestamp()
    assert told["connector"] == "demo"


def test_a_catch_up_records_the_months_that_it_touched_and_the_running_one(site: Site) -> None:
    put_four_months(site)
    running = month_of(datetime.now(UTC), site.settings.timezone)
    now = f"demo|{running:%Y-%m}-01"
    first = site.run(now, reading=OrdersRead.NEW, alone=True)
    months = {f"demo|2024-0{month}-01" for month in (2, 3, 4, 5)}
    for asset in ASSETS:
        assert set(materialized(first, asset)) == {*months, now}
        assert site.instance.get_materialized_partitions(dg.AssetKey(asset)) == {*months, now}
    site.put("A6", "2024-06-10T09:00:00")
    assert set(materialized(site.run(now, reading=OrdersRead.NEW, alone=True), "orders")) == {
        "demo|2024-06-01",
        now,
    }


def test_what_a_sync_that_broke_off_has_written_is_recorded(make_site: Callable[..., Site]) -> None:
    small = make_site(page_size=2)
    put_four_months(small)
    small.sandbox.faults = Faults(script={"orders": ["ok", *["server_error"] * 50]})
    result = small.run("demo|2024-02-01", "demo|2024-06-01")
    assert not result.success
    assert set(materialized(result, "orders")) == {"demo|2024-02-01", "demo|2024-03-01"}
    assert materialized(result, "orders")["demo|2024-02-01"]["dagster/row_count"] == 1
    # What was published is told too.
    assert materialized(result, "analytics")[None]["orders_rows"] == 2


def test_the_numbers_are_numbers_so_that_the_ui_plots_them_the_age_of_the_history_too(site: Site) -> None:
    site.put("A1")
    synced = datetime.now(UTC) - timedelta(hours=30)
    site.source().last_history_sync = synced
    result = site.run("demo|2024-03-01", alone=True)
    (materialization,) = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("orders")
    ]
    names = ["dagster/row_count", "new", "changed", "removed", "set_aside", "run/seen", "run/calls"]
    for name in names:
        assert isinstance(materialization.metadata[name], dg.IntMetadataValue), name
    assert isinstance(materialization.metadata["run/seconds"], dg.FloatMetadataValue)
    assert isinstance(materialization.metadata["history_age_hours"], dg.FloatMetadataValue)
    assert isinstance(materialization.metadata["last_history_sync"], dg.TimestampMetadataValue)
    told = materialized(result, "orders")["demo|2024-03-01"]
    assert told["history_age_hours"] == pytest.approx(30, abs=0.1)
    assert told["last_history_sync"] == pytest.approx(synced.timestamp())


def test_a_history_that_was_never_synced_has_no_age(site: Site) -> None:
    site.source().last_history_sync = None
    metadata = materialized(site.run(alone=True), "orders")["demo|2024-03-01"]
    assert "history_age_hours" not in metadata
    assert "last_history_sync" not in metadata


def test_a_backfill_finds_a_line_edited_under_an_unchanged_header_and_a_usual_sync_does_not(
    site: Site,
) -> None:
    site.put("A1", "2024-03-05T09:00:00", lines=[line("1", quantity=1)])
    site.sync()
    site.put("A1", "2024-03-05T09:00:00", lines=[line("1", quantity=Decimal("2.5"))])
    site.sync()
    assert site.query("SELECT quantity FROM order_lines") == [(Decimal("1.0000"),)]
    result = site.run("demo|2024-03-01", alone=True)
    assert site.query("SELECT quantity FROM order_lines") == [(Decimal("2.5000"),)]
    metadata = materialized(result, "orders")["demo|2024-03-01"]
    assert (metadata["run/changed"], metadata["run/unchanged"]) == (1, 0)


def test_months_read_only_the_lines_of_new_and_changed_orders(site: Site) -> None:
    put_four_months(site)
    site.run("demo|2024-03-01", reading=OrdersRead.MONTHS, alone=True)
    site.sandbox.clear()
    site.run("demo|2024-03-01", "demo|2024-04-01", reading=OrdersRead.MONTHS, alone=True)
    assert [call.code for call in site.sandbox.calls("order_lines")] == ["A4"]


def test_a_run_started_in_the_ui_reads_its_months_whole_without_being_told(site: Site) -> None:
    put_four_months(site)
    site.sync()
    site.sandbox.clear()
    result = site.definitions.resolve_job_def("sync_orders").execute_in_process(
        instance=site.instance, partition_key="demo|2024-04-01", resources={"platform": site.platform}
    )
    assert result.success
    assert [call.code for call in site.sandbox.calls("order_lines")] == ["A4"]


def test_no_focus_connector_is_a_state_that_is_shown_and_no_failure(site: Site) -> None:
    result = site.run("zuid|2024-03-01", alone=True)
    assert result.success
    (event,) = result.asset_materializations_for_node(STEP)[:1]
    assert event.metadata["order_history"].value == "there is none, because there is no focus connector"
    assert not site.sandbox.calls("orders")


def test_a_focus_connector_that_went_away_ends_the_run_with_what_to_do(site: Site) -> None:
    site.source("zuid").focus_connector = "Exact Globe"
    assert site.run("zuid|2024-03-01", alone=True).success
    site.source("zuid").focus_connector = None
    site.sandbox.clear()
    result = site.run("zuid|2024-03-01", alone=True)
    assert not result.success
    why = failure_of(result)
    assert why.startswith("zuid: order history does not exist for the administration 'Kantoor Zuid B.V.'")
    assert "no focus connector. Have one configured there" in why
    assert len(why.splitlines()) == 1
    assert not site.sandbox.calls("orders")


def test_a_failed_run_is_not_retried_blindly(site: Site) -> None:
    site.source("zuid").forbidden = True
    (event,) = site.run("zuid|2024-03-01", alone=True).get_step_failure_events()
    assert event.step_failure_data.user_failure_data is not None
    assert [call.route_name for call in site.sandbox.requests] == ["status"]


def test_a_connector_that_fails_holds_up_no_other_of_the_run_and_the_copy_is_published(site: Site) -> None:
    site.put("A1")
    site.put("C1", connector="zuid")
    site.source("zuid").focus_connector = "Exact Globe"
    for failing, held in [("zuid", ["demo A1"]), ("demo", ["demo A1", "zuid C1"])]:
        for connector in ("demo", "zuid"):
            site.source(connector).forbidden = connector == failing
        result = site.run("demo|2024-03-01", "zuid|2024-03-01")
        assert not result.success
        assert [why.split(":")[0] for why in failure_of(result).splitlines()] == [failing]
        assert site.held() == site.held(copy=True) == held
    metadata, path = materialized(result, "analytics")[None], site.settings.analytics_path
    assert (metadata["path"], metadata["bytes"]) == (str(path), path.stat().st_size)
    assert (metadata["orders_rows"], metadata["order_lines_rows"]) == (2, 2)


def test_a_copy_that_cannot_be_published_fails_the_run_with_the_reason(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("A1")
    site.source("zuid").forbidden = True
    monkeypatch.setattr(sys, "executable", shutil.which("false"))  # the copy is made by a child process
    result = site.run("demo|2024-03-01", "zuid|2024-03-01")
    assert not result.success
    assert site.held() == ["demo A1"]
    first, second = failure_of(result).splitlines()
    assert first.startswith("zuid: ")
    assert second.startswith(f"{site.settings.analytics_path} could not be published")


def test_checks_that_find_nothing_pass_and_say_so(site: Site) -> None:
    site.put("A1", subTotal=10, lines=[line("1", lineTotal=4), line("2", lineTotal=6)])
    # A cent of rounding and amounts that are not given are no fault of the sums.
    site.put("CENT", subTotal=10, lines=[line("1", lineTotal=Decimal("9.99"))])
    site.put("NO-SUB-TOTAL", lines=[line("1", lineTotal=3)])
    site.put("NO-LINE-TOTAL", subTotal=10, lines=[line("1", lineTotal=3), line("2")])
    site.put("EMPTY", subTotal=0, lines=[])
    found = checks(site.run())
    assert set(found) >= {
        "orders_have_lines",
        "records_are_readable",
        "history_is_fresh",
        "sub_totals_match_lines",
        "order_statuses_are_mapped",
        "currencies_have_rates",
    }
    # The other connectors never ran, which is told by name; see test_standing_checks.py.
    assert not found.pop("stream_is_fresh").passed
    for name, check in found.items():
        assert check.passed, name
        assert check.description in ("nothing to report", "fresh"), name


def test_checks_warn_with_what_to_do_and_do_not_fail_the_run(site: Site) -> None:
    site.put("A1", subTotal=10, lines=[line("1", lineTotal=Decimal("9.98"))])
    site.put("A2", subTotal=10, lines=[line("1", lineTotal=3)])
    site.put("LEFT")
    site.put("..")
    for code in (".", ".."):
        site.put(code, connector="noord")
    synced = site.source().last_history_sync = datetime.now(UTC) - timedelta(hours=25)
    local = f"{synced.astimezone(site.settings.timezone):%Y-%m-%d %H:%M}"
    site.sandbox.faults = Faults(lines_500={"LEFT"})
    result = site.run("demo|2024-03-01", "noord|2024-03-01")
    assert result.success
    found = checks(result)
    told = {
        "orders_have_lines": "orders without lines: 1 (demo: `LEFT`); run `a4s sync orders` to ask for the "
        "lines again, and report orders that stay without to whoever runs the gateway",
        "records_are_readable": "unreadable, set aside: 3 (demo orders: `..`; noord orders: `.`, `..`); "
        "have each corrected as "
        "set_aside.reason says, then run `a4s sync orders --from DATE` with the date of the order",
        "sub_totals_match_lines": "orders whose sub_total is not the sum of their lines: 2 (demo: `A1`, "
        "`A2`); run `a4s sync orders --sub-totals-off` to reread only their lines; if one stays off, "
        "compare `a4s order CODE` with the legacy backend",
        "history_is_fresh": f"order history older than 24 hours: demo (last synced {local}); start a history "
        "sync in the legacy backend and see why it stopped, then `a4s check` tells its age",
    }
    for name, description in told.items():
        assert not found[name].passed, name
        assert found[name].severity is dg.AssetCheckSeverity.WARN, name
        assert found[name].description == description
    assert found["orders_have_lines"].metadata["count"].value == 1
    assert found["sub_totals_match_lines"].metadata["demo"].value == 2


def test_each_check_says_in_the_ui_what_it_holds(site: Site) -> None:
    for checks_def in standing_checks(Layout()).values():
        for spec in checks_def.check_specs:
            assert spec.description, spec.name
            assert spec.description.endswith("."), spec.name


def test_an_asset_check_passes_again_when_the_source_is_mended(site: Site) -> None:
    site.put("A1")
    site.sandbox.faults = Faults(lines_404={"A1"})
    assert not checks(site.run())["orders_have_lines"].passed
    site.sandbox.faults = Faults()
    assert checks(site.run())["orders_have_lines"].passed


def test_a_run_lists_no_partitions_however_many_connectors_and_months_there_are(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []

    def list_all(definition: dg.MultiPartitionsDefinition, *_: Any, **__: Any) -> list[str]:
        listed.append(type(definition).__name__)
        return []

    site.put("A1")
    job = site.definitions.resolve_job_def("sync_orders")
    monkeypatch.setattr(dg.MultiPartitionsDefinition, "get_partition_keys", list_all)
    request = run_request_for_orders("demo", site.settings, datetime.now(UTC))
    for _ in range(2):
        result = job.execute_in_process(
            instance=site.instance,
            tags=request.tags,
            resources={"platform": site.platform},
            run_config=request.run_config,
        )
        assert result.success
    assert listed == []


def test_a_run_reads_the_lines_again_of_just_those_orders_whose_sub_total_is_off(site: Site) -> None:
    for code in ("A1", "A2"):
        site.put(code, "2024-03-05T09:00:00", lines=[line(lineTotal=10)], subTotal=10)
    site.run("demo|2024-03-01", alone=True)
    with site.platform.warehouse.session() as store:
        store.execute("UPDATE order_lines SET line_total = 99 WHERE order_code = 'A1'")
    site.sandbox.clear()
    result = site.run("demo|2024-06-01", reading=OrdersRead.SUB_TOTALS_OFF, alone=True)
    assert result.success
    assert [call.code for call in site.sandbox.calls("order_lines")] == ["A1"]
    assert site.query("SELECT DISTINCT line_total FROM order_lines") == [(10,)]
    assert materialized(result, "order_lines")["demo|2024-03-01"]
