"""Searches the whole listing for orders missing from a part of it: they may have moved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.paging import pages_in_turn, readings_of
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader


def moved_orders(
    administration: Administration, codes: Collection[str], start: datetime
) -> dict[str, Any] | None:
    """Return which of the codes are listed from `start` on, with their headers as received.

    As for any listing that decides what is gone, two readings must be identical. Returns None if they never
    are or leave doubt: then nothing is known of these orders.
    """
    wanted = frozenset(codes)
    found: dict[str, Any] = {}
    listing = Listing(administration.page_size)
    for _ in readings_of(listing):
        _read_once(administration, wanted, start, listing, found)
        if found.keys() == wanted:
            return found
        if listing.is_whole and listing.agrees:
            return found if listing.doubt is None else None
    return None


def _read_once(
    administration: Administration,
    wanted: frozenset[str],
    start: datetime,
    listing: Listing,
    found: dict[str, Any],
) -> None:
    """Read the listing until all are found."""
    for page in pages_in_turn(partial(administration.orders, start, None), listing):
        listed = []
        for raw in page.items:
            header = read_record(OrderHeader, raw, "orderCode", administration.timezone)
            code = header.key if isinstance(header, Unreadable) else header.order_code
            listed.append(Listed(code, content=None if code else fingerprint_of(raw)))
            if code in wanted:
                found[code] = raw
        listing.add(page, listed)
        if found.keys() == wanted:
            break
