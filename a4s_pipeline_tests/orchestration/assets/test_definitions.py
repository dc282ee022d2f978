import os
import runpy
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS, TABLES

MODULE = "a4s_pipeline.definitions"
ORDER_ASSETS = ["orders", "order_lines"]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(
        GivenSettings(connectors={"demo": "Demo B.V.", "noord": "Noord"}, history_start=date(2024, 5, 20))
    )


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_order_history_is_two_assets_and_the_copy_for_analysts_a_third(definitions: dg.Definitions) -> None:
    assert {"orders", "order_lines", "analytics"} <= specs(definitions).keys()


def test_one_step_imports_orders_and_their_lines(definitions: dg.Definitions) -> None:
    assert definitions.resolve_assets_def("orders").keys == {dg.AssetKey(name) for name in ORDER_ASSETS}


def test_the_copy_comes_after_what_it_copies_and_lines_come_after_orders(definitions: dg.Definitions) -> None:
    found = specs(definitions)
    assert {dep.asset_key.to_user_string() for dep in found["analytics"].deps} >= set(ORDER_ASSETS)
    assert [dep.asset_key.to_user_string() for dep in found["order_lines"].deps] == ["orders"]


def test_partitions_are_connector_by_month_up_to_the_month_that_is_running(
    definitions: dg.Definitions,
) -> None:
    for asset in ORDER_ASSETS:
        before = datetime.now(UTC)
        partitions = definitions.resolve_assets_def(asset).partitions_def
        assert partitions is not None, asset
        keys = partitions.get_partition_keys()
        months = 12 * (before.year - 2024) + before.month - 4
        assert keys[0] == "demo|2024-05-01", asset
        assert f"demo|{before:%Y-%m}-01" in keys, asset
        assert len(keys) in (2 * months, 2 * (months + 1)), asset  # the second where the month ends just now


def test_a_backfill_of_many_months_is_one_run(definitions: dg.Definitions) -> None:
    for asset in ORDER_ASSETS:
        assert definitions.resolve_assets_def(asset).backfill_policy == dg.BackfillPolicy.single_run(), asset


def test_the_job_of_orders_imports_publishes_and_checks(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("sync_orders")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        *ORDER_ASSETS,
        "analytics",
    }
    assert {key.name for key in job.asset_layer.asset_graph.asset_check_keys} >= {
        "orders_have_lines",
        "records_are_readable",
        "history_is_fresh",
        "sub_totals_match_lines",
        "order_statuses_are_mapped",
        "currencies_have_rates",
    }
    assert job.description
    assert job.tags["a4s/work"] == "import"  # the tag that dagster.yaml limits


def test_jobs_run_in_the_process_that_dagster_started_for_the_run(definitions: dg.Definitions) -> None:
    executors = {job.name: job.executor_def.name for job in definitions.resolve_all_job_defs()}
    assert set(executors.values()) == {"in_process"}
    assert "sync_orders" in executors


def test_orders_are_synced_four_times_an_hour_without_anybody_switching_it_on(
    definitions: dg.Definitions,
) -> None:
    schedule = definitions.resolve_schedule_def("orders_every_15_minutes")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "*/15 * * * *"
    assert schedule.execution_timezone == "Europe/Amsterdam"
    assert schedule.job_name == "sync_orders"


def test_every_schedule_and_sensor_runs_by_default(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert repository.schedule_defs
    for schedule in repository.schedule_defs:
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING, schedule.name
    for sensor in repository.sensor_defs:
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING, sensor.name


def test_each_asset_says_what_it_is_whose_it_is_and_what_it_is_made_of(definitions: dg.Definitions) -> None:
    stored = {"duckdb", "python"}
    kinds = {
        "source": {"api"},
        "model": {"duckdb", "sql", "view"},
        **dict.fromkeys(["raw", "published", "ledger"], stored),
    }
    for name, spec in specs(definitions).items():
        assert spec.description, name
        assert spec.owners == ["team:data-engineering"], name
        assert spec.kinds == kinds[spec.tags["layer"]], name
        assert spec.tags["stream"], name
        assert spec.group_name != "default", name


def test_what_holds_personal_data_is_tagged(definitions: dg.Definitions) -> None:
    personal = {name for name, spec in specs(definitions).items() if "pii" in spec.tags}
    assert personal >= {"orders", "customers", "customer_addresses", "order_exports", "analytics"}
    assert not personal & {"items", "item_stocks", "gateway_items"}


def test_what_is_imported_is_versioned_and_turns_red_when_nothing_came_for_a_day(
    definitions: dg.Definitions,
) -> None:
    for name, spec in specs(definitions).items():
        if spec.tags["layer"] == "raw" and name != "item_pictures":
            assert spec.code_version, name
            assert spec.freshness_policy is not None, name


def test_lineage_begins_at_the_gateway(definitions: dg.Definitions) -> None:
    found = specs(definitions)
    for stream in ("items", "customers", "orders"):
        assert [dep.asset_key.to_user_string() for dep in found[stream].deps] == [f"gateway_{stream}"]


def test_every_job_schedule_and_sensor_says_what_it_does(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    descriptions = {
        **{job.name: job.description for job in definitions.resolve_all_job_defs()},
        **{schedule.name: schedule.description for schedule in repository.schedule_defs},
        **{sensor.name: sensor.description for sensor in repository.sensor_defs},
    }
    assert [name for name, text in descriptions.items() if not text and not name.startswith("__")] == []


def test_asset_keys_can_be_prefixed_and_streams_left_out() -> None:
    layout = Layout(key_prefix=("erp", "a4s"), groups={"catalogue": "products"}, streams=("items",))
    built = build_definitions(GivenSettings(connectors={"demo": "Demo B.V."}), layout)
    dg.Definitions.validate_loadable(built)
    found = specs(built)
    assert all(name.startswith("erp/a4s/") for name in found)
    assert "erp/a4s/orders" not in found
    assert found["erp/a4s/items"].group_name == "products"
    assert {job.name for job in built.resolve_all_job_defs() if not job.name.startswith("__")} == {
        "on_demand",
        "prune",
        "sync_items",
        "standing_checks",
    }


def test_each_asset_of_a_table_shows_its_columns_as_the_table_is_described(
    definitions: dg.Definitions,
) -> None:
    shown = specs(definitions)
    tables = [table for table in TABLES if table.name in shown]
    assert {ORDERS, ORDER_LINES} <= set(tables)
    for table in tables:
        metadata = shown[table.name].metadata
        columns = metadata["dagster/column_schema"].columns
        assert [(column.name, column.type, column.description) for column in columns] == [
            (column.name, column.type, column.comment) for column in table.columns
        ], table.name
        keys = {column.name for column in columns if not column.constraints.nullable}
        assert keys == set(table.key), table.name
        assert metadata["dagster/table_name"] == f"main.{table.name}"


def test_no_text_of_the_platform_resource_shows_a_credential() -> None:
    settings = GivenSettings(
        gateway_url="http://gateway.example", gateway_token="s3cret-Word", connectors={"demo": "Demo B.V."}
    )
    definitions = build_definitions(settings)
    assert "s3cret-Word" not in repr(definitions)
    assert "s3cret-Word" not in repr(definitions.resources)


def test_the_code_location_loads_without_any_settings() -> None:
    loaded = runpy.run_module(MODULE)["defs"]
    dg.Definitions.validate_loadable(loaded)
    assert {"orders", "order_lines", "analytics"} <= specs(loaded).keys()


def test_the_code_location_has_the_connectors_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A4S_CONNECTORS", '{"abc": "Demo B.V."}')
    monkeypatch.setenv("A4S_HISTORY_START", "2024-05-01")
    partitions = runpy.run_module(MODULE)["defs"].resolve_assets_def("orders").partitions_def
    assert partitions.get_first_partition_key() == "abc|2024-05-01"


def test_a_wrong_setting_fails_with_the_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A4S_TIMEZONE", "Mars/Olympus")
    with pytest.raises(ChangeSettings) as caught:
        runpy.run_module(MODULE)
    assert str(caught.value) == "A4S_TIMEZONE: must be a time zone such as Europe/Amsterdam"


@pytest.mark.nightly  # the test before it shows the same without a process
def test_dagster_shows_the_line_of_a_wrong_setting_when_it_loads_the_code_location(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-m", MODULE]
    done = subprocess.run(
        command,
        env={**os.environ, "A4S_TIMEZONE": "Mars/Olympus", "DAGSTER_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "ChangeSettings: A4S_TIMEZONE: must be a time zone such as Europe/Amsterdam" in (
        done.stdout + done.stderr
    )
