from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from a4s_pipeline.orchestration.assets.analytics import analytics_asset
from a4s_pipeline.orchestration.assets.orders import OrdersRead
from a4s_pipeline.orchestration.failing import reason_of_step
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.health import LONGEST_SENDING, exports_unsettled
from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS, Site, failure_of, held_by_an_analyst

JOB = "standing_checks"
# What asks the gateway has a job of its own.
ASKS_THE_GATEWAY = {"orders months_agree"}


def run(site: Site, platform: Platform | None = None) -> dg.ExecuteInProcessResult:
    return site.definitions.resolve_job_def(JOB).execute_in_process(
        instance=site.instance, resources={"platform": platform or site.platform}, raise_on_error=False
    )


def told(site: Site) -> dict[str, str]:
    """The message of each check that does not pass, by asset and name."""
    result = run(site)
    assert result.success
    return {
        f"{check.asset_key.to_user_string()} {check.check_name}": check.description or ""
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }


def write(site: Site, sql: str, *values: Any) -> None:
    site.platform.warehouse.transact(lambda connection: connection.execute(sql, values))


def note_success(site: Site, stream: str, at: datetime) -> None:
    for connector in site.settings.connectors:
        write(
            site,
            "INSERT INTO sync_state (connector, stream, last_success_at, last_run_at) "
            "VALUES ($1, $2, $3, $3)",
            connector,
            stream,
            at,
        )


def test_every_check_that_only_asks_the_store_is_a_standing_check(site: Site) -> None:
    graph = site.definitions.resolve_job_def(JOB).asset_layer.asset_graph
    standing = {f"{key.asset_key.to_user_string()} {key.name}" for key in graph.asset_check_keys}
    everything = {
        f"{key.asset_key.to_user_string()} {key.name}"
        for key in site.definitions.get_repository_def().asset_graph.asset_check_keys
    }
    assert standing == everything - ASKS_THE_GATEWAY
    assert {f"{stream} stream_is_fresh" for stream in ("orders", "items", "customers")} <= standing


def test_the_standing_checks_run_once_an_hour_without_anybody_switching_it_on(site: Site) -> None:
    schedule = site.definitions.resolve_schedule_def("standing_checks_hourly")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "55 * * * *"
    assert schedule.job_name == JOB
    # They wait behind no import.
    assert "a4s/work" not in site.definitions.resolve_job_def(JOB).tags


def test_an_installation_where_nothing_ever_ran_names_each_stream_of_each_connector(site: Site) -> None:
    found = told(site)
    assert set(found) == {f"{stream} stream_is_fresh" for stream in ("orders", "items", "customers")}
    for name, description in found.items():
        stream = name.split(" ")[0]
        assert description.startswith(f"{stream} not read within a day: demo was never tried: check that ")
        for connector in ADMINISTRATIONS:
            assert f"run `a4s sync {stream} --connector {connector}`" in description


def test_each_check_is_executed_by_itself_and_says_how_each_connector_is(site: Site) -> None:
    note_success(site, "items", datetime.now(UTC))
    key = dg.AssetCheckKey(dg.AssetKey("items"), "stream_is_fresh")
    job = site.definitions.resolve_implicit_global_asset_job_def()
    result = job.get_subset(asset_selection=set(), asset_check_selection={key}).execute_in_process(
        instance=site.instance, resources={"platform": site.platform}
    )
    (check,) = result.get_asset_check_evaluations()
    assert (check.asset_check_key, check.passed) == (key, True)
    table = check.metadata["connectors"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["connector"] for record in table.records] == list(ADMINISTRATIONS)
    assert site.sandbox.requests == []


def test_an_import_that_fails_leaves_the_checks_true(site: Site) -> None:
    site.put("A1", subTotal=10)
    assert site.run().success
    site.faults.server_error = 1.0
    result = site.run(reading=OrdersRead.NEW)
    assert not result.success
    found = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert found["orders_have_lines"] is True
    assert set(found) >= {"records_are_readable", "sub_totals_match_lines", "exports_are_settled"}


def test_a_stream_that_stopped_is_found_without_a_run_of_its_own_and_without_a_call(site: Site) -> None:
    note_success(site, "orders", datetime.now(UTC))
    note_success(site, "customers", datetime.now(UTC))
    note_success(site, "items", datetime.now(UTC) - timedelta(hours=25))
    assert list(told(site)) == ["items stream_is_fresh"]
    assert site.sandbox.requests == []


def test_a_connector_without_a_focus_connector_is_reported_as_such(site: Site) -> None:
    site.run("demo|2024-01-01", "zuid|2024-01-01", alone=True)
    checks = run(site).get_asset_check_evaluations()
    (fresh,) = [
        one for one in checks if (one.asset_key.path, one.check_name) == (["orders"], "stream_is_fresh")
    ]
    assert fresh.passed
    assert fresh.description == "fresh; without order history, because there is no focus connector: zuid"


def test_what_keeps_a_stream_from_succeeding_is_reported(make_site: Callable[..., Site]) -> None:
    site = make_site(connectors={"demo": ADMINISTRATIONS["demo"]})
    site.source().forbidden = True
    assert not site.run(alone=True).success
    description = told(site)["orders stream_is_fresh"]
    assert "failed, `the gateway answered 403" in description
    assert "`a4s check --connector demo` says what to do" in description


def test_a_connector_that_is_no_longer_configured_is_not_reported(
    site: Site, make_site: Callable[..., Site]
) -> None:
    site.put("..")
    site.source().last_history_sync = datetime.now(UTC) - timedelta(hours=30)
    site.sync()
    later = make_site(connectors={"noord": ADMINISTRATIONS["noord"]})
    for stream in ("orders", "items", "customers"):
        note_success(later, stream, datetime.now(UTC))
    assert told(later) == {}


def note_export(site: Site, key: str, status: str, at: datetime | None = None) -> None:
    write(
        site,
        "INSERT INTO order_exports (connector, intake_order_id, status, synced_at) "
        "VALUES ('gone', $1, $2, $3)",
        key,
        status,
        at or datetime.now(UTC),
    )


def test_orders_that_are_not_exported_for_certain_are_named_at_any_connector(site: Site) -> None:
    for key, status in (
        ("X1", "failed"),
        ("X2", "unknown"),
        ("X3", "unknown"),
        ("X4", "ok"),
        ("X5", "refused"),
    ):
        note_export(site, key, status)
    assert told(site)["order_exports exports_are_settled"] == (
        "orders whose export failed or is unknown: 3 (gone failed: `X1`; gone unknown: `X2`, `X3`); see "
        "why with "
        "`a4s exports`, and settle each with `a4s retry ID`"
    )


def test_an_order_that_is_being_sent_is_no_fault_until_its_process_must_have_died(site: Site) -> None:
    now = datetime.now(UTC)
    note_export(site, "X1", "sending", now - timedelta(seconds=5))
    note_export(site, "X2", "sending", now - LONGEST_SENDING - timedelta(seconds=5))
    with site.platform.warehouse.session() as store:
        assert [one.first for one in exports_unsettled(store, now)] == [("X2",)]


def test_a_customer_that_is_not_created_for_certain_is_named(site: Site) -> None:
    write(
        site,
        "INSERT INTO created_customers (connector, customer_code, status, synced_at) "
        "VALUES ('demo', 'K9', 'unknown', now())",
    )
    assert told(site)["created_customers creations_are_settled"] == (
        "customers whose creation failed or is unknown: 1 (demo unknown: `K9`); create the same customer "
        "again with "
        "`a4s create-customer FILE`: that settles it, once"
    )


def test_only_the_first_few_records_are_named(site: Site) -> None:
    for number in range(8):
        note_export(site, f"X{number}", "failed")
    assert (
        "(gone failed: `X0`, `X1`, `X2`, `X3`, `X4` and 3 more)"
        in told(site)["order_exports exports_are_settled"]
    )


def test_checks_that_cannot_ask_the_store_fail_with_who_holds_it_and_what_to_do(cold_site: Site) -> None:
    site = cold_site
    told(site)
    platform = Platform(site.settings, store_wait_seconds=0.05)
    with held_by_an_analyst(site.settings.warehouse_path) as analyst:
        result = run(site, platform)
    assert not result.success
    for event in result.get_step_failure_events():
        reason = reason_of_step(event) or ""
        assert reason.startswith(f"{site.settings.warehouse_path} is held by process {analyst}, waited ")
        assert "close it there and try again" in reason


def test_a_copy_that_cannot_be_published_fails_with_only_the_reason(site: Site) -> None:
    site.settings.analytics_path.mkdir(parents=True)
    result = dg.materialize(
        [analytics_asset(site.settings, Layout())],
        instance=site.instance,
        resources={"platform": site.platform},
        raise_on_error=False,
    )
    assert not result.success
    assert failure_of(result).startswith(f"{site.settings.analytics_path} could not be published")
