from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.spans import mark_gone, stored_headers
from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM, STREAM, OrderBatch, write_orders
from a4s_pipeline.warehouse.rows.state import SetAside
from a4s_pipeline_tests.warehouse.conftest import AT, line_row, order_row, progress

Query = Callable[..., list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("kept_open")


def _day(number: int) -> datetime:
    return datetime(2024, 3, number, tzinfo=UTC)


def _held(
    warehouse: WarehouseFile, connector: str, start: datetime | None, end: datetime | None
) -> list[str]:
    with warehouse.session() as connection:
        return sorted(header.code for header in stored_headers(connection, connector, start, end))


def _put_three(warehouse: WarehouseFile) -> None:
    rows = {f"A{number}": order_row(f"A{number}", _day(number).isoformat()) for number in (1, 2, 3)}
    write_orders(warehouse, OrderBatch({**rows}, {code: [line_row(code, "1")] for code in rows}), progress())


@pytest.mark.parametrize(
    ("start", "end", "held"),
    [
        (None, None, ["A1", "A2", "A3"]),
        (_day(2), None, ["A2", "A3"]),
        (None, _day(2), ["A1"]),
        (_day(2), _day(3), ["A2"]),
        (_day(4), None, []),
    ],
)
def test_a_span_holds_its_start_and_not_its_end(
    warehouse: WarehouseFile, start: datetime | None, end: datetime | None, held: list[str]
) -> None:
    _put_three(warehouse)
    assert _held(warehouse, "demo", start, end) == held
    assert _held(warehouse, "noord", start, end) == []


def test_an_order_that_is_gone_is_marked_and_kept_but_no_longer_listed(
    warehouse: WarehouseFile, query: Query
) -> None:
    _put_three(warehouse)
    with warehouse.transaction() as connection:
        mark_gone(connection, ["A2"], progress("r2"))
    assert query("SELECT order_code, run_id FROM orders WHERE removed_at = $1", AT) == [("A2", "r2")]
    assert query("SELECT count(*) FROM order_lines WHERE order_code = 'A2'") == [(1,)]
    assert _held(warehouse, "demo", None, None) == ["A1", "A3"]


def test_orders_of_another_connector_are_never_gone(warehouse: WarehouseFile) -> None:
    _put_three(warehouse)
    with warehouse.transaction() as connection:
        mark_gone(connection, ["A2"], progress("r2", connector="noord"))
    assert _held(warehouse, "demo", None, None) == ["A1", "A2", "A3"]


def test_lines_set_aside_of_an_order_that_is_gone_are_forgotten(
    warehouse: WarehouseFile, query: Query
) -> None:
    aside = {(stream, "A2", ""): SetAside(stream, "A2", "why", "{}") for stream in (STREAM, LINES_STREAM)}
    write_orders(warehouse, OrderBatch({"A2": order_row("A2")}, set_aside=aside), progress())
    with warehouse.transaction() as connection:
        mark_gone(connection, ["A2"], progress("r2"))
    assert query("SELECT stream FROM set_aside") == [(STREAM,)]
