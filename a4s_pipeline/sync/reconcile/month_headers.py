"""Reads the order headers of one month from the gateway, without lines."""

from __future__ import annotations

from datetime import date
from functools import partial

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.paging import pages_in_turn, readings_of
from a4s_pipeline.gateway.records.reading import Unreadable
from a4s_pipeline.sync.orders.order_records import read_headers
from a4s_pipeline.sync.reconcile.reconciliation import ListedHeader, ListedMonth
from a4s_pipeline.sync.rows import set_aside_of
from a4s_pipeline.sync.windows import Span
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

Headers = dict[str, ListedHeader]


def listed_month(administration: Administration, month: date, span: Span) -> ListedMonth:
    """Read the headers of a month until the listing is whole, a limited number of times."""
    listing = Listing(administration.page_size)
    headers: Headers = {}
    for _ in readings_of(listing):
        headers = _read_once(administration, span, listing)
        # A listing joins several readings; a comparison needs a single one.
        if listing.is_whole and (listing.agrees or listing.is_of_one_reading):
            return ListedMonth(month, len(headers), headers, is_whole=True)
    return ListedMonth(month, listing.expected, headers, is_whole=False)


def _read_once(administration: Administration, span: Span, listing: Listing) -> Headers:
    headers: Headers = {}
    for page in pages_in_turn(partial(administration.orders, span.start, span.end), listing):
        _take(administration, page, span, listing, headers)
    return headers


def _take(administration: Administration, page: Page, span: Span, listing: Listing, headers: Headers) -> None:
    """Add a page to the listing, and its headers to those of the month."""
    read = read_headers(page, administration.timezone, span.end)
    for one in read.within:
        # A gateway that ignores `orderDateFrom` lists earlier months too.
        if one.at is not None and one.at < span.start:
            continue
        if isinstance(one.header, Unreadable):
            headers[set_aside_of(STREAM, one.header, None).key] = ListedHeader(None, None)
        else:
            headers[one.header.order_code] = ListedHeader(fingerprint_of(one.raw), one.at)
    listing.add(page, read.listed, is_beyond_end=read.is_beyond_end)
