"""Rows as they were before they were replaced, and orders as of an instant."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.spans import mark_gone
from a4s_pipeline.warehouse.rows.orders.writing import FilledLines, OrderBatch, fill_lines, write_orders
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, RecordBatch, mark_removed, write_records
from a4s_pipeline.warehouse.rows.state import StreamProgress
from a4s_pipeline_tests.warehouse.conftest import AT, line_row, order_row

HOUR = timedelta(hours=1)
Query = Callable[..., list[tuple[Any, ...]]]


def write(warehouse: WarehouseFile, hour: int, code: str, text: str, *lines: str, **more: Any) -> None:
    """Write an order as a sync does at that hour: its reference, and a line for each code."""
    at = AT + hour * HOUR
    stamp = {"synced_at": at.isoformat(), "run_id": f"r{hour}"}
    header = order_row(
        code, reference=text, header_fingerprint=text, lines_fingerprint=" ".join(lines), **stamp
    )
    batch = OrderBatch({code: {**header, **more}}, {code: [line_row(code, line, **stamp) for line in lines]})
    write_orders(warehouse, batch, StreamProgress("demo", "orders", f"r{hour}", at))


def as_of(query: Query, hour: float) -> tuple[list[str], list[str]]:
    at = AT + hour * HOUR
    return (
        [text for (text,) in query("SELECT reference FROM orders_as_of($1) ORDER BY ALL", at)],
        [code for (code,) in query("SELECT line_code FROM order_lines_as_of($1) ORDER BY ALL", at)],
    )


def test_a_replaced_order_is_kept_with_its_lines_and_from_when_to_when(
    warehouse: WarehouseFile, query: Query
) -> None:
    write(warehouse, 0, "A1", "first", "1", "2")
    write(warehouse, 2, "A1", "second", "2", "3")
    write(warehouse, 4, "A1", "third", "3")
    found = query("SELECT reference, valid_from, valid_to FROM order_versions ORDER BY valid_to")
    assert found == [("first", AT, AT + 2 * HOUR), ("second", AT + 2 * HOUR, AT + 4 * HOUR)]
    lines = query(
        "SELECT line_code, valid_from, valid_to FROM order_line_versions ORDER BY valid_to, line_code"
    )
    assert lines == [
        ("1", AT, AT + 2 * HOUR),
        ("2", AT, AT + 2 * HOUR),
        ("2", AT + 2 * HOUR, AT + 4 * HOUR),
        ("3", AT + 2 * HOUR, AT + 4 * HOUR),
    ]
    assert as_of(query, 0) == as_of(query, 1.9) == (["first"], ["1", "2"])
    assert as_of(query, 2) == as_of(query, 3) == (["second"], ["2", "3"])
    assert as_of(query, 4) == as_of(query, 99) == (["third"], ["3"])
    assert as_of(query, -24 * 365 * 50) == ([], [])


def test_an_order_that_is_read_again_and_is_the_same_is_no_version(
    warehouse: WarehouseFile, query: Query
) -> None:
    write(warehouse, 0, "A1", "same", "1")
    write(warehouse, 2, "A1", "same", "1")
    assert query("SELECT count(*) FROM order_versions") == [(0,)]
    assert as_of(query, 1) == (["same"], ["1"])


def test_an_order_that_went_was_there_before(warehouse: WarehouseFile, query: Query) -> None:
    write(warehouse, 0, "A1", "there", "1")
    progress = StreamProgress("demo", "orders", "r2", AT + 2 * HOUR)
    warehouse.transact(lambda connection: mark_gone(connection, ["A1"], progress))
    was = query("SELECT removed_at FROM orders_as_of($1)", AT + HOUR)
    now = query("SELECT removed_at FROM orders_as_of($1)", AT + 3 * HOUR)
    assert (was, now) == ([(None,)], [(AT + 2 * HOUR,)])
    assert as_of(query, 1) == as_of(query, 3) == (["there"], ["1"])


def test_lines_that_come_in_late_are_no_version_unless_they_replace_others(
    warehouse: WarehouseFile, query: Query
) -> None:
    late = {"lines_fingerprint": None, "lines_synced_at": None}
    write(warehouse, 0, "A1", "new", **late)
    filled = {"A1": FilledLines([line_row("A1", "1")], "1")}
    fill_lines(warehouse, filled, [], StreamProgress("demo", "orders", "r1", AT + HOUR))
    assert query("SELECT count(*) FROM order_versions") == [(0,)]
    others = {"A1": FilledLines([line_row("A1", "9")], "9")}
    fill_lines(warehouse, others, [], StreamProgress("demo", "orders", "r2", AT + 2 * HOUR))
    assert as_of(query, 1.5) == (["new"], ["1"])
    assert as_of(query, 2.5) == (["new"], ["9"])


@pytest.mark.parametrize(
    ("setting", "orders", "customers"), [("none", 0, 0), ("orders", 1, 0), ("all", 1, 2)]
)
def test_a_setting_says_which_streams_keep_versions(
    tmp_path: Path, setting: Any, orders: int, customers: int
) -> None:
    warehouse = WarehouseFile(tmp_path / "warehouse.duckdb", conventions=Conventions(versions=setting))
    write(warehouse, 0, "A1", "first", "1")
    write(warehouse, 1, "A1", "second", "1")
    for hour, name in enumerate(["Jansen", "Jansen B.V."]):
        at = AT + hour * HOUR
        row = {"connector": "demo", "customer_code": "K1", "name": name, "synced_at": at.isoformat()}
        batch = RecordBatch({"K1": {"customers": [row]}}, replaced={"K1"} if hour else set())
        progress = StreamProgress("demo", "customers", "r", at)
        warehouse.transact(lambda connection: write_records(connection, CUSTOMER_TABLES, batch, progress))  # noqa: B023
    gone = StreamProgress("demo", "customers", "r", AT + 5 * HOUR)
    warehouse.transact(lambda connection: mark_removed(connection, CUSTOMER_TABLES, ["K1"], gone))
    with warehouse.session() as connection:
        assert connection.execute("SELECT count(*) FROM order_versions").fetchall() == [(orders,)]
        found = connection.execute(
            "SELECT name, valid_from, valid_to FROM customer_versions ORDER BY valid_to"
        )
        expected = [("Jansen", AT, AT + HOUR), ("Jansen B.V.", AT + HOUR, AT + 5 * HOUR)]
        assert found.fetchall() == expected[:customers]
