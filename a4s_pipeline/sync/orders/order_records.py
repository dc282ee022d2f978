"""Reads what the gateway sends of orders: the headers of a page, and the lines of one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import A4sError, ChangeSite
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.dates import as_instant
from a4s_pipeline.gateway.records.drift import Drift
from a4s_pipeline.gateway.records.reading import Unreadable, read_in_parts
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, is_blank
from a4s_pipeline.sync.access import REFUSED, Access
from a4s_pipeline.sync.drift_count import DriftCount
from a4s_pipeline.sync.rows import Stamp, Unstorable, row_of
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM
from a4s_pipeline.warehouse.rows.staging import Row


@dataclass(frozen=True)
class HeaderRead:
    """A header as received and as read; `at` is its order date, even if the rest cannot be read."""

    raw: Any
    at: datetime | None
    header: OrderHeader | Unreadable
    drifts: Mapping[Drift, Any]

    @property
    def listed(self) -> Listed:
        """Return the record that the listing counts."""
        is_unread = isinstance(self.header, Unreadable)
        key = self.header.key if isinstance(self.header, Unreadable) else self.header.order_code
        return Listed(key, self.at, fingerprint_of(self.raw) if is_unread and key is None else None)


@dataclass(frozen=True)
class HeadersRead:
    """The headers of a page: all of them, and those before the end asked for.

    A gateway that ignores `orderDateTo` lists later orders too. A whole page of these means that the end was
    passed.
    """

    listed: tuple[Listed, ...]
    within: tuple[HeaderRead, ...]

    @property
    def is_beyond_end(self) -> bool:
        """Tell whether the page has records, but none that was asked for."""
        return bool(self.listed) and not self.within


def read_headers(page: Page, timezone: ZoneInfo, end: datetime | None) -> HeadersRead:
    """Read the headers of a page of orders before `end`, if there is one."""
    read = [_read_header(raw, timezone) for raw in page.items]
    within = (one for one in read if end is None or one.at is None or one.at < end)
    return HeadersRead(tuple(one.listed for one in read), tuple(within))


def _read_header(raw: Any, timezone: ZoneInfo) -> HeaderRead:
    header, _, drifts = read_in_parts(OrderHeader, raw, "orderCode", timezone)
    at = _date_of(raw, timezone) if isinstance(header, Unreadable) else header.order_date
    return HeaderRead(raw, at, header, drifts)


def _date_of(raw: Any, timezone: ZoneInfo) -> datetime | None:
    try:
        return as_instant(raw.get("orderDate"), timezone) if isinstance(raw, dict) else None
    except ValueError:
        return None


@dataclass(frozen=True)
class LinesRead:
    """The lines of an order as rows, possibly none, and a hash of them as received.

    `parts` are unusable lines, each set aside by itself; the others are stored.
    """

    rows: Sequence[Row]
    fingerprint: str
    parts: Sequence[Unreadable] = ()


@dataclass(frozen=True)
class LinesUnreadable:
    """The lines arrived, but none can be read: all are set aside until the source is repaired."""

    unreadable: Unreadable


@dataclass(frozen=True)
class LinesPending:
    """The lines cannot be fetched now: the next sync retries them."""

    error: A4sError


LinesOutcome = LinesRead | LinesUnreadable | LinesPending


class LineCalls:
    """Asks for the lines of many orders at once, over all connections of the run."""

    def __init__(self, run: StreamRun, connections: int) -> None:
        self.connections = connections
        self.run = run
        self.pool = run.runtime.pool(connections, "gateway")
        self._access = Access()

    def ask(self, code: str) -> Future[LinesOutcome]:
        """Ask for the lines of a stored order; orders refused before may all be refused again."""
        return self._ask(code, None)

    def ask_listed(self, code: str) -> Future[LinesOutcome]:
        """Ask for the lines of an order just listed: if all such orders are refused, the site is at fault."""
        return self._ask(code, self._access)

    def _ask(self, code: str, access: Access | None) -> Future[LinesOutcome]:
        run = self.run
        return self.pool.submit(fetch_lines, run.administration, code, run.stamp, run.drift, access)

    def close(self) -> None:
        """Start no further call, and wait for those under way."""
        self.pool.shutdown(cancel_futures=True)


def fetch_lines(
    administration: Administration,
    order_code: str,
    stamp: Stamp,
    drift: DriftCount,
    access: Access | None = None,
) -> LinesOutcome:
    """Fetch the lines of one order; raises an error that stops every order (`ChangeSite`).

    The gateway has just listed the order. So if it refuses the lines, even with an error that blames the site
    (a 403, an unknown administration), only this order is at fault, unless `access` says that all orders are
    refused.
    """
    try:
        reply = administration.order_lines(order_code)
    except REFUSED as error:
        if access is not None:
            access.note_refused(error)
        return LinesPending(error)
    except ChangeSite:
        raise
    except A4sError as error:
        return LinesPending(error)
    if access is not None:
        access.note_allowed()
    drift.add(LINES_STREAM, reply.value, is_mended=reply.is_mended)
    return lines_of(order_code, reply.value, administration.timezone, stamp, drift)


def lines_of(
    order_code: str, raw: list[Any], timezone: ZoneInfo, stamp: Stamp, drift: DriftCount
) -> LinesRead | LinesUnreadable:
    """Read the lines of an order; an unusable line is set aside by itself, or the whole reply if all are."""
    rows: dict[str, Row] = {}
    parts: list[Unreadable] = []
    sources: dict[str, Any] = {}
    for position, raw_line in enumerate(raw, start=1):
        if is_blank(raw_line):
            continue
        line, _, drifts = read_in_parts(OrderLine, raw_line, "lineCode", timezone)
        drift.note(LINES_STREAM, drifts)
        if isinstance(line, Unreadable):
            parts.append(_part(order_code, position, line.reason, raw_line))
        elif sources.setdefault(line.line_code, raw_line) != raw_line:
            parts.append(_part(order_code, position, "another line has the same lineCode", raw_line))
        else:
            try:
                rows[line.line_code] = row_of(line, stamp) | {"order_code": order_code}
            except Unstorable as fault:
                parts.append(_part(order_code, position, str(fault), raw_line))
    if raw and not rows:
        reasons = "; ".join(part.reason for part in parts) or "no line holds anything"
        return LinesUnreadable(Unreadable(order_code, reasons, raw))
    return LinesRead(list(rows.values()), fingerprint_of(raw), parts)


def _part(order_code: str, position: int, reason: str, raw_line: Any) -> Unreadable:
    return Unreadable(order_code, f"line {position}: {reason}", raw_line, part=f"lines.{position}")
