"""Compares what the store has with what the gateway lists, by month and header: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from a4s_pipeline.sync.windows import Months, Span, each_month, midnight, month_after


@dataclass(frozen=True)
class ListedHeader:
    """A header as the gateway lists it: its hash (None if it cannot be read) and its date."""

    fingerprint: str | None
    order_date: datetime | None


@dataclass(frozen=True)
class ListedMonth:
    """The headers of one month by their codes; `is_whole` is False if the listing kept moving."""

    month: date
    count: int
    headers: Mapping[str, ListedHeader]
    is_whole: bool


@dataclass(frozen=True)
class MonthCompared:
    """One month: how many orders the gateway lists and the store has, and which of them differ.

    `missing` are listed but not stored, `gone` stored but not listed, `changed` stored with another header.
    `waiting` counts those that the next sync will bring in, and `set_aside` the listed orders that cannot be
    read. If `is_whole` is False, the month could not be compared.
    """

    month: date
    listed: int
    stored: int
    missing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    waiting: int = 0
    set_aside: int = 0
    is_whole: bool = True

    @property
    def differing(self) -> int:
        """How many orders differ."""
        return len(self.missing) + len(self.gone) + len(self.changed)

    @property
    def differs(self) -> bool:
        """Tell whether any order of the month differs."""
        return self.differing > 0


def compared(
    listed: ListedMonth,
    stored: Mapping[str, str | None],
    *,
    set_aside: frozenset[str],
    next_sync_from: datetime | None,
) -> MonthCompared:
    """Compare the headers listed in a month with those stored, by code and hash.

    The next sync reads from `next_sync_from` on, or everything if it is None. An order that cannot be read is
    in the table `set_aside`, and is no difference here.
    """
    unread = {
        code
        for code, header in listed.headers.items()
        if header.fingerprint is None or (code in set_aside and code not in stored)
    }
    if not listed.is_whole:
        return MonthCompared(listed.month, listed.count, len(stored), set_aside=len(unread), is_whole=False)
    missing = [code for code in listed.headers if code not in stored and code not in unread]
    changed = [
        code
        for code, header in listed.headers.items()
        if code in stored and code not in unread and stored[code] != header.fingerprint
    ]
    gone = [code for code in stored if code not in listed.headers]

    def comes_by_itself(code: str) -> bool:
        placed = listed.headers[code].order_date
        return next_sync_from is None or (placed is not None and placed >= next_sync_from)

    return MonthCompared(
        listed.month,
        listed.count,
        len(stored),
        missing=tuple(sorted(missing)),
        gone=tuple(sorted(gone)),
        changed=tuple(sorted(changed)),
        waiting=sum(comes_by_itself(code) for code in (*missing, *changed)),
        set_aside=len(unread),
    )


def spans_of(months: Months, *, history_start: date, running: date, timezone: ZoneInfo) -> dict[date, Span]:
    """Return the order dates of each month; the current one has no end, the first may start late."""
    return {
        month: Span(
            max(midnight(history_start, timezone), midnight(month, timezone)),
            None if month >= running else midnight(month_after(month), timezone),
        )
        for month in each_month(max(months.first, history_start.replace(day=1)), min(months.last, running))
    }


def ranges_of(months: Sequence[date]) -> list[Months]:
    """Join consecutive months, so that each stretch is read in one run."""
    ranges: list[Months] = []
    for month in sorted(months):
        if ranges and month_after(ranges[-1].last) == month:
            ranges[-1] = Months(ranges[-1].first, month)
        else:
            ranges.append(Months(month, month))
    return ranges
