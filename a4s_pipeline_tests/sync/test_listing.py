from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.sync.listing import Listed, Listing

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def rows(*keys: int | None) -> list[Listed]:
    """Records whose place follows from their key, as in a listing by order date."""
    return [
        Listed(str(key), EPOCH + timedelta(hours=key)) if key is not None else Listed(None) for key in keys
    ]


def read(*pages: tuple[int, Sequence[int | None]], listing: Listing | None = None) -> Listing:
    listing = listing or Listing()
    listing.begin()
    for total, keys in pages:
        listing.add(total, rows(*keys))
    return listing


@pytest.mark.parametrize(
    ("pages", "is_complete", "is_steady"),
    [
        ([(0, [])], True, True),
        ([(3, [1, 2]), (3, [3])], True, True),
        ([(3, [1, 2])], False, True),
        # An order came in between, before the pages that were read: one is listed twice.
        ([(4, [1, 2]), (5, [2, 3]), (5, [4])], False, False),
        # An order went: one is never listed.
        ([(5, [1, 2]), (4, [4, 5])], False, False),
        # One came and one went.
        ([(4, [1, 2]), (4, [2, 3])], False, False),
        # Pages overlap, and all of it is there.
        ([(4, [1, 2]), (4, [2, 3]), (4, [3, 4])], True, False),
        # Dates go down: something moved.
        ([(4, [1, 3]), (4, [2, 4])], True, False),
        # Records without a code count each.
        ([(3, [1, None]), (3, [None])], True, True),
    ],
)
def test_a_listing_is_complete_when_its_distinct_keys_number_the_total(
    pages: list[tuple[int, list[int | None]]], is_complete: bool, is_steady: bool
) -> None:
    listing = read(*pages)
    assert (listing.is_complete, listing.is_steady) == (is_complete, is_steady)


def test_orders_of_one_instant_may_come_in_any_order_but_not_twice() -> None:
    listing = Listing()
    listing.add(3, [Listed("B", EPOCH), Listed("A", EPOCH)])
    assert listing.is_steady
    listing.add(3, [Listed("B", EPOCH)])
    assert not listing.is_steady


def test_a_record_without_a_date_is_no_movement() -> None:
    listing = Listing()
    listing.add(3, [Listed("A", EPOCH), Listed("B"), Listed("C", EPOCH)])
    assert listing.is_steady
    assert listing.is_complete
    assert listing.latest == EPOCH


def test_a_record_without_a_key_that_pages_repeat_counts_once_and_two_alike_on_one_page_twice() -> None:
    listing = Listing()
    listing.add(4, [Listed("A"), Listed(None, content="x"), Listed(None, content="x")])
    listing.add(4, [Listed(None, content="x"), Listed("B")])
    assert listing.is_complete


def test_what_earlier_readings_found_still_counts_while_the_total_holds() -> None:
    listing = read((4, [1, 2]), (4, [2, 3]))
    assert not listing.is_complete
    assert read((4, [1, 2]), (4, [3, 4]), listing=listing).is_complete


def test_after_the_total_changed_only_a_reading_of_its_own_counts() -> None:
    listing = read((3, [1, 2]), (4, [3]))
    read((4, [1, 2]), (4, [4]), listing=listing)
    assert not listing.is_complete
    assert read((4, [1, 2]), (4, [3, 4]), listing=listing).is_complete


def test_after_more_was_found_than_there_is_only_a_reading_of_its_own_counts() -> None:
    listing = read((2, [1, 2]), (2, [3]))
    assert not listing.is_complete
    assert read((2, [2, 3]), listing=listing).is_complete


def test_a_listing_is_stuck_when_it_is_twice_the_same_and_as_long_as_it_counts() -> None:
    pages = [(4, [1, 2]), (4, [2, 3])]
    listing = read(*pages)
    assert not listing.is_stuck()
    read(*pages, listing=listing)
    assert listing.is_stuck()
    assert not listing.is_complete


@pytest.mark.parametrize(
    "second",
    [
        pytest.param([(4, [1, 2]), (4, [3, 3])], id="another reading"),
        pytest.param([(4, [1, 2])], id="a shorter one"),
        pytest.param([(4, [1, 2]), (5, [2, 3])], id="another total"),
    ],
)
def test_a_listing_that_differs_from_the_one_before_is_not_stuck(second: list[tuple[int, list[int]]]) -> None:
    listing = read((4, [1, 2]), (4, [2, 3]))
    assert not listing.is_stuck()
    read(*second, listing=listing)
    assert not listing.is_stuck()


def test_a_listing_that_is_twice_as_short_as_it_counts_is_not_stuck() -> None:
    listing = read((5, [1, 2]))
    assert not listing.is_stuck()
    read((5, [1, 2]), listing=listing)
    assert not listing.is_stuck()


def test_a_page_beyond_the_end_completes_what_was_asked_for_whatever_the_total() -> None:
    listing = Listing()
    listing.add(100, rows(1, 2))
    assert not listing.is_complete
    listing.add(100, rows(3, 4), is_beyond_end=True)
    assert listing.is_complete


def test_a_page_beyond_the_end_does_not_complete_what_moved() -> None:
    listing = Listing()
    listing.add(100, rows(1, 2))
    listing.add(101, rows(2, 3), is_beyond_end=True)
    assert not listing.is_complete


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[int], int, list[list[int]], list[list[int]]]:
    """What is there at first, the size of a page, and what comes or goes after each page."""
    there = sorted(draw(st.sets(st.integers(0, 60), max_size=25)))
    pages = draw(st.integers(1, 12))
    come = draw(st.lists(st.lists(st.integers(0, 60), max_size=2), min_size=pages, max_size=pages))
    go = draw(st.lists(st.lists(st.integers(0, 60), max_size=2), min_size=pages, max_size=pages))
    return there, draw(st.integers(1, 6)), come, go


def _read_while_it_changes(
    there: list[int], size: int, changes: list[tuple[list[int], list[int]]], readings: int = 4
) -> tuple[set[int], set[int], bool]:
    """Read by offset; return what was seen, what had to be, and whether it ended whole.

    What has to be seen is what is there throughout, and at the last reading if nothing changes any more.
    """
    listing, now, seen, must = Listing(), list(there), set[int](), set(there)
    waiting = list(changes)
    for _ in range(readings):
        listing.begin()
        page = 0
        if not waiting:
            must = set(now)
        while True:
            items = now[page * size : (page + 1) * size]
            listing.add(len(now), rows(*items))
            seen |= set(items)
            is_last = not items or (page + 1) * size >= len(now)
            if waiting:
                come, go = waiting.pop(0)
                now = sorted((set(now) | set(come)) - set(go))
                must &= set(now)
            if is_last:
                break
            page += 1
        if listing.is_complete:
            return seen, must, True
    return seen, must, False


@given(_histories())
def test_a_complete_listing_saw_all_that_was_there_throughout_while_orders_came(
    history: tuple[list[int], int, list[list[int]], list[list[int]]],
) -> None:
    there, size, come, _ = history
    changes = [(new, list[int]()) for new in come]
    seen, must, is_whole = _read_while_it_changes(there, size, changes)
    assert not is_whole or must <= seen


@given(_histories())
def test_a_complete_listing_saw_all_that_was_there_throughout_while_orders_went(
    history: tuple[list[int], int, list[list[int]], list[list[int]]],
) -> None:
    there, size, _, go = history
    changes = [(list[int](), gone) for gone in go]
    seen, must, is_whole = _read_while_it_changes(there, size, changes)
    assert not is_whole or must <= seen


@given(_histories())
def test_a_listing_that_comes_to_rest_is_complete_in_the_end(
    history: tuple[list[int], int, list[list[int]], list[list[int]]],
) -> None:
    there, size, come, go = history
    changes = list(zip(come, go, strict=True))
    _, _, is_whole = _read_while_it_changes(there, size, changes, readings=len(changes) + 3)
    assert is_whole


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 5))
def test_a_listing_is_steady_while_it_ascends_and_holds_each_key_once(keys: list[int], size: int) -> None:
    listing = Listing()
    for first in range(0, len(keys), size):
        listing.add(len(keys), rows(*keys[first : first + size]))
    assert listing.is_steady == all(one < following for one, following in pairwise(keys))
