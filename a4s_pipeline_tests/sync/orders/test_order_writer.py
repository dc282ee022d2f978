"""Batches are written one after another while the next is read, and none after a failed one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import StoreHeld
from a4s_pipeline.sync import batches
from a4s_pipeline.sync.changes import Need
from a4s_pipeline.sync.orders import order_writer
from a4s_pipeline.sync.orders.order_records import LinesRead
from a4s_pipeline.sync.orders.order_writer import ListedOrder, OrderWriter, PageOutcome
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.rows import Stamp
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.writing import OrderBatch, OrderChanges
from a4s_pipeline.warehouse.rows.state import StreamProgress

AT = datetime(2024, 3, 5, 9, tzinfo=UTC)
Write = Callable[[WarehouseFile, OrderBatch, StreamProgress], None]


def page(code: str) -> PageOutcome:
    order = ListedOrder(code, {"order_code": code}, Need.NEW, None)
    return PageOutcome([(order, LinesRead([], "none"))])


@pytest.fixture
def writer_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Write], OrderWriter]:
    """A writer that takes every page as a batch, and a function that writes one."""
    monkeypatch.setattr(batches, "LARGEST_BATCH", 1)

    def make(write: Write) -> OrderWriter:
        def write_and_change_nothing(
            warehouse: WarehouseFile, batch: OrderBatch, progress: StreamProgress
        ) -> OrderChanges:
            write(warehouse, batch, progress)
            return OrderChanges({}, {}, {})

        monkeypatch.setattr(order_writer, "write_orders", write_and_change_nothing)
        warehouse = WarehouseFile(tmp_path / "warehouse.duckdb")
        return OrderWriter(warehouse, Stamp("demo", "run", AT), SyncResult("demo", "orders"), ZoneInfo("UTC"))

    return make


def test_the_next_page_is_taken_in_while_a_batch_is_written(
    writer_of: Callable[[Write], OrderWriter],
) -> None:
    may_end = threading.Event()
    written: list[list[str]] = []

    def write(_warehouse: WarehouseFile, batch: OrderBatch, _progress: StreamProgress) -> None:
        assert may_end.wait(10)
        written.append(list(batch.orders))

    with writer_of(write) as writer:
        assert writer.add(page("A1"), AT) == []  # does not wait for the write
        assert written == []
        may_end.set()
        assert writer.add(page("A2"), AT) == ["A1"]
        assert writer.flush() == ["A2"]
    assert written == [["A1"], ["A2"]]


def test_after_a_batch_that_could_not_be_written_none_is_written_and_each_call_says_why(
    writer_of: Callable[[Write], OrderWriter],
) -> None:
    tried: list[object] = []

    def write(_warehouse: WarehouseFile, _batch: OrderBatch, progress: StreamProgress) -> None:
        tried.append(progress.columns["watermark"])
        raise StoreHeld("held")

    writer = writer_of(write)
    writer.add(page("A1"), AT)
    for day in (1, 2):
        with pytest.raises(StoreHeld):
            writer.add(page(f"A{day + 1}"), AT + timedelta(days=day))
        with pytest.raises(StoreHeld):
            writer.flush()
    writer.__exit__(StoreHeld, None, None)
    assert tried == [AT]


def test_a_batch_goes_with_the_watermark_it_was_given(writer_of: Callable[[Write], OrderWriter]) -> None:
    moved: list[tuple[list[str], object]] = []

    def write(_warehouse: WarehouseFile, batch: OrderBatch, progress: StreamProgress) -> None:
        moved.append((list(batch.orders), progress.columns["watermark"]))

    with writer_of(write) as writer:
        for day in range(3):
            writer.add(page(f"A{day}"), AT + timedelta(days=day))
        writer.flush()
    assert moved == [([f"A{day}"], AT + timedelta(days=day)) for day in range(3)]


def test_a_batch_that_could_not_be_written_is_reported_even_if_nobody_asks_again(
    writer_of: Callable[[Write], OrderWriter],
) -> None:
    def write(_warehouse: WarehouseFile, _batch: OrderBatch, _progress: StreamProgress) -> None:
        raise StoreHeld("held")

    writer = writer_of(write)
    writer.add(page("A1"), AT)
    assert writer.is_writing
    with pytest.raises(StoreHeld):
        writer.__exit__(None, None, None)
