"""Decides whether pages read in succession make up one whole listing: pure bookkeeping."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from a4s_pipeline.errors import IT_SAYS, A4sError, TryAgain
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.page_sizes import other_size

# How many empty pages in a row end a listing that has not reached its total: the first and two more. If the
# total makes further pages likely, because whole pages of archived records may be left out, more are asked
# for, up to a bound: the total may be made up.
_EMPTY_PAGES_AT_THE_END = 3
_MOST_EMPTY_PAGES = 20
# No listing is as long as this; a gateway that always returns another page would be read for ever.
_MOST_PAGES = 100_000
# If pages leave out most records, later readings do not ask for pages as small as those that came.
_MOST_TIMES_SMALLER = 4


@dataclass(frozen=True)
class Listed:
    """One record of a page: its key and its order date, if any.

    `content` is a hash of a record without a key; it identifies the record when pages repeat it.
    """

    key: str | None
    order_date: datetime | None = None
    content: str | None = None


class Listing:
    """Follows the pages of a listing over as many readings as it takes.

    A listing is whole when it has `totalCount` distinct keys and nothing moved meanwhile, or when two
    readings of it are identical, whatever the total says. The same question may get the same wrong answer: so
    each reading asks for another page size than the one before. Keys are kept as 8-byte hashes: a million
    take 8 MB.
    """

    def __init__(self, page_size: int = 300) -> None:
        self.page_size = self._usual_size = page_size
        """The page size that this reading asks for."""
        self._asked_before: int | None = None
        self._keys = array("Q")
        self._totals: set[int] = set()
        self._digest_before: bytes | None = None
        self._pages = 0
        self._start_reading()

    def begin(self) -> None:
        """Start a reading at the first page.

        What earlier readings found still counts, unless the total changed or cannot be right: then only a
        single whole reading shows what is there.
        """
        self._digest_before = self._digest.digest() if self._pages else None
        if self._pages:
            self._asked_before = self._asked
            self.page_size = self._next_size()
        if len(self._totals) != 1 or self._distinct() > max(self._totals):
            self._keys = array("Q")
            self._totals = set()
        self._start_reading()

    def _next_size(self) -> int:
        if self._has_gap or self._names_twice:
            # A fault tied to a page number would now affect other records, and no two readings would agree.
            return self.page_size
        if self.page_size == self._usual_size:
            return other_size(self.page_size)
        if self._is_short:
            # Pages of two sizes were short by different numbers: at the size that came, none leaves records
            # out.
            size = max(self._largest, self.page_size // _MOST_TIMES_SMALLER)
            self._usual_size = min(size, other_size(self.page_size))
        return self._usual_size

    def _start_reading(self) -> None:
        self._digest = blake2b(digest_size=16)
        self._first_of_reading = len(self._keys)
        self._pages = self._rows = self._largest = self._empty_in_row = 0
        self._size = 0
        self._counts: set[int] = set()
        self._counts_of_empty: set[int] = set()
        self._first_page: frozenset[int] = frozenset()
        self._last_page: frozenset[int] = frozenset()
        self._here: set[str] = set()
        self.latest: datetime | None = None
        self._is_ascending = True
        self._is_short = False
        self._asked: int | None = None
        self._rows_of_first = self._rows_of_last = 0
        self._is_beyond_end = False
        self._repeats_page = False
        self._has_gap = self._has_hole = False
        self.refusal: A4sError | None = None
        """Why a page that should exist cannot be read."""
        self._broken_end: A4sError | None = None
        self._refused: A4sError | None = None

    def add(self, page: Page, records: Iterable[Listed], *, is_beyond_end: bool = False) -> bool:
        """Add the next page with its records; tell whether any of them is new.

        `is_beyond_end` means that all lie past the end asked for, which the gateway ignores: then what was
        asked for has been listed, and the total says nothing about it.
        """
        self._size = self._size or page.size
        self._asked = self._asked or page.asked
        self._note_refusal(page)
        self._pages += 1
        self._is_beyond_end = is_beyond_end
        listed = list(records)
        self._note_totals(page.totals, has_records=bool(listed))
        numbers = self._numbers_of(listed)
        here = frozenset(numbers)
        # Past the end some gateways repeat their last page, and some do not page at all.
        is_again = bool(here) and (here <= self._last_page or here <= self._first_page)
        self._repeats_page = self._repeats_page or is_again
        if not here or is_again:
            self._empty_in_row += 1
            self._is_ascending = self._is_ascending and not is_again
            return False
        for record in listed:
            self._follow(record)
        for number in numbers:
            self._digest.update(number.to_bytes(8, "big"))
            self._keys.append(number)
        self._note_reach(len(listed), here, page.asked)
        return True

    def _note_totals(self, counts: Set[int], *, has_records: bool) -> None:
        if has_records:
            self._counts |= counts
            self._totals |= counts
        else:
            self._counts_of_empty |= counts

    def _note_refusal(self, page: Page) -> None:
        """Keep the refusal of a page that should exist by the total, or because another follows it."""
        is_there = self._pages * self._size < (self._total or 0)
        if page.refusal is not None:
            self._refused = page.refusal
            self._has_gap = self._has_gap or self._total is not None
        if self._refused is not None and (is_there or page.items):
            self.refusal = self._refused
        if isinstance(page.refusal, TryAgain):
            # The page may contain anything, unless the total says that it does not exist.
            if self._total is None or self.seen < self._total:
                self.refusal = page.refusal
            self._broken_end = page.refusal

    def _note_reach(self, rows: int, here: frozenset[int], asked: int | None) -> None:
        # Records between two pages are left out if the first has fewer than the second skips.
        is_full = self._rows_of_last == self._rows_of_first if asked is None else self._rows_of_last >= asked
        self._is_short = self._is_short or (bool(self._last_page) and not is_full)
        self._rows_of_first, self._rows_of_last = self._rows_of_first or rows, rows
        self._has_hole = self._has_hole or self._empty_in_row > 0
        self._has_gap = self._has_gap or self._has_hole
        self._empty_in_row = 0
        self._rows += rows
        self._largest = max(self._largest, rows)
        self._first_page = self._first_page or here
        self._last_page = here

    def _numbers_of(self, listed: list[Listed]) -> list[int]:
        alike: Counter[str] = Counter()
        return [
            _hash_of(self._name_of(record, alike, self._rows + position))
            for position, record in enumerate(listed)
        ]

    @staticmethod
    def _name_of(record: Listed, alike: Counter[str], position: int) -> str:
        if record.key is not None:
            return f"k{record.key}"
        if record.content is None:
            return f"r{position}"
        # Equal content twice on one page is two records; on two pages it may be one record repeated.
        alike[record.content] += 1
        return f"c{record.content}/{alike[record.content]}"

    def _follow(self, record: Listed) -> None:
        date = record.order_date
        if date is not None and self.latest is not None and date < self.latest:
            self._is_ascending = False
        elif date is not None and (self.latest is None or date > self.latest):
            self.latest = date
            self._here.clear()
        if record.key is not None:
            # In an ascending listing a key can repeat only with the same date.
            self._is_ascending = self._is_ascending and record.key not in self._here
            self._here.add(record.key)

    @property
    def _total(self) -> int | None:
        """The largest total of this reading; past the end a gateway may send 0."""
        return max(self._counts or self._counts_of_empty, default=None)

    @property
    def expected(self) -> int:
        """The likely number of records: the gateway's total, or how many have come so far."""
        return max(self._total or 0, self._rows)

    @property
    def seen(self) -> int:
        """How many distinct records the last reading listed."""
        return len(self._of_reading())

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that the last reading did not list."""
        listed = self._of_reading()
        return [key for key in keys if _hash_of(f"k{key}") not in listed]

    def _of_reading(self) -> set[int]:
        return set(self._keys[self._first_of_reading :])

    def _distinct(self) -> int:
        return len(set(self._keys))

    def must_hold(self, number: int) -> bool:
        """Tell whether a page will certainly be asked for, by the total and by how far pages reach.

        The received records say how far a page reaches, not the size asked for or stated: a page may have
        fewer. The page after the last is asked for too.
        """
        return self._largest > 0 and (number - 1) * self._largest < (self._total or 0)

    @property
    def is_at_end(self) -> bool:
        """Tell whether the listing ends at the page added last.

        Reaching the total is no proof, because the total may be that of the page. An empty page is proof once
        the total is reached; before that, it takes a few empty pages in a row.
        """
        if self._is_beyond_end or not self._empty_in_row:
            return self._is_beyond_end
        if self._total is not None and self.seen >= self._total:
            return True
        needed = _MOST_EMPTY_PAGES if self.must_hold(self._pages + 1) else _EMPTY_PAGES_AT_THE_END
        return self._empty_in_row >= needed

    @property
    def is_endless(self) -> bool:
        """Tell whether there are more pages than any listing has."""
        return self._pages >= _MOST_PAGES and not self.must_hold(self._pages)

    @property
    def is_steady(self) -> bool:
        """Tell whether nothing has moved so far: then everything before this point has been listed."""
        return (
            len(self._told) == 1
            and self._rows <= (self._total or 0)
            and self._is_ascending
            and not self._is_short
            and not self._has_gap
        )

    @property
    def is_counted(self) -> bool:
        """Tell whether as many records were seen as the gateway counts, and nothing moved."""
        if self._is_beyond_end:
            return self.is_steady
        # A gateway without any records may answer without a body.
        return self._distinct() == 0 if not self._told else {self._distinct()} == self._told

    @property
    def _told(self) -> set[int]:
        # Past the end a gateway's total may be anything.
        return self._totals or self._counts_of_empty

    @property
    def agrees(self) -> bool:
        """Tell, at the end of a reading, whether it was identical to the one before."""
        return self._digest.digest() == self._digest_before

    @property
    def is_whole(self) -> bool:
        """Tell, at the end of a reading, whether the whole listing was seen."""
        return self.is_counted or self.agrees

    @property
    def is_of_one_reading(self) -> bool:
        """Tell whether the last reading alone saw everything."""
        return self.seen == self._distinct()

    @property
    def _names_twice(self) -> bool:
        return self._repeats_page or self._rows > self.seen

    @property
    def doubt(self) -> str | None:
        """Say why a whole reading may still have left a record out; None if it cannot have."""
        if self._broken_end is not None:
            return f"the listing has no end that can be seen: {_what_happened(self._broken_end)}"
        if self.is_counted and self.is_of_one_reading:
            return None
        if self._names_twice:
            return "the listing names a record twice, so its count cannot be trusted"
        if self._has_gap:
            return "a page of the listing came back empty where there should be records"
        if self._is_short_all_along:
            return "pages of the listing hold fewer records than were asked for, and others follow them"
        return None

    @property
    def may_hide_one_between(self) -> bool:
        """Tell, at the end of a whole reading, whether a record may have been left out before a later one."""
        is_sure = self.is_counted and self.is_of_one_reading
        return not is_sure and (self._has_hole or self._is_short_all_along)

    @property
    def _is_short_all_along(self) -> bool:
        return self._is_short and self._asked == self._asked_before

    @property
    def fault_of_total(self) -> str | None:
        """Say, at the end of a whole reading, what is wrong with its total or its end; None if nothing is."""
        if self._broken_end is not None:
            return f"{_what_happened(self._broken_end)}, where the listing should end"
        if self.is_counted or self._is_beyond_end:
            return None
        counts = self._counts or self._counts_of_empty
        if not counts:
            return "the gateway does not say how many there are"
        fewest, most = min(counts), max(counts)
        counted = f"{most:,}" if fewest == most else f"{fewest:,} on one page and {most:,} on another"
        return f"the gateway counts {counted} and lists {self.seen:,}"


def _what_happened(error: A4sError) -> str:
    # By our convention, an error ends with its advice after a colon.
    ours = str(error).partition(IT_SAYS)[0]
    return ours.rpartition(": ")[0] or ours


def _hash_of(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big")
