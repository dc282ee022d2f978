from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from a4s_pipeline.errors import A4sError, ChangeRequest, GatewayUnavailable
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def rows(*keys: int | None) -> list[Listed]:
    """Records sorted by their key, as in a listing by order date."""
    return [
        Listed(str(key), EPOCH + timedelta(hours=key)) if key is not None else Listed(None) for key in keys
    ]


def add(
    listing: Listing, total: int | None, listed: Sequence[Listed], *, is_beyond_end: bool = False
) -> None:
    listing.add(Page(0, 300, total, []), listed, is_beyond_end=is_beyond_end)


def read(*pages: tuple[int | None, Sequence[int | None]], listing: Listing | None = None) -> Listing:
    listing = listing or Listing()
    listing.begin()
    for total, keys in pages:
        add(listing, total, rows(*keys))
    return listing


@pytest.mark.parametrize(
    ("pages", "is_counted", "is_steady"),
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
        ([(6, [None, None]), (6, [None, None, None, None])], True, True),
    ],
)
def test_a_listing_is_counted_when_its_distinct_keys_number_the_total(
    pages: list[tuple[int, list[int | None]]], is_counted: bool, is_steady: bool
) -> None:
    listing = read(*pages)
    assert (listing.is_counted, listing.is_steady) == (is_counted, is_steady)


def test_orders_of_one_instant_may_come_in_any_order_but_not_twice() -> None:
    listing = Listing()
    add(listing, 3, [Listed("B", EPOCH), Listed("A", EPOCH)])
    assert listing.is_steady
    assert listing.seen == 2
    add(listing, 3, [Listed("B", EPOCH)])
    assert not listing.is_steady


def test_a_record_without_a_date_is_no_movement() -> None:
    listing = Listing()
    add(listing, 3, [Listed("A", EPOCH), Listed("B"), Listed("C", EPOCH)])
    assert listing.is_steady
    assert listing.is_counted
    assert listing.latest == EPOCH


def test_a_record_without_a_key_that_pages_repeat_counts_once_and_two_alike_on_one_page_twice() -> None:
    listing = Listing()
    add(listing, 4, [Listed("A"), Listed(None, content="x"), Listed(None, content="x")])
    add(listing, 4, [Listed(None, content="x"), Listed("B")])
    assert listing.is_counted


def test_it_is_known_whether_a_page_has_anything_new() -> None:
    listing = Listing()
    told = [
        listing.add(Page(0, 300, 9, []), rows(*keys))
        for keys in ((1, 2), (2, 3), (2, 3), (1,), (), (4,), (1, 4))
    ]
    assert told == [True, True, False, False, False, True, True]
    assert not listing.is_at_end


def test_a_code_with_half_a_surrogate_pair_is_listed_like_any_other() -> None:
    listing = read((2, []))
    add(listing, 2, [Listed("\ud800"), Listed("A")])
    assert listing.is_counted
    assert listing.missing(["\ud800", "A", "B"]) == ["B"]


def test_what_earlier_readings_found_still_counts_while_the_total_holds() -> None:
    listing = read((4, [1, 2]), (4, [2, 3]))
    assert not listing.is_counted
    assert read((4, [1, 2]), (4, [3, 4]), listing=listing).is_counted


def test_after_the_total_changed_only_a_reading_of_its_own_counts() -> None:
    listing = read((3, [1, 2]), (4, [3]))
    read((4, [1, 2]), (4, [4]), listing=listing)
    assert not listing.is_counted
    assert read((4, [1, 2]), (4, [3, 4]), listing=listing).is_counted


def test_after_more_was_found_than_there_is_only_a_reading_of_its_own_counts() -> None:
    listing = read((2, [1, 2]), (2, [3]))
    assert not listing.is_counted
    assert read((2, [2, 3]), listing=listing).is_counted


SAME_TWICE: list[tuple[list[tuple[int | None, list[int]]], str | None, str | None]] = [
    # The pages of both readings, the fault of the total, and why a record may be left out all the same.
    ([(3, [1, 2]), (3, [3]), (3, [])], None, None),
    ([(5, [1, 2]), (5, [])], "the gateway counts 5 and lists 2", None),
    ([(1, [1, 2]), (1, [3]), (1, [])], "the gateway counts 1 and lists 3", None),
    ([(2, [1, 2]), (1, [3]), (0, [])], "the gateway counts 1 on one page and 2 on another and lists 3", None),
    ([(None, [1, 2]), (None, [])], "the gateway does not say how many there are", None),
    ([(1234, []), (1234, [])], "the gateway counts 1,234 and lists 0", None),
    ([(3, []), (0, [])], "the gateway counts 0 on one page and 3 on another and lists 0", None),
    ([(4, [1, 2]), (4, [2, 3])], "the gateway counts 4 and lists 3", "names a record twice"),
    ([(4, [1, 2]), (4, [1, 2])], "the gateway counts 4 and lists 2", "names a record twice"),
    ([(4, [1, 2]), (4, []), (4, [3])], "the gateway counts 4 and lists 3", "came back empty"),
    # Where the count is reached, nothing was left out.
    ([(3, [1, 2]), (3, []), (3, [3])], None, None),
    ([(3, [1, 2]), (3, [3]), (3, [3])], None, None),
]


def test_two_readings_that_agree_to_the_letter_are_whole_whatever_the_total_says() -> None:
    for pages, fault, doubt in SAME_TWICE:
        listing = read(*pages)
        assert (listing.is_whole, listing.agrees) == (fault is None, False), pages
        read(*pages, listing=listing)
        assert (listing.is_whole, listing.agrees, listing.fault_of_total) == (True, True, fault), pages
        assert (doubt or "") in (listing.doubt or "no doubt"), pages
        assert (listing.doubt is None) == (doubt is None), pages


OTHER_READINGS: list[list[tuple[int, list[int]]]] = [
    [(4, [1, 2]), (4, [4])],
    [(4, [1, 2])],
    [(4, [2, 1]), (4, [2, 3])],
]


# What each reading found of the pages that it asked for, by their size, and the size of the next one.
SIZES: list[tuple[list[list[tuple[int | None, list[int]]]], list[int]]] = [
    ([[(3, [1, 2, 3])]] * 3, [20, 16, 20]),
    # Short pages that others follow: of two sizes, and then as large as came.
    ([[(40, [*range(12)]), (40, [30])]] * 4, [20, 16, 12, 11]),
    ([[(40, [1]), (40, [30])]] * 3, [20, 16, 4]),
    ([[(40, [1]), (40, [30])]] * 5, [10, 9, 2, 1, 2]),
    # A page that came back empty, or twice, may do so by its number.
    ([[(4, [1, 2]), (4, []), (4, [3])]] * 3, [20, 20, 20]),
    ([[(4, [1, 2]), (4, [1, 2])]] * 3, [20, 20, 20]),
]


def test_each_reading_asks_for_pages_of_another_size() -> None:
    for readings, sizes in SIZES:
        listing = Listing(sizes[0])
        asked = []
        for pages in readings:
            listing.begin()
            asked.append(listing.page_size)
            for total, keys in pages:
                page = Page(0, sizes[0], total, [], asked=listing.page_size)
                listing.add(page, rows(*keys))
        assert asked == sizes, readings


def test_short_pages_that_others_follow_leave_doubt_where_no_other_size_was_asked_for() -> None:
    for size, doubt in ((20, "hold fewer records than were asked for"), (16, None)):
        listing = Listing(20)
        for asked in (20, size):
            listing.begin()
            for keys in ([1, 2], [3, 4]):
                listing.add(Page(0, 20, None, [], asked=asked), rows(*keys))
        assert listing.agrees
        assert (doubt or "") in (listing.doubt or ""), size
        assert (listing.doubt is None) == (doubt is None), size


@pytest.mark.parametrize(("asked", "is_steady"), [(1, True), (2, True), (3, False), (None, True)])
def test_a_page_that_another_follows_is_full_with_as_many_records_as_were_asked_for(
    asked: int | None, is_steady: bool
) -> None:
    listing = Listing()
    for keys in ((1, 2), (3, 4), (5,)):
        listing.add(Page(0, 2, 5, [], asked=asked), rows(*keys))
    assert listing.is_steady == is_steady


NOT_THERE = ChangeRequest("page 3: it answers 404: ask for another. It says: no: gone. It says: no")
NOT_THERE_EITHER = ChangeRequest("page 4: it answers 404: ask for another")
BUSY = GatewayUnavailable("it broke down. It says: never: mind")
Pages = list[tuple[int | None, list[int]] | A4sError]
# Pages of two records each, and the error among them that ends the sync.
REFUSALS: list[tuple[Pages, A4sError | None]] = [
    # What lies past the end by the total need not be there.
    ([(4, [1, 2]), (4, [3, 4]), NOT_THERE], None),
    ([(4, [1, 2]), (4, [3, 4]), BUSY], None),
    ([(3, [1, 2]), (3, [3]), BUSY], None),
    ([(5, [1, 2]), (5, [3, 4]), NOT_THERE], NOT_THERE),
    ([(5, [1, 2]), (5, [3, 4]), BUSY], BUSY),
    ([(5, [1, 2]), NOT_THERE, (5, [])], NOT_THERE),
    # The page that fails may have the record that lacks, and the one that is refused does not exist.
    ([(4, [1, 2]), (4, [3]), BUSY], BUSY),
    ([(4, [1, 2]), (4, [3]), NOT_THERE], None),
    # Without a total it is there if another follows, and may be if it fails.
    ([(None, [1, 2]), NOT_THERE], None),
    ([(None, [1, 2]), BUSY], BUSY),
    ([(None, [1, 2]), NOT_THERE, (None, [])], None),
    ([(None, [1, 2]), NOT_THERE, (None, [3])], NOT_THERE),
    ([(None, [1, 2]), NOT_THERE, NOT_THERE_EITHER, (None, [3])], NOT_THERE_EITHER),
    ([(None, [1, 2]), (None, []), (None, [3])], None),
]


def read_with_errors(pages: Pages, listing: Listing | None = None) -> Listing:
    listing = listing or Listing()
    listing.begin()
    for page in pages:
        if isinstance(page, A4sError):
            listing.add(Page(0, 1, None, [], page), [])
        else:
            total, keys = page
            listing.add(Page(0, 2, total, [{}] * len(keys)), rows(*keys))
    return listing


def test_an_error_ends_the_sync_where_its_page_should_be_there() -> None:
    for pages, refusal in REFUSALS:
        assert read_with_errors(pages).refusal is refusal, pages


def test_an_error_at_the_end_is_reported_without_its_advice_and_the_gateways_words() -> None:
    busy_page = GatewayUnavailable("page 3: it answers 503: ask later. It says: no: busy. It says: no")
    for error, told in ((busy_page, "page 3: it answers 503"), (BUSY, "it broke down")):
        pages: Pages = [(4, [1, 2]), (4, [3, 4]), error]
        listing = read_with_errors(pages)
        assert (listing.is_at_end, listing.is_whole, listing.is_steady) == (True, True, False)
        assert listing.doubt == f"the listing has no end that can be seen: {told}"
        assert listing.fault_of_total == f"{told}, where the listing should end"


GAP = "a page of the listing came back empty where there should be records"
DOUBTS: list[tuple[Pages, str | None]] = [
    ([(4, [1, 2]), (4, [3, 4]), NOT_THERE], None),
    ([(4, [1, 2]), (4, [3]), NOT_THERE, NOT_THERE], GAP),
    ([(None, [1, 2]), (None, [3]), NOT_THERE, NOT_THERE], None),
]


def test_a_page_that_is_refused_leaves_doubt_where_the_total_promised_more() -> None:
    for pages, doubt in DOUBTS:
        listing = read_with_errors(pages)
        read_with_errors(pages, listing)
        assert (listing.is_whole, listing.doubt) == (True, doubt), pages


HIDES: list[tuple[list[Pages], bool]] = [
    ([[(3, [1, 2]), (3, [3])]], False),
    ([[(3, [1, 2]), (3, []), (3, [3])]], False),
    ([[(5, [1, 2]), (5, [3])]] * 2, False),
    ([[(5, [1, 2]), (5, []), (5, [3])]] * 2, True),
    # The first reading vouches for its count, and not for what a later one saw.
    (
        [[(3, [1, 2]), (3, [3])], [(3, [1]), (3, []), (3, [3])], [(3, [1]), (3, []), (3, [3])]],
        True,
    ),
    ([[(9, [1, 2]), (9, [3]), (9, [4, 5])]] * 2, True),
    # What is refused at the end lies between nothing.
    ([[(4, [1, 2]), (4, [3]), NOT_THERE, NOT_THERE]] * 2, False),
]


def test_a_record_may_hide_before_a_later_one_where_a_page_between_them_was_empty_or_short() -> None:
    for readings, may_hide in HIDES:
        listing = Listing()
        for pages in readings:
            read_with_errors(pages, listing)
        assert listing.is_whole, readings
        assert listing.may_hide_one_between == may_hide, readings


def test_a_listing_with_more_pages_than_any_has_is_endless_unless_its_total_promises_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("a4s_pipeline.gateway.listing.listing._MOST_PAGES", 3)
    for total, pages, is_endless in (
        (None, 2, False),
        (None, 3, True),
        (2, 4, True),
        (3, 3, False),
        (9, 4, False),
    ):
        listing = read(*((total, [number]) for number in range(pages)))
        assert listing.is_endless == is_endless, (total, pages)


def test_an_error_of_an_earlier_reading_is_forgotten() -> None:
    listing = read_with_errors([(5, [1, 2]), (5, [3, 4]), BUSY])
    read_with_errors([(5, [1, 2]), (5, [3, 4]), (5, [5])], listing)
    assert (listing.refusal, listing.doubt, listing.fault_of_total) == (None, None, None)
    assert listing.is_steady


def test_what_an_earlier_reading_saw_does_not_vouch_for_a_later_one() -> None:
    # The first saw all; a page of the second and third came back empty.
    listing = read((4, [1, 2]), (4, [3]), (4, [4]))
    for _ in range(2):
        read((4, [1, 2]), (4, []), (4, [4]), listing=listing)
    assert (listing.is_counted, listing.agrees) == (True, True)
    assert "came back empty" in str(listing.doubt)


def test_readings_that_differ_do_not_agree() -> None:
    for second in OTHER_READINGS:
        listing = read((4, [1, 2]), (4, [2, 3]))
        assert not read(*second, listing=listing).agrees, second


ENDS: list[tuple[list[tuple[int | None, list[int]]], bool]] = [
    ([(0, [])], True),
    # Neither a full page nor a short one proves that it is all, whatever it says.
    ([(2, [1, 2])], False),
    ([(2, [1, 2]), (2, [])], True),
    ([(2, [1, 2]), (None, [])], True),
    ([(2, [1, 2]), (0, [])], True),
    # Before the total is reached, a few pages must be empty, and more where it makes others likely.
    ([(3, [1, 2]), (3, [])], False),
    ([(3, [1, 2]), *[(3, list[int]())] * 3], True),
    ([(9, [1, 2]), *[(9, list[int]())] * 3], False),
    ([(9, [1, 2]), *[(9, list[int]())] * 4], True),
    ([(10**6, [1, 2]), *[(10**6, list[int]())] * 19], False),
    ([(10**6, [1, 2]), *[(10**6, list[int]())] * 20], True),
    ([(None, [])], False),
    ([(None, [1]), *[(None, list[int]())] * 2], False),
    ([(None, [1]), *[(None, list[int]())] * 3], True),
    ([(5, [1, 2]), (5, []), (5, []), (5, [3])], False),
    # A page that is given again past the end is as good as none.
    ([(3, [1, 2]), (3, [3]), (3, [3])], True),
    ([(3, [1, 2]), (3, [3]), (3, [1, 2])], True),
]


def test_an_empty_page_is_the_end_when_the_total_is_reached_or_a_few_more_are_empty_too() -> None:
    for pages, is_at_end in ENDS:
        assert read(*pages).is_at_end == is_at_end, pages


def test_before_its_first_page_a_listing_is_not_at_its_end() -> None:
    listing = Listing()
    assert listing.is_at_end is False
    read((2, [1, 2]), (2, []), listing=listing)
    assert listing.is_at_end is True
    listing.begin()
    assert listing.is_at_end is False


def test_what_was_received_says_how_far_the_pages_reach() -> None:
    listing = read((7, [1, 2]))
    assert [listing.must_hold(number) for number in (1, 4, 5, 6)] == [True, True, False, False]
    assert not read((None, [1, 2])).must_hold(1)
    assert not read((7, [])).must_hold(1)
    assert read((7, [1])).must_hold(7)


def test_what_the_last_reading_did_not_list_is_missing_whatever_an_earlier_one_saw() -> None:
    listing = read((3, [1, 2]), (3, [3]))
    assert listing.missing(["1", "4", "3", "k1"]) == ["4", "k1"]
    read((3, [1, 2]), (3, []), listing=listing)
    assert listing.missing(["1", "4", "3"]) == ["4", "3"]


UNSTEADY: list[list[tuple[int | None, list[int]]]] = [
    [(None, [1, 2])],
    [(2, [1, 2]), (2, [3, 4])],
    [(6, [1, 2]), (6, [3]), (6, [4, 5])],
    [(6, [1, 2]), (6, []), (6, [3, 4])],
]


def test_the_watermark_waits_where_a_page_may_have_left_something_out() -> None:
    for pages in UNSTEADY:
        assert not read(*pages).is_steady, pages


def test_a_page_beyond_the_end_completes_what_was_asked_for_whatever_the_total() -> None:
    listing = Listing()
    add(listing, 100, rows(1, 2))
    assert not listing.is_counted
    add(listing, 100, rows(3, 4), is_beyond_end=True)
    assert listing.is_counted


def test_a_page_beyond_the_end_does_not_complete_what_moved() -> None:
    listing = Listing()
    add(listing, 100, rows(1, 2))
    add(listing, 101, rows(2, 3), is_beyond_end=True)
    assert not listing.is_counted


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[int], int, list[list[int]], list[list[int]]]:
    """The initial records, the page size, and what is added or removed after each page."""
    there = sorted(draw(st.sets(st.integers(0, 60), max_size=25)))
    pages = draw(st.integers(1, 12))
    come = draw(st.lists(st.lists(st.integers(0, 60), max_size=2), min_size=pages, max_size=pages))
    go = draw(st.lists(st.lists(st.integers(0, 60), max_size=2), min_size=pages, max_size=pages))
    return there, draw(st.integers(1, 6)), come, go


def _read_while_it_changes(
    there: list[int], size: int, changes: list[tuple[list[int], list[int]]], readings: int = 4
) -> tuple[set[int], set[int], bool]:
    """Read by offset; return what was seen, what should have been, and whether the listing was whole.

    Whatever exists throughout should be seen, and so should the rest if nothing changes during the last
    reading.
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
            add(listing, len(now), rows(*items))
            seen |= set(items)
            is_last = listing.is_at_end
            if waiting:
                come, go = waiting.pop(0)
                now = sorted((set(now) | set(come)) - set(go))
                must &= set(now)
            if is_last:
                break
            page += 1
        # Two readings that agree say so too once nothing changes: of what went whole, no count is left.
        if listing.is_counted or (not waiting and listing.is_whole):
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
@example(([0, 1], 1, [[]], [[0, 1]]))
def test_a_listing_that_comes_to_rest_is_whole_in_the_end(
    history: tuple[list[int], int, list[list[int]], list[list[int]]],
) -> None:
    there, size, come, go = history
    changes = list(zip(come, go, strict=True))
    _, _, is_whole = _read_while_it_changes(there, size, changes, readings=len(changes) + 3)
    assert is_whole


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.integers(1, 5))
def test_a_listing_is_steady_while_it_ascends_and_holds_each_key_once(keys: list[int], size: int) -> None:
    listing = Listing()
    for first in range(0, len(keys), size):
        add(listing, len(keys), rows(*keys[first : first + size]))
    assert listing.is_steady == all(one < following for one, following in pairwise(keys))
