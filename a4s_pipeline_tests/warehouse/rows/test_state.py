from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.rows.state import (
    SetAside,
    StreamProgress,
    StreamState,
    clear_set_aside,
    clear_unseen_set_aside,
    replace_set_aside,
    save_progress,
    stream_state,
)
from a4s_pipeline_tests.warehouse.conftest import AT, progress

Query = Callable[..., list[tuple[Any, ...]]]

pytestmark = pytest.mark.usefixtures("kept_open")


def _state(warehouse: WarehouseFile, connector: str = "demo", stream: str = "orders") -> StreamState:
    with warehouse.session() as connection:
        return stream_state(connection, connector, stream)


def _save(warehouse: WarehouseFile, one: StreamProgress) -> None:
    warehouse.transact(lambda connection: save_progress(connection, one))


def _put(warehouse: WarehouseFile, *records: SetAside, by: StreamProgress | None = None) -> None:
    with warehouse.transaction() as connection:
        replace_set_aside(connection, by or progress(), records, {})


def test_a_stream_that_never_ran_has_no_state(warehouse: WarehouseFile) -> None:
    assert _state(warehouse) == StreamState(None, None, None, None)


def test_progress_changes_the_columns_it_names_and_no_other(warehouse: WarehouseFile, query: Query) -> None:
    _save(warehouse, progress("r1", watermark=AT, seen=5))
    _save(warehouse, progress("r2", has_history=True, last_history_sync=AT))
    assert _state(warehouse) == StreamState(AT, None, AT, True)
    assert query("SELECT seen, run_id, synced_at FROM sync_state") == [(5, "r2", AT)]
    _save(warehouse, progress("r3", watermark=None))
    assert _state(warehouse).watermark is None


def test_streams_and_connectors_have_a_row_each(warehouse: WarehouseFile, query: Query) -> None:
    for connector in ("demo", "noord"):
        for stream in ("orders", "items"):
            _save(warehouse, StreamProgress(connector, stream, "r1", AT, {"seen": 1}))
    _save(warehouse, StreamProgress("demo", "items", "r1", AT, {"seen": 2}))
    assert query("SELECT connector, stream, seen FROM sync_state ORDER BY ALL") == [
        ("demo", "items", 2),
        ("demo", "orders", 1),
        ("noord", "items", 1),
        ("noord", "orders", 1),
    ]


@pytest.mark.parametrize("column", ["unknown", "connector", "stream", "run_id", 'seen" = 1 --'])
def test_a_column_that_is_none_of_the_state_is_refused(warehouse: WarehouseFile, column: str) -> None:
    with pytest.raises(ValueError, match="sync_state has no columns"):
        _save(warehouse, StreamProgress("demo", "orders", "r1", AT, {column: 1}))
    assert _state(warehouse) == StreamState()


def test_a_record_set_aside_again_keeps_its_first_date_and_takes_the_new_reason(
    warehouse: WarehouseFile, query: Query
) -> None:
    _put(warehouse, SetAside("orders", "A1", "first", "{}", AT))
    later = StreamProgress("demo", "orders", "r2", AT + timedelta(days=1))
    _put(
        warehouse,
        SetAside("orders", "A1", "second", '{"a":1}'),
        SetAside("orders", "A2", "x", "null"),
        by=later,
    )
    found = query(
        """
        SELECT record_key, reason, payload, listed_at, first_seen_at, synced_at, run_id
        FROM set_aside ORDER BY ALL
        """
    )
    assert found == [
        ("A1", "second", '{"a":1}', None, AT, AT + timedelta(days=1), "r2"),
        ("A2", "x", "null", None, AT + timedelta(days=1), AT + timedelta(days=1), "r2"),
    ]


def test_a_code_in_two_streams_and_connectors_is_kept_apart(warehouse: WarehouseFile, query: Query) -> None:
    _put(warehouse, SetAside("orders", "A1", "o", "{}"), SetAside("order_lines", "A1", "l", "[]"))
    _put(warehouse, SetAside("orders", "A1", "n", "{}"), by=progress(connector="noord"))
    with warehouse.transaction() as connection:
        clear_set_aside(connection, "demo", "orders", ["A1", "unknown"])
        clear_set_aside(connection, "demo", "order_lines", [])
        clear_set_aside(connection, "demo", "items", ["A1"])
    assert query("SELECT connector, stream FROM set_aside ORDER BY ALL") == [
        ("demo", "order_lines"),
        ("noord", "orders"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, []),
        (0, None, []),
        (1, None, ["A0"]),
        (None, 1, ["A1", "A2"]),
        (1, 2, ["A0", "A2"]),
        (3, None, ["A0", "A1", "A2"]),
    ],
)
def test_what_a_whole_listing_of_a_span_did_not_show_again_is_forgotten(
    warehouse: WarehouseFile, query: Query, start: int | None, end: int | None, kept: list[str]
) -> None:
    def day(number: int) -> datetime:
        return datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=number)

    _put(warehouse, *[SetAside("orders", f"A{number}", "why", "{}", day(number)) for number in range(3)])
    _put(warehouse, SetAside("orders", "AGAIN", "why", "{}", day(1)), by=progress("r2"))
    _put(warehouse, SetAside("order_lines", "LINES", "why", "[]", day(1)))
    _put(warehouse, SetAside("orders", "NOORD", "why", "{}", day(1)), by=progress(connector="noord"))
    with warehouse.transaction() as connection:
        clear_unseen_set_aside(
            connection,
            progress("r2"),
            None if start is None else day(start),
            None if end is None else day(end),
        )
    found = [key for (key,) in query("SELECT record_key FROM set_aside ORDER BY ALL")]
    assert found == [*kept, "AGAIN", "LINES", "NOORD"]


def test_each_flow_execution_is_a_row_of_its_own(warehouse: WarehouseFile, query: Query) -> None:
    for status, error in (("ok", None), ("failed", "it's down")):
        with warehouse.transaction() as connection:
            end = AT + timedelta(seconds=1.5)
            execution = FlowExecution("demo", "sync_orders", status, AT, end, "r1", error)
            record_flows(connection, [execution])
    found = query(
        "SELECT status, started_at, duration_ms, error, run_id FROM flow_executions ORDER BY status"
    )
    assert found == [("failed", AT, 1500.0, "it's down", "r1"), ("ok", AT, 1500.0, None, "r1")]
