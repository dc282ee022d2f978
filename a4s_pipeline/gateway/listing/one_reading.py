"""What is noted of one reading of a listing, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from a4s_pipeline.errors import A4sError, TryAgain
from a4s_pipeline.gateway.listing.page import Page


@dataclass(frozen=True)
class Listed:
    """One record of a page: its key and its order date, if any.

    `content` is a hash of a record without a key; it identifies the record when pages repeat it.
    """

    key: str | None
    order_date: datetime | None = None
    content: str | None = None


@dataclass
class Totals:
    """The gateway's totals on the pages of a reading; past the end a gateway may send 0, or anything."""

    with_records: set[int] = field(default_factory=set)
    of_empty: set[int] = field(default_factory=set)

    def note(self, totals: Set[int], *, has_records: bool) -> None:
        """Note the totals of a page."""
        (self.with_records if has_records else self.of_empty).update(totals)

    @property
    def told(self) -> set[int]:
        """The totals to believe."""
        return self.with_records or self.of_empty

    @property
    def largest(self) -> int | None:
        """The largest total to believe, if any."""
        return max(self.told, default=None)


@dataclass
class Refusals:
    """What the gateway refused or failed on after the first page."""

    of_needed_page: A4sError | None = None
    """Why a page that should exist cannot be read."""
    of_end: A4sError | None = None
    """Why it cannot be seen where the listing ends."""
    within_total: bool = False
    """Whether a page was refused although a total was known."""
    _last: A4sError | None = None

    def note(self, page: Page, total: int | None, *, seen: int, is_there: bool) -> None:
        """Keep the refusal of a page that should exist by the total, or because another follows it."""
        if page.refusal is not None:
            self._last = page.refusal
            self.within_total = self.within_total or total is not None
        if self._last is not None and (is_there or page.items):
            self.of_needed_page = self._last
        if isinstance(page.refusal, TryAgain):
            # The page may contain anything, unless the total says that it does not exist.
            if total is None or seen < total:
                self.of_needed_page = page.refusal
            self.of_end = page.refusal


@dataclass
class Dates:
    """The order dates of a reading: the latest so far, and whether they ascend."""

    latest: datetime | None = None
    are_ascending: bool = True
    _of_latest: set[str] = field(default_factory=set)

    def follow(self, records: Iterable[Listed]) -> None:
        """Follow the records of a page."""
        for record in records:
            date = record.order_date
            if date is not None and self.latest is not None and date < self.latest:
                self.are_ascending = False
            elif date is not None and (self.latest is None or date > self.latest):
                self.latest = date
                self._of_latest.clear()
            if record.key is not None:
                # In an ascending listing a key can repeat only with the same date.
                self.are_ascending = self.are_ascending and record.key not in self._of_latest
                self._of_latest.add(record.key)


@dataclass(frozen=True)
class _PageSeen:
    rows: int = 0
    keys: frozenset[int] = frozenset()


@dataclass
class Reach:
    """How far the pages of a reading reach, and which of them are empty, short or repeated.

    The received records say how far a page reaches, not the size asked for or stated: a page may have fewer.
    """

    pages: int = 0
    rows: int = 0
    largest: int = 0
    empty_in_row: int = 0
    is_short: bool = False
    """Whether a page before another has fewer records than the other skips."""
    has_hole: bool = False
    """Whether an empty page lies between others."""
    repeats_page: bool = False
    _first: _PageSeen = _PageSeen()
    _last: _PageSeen = _PageSeen()

    def add(self, keys: Sequence[int], asked: int | None) -> bool:
        """Add a page; tell whether it goes further than the pages before."""
        self.pages += 1
        page = _PageSeen(len(keys), frozenset(keys))
        # Past the end some gateways repeat their last page, and some do not page at all.
        is_again = page.rows > 0 and (page.keys <= self._last.keys or page.keys <= self._first.keys)
        self.repeats_page = self.repeats_page or is_again
        if page.rows == 0 or is_again:
            self.empty_in_row += 1
            return False
        if self._last.rows:
            is_full = self._last.rows == self._first.rows if asked is None else self._last.rows >= asked
            self.is_short = self.is_short or not is_full
        else:
            self._first = page
        self.has_hole = self.has_hole or self.empty_in_row > 0
        self.empty_in_row = 0
        self.rows += page.rows
        self.largest = max(self.largest, page.rows)
        self._last = page
        return True


class OneReading:
    """One pass over the pages of a listing; see `Listing`."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.refusals = Refusals()
        self.dates = Dates()
        self.reach = Reach()
        self.is_beyond_end = False
        """Whether the last page lies past the end asked for, which the gateway ignores."""
        self.asked: int | None = None
        self._size = 0
        self._digest = blake2b(digest_size=16)

    def add(
        self, page: Page, listed: Sequence[Listed], keys: Sequence[int], *, seen: int, is_beyond_end: bool
    ) -> bool:
        """Add a page with its records and their keys, `seen` before it; tell whether any of them is new."""
        self._size = self._size or page.size
        self.asked = self.asked or page.asked
        total = self.totals.largest
        is_there = self.reach.pages * self._size < (total or 0)
        self.refusals.note(page, total, seen=seen, is_there=is_there)
        self.is_beyond_end = is_beyond_end
        self.totals.note(page.totals, has_records=bool(listed))
        if not self.reach.add(keys, page.asked):
            return False
        self.dates.follow(listed)
        for key in keys:
            self._digest.update(key.to_bytes(8))
        return True

    @property
    def digest(self) -> bytes:
        """A hash of the keys in their order: equal for identical readings."""
        return self._digest.digest()

    @property
    def has_gap(self) -> bool:
        """Tell whether a page may be missing between others."""
        return self.refusals.within_total or self.reach.has_hole
