"""The pages of a listing, one after another, a few of them asked for ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from a4s_pipeline.errors import ChangeRequest, GatewayUnavailable, ReplyBeyondBounds, ReplyUnreadable
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.page import Page

T = TypeVar("T")
AskForPage = Callable[[int, int], Reply[Page]]
"""Asks for a page by its number and its size."""

# Each reading of a listing that moves costs its pages alone, because what came in stays in.
_MOST_READINGS = 6
# Enough to hide a slow gateway behind the writing, few enough that memory stays flat.
PAGES_AHEAD = 4


def readings_of(listing: Listing) -> Iterator[None]:
    """Begin a reading of the listing, and another for as long as the caller does not leave the loop.

    After a few it is over: whoever has not left by then tells that the listing kept moving.
    """
    for _ in range(_MOST_READINGS):
        listing.begin()
        yield


def pages_in_turn(ask: AskForPage, listing: Listing) -> Iterator[Page]:
    """Read a listing page by page; whoever takes one adds it to the listing before asking for the next."""
    number = 0
    while True:
        page = _asked_for(ask, number, listing.page_size)
        yield page
        number += 1
        if _is_over(page, listing):
            return


def pages_of(
    ask: AskForPage,
    pool: ThreadPoolExecutor,
    listing: Listing,
    take: Callable[[Page], T],
    *,
    ahead: int = PAGES_AHEAD,
) -> Iterator[tuple[Page, T]]:
    """Read a listing from its first page to its last; `take` reads each page and adds it to the listing.

    Whatever keeps a page from coming is raised, after the pages before it were given out.
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
            # Beyond the total there is mostly nothing: such pages are asked for one at a time.
            while not asked or (len(asked) < ahead and listing.must_hold(following)):
                asked.append(pool.submit(_asked_for, ask, following, listing.page_size))
                following += 1
            yield page, taken
    finally:
        for future in asked:
            future.cancel()


def _asked_for(ask: AskForPage, number: int, size: int) -> Page:
    """Have a page; one past the first that is refused (400, 404, 416), or cannot be had, is empty for now."""
    try:
        return ask(number, size).value
    except (ChangeRequest, GatewayUnavailable, ReplyUnreadable) as refusal:
        if number == 0 or isinstance(refusal, ReplyBeyondBounds):
            raise
        return Page(number, 1, None, [], refusal)


def _is_over(page: Page, listing: Listing) -> bool:
    """Tell whether the page was the last one.

    Raises the refusal of a page that does not lie past the end, and `ReplyUnreadable` where there is no end.
    """
    if listing.refusal is not None:
        raise listing.refusal
    is_at_end = listing.is_at_end
    if not is_at_end and listing.is_endless:
        raise ReplyUnreadable(
            f"a listing goes on after {page.number:,} pages: show this to whoever runs the gateway"
        )
    return is_at_end
