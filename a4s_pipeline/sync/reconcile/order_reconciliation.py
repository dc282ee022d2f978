"""Reconciles one connector's order history: compares what the gateway lists with what is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial

from a4s_pipeline.errors import A4sError, HistoryNotConfigured
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.administration import Administration, require_history
from a4s_pipeline.sync.orders.orders import OrderRules
from a4s_pipeline.sync.reconcile.month_headers import listed_month
from a4s_pipeline.sync.reconcile.reconciliation import MonthCompared, compared, spans_of
from a4s_pipeline.sync.rows import Stamp, stamped
from a4s_pipeline.sync.windows import Months, OrdersPlan, Span, month_of, span_to_read
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.rows.orders.spans import StoredHeader, save_reconciled_months, stored_headers
from a4s_pipeline.warehouse.rows.orders.writing import STREAM, had_history
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.rows.state import set_aside_keys, stream_state
from a4s_pipeline.warehouse.store import Warehouse

FLOW = "reconcile_orders"
# A year of months is read at once and compared in one session: memory has the headers of one year, and a
# history of twelve years opens the file a dozen times.
_MONTHS_AT_ONCE = 12
_MOST_EXAMPLES = 20


@dataclass
class Reconciled:
    """The result of one connector's reconciliation, month by month."""

    connector: str
    months: list[MonthCompared] = field(default_factory=list)
    calls: int = 0
    seconds: float = 0.0
    has_history: bool = True
    error: A4sError | None = None

    @property
    def differing(self) -> list[MonthCompared]:
        """The months in which an order differs."""
        return [month for month in self.months if month.differs]

    def take_over(self, again: Reconciled) -> None:
        """Replace the findings on some months by later ones."""
        later = {month.month: month for month in again.months}
        self.months = [later.get(month.month, month) for month in self.months]
        self.calls += again.calls
        self.seconds += again.seconds
        self.error = self.error or again.error

    @property
    def not_compared(self) -> list[MonthCompared]:
        """The months whose listing kept moving."""
        return [month for month in self.months if not month.is_whole]


class OrderReconciliation:
    """One reconciliation of one connector's order history; it reads only headers and changes no order."""

    def __init__(
        self,
        connector: str,
        administration: Administration,
        warehouse: Warehouse,
        rules: OrderRules,
        *,
        run_id: str,
        advance: Callable[[int, int], None],
    ) -> None:
        self._administration = administration
        self._warehouse = warehouse
        self._rules = rules
        self._advance = advance
        self._stamp = Stamp(connector, run_id, datetime.now(UTC))
        self.result = Reconciled(connector)

    def run(self, months: Months) -> Reconciled:
        """Compare these months, store the findings in the table `reconciled_months`, and return them.

        If there is no order history and never was, there is nothing to compare: `has_history` says so. A
        month that differs is compared once more: an order may have arrived between the two looks.
        """
        began = time.monotonic()
        calls = self._administration.client.counts.calls
        try:
            self._compare(months)
        except HistoryNotConfigured as error:
            with self._warehouse.session() as connection:
                self.result.has_history = had_history(connection, self._stamp.connector)
            if self.result.has_history:
                self.result.error = error
                self._record(error)
                raise
        except A4sError as error:
            self.result.error = error
            self._record(error)
            raise
        finally:
            self.result.seconds = time.monotonic() - began
            self.result.calls = self._administration.client.counts.calls - calls
        self._record(None)
        return self.result

    def _compare(self, months: Months) -> None:
        require_history(self._administration.status().value, self._administration.name)
        timezone = self._administration.timezone
        spans = spans_of(
            months,
            history_start=self._rules.history_start,
            running=month_of(self._stamp.at, timezone),
            timezone=timezone,
        )
        pool = ThreadPoolExecutor(self._rules.connections, thread_name_prefix="gateway")
        try:
            for part in _parts_of(spans):
                found = self._compared(part, pool)
                doubtful = {month: part[month] for month, one in found.items() if one.differs}
                found |= self._compared(doubtful, pool)
                self._save(list(found.values()))
                self.result.months += found.values()
                self._advance(len(part), len(spans))
        finally:
            pool.shutdown(cancel_futures=True)

    def _compared(self, spans: dict[date, Span], pool: ThreadPoolExecutor) -> dict[date, MonthCompared]:
        if not spans:
            return {}
        listed = list(pool.map(partial(listed_month, self._administration), spans, spans.values()))
        start, end = _whole_of(spans.values())
        connector = self._stamp.connector
        with self._warehouse.session() as connection:
            headers = stored_headers(connection, connector, start, end)
            set_aside = frozenset(set_aside_keys(connection, connector, STREAM))
            watermark = stream_state(connection, connector, STREAM).watermark
        stored = self._by_month(headers, spans)
        next_sync_from = self._next_sync_from(watermark)
        return {
            month.month: compared(
                month, stored[month.month], set_aside=set_aside, next_sync_from=next_sync_from
            )
            for month in listed
        }

    def _by_month(
        self, headers: Iterable[StoredHeader], spans: dict[date, Span]
    ) -> dict[date, dict[str, str | None]]:
        stored: dict[date, dict[str, str | None]] = {month: {} for month in spans}
        last = max(spans)
        for header in headers:
            month = self._month_of(header, last)
            if month in stored:
                stored[month][header.code] = header.fingerprint
        return stored

    def _month_of(self, header: StoredHeader, last: date) -> date:
        # Orders dated in the future belong to the current month.
        return min(month_of(header.order_date, self._administration.timezone), last)

    def _next_sync_from(self, watermark: datetime | None) -> datetime | None:
        if watermark is None:
            return None
        return span_to_read(
            OrdersPlan(),
            watermark=watermark,
            history_start=self._rules.history_start,
            lookback_days=self._rules.lookback_days,
            timezone=self._administration.timezone,
            clock=self._stamp.at,
        ).start

    def _save(self, months: list[MonthCompared]) -> None:
        rows = [_row_of(month, self._stamp) for month in months]
        self._warehouse.transact(lambda connection: save_reconciled_months(connection, rows))

    def _record(self, error: A4sError | None) -> None:
        execution = FlowExecution(
            self._stamp.connector,
            FLOW,
            "ok" if error is None else "failed",
            self._stamp.at,
            datetime.now(UTC),
            self._stamp.run_id,
            None if error is None else str(error),
        )
        try:
            self._warehouse.transact(lambda connection: record_flows(connection, [execution]))
        except A4sError:
            if error is None:
                raise


def _whole_of(spans: Collection[Span]) -> tuple[datetime, datetime | None]:
    ends = [span.end for span in spans]
    end = None if None in ends else max(end for end in ends if end is not None)
    return min(span.start for span in spans), end


def _parts_of(spans: dict[date, Span]) -> Iterator[dict[date, Span]]:
    months = list(spans)
    for first in range(0, len(months), _MONTHS_AT_ONCE):
        yield {month: spans[month] for month in months[first : first + _MONTHS_AT_ONCE]}


def examples_of(month: MonthCompared) -> dict[str, list[str]]:
    """Return some of the differing codes, by kind of difference."""
    codes = {"missing": month.missing, "gone": month.gone, "changed": month.changed}
    return {name: list(found[:_MOST_EXAMPLES]) for name, found in codes.items() if found}


def _row_of(month: MonthCompared, stamp: Stamp) -> Row:
    examples = examples_of(month)
    return {
        **stamped(stamp),
        "month": month.month.isoformat(),
        "gateway_orders": month.listed,
        "store_orders": month.stored,
        "missing": len(month.missing),
        "gone": len(month.gone),
        "changed": len(month.changed),
        "waiting": month.waiting,
        "set_aside": month.set_aside,
        "differs": month.differs if month.is_whole else None,
        "examples": exact_json.dumps(examples) if examples else None,
    }
