from collections.abc import Sequence
from typing import Any

from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.sync.removals import KEPT_MOVING, Reading, Verdict, reading_of, removal_of

EMPTY = "the listing came back empty, where 9 items are stored"
STRANGERS = "as if another administration had answered"
DOUBT = "a page came back empty"
USUAL: dict[str, Any] = {
    "is_whole": True,
    "agrees": True,
    "doubt": None,
    "listed": 7,
    "stored": 9,
    "missing": 2,
}
DECISIONS: list[tuple[dict[str, Any], Verdict, str | None]] = [
    ({}, Verdict.REMOVE, None),
    ({"listed": 7, "stored": 9, "missing": 9}, Verdict.REMOVE, None),
    ({"missing": 0}, Verdict.DONE, None),
    ({"missing": 0, "agrees": False}, Verdict.DONE, None),
    ({"missing": 0, "doubt": DOUBT}, Verdict.DONE, None),
    ({"agrees": False}, Verdict.READ_AGAIN, KEPT_MOVING),
    ({"agrees": False, "doubt": DOUBT}, Verdict.READ_AGAIN, KEPT_MOVING),
    ({"doubt": DOUBT}, Verdict.WITHHOLD, DOUBT),
    # Whether anything is missing cannot be told before the listing is whole.
    ({"is_whole": False}, Verdict.READ_AGAIN, KEPT_MOVING),
    ({"is_whole": False, "agrees": False, "missing": 0}, Verdict.READ_AGAIN, KEPT_MOVING),
    ({"listed": 0, "missing": 9}, Verdict.WITHHOLD, EMPTY),
    ({"listed": 0, "missing": 9, "agrees": False}, Verdict.READ_AGAIN, KEPT_MOVING),
    ({"listed": 0, "stored": 0, "missing": 0}, Verdict.DONE, None),
    # A month may be empty, where the history it is part of is not.
    ({"listed": 0, "missing": 9, "lists_others": True}, Verdict.REMOVE, None),
    ({"listed": 0, "missing": 9, "lists_others": True, "agrees": False}, Verdict.READ_AGAIN, KEPT_MOVING),
    # Most went and nothing came: that may well be.
    ({"listed": 3, "stored": 100, "missing": 97}, Verdict.REMOVE, None),
    ({"listed": 49, "stored": 102, "missing": 53, "new": 2}, Verdict.REMOVE, None),
    # Nearly all is listed under another code, or under none.
    ({"listed": 100, "stored": 200, "missing": 100, "new": 100}, Verdict.WITHHOLD, STRANGERS),
    ({"listed": 100, "stored": 100, "missing": 100}, Verdict.WITHHOLD, STRANGERS),
    ({"listed": 100, "stored": 160, "missing": 60, "new": 60}, Verdict.WITHHOLD, STRANGERS),
    ({"listed": 100, "stored": 150, "missing": 50, "new": 50}, Verdict.REMOVE, None),
    ({"listed": 19, "stored": 38, "missing": 19, "new": 19}, Verdict.REMOVE, None),
    (
        {"listed": 99, "stored": 198, "missing": 99, "new": 99, "agrees": False},
        Verdict.READ_AGAIN,
        KEPT_MOVING,
    ),
    # What was set aside before, or is stored in another span, is no stranger.
    ({"listed": 75, "stored": 40, "missing": 25, "elsewhere": 60}, Verdict.REMOVE, None),
    (
        {"listed": 100, "stored": 200, "missing": 100, "new": 100, "elsewhere": 40},
        Verdict.WITHHOLD,
        STRANGERS,
    ),
    # The sync after that knows the new codes.
    ({"listed": 100, "stored": 200, "missing": 100}, Verdict.REMOVE, None),
]


def test_only_a_whole_reading_that_another_agrees_with_takes_anything_for_gone() -> None:
    for changes, verdict, withheld in DECISIONS:
        reading = Reading(**(USUAL | changes))
        removal = removal_of(reading, "items")
        assert removal.verdict is verdict, changes
        assert removal.withheld == withheld or (
            withheld == STRANGERS and withheld in str(removal.withheld)
        ), changes


def test_how_much_was_replaced_is_reported() -> None:
    reading = Reading(**(USUAL | {"listed": 1000, "stored": 1600, "missing": 600, "new": 600}))
    assert removal_of(reading, "items").withheld == (
        "of 1,000 items stored before 600 are not listed, and of 1,000 that are listed 600 were not stored, "
        "as if another administration had answered, or codes were written in another way"
    )


def read(total: int, pages: Sequence[str], readings: int) -> Listing:
    listing = Listing()
    for _ in range(readings):
        listing.begin()
        for keys in pages:
            listing.add(Page(0, 300, total, []), [Listed(key) for key in keys])
    return listing


def test_a_reading_says_what_its_listing_showed_and_what_the_store_lacks_or_has_more() -> None:
    gap = "a page of the listing came back empty where there should be records"
    for listing, is_whole, agrees, doubt, listed in (
        (read(3, ["AB", "C"], 1), True, False, None, 3),
        (read(3, ["AB"], 1), False, False, None, 2),
        (read(3, ["AB"], 2), True, True, None, 2),
        (read(4, ["AB", "", "C"], 2), True, True, gap, 3),
    ):
        shown: dict[str, Any] = {"is_whole": is_whole, "agrees": agrees, "doubt": doubt, "listed": listed}
        compared: dict[str, Any] = {"stored": 9, "missing": 5, "new": 2, "elsewhere": 1, "lists_others": True}
        assert reading_of(listing, **compared) == Reading(**shown, **compared)
        # A caller that counts neither says that there were none.
        none: dict[str, Any] = {"new": 0, "elsewhere": 0, "lists_others": False}
        assert reading_of(listing, stored=9, missing=5) == Reading(**shown, stored=9, missing=5, **none)
