from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.drift import FieldDrift, record_drifts
from a4s_pipeline.warehouse.rows.state import StreamProgress
from a4s_pipeline_tests.warehouse.conftest import AT

Query = Callable[..., list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("kept_open")


def drift(field: str, records: int = 1, stream: str = "items") -> FieldDrift:
    return FieldDrift(stream, field, "unknown", "text", "xx", records)


def record(
    warehouse: WarehouseFile, run_id: str, days: float, *drifts: FieldDrift, connector: str = "demo"
) -> None:
    """Record the drift of a run that ended this many days after the first."""
    progress = StreamProgress(connector, "items", run_id, AT + timedelta(days=days))
    with warehouse.transaction() as connection:
        record_drifts(connection, drifts, progress)


def runs(query: Query) -> list[str]:
    return [run for (run,) in query("SELECT DISTINCT run_id FROM drift ORDER BY ALL")]


def test_each_run_keeps_its_own_counts_and_the_first_date_of_what_is_known(
    warehouse: WarehouseFile, query: Query
) -> None:
    record(warehouse, "r1", 0, drift("route", 3))
    record(warehouse, "r2", 1, drift("route", 4), drift("floor", 1), drift("route", 7, "customers"))
    rows = query(
        "SELECT run_id, stream, field, records, date_diff('day', $1::TIMESTAMPTZ, first_seen_at) "
        "FROM drift ORDER BY ALL",
        AT,
    )
    assert rows == [
        ("r1", "items", "route", 3, 0),
        ("r2", "customers", "route", 7, 1),
        ("r2", "items", "floor", 1, 1),
        ("r2", "items", "route", 4, 0),
    ]


def test_connectors_are_told_apart(warehouse: WarehouseFile, query: Query) -> None:
    record(warehouse, "r1", 0, drift("route"))
    record(warehouse, "r1", 1, drift("route"), connector="noord")
    rows = query("SELECT connector, first_seen_at = synced_at FROM drift ORDER BY ALL")
    assert rows == [("demo", True), ("noord", True)]


def test_a_run_that_is_tried_again_replaces_what_it_counted(warehouse: WarehouseFile, query: Query) -> None:
    record(warehouse, "r1", 0, drift("route", 3))
    record(warehouse, "r1", 0, drift("route", 5))
    assert query("SELECT run_id, records FROM drift") == [("r1", 5)]


def test_runs_of_thirty_days_ago_are_forgotten_and_no_younger_one(
    warehouse: WarehouseFile, query: Query
) -> None:
    record(warehouse, "r1", 0, drift("route"))
    record(warehouse, "r2", 1, drift("route"), connector="noord")
    record(warehouse, "r3", 30)
    assert runs(query) == ["r1", "r2"]
    record(warehouse, "r4", 30.5)
    assert runs(query) == ["r2"]


def test_what_goes_on_drifting_keeps_its_first_date_when_the_first_run_is_forgotten(
    warehouse: WarehouseFile, query: Query
) -> None:
    for days in (0, 20, 40, 60):
        record(warehouse, f"r{days}", days, drift("route"))
    assert query("SELECT run_id, first_seen_at = $1 FROM drift ORDER BY ALL", AT) == [
        ("r40", True),
        ("r60", True),
    ]
