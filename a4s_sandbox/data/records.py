"""Records as JSON bytes in listing order, so that a page costs one slice and one join."""

from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import count
from typing import Any

Place = tuple[int, str]


@dataclass(slots=True)
class Record:
    """One record: its listing position and its JSON."""

    place: Place
    body: bytes


class Records:
    """Records by key, listed ascending by (position, key); positions are microseconds or all 0."""

    def __init__(self) -> None:
        self._by_key: dict[str, Record] = {}
        self._places: list[Place] = []
        self._unnamed = count(1)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def get(self, key: str) -> Record | None:
        """Return the record of this key, or None."""
        return self._by_key.get(key)

    def keys(self) -> list[str]:
        """Return all keys in listing order."""
        return [key for _, key in self._places]

    def key_of(self, record: Any, field: str) -> str:
        """Return the record's code; a record without one gets an invented key that no URL reaches."""
        code = record.get(field) if isinstance(record, dict) else None
        if code is None or code == "" or isinstance(code, (dict, list)):
            return f"\0unnamed-{next(self._unnamed)}"
        return str(code)

    def put(self, key: str, body: bytes, position: int = 0) -> None:
        """Add or replace the record of this key."""
        place = (position, key)
        known = self._by_key.get(key)
        if known is None or known.place != place:
            if known is not None:
                self._drop(known.place)
            if not self._places or self._places[-1] < place:
                self._places.append(place)
            else:
                insort(self._places, place)
        self._by_key[key] = Record(place, body)

    def remove(self, key: str) -> None:
        """Remove the record of this key; KeyError if there is none."""
        self._drop(self._by_key.pop(key).place)

    def between(self, start: int | None, end: int | None) -> tuple[int, int]:
        """Return the index range of positions from `start` (inclusive) to `end` (exclusive)."""
        low = 0 if start is None else bisect_left(self._places, (start, ""))
        high = len(self._places) if end is None else bisect_left(self._places, (end, ""))
        return low, max(low, high)

    def bodies(self, low: int, high: int) -> list[bytes]:
        """Return the JSON of the records in an index range, in listing order."""
        by_key = self._by_key
        return [by_key[key].body for _, key in self._places[low:high]]

    def _drop(self, place: Place) -> None:
        del self._places[bisect_left(self._places, place)]
