"""The order headers of one month as the gateway lists them, without their lines."""

from __future__ import annotations

from datetime import date
from functools import partial

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.listing.listing import Listed, Listing
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.paging import pages_in_turn, readings_of
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader
from a4s_pipeline.sync.reconcile.reconciliation import ListedHeader, ListedMonth
from a4s_pipeline.sync.rows import set_aside_of
from a4s_pipeline.sync.windows import Span
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

Headers = dict[str, ListedHeader]


def listed_month(administration: Administration, month: date, span: Span) -> ListedMonth:
    """Read the headers of a month until they make up a whole listing, some times at most."""
    listing = Listing(administration.page_size)
    headers: Headers = {}
    for _ in readings_of(listing):
        headers = _read_once(administration, span, listing)
        # A listing joins what several readings found; what is compared must come from one.
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
    listed: list[Listed] = []
    beyond = 0
    for raw in page.items:
        header = read_record(OrderHeader, raw, "orderCode", administration.timezone)
        if isinstance(header, Unreadable):
            listed.append(Listed(header.key, content=None if header.key else fingerprint_of(raw)))
            headers[set_aside_of(STREAM, header, None).key] = ListedHeader(None, None)
            continue
        listed.append(Listed(header.order_code, header.order_date))
        if span.end is not None and header.order_date >= span.end:
            beyond += 1
        else:
            headers[header.order_code] = ListedHeader(fingerprint_of(raw), header.order_date)
    listing.add(page, listed, is_beyond_end=0 < beyond == len(page.items))
