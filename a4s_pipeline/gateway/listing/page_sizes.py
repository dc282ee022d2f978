"""Handles pages that do not come as asked for: too large to read, or with too few records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from a4s_pipeline.errors import ChangeRequest, GatewayUnavailable, NotThere, ReplyTooLarge, ReplyUnreadable
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.page import Page

AskForPart = Callable[[int, int], Reply[Page]]
"""Asks for a page by its number and its size."""

_NO_CAP = 1_000_000
_SOME_SIZES_ALONE = (ChangeRequest, GatewayUnavailable, ReplyUnreadable)
"""The answers of a gateway that accepts only some page sizes."""


def other_size(size: int) -> int:
    """Return a slightly smaller size that, if large enough, can be halved a few times."""
    smaller = max(1, size - max(1, size // 8))
    return smaller - smaller % 8 if smaller >= 16 else smaller


class PageSizes:
    """What is known of the page sizes of some listings, each by its key.

    A page that is too large is read in parts, so that the reader sees the same pages. A gateway that caps its
    pages silently may skip by the size asked for and leave out two of three records: once the first page
    shows this, the listing is read with the size that came. If the total hides it, because it counts the page
    or is absent, the second page is asked for with that size: it follows the first however the gateway skips,
    and is empty if the first was all.
    """

    def __init__(self) -> None:
        self._fitting: dict[str, int] = {}
        self._caps: dict[str, int] = {}
        self._short_first: dict[str, list[Any]] = {}
        self._followed_by: dict[str, int] = {}

    def page(self, key: str, ask: AskForPart, number: int, size: int) -> Reply[Page]:
        """Read a page of a listing, in parts if it is too large.

        Raises `ReplyTooLarge` if a single record is.
        """
        size = min(size, self._caps.get(key, size))
        if number == 0:
            return self._first(key, ask, size)
        first = self._short_first.pop(key, None)
        if number == 1 and first is not None:
            return self._second(key, ask, size, first)
        return self._in_parts(key, ask, number, self._followed_by.get(key, size))

    def _first(self, key: str, ask: AskForPart, size: int) -> Reply[Page]:
        self._followed_by.pop(key, None)
        reply = self._in_parts(key, ask, 0, size)
        rows = len(reply.value.items)
        if not 0 < rows < size or key in self._fitting:
            self._short_first.pop(key, None)
        elif rows >= (reply.value.total_count or 0):
            self._short_first[key] = reply.value.items
        elif key not in self._caps:
            return self._uncapped(key, ask, reply)
        return reply

    def _uncapped(self, key: str, ask: AskForPart, reply: Reply[Page]) -> Reply[Page]:
        """Return the first page, read with the size that came, if that page is not larger."""
        rows = len(reply.value.items)
        if reply.value.size == rows:
            self._caps[key] = rows
            return reply
        try:
            again = self._in_parts(key, ask, 0, rows)
        except _SOME_SIZES_ALONE:
            again = reply
        # If it has still fewer, pages leave records out and the size was the one asked for.
        is_cap = again is not reply and len(again.value.items) == rows
        self._caps[key] = rows if is_cap else _NO_CAP
        return again if is_cap else reply

    def _second(self, key: str, ask: AskForPart, size: int, first: list[Any]) -> Reply[Page]:
        try:
            reply = self._in_parts(key, ask, 1, len(first))
        except NotThere:
            raise
        except _SOME_SIZES_ALONE:
            return self._in_parts(key, ask, 1, size)
        # If pages leave records out, this one overlaps with the first.
        if reply.value.items and reply.value.items[0] in first:
            usual = self._in_parts(key, ask, 1, size)
            if usual.value.items or all(item in first for item in reply.value.items):
                return usual
        self._followed_by[key] = len(first)
        return reply

    def _in_parts(self, key: str, ask: AskForPart, number: int, size: int) -> Reply[Page]:
        part = size
        while part > self._fitting.get(key, size):
            part = _smaller(part)
        while True:
            try:
                return ask(number, size) if part == size else _joined(ask, number, size, part)
            except ReplyTooLarge:
                if part == 1:
                    raise
                part = _smaller(part)
                self._fitting[key] = part


def _smaller(size: int) -> int:
    """Return the largest proper divisor of a size."""
    return next(size // number for number in range(2, size + 1) if size % number == 0)


def _joined(ask: AskForPart, number: int, size: int, part: int) -> Reply[Page]:
    first = number * size // part
    joined = ask(first, part)
    items, totals = list(joined.value.items), set(joined.value.totals)
    is_mended, latest = joined.value.is_mended, joined.value
    for following in range(first + 1, first + size // part):
        try:
            reply = ask(following, part)
        except ChangeRequest:
            if following * part < max(totals, default=0):
                raise
            break
        page = reply.value
        totals |= page.totals if page.items else set()
        is_end = not page.items and following * part >= max(totals, default=0)
        # Past the end some gateways repeat their last page.
        if is_end or (page.items and page.items == latest.items):
            break
        items += page.items
        is_mended, latest = is_mended or page.is_mended, page
    page = replace(
        joined.value,
        number=number,
        size=size,
        items=items,
        is_mended=is_mended,
        asked=size,
        all_totals=totals,
    )
    return replace(joined, value=page)
