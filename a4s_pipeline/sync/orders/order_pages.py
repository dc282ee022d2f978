"""Reads listings of orders page by page, and fetches the lines of many orders at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from a4s_pipeline.errors import A4sError, StoreHeld
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.paging import pages_of
from a4s_pipeline.gateway.records.reading import Unreadable
from a4s_pipeline.gateway.records.records import OrderHeader
from a4s_pipeline.sync.changes import Need, need_of
from a4s_pipeline.sync.orders.order_records import LineCalls, LinesOutcome, read_headers
from a4s_pipeline.sync.orders.order_writer import ListedOrder, OrderWriter, PageOutcome
from a4s_pipeline.sync.result import Advance
from a4s_pipeline.sync.rows import Unstorable, row_of, set_aside_of
from a4s_pipeline.sync.windows import Span, WatermarkRule
from a4s_pipeline.warehouse.rows.orders.writing import STREAM, PendingOrder, StoredOrder, stored_orders

# How many orders may wait for their lines: enough that no connection idles while a page is written, few
# enough that memory stays flat however long the history is.
_ORDERS_IN_FLIGHT_PER_CONNECTION = 40

_Headers = dict[str, tuple[OrderHeader, Any]]


@dataclass
class _PageInFlight:
    """A page that was read, and the pending lines of its orders."""

    asked: list[tuple[ListedOrder, Future[LinesOutcome]]] = field(default_factory=list)
    outcome: PageOutcome = field(default_factory=PageOutcome)
    seen: int = 0

    @property
    def is_in(self) -> bool:
        """Tell whether no line call of the page is under way."""
        return all(future.done() for _, future in self.asked)


@dataclass
class ReadingCounts:
    """What one reading of a listing saw; `latest` is the last order date taken in.

    It is not the last one listed: a gateway that ignores `orderDateTo` lists later orders too.
    """

    seen: int = 0
    set_aside: set[tuple[str, str, str]] = field(default_factory=set)
    latest: datetime | None = None


@dataclass(frozen=True)
class StoredOrders:
    """What the store knows when a sync begins, read at once: each opening of the file costs 20 ms."""

    watermark: datetime | None
    pending: Sequence[PendingOrder]
    set_aside: set[str]
    is_empty: bool


class OrderPages:
    """Reads one listing at a time with the lines of its orders, and hands both to the writer.

    `whole` asks for the lines of every order; `advance` is told, page by page, how many orders were
    processed, and how many are listed.
    """

    def __init__(
        self,
        calls: LineCalls,
        writer: OrderWriter,
        stored: StoredOrders,
        *,
        whole: bool,
        advance: Advance,
    ) -> None:
        self._calls = calls
        self._run = calls.run
        self._writer = writer
        self._stored = stored
        self._whole = whole
        self._advance = advance
        # A first import looks nothing up: each look-up opens the file, a fourteenth of the processor time of
        # 15,000 orders.
        self._store_is_empty = stored.is_empty
        self._unwritten: dict[str, str] = {}

    def read(self, span: Span, listing: Listing, rule: WatermarkRule) -> ReadingCounts:
        """Read a listing once from its first page to its last, and write its orders.

        An error that ends it early is raised after everything received is written.
        """
        self._run.drift.begin(STREAM, listing)
        counts = ReadingCounts()
        in_flight: deque[_PageInFlight] = deque()
        pages = pages_of(
            partial(self._run.administration.orders, span.start, span.end),
            self._calls.pool,
            listing,
            lambda page: self._read_page(page, span, listing, counts),
            # One page's lines are fetched while the next page comes; more would only wait in memory.
            ahead=1,
        )
        while True:
            try:
                found = next(pages, None)
            except A4sError:
                self._finish_all(in_flight, rule, listing)
                raise
            if found is None:
                break
            _, (work, headers) = found
            self._store_is_empty = self._store_is_empty and listing.is_steady
            self._ask_for_lines(headers, work)
            counts.set_aside.update(record.identity for record in work.outcome.set_aside)
            in_flight.append(work)
            # A page is written as soon as all its lines are in: a kill loses what was not written.
            while in_flight and (in_flight[0].is_in or self._is_full(in_flight)):
                self._finish(in_flight.popleft(), rule, listing)
        self._finish_all(in_flight, rule, listing)
        self._store_is_empty = False
        # Pages that overlap list an order twice.
        counts.seen = min(counts.seen, listing.seen)
        return counts

    def take_in(self, raws: Collection[Any], rule: WatermarkRule) -> int:
        """Write orders listed outside the span, with their lines; return how many there were.

        They do not count towards how far the span was read.
        """
        if not raws:
            return 0
        page = Page(0, len(raws), len(raws), list(raws))
        anywhere = Span(datetime.min.replace(tzinfo=UTC), None)
        work, headers = self._read_page(page, anywhere, Listing(), ReadingCounts())
        self._ask_for_lines(headers, work)
        self._finish_all(deque([work]), replace(rule, may_move=False), Listing())
        return len(raws)

    def _is_full(self, in_flight: deque[_PageInFlight]) -> bool:
        return (
            sum(len(page.asked) for page in in_flight)
            > self._calls.connections * _ORDERS_IN_FLIGHT_PER_CONNECTION
        )

    def _read_page(
        self, page: Page, span: Span, listing: Listing, counts: ReadingCounts
    ) -> tuple[_PageInFlight, _Headers]:
        work = _PageInFlight()
        read = read_headers(page, self._run.administration.timezone, span.end)
        headers: _Headers = {}
        near = listing.latest or span.start
        for one in read.within:
            near = one.at or near
            self._run.drift.add(STREAM, [one.raw], is_mended=page.is_mended)
            self._run.drift.note(STREAM, one.drifts)
            if isinstance(one.header, Unreadable):
                work.outcome.set_aside.append(set_aside_of(STREAM, one.header, near))
            else:
                headers[one.header.order_code] = (one.header, one.raw)
        is_new = listing.add(page, read.listed, is_beyond_end=read.is_beyond_end)
        work.seen = len(read.within) if is_new else 0
        counts.seen += work.seen
        dates = [header.order_date for header, _ in headers.values()]
        if listing.is_steady:
            work.outcome.imported_until = max(dates, default=None)
        counts.latest = max([*dates, *([counts.latest] if counts.latest else [])], default=None)
        return work, headers

    def _ask_for_lines(self, headers: _Headers, work: _PageInFlight) -> None:
        stored = {} if self._store_is_empty else self._stored_orders(headers)
        for code, (header, raw) in headers.items():
            fingerprint = fingerprint_of(raw)
            if self._unwritten.get(code) == fingerprint:
                continue
            known = stored.get(code)
            need = need_of(known, fingerprint, whole=self._whole, run_id=self._run.stamp.run_id)
            if need is Need.NOTHING or (need is Need.LINES and code in self._writer.failed):
                if code in self._stored.set_aside:
                    work.outcome.mended.add(code)
                continue
            row = self._row(header, raw, fingerprint, work)
            if row is not None:
                order = ListedOrder(code, row, need, known.lines_fingerprint if known else None)
                work.asked.append((order, self._calls.ask_listed(code)))
                self._unwritten[code] = fingerprint

    def _stored_orders(self, codes: Collection[str]) -> dict[str, StoredOrder]:
        try:
            return stored_orders(self._run.warehouse, self._run.stamp.connector, codes)
        except StoreHeld:
            if not self._writer.is_writing:
                raise
            # Our own batch had the file, or waited for it: its error says which process has it.
            self._written(self._writer.wait())
            return stored_orders(self._run.warehouse, self._run.stamp.connector, codes)

    def _row(
        self, header: OrderHeader, raw: Any, fingerprint: str, work: _PageInFlight
    ) -> dict[str, Any] | None:
        try:
            return row_of(header, self._run.stamp) | {"header_fingerprint": fingerprint}
        except Unstorable as fault:
            unreadable = Unreadable(header.order_code, str(fault), raw)
            work.outcome.set_aside.append(set_aside_of(STREAM, unreadable, header.order_date))
            return None

    def _finish_all(self, in_flight: deque[_PageInFlight], rule: WatermarkRule, listing: Listing) -> None:
        while in_flight:
            self._finish(in_flight.popleft(), rule, listing)
        self._written(self._writer.flush())

    def _finish(self, work: _PageInFlight, rule: WatermarkRule, listing: Listing) -> None:
        try:
            work.outcome.orders = [(order, future.result()) for order, future in work.asked]
        except A4sError:
            self._written(self._writer.flush())
            raise
        watermark = rule.after(self._writer.watermark, work.outcome.imported_until)
        self._written(self._writer.add(work.outcome, watermark))
        self._advance(work.seen, listing.expected)

    def _written(self, codes: list[str]) -> None:
        for code in codes:
            self._unwritten.pop(code, None)
