"""Collects complete orders, and writes them in batches with their watermark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError
from a4s_pipeline.gateway.records.reading import Unreadable
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.sync.batches import BatchTimer
from a4s_pipeline.sync.changes import Need
from a4s_pipeline.sync.orders.order_records import LinesOutcome, LinesPending, LinesRead, LinesUnreadable
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.rows import Stamp, set_aside_of
from a4s_pipeline.sync.windows import month_of
from a4s_pipeline.warehouse.rows.orders.writing import (
    LINES_STREAM,
    STREAM,
    OrderBatch,
    OrderChanges,
    write_orders,
)
from a4s_pipeline.warehouse.rows.row_changes import RowCounts
from a4s_pipeline.warehouse.rows.state import SetAside, StreamProgress
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS


@dataclass
class ListedOrder:
    """A listed order that must be written: its row, and what was stored of it before."""

    code: str
    row: dict[str, Any]
    need: Need
    stored_lines_fingerprint: str | None


@dataclass
class PageOutcome:
    """One page with its lines, ready to be written.

    `imported_until` is the order date that the watermark may move to with it.
    """

    orders: list[tuple[ListedOrder, LinesOutcome]] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    mended: set[str] = field(default_factory=set)
    imported_until: datetime | None = None


class OrderWriter:
    """Writes pages in the order they were listed, and counts their records.

    A batch is written while the next one comes in: at 1,900 calls a second, all requested lines arrived
    before DuckDB was done, and the connections idled. Batches are written in order, and none after a failed
    one: the watermark would pass it.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        stamp: Stamp,
        result: SyncResult,
        timezone: ZoneInfo,
        runtime: Runtime = MACHINE,
    ) -> None:
        self._warehouse = warehouse
        self._timezone = timezone
        self._stamp = stamp
        self._result = result
        self._batch = OrderBatch()
        self._timer = BatchTimer(runtime)
        self.watermark: datetime | None = result.watermark_before
        self._written_watermark = self.watermark
        self.failed: set[str] = set()
        """Orders whose lines could not be fetched in this run, so that it does not ask again."""
        self._pending: dict[str, A4sError] = {}
        self._hand = runtime.pool(1, "writer")
        self._writing: Future[list[str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._hand.shutdown()
        if kind is None:
            self.wait()

    def add(self, outcome: PageOutcome, watermark: datetime | None) -> list[str]:
        """Add a page, and write a batch when it is time; return the codes written meanwhile."""
        for order, lines in outcome.orders:
            self._add_order(order, lines)
        for record in outcome.set_aside:
            self._batch.set_aside[record.identity] = record
        self._batch.mended |= outcome.mended
        self.watermark = watermark
        return self._begin_to_write() if self._timer.is_due(len(self._batch.orders)) else []

    def _add_order(self, order: ListedOrder, lines: LinesOutcome) -> None:
        is_in = isinstance(lines, LinesRead)
        order.row["lines_synced_at"] = self._stamp.at.isoformat() if is_in else None
        order.row["lines_fingerprint"] = lines.fingerprint if isinstance(lines, LinesRead) else None
        if order.code in self._batch.orders:
            self._forget_lines_set_aside(order.code)
        self._batch.orders[order.code] = order.row
        self._batch.lines.pop(order.code, None)
        self._batch.lines_kept.discard(order.code)
        self.no_longer_pending([order.code])
        if isinstance(lines, LinesRead):
            self._batch.lines[order.code] = lines.rows
            self.set_lines_aside(lines.parts)
        elif isinstance(lines, LinesUnreadable):
            self.failed.add(order.code)
            self.set_lines_aside([lines.unreadable])
        else:
            self.postpone(order.code, lines)
            if order.need is Need.AGAIN:
                self._batch.lines_kept.add(order.code)
        self._count(order, lines)

    def postpone(self, code: str, why: LinesPending) -> None:
        """Count and name an order whose lines cannot be fetched now: the next sync retries them."""
        self.failed.add(code)
        self._pending[code] = why.error
        self._result.pending = len(self._pending)
        self._result.why_pending = next(iter(self._pending.values()))

    def no_longer_pending(self, codes: Iterable[str]) -> None:
        """Stop counting an order as pending: its lines arrived after all, or it is gone at the source."""
        for code in codes:
            self._pending.pop(code, None)
        self._result.pending = len(self._pending)
        self._result.why_pending = next(iter(self._pending.values()), None)

    def set_lines_aside(self, unreadable: Sequence[Unreadable]) -> None:
        """Set aside lines that cannot be read."""
        self._result.set_aside += len(unreadable)
        self._result.parts_set_aside += len(unreadable)
        for lines in unreadable:
            record = set_aside_of(LINES_STREAM, lines, None)
            self._batch.set_aside[record.identity] = record

    def _forget_lines_set_aside(self, code: str) -> None:
        for identity in [
            identity for identity in self._batch.set_aside if identity[:2] == (LINES_STREAM, code)
        ]:
            del self._batch.set_aside[identity]

    def _count(self, order: ListedOrder, lines: LinesOutcome) -> None:
        if order.need is Need.NEW:
            self._result.new += 1
        elif order.need is Need.CHANGED or (
            order.need is Need.AGAIN
            and isinstance(lines, LinesRead)
            and lines.fingerprint != order.stored_lines_fingerprint
        ):
            self._result.changed += 1

    def flush(self) -> list[str]:
        """Write the batch with its watermark; return the codes written."""
        return [*self._begin_to_write(), *self.wait()]

    def _begin_to_write(self) -> list[str]:
        written = self.wait()
        self._timer.restart()
        batch, self._batch = self._batch, OrderBatch()
        if batch or self.watermark != self._written_watermark:
            self._written_watermark = self.watermark
            self._writing = self._hand.submit(
                self._write, batch, self.progress({"watermark": self.watermark})
            )
        return written

    def _write(self, batch: OrderBatch, progress: StreamProgress) -> list[str]:
        self._count_rows(batch, write_orders(self._warehouse, batch, progress))
        return list(batch.orders)

    def _count_rows(self, batch: OrderBatch, changes: OrderChanges) -> None:
        """Count by month; an order with another date is new in one month and gone from the other."""
        for code, changed in changes.orders.items():
            counts = changed
            month = self._month_of(datetime.fromisoformat(batch.orders[code]["order_date"]))
            before = changes.dates_before.get(code)
            if before is not None and self._month_of(before) != month:
                self._result.count_rows(ORDERS.name, self._month_of(before), RowCounts(removed=1))
                counts = RowCounts(new=1)
            self._result.count_rows(ORDERS.name, month, counts)
            if code in changes.lines:
                self._result.count_rows(ORDER_LINES.name, month, changes.lines[code])

    def _month_of(self, instant: datetime) -> date:
        return month_of(instant, self._timezone)

    def count_filled(self, dates: Mapping[str, datetime], lines: Mapping[str, RowCounts]) -> None:
        """Count lines that arrived for orders stored without."""
        for code, counts in lines.items():
            self._result.count_rows(ORDER_LINES.name, self._month_of(dates[code]), counts)

    def count_gone(self, dates: Iterable[datetime]) -> None:
        """Count orders that were marked as gone at the source."""
        for instant in dates:
            self._result.count_rows(ORDERS.name, self._month_of(instant), RowCounts(removed=1))

    @property
    def is_writing(self) -> bool:
        """Tell whether a batch is being written or has failed."""
        return self._writing is not None

    def wait(self) -> list[str]:
        """Wait for the batch that is being written; raises the error of a failed batch each time."""
        codes = self._writing.result() if self._writing is not None else []
        self._writing = None
        return codes

    def progress(self, columns: dict[str, Any]) -> StreamProgress:
        """Return the stream's columns of `sync_state` for a transaction of this run."""
        return StreamProgress(self._stamp.connector, STREAM, self._stamp.run_id, self._stamp.at, columns)
