"""Finds the orders that are gone at the source according to a whole reading, and those that only moved."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
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
from a4s_pipeline.sync.removals import FEWEST_REPLACED, KEPT_MOVING, Removal, Verdict, reading_of, removal_of
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.sync.windows import Span
from a4s_pipeline.warehouse.rows.orders.spans import stored_headers
from a4s_pipeline.warehouse.rows.orders.writing import STREAM


@dataclass(frozen=True)
class Gone:
    """The verdict on a reading, and the orders stored in its span but not listed."""

    removal: Removal
    missing: tuple[str, ...] = ()


class OrderRemovals:
    """Decides which orders are gone according to the listings of one run; it only reads.

    `earliest` is the first order date of interest; `set_aside`, the codes that earlier syncs could not read.
    """

    def __init__(
        self,
        run: StreamRun,
        *,
        earliest: datetime,
        set_aside: frozenset[str] = frozenset(),
    ) -> None:
        self._set_aside = set_aside
        self._administration = run.administration
        self._warehouse = run.warehouse
        self._connector = run.stamp.connector
        self._earliest = earliest

    def of_reading(self, part: Span, listing: Listing, *, new: int) -> Gone:
        """Compare a reading of a span with its stored orders, `new` of them from this sync."""
        missing: list[str] = []
        stored = elsewhere = 0
        if listing.is_whole:
            with self._warehouse.session() as connection:
                headers = stored_headers(connection, self._connector, part.start, part.end)
            stored, missing = len(headers), listing.missing(header.code for header in headers)
            if len(missing) >= FEWEST_REPLACED:
                elsewhere = self._listed_from_elsewhere(listing, {header.code for header in headers})
        is_empty = bool(missing) and listing.seen == 0
        reading = reading_of(
            listing,
            stored=stored,
            missing=len(missing),
            new=new,
            elsewhere=elsewhere,
            lists_others=is_empty and listing.agrees and self._lists_any_order(),
        )
        return Gone(removal_of(reading, STREAM), tuple(missing))

    def _listed_from_elsewhere(self, listing: Listing, here: Set[str]) -> int:
        """Count listed orders that are known but not stored in this span: of other dates, or set aside."""
        with self._warehouse.session() as connection:
            everywhere = stored_headers(connection, self._connector, None, None)
        known = {header.code for header in everywhere}.union(self._set_aside) - here
        return len(known) - len(listing.missing(known))

    def _lists_any_order(self) -> bool:
        # A month may be empty; an empty history where there was one is a fault of the gateway.
        return self._administration.page_as_it_comes(STREAM, 0, 1).value.items != []

    def without_moved(self, gone: Gone) -> tuple[Gone, dict[str, Any]]:
        """Separate orders that are gone from those now listed elsewhere.

        Returns what is gone, and the headers of the others as received. Otherwise an order whose date moved
        from March to May, or that became unreadable and is listed elsewhere, would count as gone.
        """
        if gone.removal.verdict is not Verdict.REMOVE:
            return gone, {}
        moved = moved_orders(self._administration, gone.missing, self._earliest)
        if moved is None:
            return Gone(Removal(Verdict.WITHHOLD, KEPT_MOVING)), {}
        return Gone(gone.removal, tuple(code for code in gone.missing if code not in moved)), moved


def moved_orders(
    administration: Administration, codes: Collection[str], start: datetime
) -> dict[str, Any] | None:
    """Search the whole listing from `start` on for these codes, and return those found, as received.

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
