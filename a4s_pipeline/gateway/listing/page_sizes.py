"""Pages that come otherwise than asked for: too large to be read, or with fewer records than the size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from a4s_pipeline.errors import ChangeRequest, ReplyTooLarge
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.page import Page

AskForPart = Callable[[int, int], Reply[Page]]
"""Asks for a page by its number and its size."""


class PageSizes:
    """What is known of the pages of some listings, each named by its key.

    A page that is too large is read in parts that make up the page, so that whoever reads the listing sees
    the same pages. A gateway that caps its pages silently may skip by the size it was asked for, and leave
    two of three records out: once that shows on the first page, the listing is read by the size that came.
    """

    def __init__(self) -> None:
        self._fitting: dict[str, int] = {}
        self._caps: dict[str, int] = {}

    def page(self, key: str, ask: AskForPart, number: int, size: int) -> Reply[Page]:
        """Have a page of a listing, in parts where it is too large.

        Raises `ReplyTooLarge` where one record alone is.
        """
        size = min(size, self._caps.get(key, size))
        reply = self._in_parts(key, ask, number, size)
        if number or key in self._caps:
            return reply
        rows = len(reply.value.items)
        if not _may_be_capped(reply.value, size):
            return reply
        if reply.value.size == rows:
            self._caps[key] = rows
            return reply
        again = self._in_parts(key, ask, 0, rows)
        # Where it holds still fewer, records are left out of pages, and the size was as asked for.
        is_cap = len(again.value.items) == rows
        self._caps[key] = rows if is_cap else size
        return again if is_cap else reply

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


def _may_be_capped(page: Page, size: int) -> bool:
    return 0 < len(page.items) < size and len(page.items) < (page.total_count or 0)


def _smaller(size: int) -> int:
    """Return half of a size, or the largest part that makes up the whole of it."""
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
        # Past the end some gateways give their last page again.
        if is_end or (page.items and page.items == latest.items):
            break
        items += page.items
        is_mended, latest = is_mended or page.is_mended, page
    page = replace(
        joined.value, number=number, size=size, items=items, is_mended=is_mended, all_totals=totals
    )
    return replace(joined, value=page)
