from typing import Any

from a4s_pipeline.sync.removals import KEPT_MOVING, Reading, Removal, Verdict, removal_of

EMPTY = "the listing came back empty, where 9 items are stored"
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
]


def test_only_a_whole_reading_that_another_agrees_with_takes_anything_for_gone() -> None:
    for changes, verdict, withheld in DECISIONS:
        reading = Reading(**(USUAL | changes))
        assert removal_of(reading, "items") == Removal(verdict, withheld), changes
