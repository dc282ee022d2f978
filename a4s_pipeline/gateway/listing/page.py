"""One page of a listing as the gateway sends it, in any of the ways it sends an empty one."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from a4s_pipeline.errors import A4sError

# More than any listing has: a higher count is made up.
_MOST_RECORDS = 10**9
_LONGEST_NAME = 80
_OWN_FIELDS = frozenset({"page", "pageSize", "totalCount", "items"})


@dataclass(frozen=True)
class Page:
    """One page of a listing, its records still raw.

    `size` is the page size stated by the gateway or asked for; only `items` tells how far the page reached.
    `total_count` is None without a plausible number. A page that the gateway refuses or fails on, as may
    happen past the end, is empty and carries the `refusal`.
    """

    number: int
    size: int
    total_count: int | None
    items: list[Any]
    refusal: A4sError | None = None
    is_mended: bool = False
    """Whether some of its text had to be repaired."""
    asked: int | None = None
    """How many records were asked for."""
    all_totals: Set[int] = frozenset()
    """The totals of a page that was read in parts; they differ if something moved meanwhile."""

    @property
    def totals(self) -> Set[int]:
        """The gateway's totals."""
        if self.all_totals:
            return self.all_totals
        return frozenset() if self.total_count is None else {self.total_count}


def read_page(raw: Any, number: int, asked: int) -> Page:
    """Read a page; raises `ValueError` for anything else.

    No body, `null`, an empty array, and a page without `items` are an empty page. Records under another name
    are an error: otherwise they would count as gone.
    """
    if raw is None or raw == []:
        return Page(number, asked, None, [], asked=asked)
    if not isinstance(raw, dict):
        raise ValueError("a page is an object")
    if _OWN_FIELDS.isdisjoint(raw):
        raise ValueError("a page has items and a totalCount")
    elsewhere = _records_elsewhere(raw)
    if elsewhere is not None:
        raise ValueError(f"a page has its records in items, and this one has them in {elsewhere}")
    if not raw.get("items") and (_tells_error(raw.get("error")) or _tells_error(raw.get("errors"))):
        raise ValueError("it tells an error and holds no items")
    size, total = _size(raw.get("pageSize"), asked), count_of(raw.get("totalCount"))
    return Page(number, size, total, _items(raw), asked=asked)


def _records_elsewhere(raw: dict[str, Any]) -> str | None:
    """Return the field with the records of a page without `items`, or None."""
    may_hold_records = "items" not in raw and count_of(raw.get("totalCount")) != 0
    for name, value in raw.items():
        is_misspelt = name != "items" and name.strip().casefold() == "items" and bool(value)
        is_about_pages = name.strip(" _").casefold() == "links"
        if is_misspelt or (may_hold_records and not is_about_pages and _holds_records(value)):
            return repr(name[:_LONGEST_NAME])
    return None


def _tells_error(value: Any) -> bool:
    """Tell whether an error field has an error; an object of zeros and empty texts has none."""
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _holds_records(value: Any) -> bool:
    within = value.values() if isinstance(value, dict) else (value,)
    return any(isinstance(one, list) and any(isinstance(record, dict) for record in one) for one in within)


def count_of(value: Any) -> int | None:
    """Read a `totalCount`: a whole number from 0, even as text or with decimals; otherwise None."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:20])
    # Before it is made an int: 1e999999999 would take hours.
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and 0 <= value <= _MOST_RECORDS
        and value == int(value)
    ):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_RECORDS:
        return None
    return value


def _size(value: Any, asked: int) -> int:
    is_size = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= asked
    return int(value) if is_size else asked


def _items(raw: dict[str, Any]) -> list[Any]:
    items = raw.get("items")
    if isinstance(items, list):
        return items
    if items is None or items is False or items in ("", {}):
        return []
    if isinstance(items, dict):
        # PHP writes a list that it took records out of as an object of them.
        if all(isinstance(item, dict) for item in items.values()):
            return list(items.values())
        # Conversion from XML turns a list of one into that one.
        return [items]
    raise ValueError("the items of a page are an array")
