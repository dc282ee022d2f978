from collections.abc import Callable
from typing import Any

import dagster as dg

from a4s_pipeline.orchestration.assets.events.metadata import drift_metadata
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.rows.drift import FieldDrift
from a4s_pipeline_tests.orchestration.conftest import Site, line
from a4s_sandbox import Faults

HOSTILE = "<img src=x onerror=alert(1)> [a](javascript:b) | `c`"


def shown(result: dg.ExecuteInProcessResult, asset: str) -> Any:
    (metadata,) = [
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset)
    ]
    return metadata


def rows(metadata: Any) -> list[dict[str, Any]]:
    table = metadata["drift"]
    assert isinstance(table, dg.TableMetadataValue)
    columns = [column.name for column in table.schema.columns]
    assert columns == ["connector", "stream", "field", "drift", "found", "example", "records"]
    assert all(set(record.data) == set(columns) for record in table.records)
    return [dict(record.data) for record in table.records]


def test_what_drifts_is_a_table_and_a_number_to_plot_once_a_sync_and_nothing_is_a_zero(site: Site) -> None:
    drifting: dict[str, Any] = {"orderNumber": 12, HOSTILE: True}
    site.put("O1", lines=[line(batch="B1")], **drifting)
    result = site.run(alone=True)
    assert result.success
    metadata = shown(result, "orders")
    assert isinstance(metadata["drifting_fields"], dg.IntMetadataValue)
    assert metadata["drifting_fields"].value == 3
    assert [tuple(row.values()) for row in rows(metadata)] == [
        ("demo", "orders", "orderNumber", "kind", "number", "99", 1),
        ("demo", "orders", HOSTILE, "unknown", "flag", "", 1),
        ("demo", "order_lines", "batch", "unknown", "text", "X9", 1),
    ]
    assert "drifting_fields" not in shown(result, "order_lines")
    site.put("O2", "2024-04-05T09:00:00")
    metadata = shown(site.run("demo|2024-04-01", alone=True), "orders")
    assert metadata["drifting_fields"].value == 0
    assert "drift" not in metadata


def test_a_run_that_fails_shows_what_drifted_before_and_keeps_it(make_site: Callable[..., Site]) -> None:
    site = make_site(page_size=1)
    site.put("E1", connector="noord", route="R1")
    site.sync("noord")
    site.put("O1", "2024-03-05T09:00:00", floor=1)
    site.put("O2", "2024-03-06T09:00:00", floor=1)

    def fail_after_the_first(_route: str, _administration: str, page: int) -> None:
        if page == 0:
            site.faults.script["orders"] = ["server_error"] * 100

    site.sandbox.faults = Faults(on_page=fail_after_the_first)
    result = site.run("demo|2024-03-01")
    assert not result.success
    (event,) = result.get_step_failure_events()
    given = event.step_failure_data.user_failure_data
    assert given is not None
    assert [(row["connector"], row["field"], row["records"]) for row in rows(given.metadata)] == [
        ("demo", "floor", 1)
    ]
    assert given.metadata["drifting_fields"].value == 1
    kept = f"SELECT field FROM drift WHERE run_id = '{result.run_id}'"
    assert site.query(kept) == site.query(kept, copy=True) == [("floor",)]


def test_twenty_rows_are_shown_at_most_what_is_wrong_and_frequent_first() -> None:
    new = [FieldDrift("orders", f"x{number}", "unknown", "text", "x", 900 + number) for number in range(30)]
    wrong = [FieldDrift("items", "stock", "missing", "nothing", None, 5)]
    results = [SyncResult("demo", "orders", drifts=new), SyncResult("noord", "items", drifts=wrong)]
    metadata = drift_metadata(results)
    found = rows(metadata)
    assert metadata["drifting_fields"] == 31
    assert len(found) == 20
    assert [(row["connector"], row["field"]) for row in found[:3]] == [
        ("noord", "stock"),
        ("demo", "x29"),
        ("demo", "x28"),
    ]
