"""Decides which order dates a sync reads, and how far its watermark may move: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Span:
    """Order dates from `start`, inclusive, to `end`, exclusive; without an end it is open."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Months:
    """Whole calendar months, both inclusive, each named by its first day."""

    first: date
    last: date


@dataclass(frozen=True)
class OrdersPlan:
    """What a sync of orders should do.

    Without `months` it reads from the watermark less the look-back. With `whole` it reads the lines of every
    order again, whether or not the header changed. With `sub_totals_off` it lists nothing, and reads again
    the lines of orders (in `months`, or of all) whose sub total is not the sum of their lines.
    """

    months: Months | None = None
    whole: bool = False
    sub_totals_off: bool = False


def month_of(instant: datetime, timezone: ZoneInfo) -> date:
    """Return the month of an instant, in the administration's time zone, by its first day."""
    return instant.astimezone(timezone).date().replace(day=1)


def month_after(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def each_month(first: date, last: date) -> Iterator[date]:
    """Return the months from one to another, both inclusive, each by its first day."""
    month = first
    while month <= last:
        yield month
        month = month_after(month)


def history_months(history_start: date, clock: datetime, timezone: ZoneInfo) -> Months:
    """Return the months of the whole history, up to the current one."""
    first = history_start.replace(day=1)
    return Months(first, max(first, month_of(clock, timezone)))


def midnight(day: date, timezone: ZoneInfo) -> datetime:
    """Return the first instant of a day in the administration's time zone."""
    return datetime.combine(day, time.min, timezone)


def span_to_read(
    plan: OrdersPlan,
    *,
    watermark: datetime | None,
    history_start: date,
    lookback_days: int,
    timezone: ZoneInfo,
    clock: datetime,
) -> Span:
    """Return the order dates to read.

    Orders that arrive late with an older date are found within the look-back. The current month has no end:
    orders dated in the future belong to it.
    """
    earliest = midnight(history_start, timezone)
    if plan.months is None:
        if watermark is None:
            return Span(earliest, None)
        return Span(max(earliest, watermark.astimezone(timezone) - timedelta(days=lookback_days)), None)
    start = max(earliest, midnight(plan.months.first, timezone))
    if plan.months.last >= month_of(clock, timezone):
        return Span(start, None)
    return Span(start, midnight(month_after(plan.months.last), timezone))


def listings_of(span: Span, clock: datetime) -> list[Span]:
    """Split an open span at the start of the run.

    Otherwise orders placed while a long history is read would keep its listing from becoming stable; they
    fall in the second, short span, with the orders dated in the future.
    """
    if span.end is not None or span.start >= clock:
        return [span]
    boundary = clock.astimezone(span.start.tzinfo)
    return [Span(span.start, boundary), Span(boundary, None)]


def next_watermark(
    stored: datetime | None,
    imported: datetime | None,
    *,
    span: Span,
    history_start: datetime,
    clock: datetime,
) -> datetime | None:
    """Return how far the watermark may move once orders up to `imported` are in.

    It only moves forward, never past the start of the run, and only if the span joins what was read before: a
    backfill of a later month must not hide the gap before it.
    """
    if imported is None or imported > clock or span.start > (stored or history_start):
        return stored
    return imported.astimezone(UTC) if stored is None else max(stored, imported.astimezone(UTC))


@dataclass(frozen=True)
class WatermarkRule:
    """How far the watermark may move while a listing of `span` is read.

    It stays where a listing of this run left a gap, and while orders outside the span are written.
    """

    span: Span
    history_start: datetime
    clock: datetime
    may_move: bool = True

    def after(self, stored: datetime | None, imported: datetime | None) -> datetime | None:
        """Return the watermark once orders up to `imported` are in."""
        if not self.may_move:
            return stored
        return next_watermark(
            stored, imported, span=self.span, history_start=self.history_start, clock=self.clock
        )
