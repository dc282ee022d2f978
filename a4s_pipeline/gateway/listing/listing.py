"""Decides whether pages read in succession make up one whole listing: pure bookkeeping."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from a4s_pipeline.errors import IT_SAYS, A4sError
from a4s_pipeline.gateway.listing.one_reading import Listed, OneReading
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
        self._keys = array("Q")
        self._first_of_reading = 0
        self._totals: set[int] = set()
        self._reading = OneReading()
        self._before: OneReading | None = None

    def begin(self) -> None:
        """Start a reading at the first page.

        What earlier readings found still counts, unless the total changed or cannot be right: then only a
        single whole reading shows what is there.
        """
        self._before = self._reading if self._reading.reach.pages else None
        if self._before is not None:
            self.page_size = self._next_size()
        if len(self._totals) != 1 or self._distinct() > max(self._totals):
            self._keys = array("Q")
            self._totals = set()
        self._first_of_reading = len(self._keys)
        self._reading = OneReading()

    def _next_size(self) -> int:
        if self._reading.has_gap or self._names_twice:
            # A fault tied to a page number would now affect other records, and no two readings would agree.
            return self.page_size
        if self.page_size == self._usual_size:
            return other_size(self.page_size)
        reach = self._reading.reach
        if reach.is_short:
            # Pages of two sizes were short by different numbers: at the size that came, none leaves records
            # out.
            size = max(reach.largest, self.page_size // _MOST_TIMES_SMALLER)
            self._usual_size = min(size, other_size(self.page_size))
        return self._usual_size

    def add(self, page: Page, records: Iterable[Listed], *, is_beyond_end: bool = False) -> bool:
        """Add the next page with its records; tell whether any of them is new.

        `is_beyond_end` means that all lie past the end asked for, which the gateway ignores: then what was
        asked for has been listed, and the total says nothing about it.
        """
        listed = list(records)
        keys = self._keys_of(listed)
        if listed:
            self._totals |= page.totals
        # Counting is slow, and only a refusal needs it.
        seen = 0 if page.refusal is None else self.seen
        is_new = self._reading.add(page, listed, keys, seen=seen, is_beyond_end=is_beyond_end)
        if is_new:
            self._keys.extend(keys)
        return is_new

    def _keys_of(self, listed: list[Listed]) -> list[int]:
        alike: Counter[str] = Counter()
        first = self._reading.reach.rows
        return [
            _hash_of(self._name_of(record, alike, first + position)) for position, record in enumerate(listed)
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

    @property
    def latest(self) -> datetime | None:
        """The latest order date that this reading listed."""
        return self._reading.dates.latest

    @property
    def refusal(self) -> A4sError | None:
        """Why a page that should exist cannot be read."""
        return self._reading.refusals.of_needed_page

    @property
    def expected(self) -> int:
        """The likely number of records: the gateway's total, or how many have come so far."""
        return max(self._reading.totals.largest or 0, self._reading.reach.rows)

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

        The page after the last is asked for too.
        """
        largest = self._reading.reach.largest
        return largest > 0 and (number - 1) * largest < (self._reading.totals.largest or 0)

    @property
    def is_at_end(self) -> bool:
        """Tell whether the listing ends at the page added last.

        Reaching the total is no proof, because the total may be that of the page. An empty page is proof once
        the total is reached; before that, it takes a few empty pages in a row.
        """
        reading = self._reading
        empty_in_row = reading.reach.empty_in_row
        if reading.is_beyond_end or not empty_in_row:
            return reading.is_beyond_end
        total = reading.totals.largest
        if total is not None and self.seen >= total:
            return True
        needed = _MOST_EMPTY_PAGES if self.must_hold(reading.reach.pages + 1) else _EMPTY_PAGES_AT_THE_END
        return empty_in_row >= needed

    @property
    def is_endless(self) -> bool:
        """Tell whether there are more pages than any listing has."""
        pages = self._reading.reach.pages
        return pages >= _MOST_PAGES and not self.must_hold(pages)

    @property
    def is_steady(self) -> bool:
        """Tell whether nothing has moved so far: then everything before this point has been listed."""
        reading, reach = self._reading, self._reading.reach
        return (
            len(self._told) == 1
            and reach.rows <= (reading.totals.largest or 0)
            and reading.dates.are_ascending
            and not reach.repeats_page
            and not reach.is_short
            and not reading.has_gap
        )

    @property
    def is_counted(self) -> bool:
        """Tell whether as many records were seen as the gateway counts, and nothing moved."""
        if self._reading.is_beyond_end:
            return self.is_steady
        # A gateway without any records may answer without a body.
        return self._distinct() == 0 if not self._told else {self._distinct()} == self._told

    @property
    def _told(self) -> set[int]:
        # Past the end a gateway's total may be anything.
        return self._totals or self._reading.totals.of_empty

    @property
    def agrees(self) -> bool:
        """Tell, at the end of a reading, whether it was identical to the one before."""
        return self._before is not None and self._reading.digest == self._before.digest

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
        reach = self._reading.reach
        return reach.repeats_page or reach.rows > self.seen

    @property
    def doubt(self) -> str | None:
        """Say why a whole reading may still have left a record out; None if it cannot have."""
        of_end = self._reading.refusals.of_end
        if of_end is not None:
            return f"the listing has no end that can be seen: {_what_happened(of_end)}"
        if self.is_counted and self.is_of_one_reading:
            return None
        if self._names_twice:
            return "the listing names a record twice, so its count cannot be trusted"
        if self._reading.has_gap:
            return "a page of the listing came back empty where there should be records"
        if self._is_short_all_along:
            return "pages of the listing hold fewer records than were asked for, and others follow them"
        return None

    @property
    def may_hide_one_between(self) -> bool:
        """Tell, at the end of a whole reading, whether a record may have been left out before a later one."""
        is_sure = self.is_counted and self.is_of_one_reading
        return not is_sure and (self._reading.reach.has_hole or self._is_short_all_along)

    @property
    def _is_short_all_along(self) -> bool:
        asked_before = None if self._before is None else self._before.asked
        return self._reading.reach.is_short and self._reading.asked == asked_before

    @property
    def fault_of_total(self) -> str | None:
        """Say, at the end of a whole reading, what is wrong with its total or its end; None if nothing is."""
        reading = self._reading
        if reading.refusals.of_end is not None:
            return f"{_what_happened(reading.refusals.of_end)}, where the listing should end"
        if self.is_counted or reading.is_beyond_end:
            return None
        counts = reading.totals.told
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
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
