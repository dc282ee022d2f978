"""The pages of a listing, one after another, a few of them asked for ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from a4s_pipeline.gateway.administration import Page
from a4s_pipeline.gateway.client import Reply
from a4s_pipeline.sync.listing import Listing

T = TypeVar("T")

# Enough to hide a slow gateway behind the writing, few enough that memory stays flat.
_PAGES_AHEAD = 4


def has_more(page: Page, listing: Listing) -> bool:
    """Tell whether the page after this one must be read.

    A listing in which something moved is read until an empty page, because its tail may have been
    pushed beyond the total; twice the total bounds it, where a gateway never gives an empty page.
    """
    if not page.items or listing.is_beyond_end:
        return False
    if listing.is_steady:
        return not page.is_last
    return page.number * page.size < 2 * page.total_count


def pages_in_turn(ask: Callable[[int], Reply[Page]], listing: Listing) -> Iterator[Page]:
    """Read a listing page by page; whoever takes one adds it to the listing before asking for the next."""
    number = 0
    while True:
        page = ask(number).value
        yield page
        if not has_more(page, listing):
            return
        number += 1


def pages_of(
    ask: Callable[[int], Reply[Page]],
    pool: ThreadPoolExecutor,
    listing: Listing,
    take: Callable[[Page], T],
) -> Iterator[tuple[Page, T]]:
    """Read a listing from its first page to its last; `take` reads each page and adds it to the listing.

    Whatever keeps a page from coming is raised, after the pages before it were given out.
    """
    asked: deque[Future[Reply[Page]]] = deque([pool.submit(ask, 0)])
    following = 1
    try:
        while asked:
            page = asked.popleft().result().value
            taken = take(page)
            if not has_more(page, listing):
                yield page, taken
                return
            # Beyond the total there is mostly nothing: such pages are asked for one at a time.
            while not asked or (len(asked) < _PAGES_AHEAD and following * page.size < page.total_count):
                asked.append(pool.submit(ask, following))
                following += 1
            yield page, taken
    finally:
        for future in asked:
            future.cancel()
