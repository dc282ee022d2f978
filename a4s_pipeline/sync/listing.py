"""Whether pages that were read one after another make up one whole listing: pure bookkeeping."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b


@dataclass(frozen=True)
class Listed:
    """One record of a page: its key and its place (the order date), each None where it has none.

    `content` is a hash of a record without a key, by which it is known when pages repeat it.
    """

    key: str | None
    place: datetime | None = None
    content: str | None = None


class Listing:
    """Follows the pages of a listing, over as many readings as it takes.

    A listing is complete when its distinct keys number `totalCount` and nothing moved meanwhile.
    Keys are kept as 8-byte hashes, so that a million of them take 8 MB.
    """

    def __init__(self) -> None:
        self._keys = array("Q")
        self._totals: set[int] = set()
        self._total = 0
        self._previous_digest = b""
        self.begin()

    def begin(self) -> None:
        """Start to read from the first page (again).

        What earlier readings found still counts, unless the total changed: then things came or went,
        and only a reading of its own can tell what is there.
        """
        if len(self._totals) > 1 or self._distinct() > self._total:
            self._keys = array("Q")
            self._totals = set()
        self._digest = blake2b(digest_size=16)
        self._first_of_reading = len(self._keys)
        self._rows = 0
        self._here: set[str] = set()
        self.latest: datetime | None = None
        self.is_ascending = True
        self.is_beyond_end = False

    def add(self, total_count: int, records: Iterable[Listed], *, is_beyond_end: bool = False) -> None:
        """Take in the records of the next page.

        `is_beyond_end` says that all of them lie past the end asked for, which the gateway ignores:
        what was asked for has been listed then, and the total says nothing about it.
        """
        self._totals.add(total_count)
        self._total = total_count
        self.is_beyond_end = is_beyond_end
        alike: Counter[str] = Counter()
        for record in records:
            self._rows += 1
            self._follow(record)
            number = _hash_of(self._name_of(record, alike))
            self._digest.update(number.to_bytes(8, "big"))
            self._keys.append(number)

    def _name_of(self, record: Listed, alike: Counter[str]) -> str:
        if record.key is not None:
            return f"k{record.key}"
        if record.content is None:
            return f"r{self._rows}"
        # Two of one content on one page are two records; on two pages they may be one that was repeated.
        alike[record.content] += 1
        return f"c{record.content}/{alike[record.content]}"

    def _follow(self, record: Listed) -> None:
        place = record.place
        if place is not None and self.latest is not None and place < self.latest:
            self.is_ascending = False
        elif place is not None and (self.latest is None or place > self.latest):
            self.latest = place
            self._here.clear()
        if record.key is not None:
            # A key can come twice in an ascending listing only at one and the same date.
            self.is_ascending = self.is_ascending and record.key not in self._here
            self._here.add(record.key)

    @property
    def total(self) -> int:
        """The total that the gateway counted last."""
        return self._total

    @property
    def reading(self) -> bytes:
        """A hash of what the last reading listed, in its order."""
        return self._digest.digest()

    @property
    def seen(self) -> int:
        """How many records the last reading listed, one that came twice counted once."""
        return len(self._of_reading())

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that the last reading did not list."""
        listed = self._of_reading()
        return [key for key in keys if _hash_of(f"k{key}") not in listed]

    def _of_reading(self) -> set[int]:
        return set(self._keys[self._first_of_reading :])

    @property
    def is_steady(self) -> bool:
        """Tell whether nothing has moved so far: what was listed before this point is all there is."""
        return len(self._totals) <= 1 and self.is_ascending

    @property
    def is_complete(self) -> bool:
        """Tell whether all records were seen and nothing moved."""
        if self.is_beyond_end:
            return self.is_steady
        return len(self._totals) == 1 and self._distinct() == self._total

    def is_stuck(self) -> bool:
        """Tell, at the end of a reading, whether it and the one before were the same to the letter.

        A gateway that lists one key twice never comes complete. Where it has listed as many rows as it
        counts, twice alike, there is nothing more to be had.
        """
        digest = self._digest.digest()
        is_same = digest == self._previous_digest
        self._previous_digest = digest
        return is_same and self._rows == self._total and len(self._totals) == 1

    def _distinct(self) -> int:
        return len(set(self._keys))


def _hash_of(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big")
