from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.writing import (
    LINES_STREAM,
    STREAM,
    FilledLines,
    OrderBatch,
    PendingOrder,
    StoredOrder,
    count_without_lines,
    fill_lines,
    pending_orders,
    stored_orders,
    write_orders,
)
from a4s_pipeline.warehouse.rows.state import SetAside, set_aside_keys
from a4s_pipeline_tests.warehouse.conftest import AT, line_row, order_row, progress

Query = Callable[..., list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("kept_open")
WITHOUT: dict[str, Any] = {"lines_synced_at": None, "lines_fingerprint": None}


def _write(warehouse: WarehouseFile, *rows: dict[str, Any], run_id: str = "r1", lines: int = 1) -> None:
    batch = OrderBatch()
    for row in rows:
        batch.orders[row["order_code"]] = {**row, "run_id": run_id}
        if row["lines_synced_at"]:
            batch.lines[row["order_code"]] = [line_row(row["order_code"], str(n)) for n in range(lines)]
    write_orders(warehouse, batch, progress(run_id))


def without_lines(warehouse: WarehouseFile) -> int:
    with warehouse.session() as connection:
        return count_without_lines(connection, "demo")


def aside(warehouse: WarehouseFile) -> set[str]:
    with warehouse.session() as connection:
        return set_aside_keys(connection, "demo", STREAM)


def left_of(
    warehouse: WarehouseFile, connector: str, after: tuple[datetime, str] | None
) -> list[tuple[datetime, str]]:
    start = PendingOrder(*after, None, 0) if after else None
    with warehouse.session() as connection:
        return [(one.order_date, one.code) for one in pending_orders(connection, connector, start, limit=2)]


def test_orders_their_lines_and_the_progress_are_written_together(
    warehouse: WarehouseFile, query: Query
) -> None:
    batch = OrderBatch({"A1": order_row("A1")}, {"A1": [line_row("A1", "1"), line_row("A1", "2")]})
    write_orders(warehouse, batch, progress("r7", watermark=AT))
    assert query("SELECT order_code FROM orders") == [("A1",)]
    assert query("SELECT line_code FROM order_lines ORDER BY ALL") == [("1",), ("2",)]
    assert query("SELECT watermark, run_id FROM sync_state") == [(AT, "r7")]


def test_when_a_part_cannot_be_written_nothing_is(warehouse: WarehouseFile, query: Query) -> None:
    _write(warehouse, order_row("A1"))
    batch = OrderBatch({"A1": order_row("A1", status="new"), "A2": order_row("A2")}, {"A1": []})
    with pytest.raises(ValueError, match="no columns"):
        write_orders(warehouse, batch, progress("r2", watermark=AT, unknown=1))
    assert query("SELECT order_code, status FROM orders") == [("A1", None)]
    assert query("SELECT count(*) FROM order_lines") == [(1,)]
    assert query("SELECT watermark, run_id FROM sync_state") == [(None, "r1")]


def test_an_order_is_replaced_with_its_lines_and_other_connectors_are_not(
    warehouse: WarehouseFile, query: Query
) -> None:
    other = OrderBatch(
        {"A1": order_row("A1", connector="noord")}, {"A1": [line_row("A1", "9", connector="noord")]}
    )
    write_orders(warehouse, other, progress(connector="noord"))
    _write(warehouse, order_row("A1"), lines=3)
    _write(warehouse, order_row("A1", status="new"), lines=1)
    assert query("SELECT connector, status FROM orders ORDER BY ALL") == [("demo", "new"), ("noord", None)]
    assert query("SELECT connector, line_code FROM order_lines ORDER BY ALL") == [
        ("demo", "0"),
        ("noord", "9"),
    ]


def test_an_order_without_lines_keeps_no_old_ones(warehouse: WarehouseFile, query: Query) -> None:
    _write(warehouse, order_row("A1"), lines=2)
    _write(warehouse, order_row("A1", **WITHOUT))
    assert query("SELECT count(*) FROM order_lines") == [(0,)]
    assert without_lines(warehouse) == 1


def test_what_is_stored_of_an_order_is_returned_by_code(warehouse: WarehouseFile) -> None:
    _write(warehouse, order_row("A1"), order_row("A2", **WITHOUT))
    _write(warehouse, order_row("A3", removed_at=AT.isoformat()), run_id="r2")
    assert stored_orders(warehouse, "demo", ["A1", "A2", "A3", "A4"]) == {
        "A1": StoredOrder("h-A1", "l-A1", True, False, "r1"),
        "A2": StoredOrder("h-A2", None, False, False, "r1"),
        "A3": StoredOrder("h-A3", "l-A3", True, True, "r2"),
    }
    assert stored_orders(warehouse, "noord", ["A1"]) == {}
    assert stored_orders(warehouse, "demo", []) == {}


def test_orders_left_come_oldest_first_and_page_by_page(warehouse: WarehouseFile) -> None:
    day = datetime(2024, 3, 5, tzinfo=UTC)
    rows = [
        order_row("B", day.isoformat(), **WITHOUT),
        order_row("C", day.isoformat(), **WITHOUT),
        order_row("A", (day + timedelta(days=1)).isoformat(), **WITHOUT),
        order_row("D", (day - timedelta(days=1)).isoformat(), **WITHOUT),
        order_row("IN", day.isoformat()),
        order_row("GONE", day.isoformat(), removed_at=AT.isoformat(), **WITHOUT),
    ]
    _write(warehouse, *rows)
    found: list[str] = []
    after: tuple[datetime, str] | None = None
    while left := left_of(warehouse, "demo", after):
        found += [code for _, code in left]
        after = left[-1]
    assert found == ["D", "B", "C", "A"]
    assert without_lines(warehouse) == 4
    assert left_of(warehouse, "noord", None) == []


def test_lines_are_filled_in_all_at_once_under_a_header_that_stays(
    warehouse: WarehouseFile, query: Query
) -> None:
    _write(warehouse, order_row("A1", status="open", **WITHOUT), order_row("A2", **WITHOUT))
    filled = {
        "A1": FilledLines([line_row("A1", "1"), line_row("A1", "2")], "new"),
        "A3": FilledLines([], "x"),
    }
    fill_lines(warehouse, filled, [], progress("r2"))
    assert query(
        "SELECT order_code, status, lines_fingerprint, lines_synced_at, run_id FROM orders ORDER BY ALL"
    ) == [("A1", "open", "new", AT, "r2"), ("A2", None, None, None, "r1")]
    assert query("SELECT order_code, line_code FROM order_lines ORDER BY ALL") == [("A1", "1"), ("A1", "2")]


def test_an_order_with_no_lines_is_filled_in_too(warehouse: WarehouseFile) -> None:
    _write(warehouse, order_row("A1", **WITHOUT))
    fill_lines(warehouse, {"A1": FilledLines([], "none")}, [], progress("r2"))
    assert without_lines(warehouse) == 0


def test_what_was_set_aside_is_cleared_by_what_came_in(warehouse: WarehouseFile, query: Query) -> None:
    batch = OrderBatch(
        {"L1": order_row("L1", **WITHOUT)},
        set_aside={
            (STREAM, "A1", ""): SetAside(STREAM, "A1", "why", "{}"),
            (STREAM, "A2", ""): SetAside(STREAM, "A2", "why", "{}"),
            (STREAM, "A3", ""): SetAside(STREAM, "A3", "why", "{}"),
            (LINES_STREAM, "L1", ""): SetAside(LINES_STREAM, "L1", "why", "[]"),
        },
    )
    write_orders(warehouse, batch, progress())
    assert aside(warehouse) == {"A1", "A2", "A3"}
    write_orders(warehouse, OrderBatch({"A1": order_row("A1")}, {"A1": []}, mended={"A2"}), progress())
    assert aside(warehouse) == {"A3"}
    fill_lines(warehouse, {"L1": FilledLines([], "x")}, [], progress("r2"))
    assert query("SELECT record_key FROM set_aside") == [("A3",)]


def test_a_batch_with_nothing_in_it_is_false() -> None:
    assert not OrderBatch()
    assert OrderBatch(mended={"A1"})
    assert OrderBatch({"A1": order_row("A1")})
    assert OrderBatch(set_aside={(STREAM, "A1", ""): SetAside(STREAM, "A1", "why", "{}")})


def test_a_constraint_of_the_file_is_not_swallowed(warehouse: WarehouseFile) -> None:
    with pytest.raises(duckdb.Error):
        write_orders(warehouse, OrderBatch({"A1": order_row("A1", attributes="{")}), progress())
    assert stored_orders(warehouse, "demo", ["A1"]) == {}
