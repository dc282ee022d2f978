"""Reads one page of order headers, and finds which lie within the dates asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.dates import as_instant
from a4s_pipeline.gateway.records.drift import Drift
from a4s_pipeline.gateway.records.reading import Unreadable, read_in_parts
from a4s_pipeline.gateway.records.records import OrderHeader


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
    read = [_read(raw, timezone) for raw in page.items]
    within = (one for one in read if end is None or one.at is None or one.at < end)
    return HeadersRead(tuple(one.listed for one in read), tuple(within))


def _read(raw: Any, timezone: ZoneInfo) -> HeaderRead:
    header, _, drifts = read_in_parts(OrderHeader, raw, "orderCode", timezone)
    at = _date_of(raw, timezone) if isinstance(header, Unreadable) else header.order_date
    return HeaderRead(raw, at, header, drifts)


def _date_of(raw: Any, timezone: ZoneInfo) -> datetime | None:
    try:
        return as_instant(raw.get("orderDate"), timezone) if isinstance(raw, dict) else None
    except ValueError:
        return None
