"""Yields the pages of a listing in order, and asks for a few of them ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from a4s_pipeline.errors import ChangeRequest, GatewayUnavailable, ReplyBeyondBounds, ReplyUnreadable
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.page import Page

T = TypeVar("T")
AskForPage = Callable[[int, int], Reply[Page]]
"""Asks for a page by its number and its size."""

# Another reading of a moving listing costs only its pages: what was stored stays stored.
_MOST_READINGS = 6
# Enough to hide a slow gateway behind the writing, few enough that memory stays flat.
PAGES_AHEAD = 4


def readings_of(listing: Listing) -> Iterator[None]:
    """Begin a reading of the listing, and another until the caller leaves the loop.

    It ends after a few: a caller still in the loop reports that the listing kept moving.
    """
    for _ in range(_MOST_READINGS):
        listing.begin()
        yield


def pages_in_turn(ask: AskForPage, listing: Listing) -> Iterator[Page]:
    """Read a listing page by page; the caller adds each page to the listing before it asks for the next."""
    number = 0
    while True:
        page = _asked_for(ask, number, listing.page_size)
        yield page
        number += 1
        if _is_over(page, listing):
            return


def pages_of(
    ask: AskForPage,
    pool: Executor,
    listing: Listing,
    take: Callable[[Page], T],
    *,
    ahead: int = PAGES_AHEAD,
) -> Iterator[tuple[Page, T]]:
    """Read a listing from its first page to its last; `take` reads each page and adds it to the listing.

    An error that prevents a page is raised after the pages before it were yielded.
    """
    asked: deque[Future[Page]] = deque([pool.submit(_asked_for, ask, 0, listing.page_size)])
    following = 1
    try:
        while asked:
            page = asked.popleft().result()
            taken = take(page)
            if _is_over(page, listing):
                yield page, taken
                return
            # Pages beyond the total are mostly empty: they are asked for one at a time.
            while not asked or (len(asked) < ahead and listing.must_hold(following)):
                asked.append(pool.submit(_asked_for, ask, following, listing.page_size))
                following += 1
            yield page, taken
    finally:
        for future in asked:
            future.cancel()


def _asked_for(ask: AskForPage, number: int, size: int) -> Page:
    """Read a page; one after the first that is refused (400, 404, 416) or fails is empty for now."""
    try:
        return ask(number, size).value
    except (ChangeRequest, GatewayUnavailable, ReplyUnreadable) as refusal:
        if number == 0 or isinstance(refusal, ReplyBeyondBounds):
            raise
        return Page(number, 1, None, [], refusal)


def _is_over(page: Page, listing: Listing) -> bool:
    """Tell whether the page was the last one.

    Raises the refusal of a page before the end, and `ReplyUnreadable` if there is no end.
    """
    if listing.refusal is not None:
        raise listing.refusal
    is_at_end = listing.is_at_end
    if not is_at_end and listing.is_endless:
        raise ReplyUnreadable(
            f"a listing goes on after {page.number:,} pages: show this to whoever runs the gateway"
        )
    return is_at_end
