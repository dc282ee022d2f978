import pytest

from a4s_pipeline.sync.removals import KEPT_MOVING, Reading, Removal, Verdict, removal_of

TWICE = "the listing names a record twice, so its count cannot be trusted"
EMPTY = "the listing came back empty, where 9 items are held"


def reading(**changes: bool | int) -> Reading:
    usual: dict[str, bool | int] = {
        "is_complete": True,
        "is_confirmed": True,
        "repeats": False,
        "total": 7,
        "held": 9,
        "missing": 2,
    }
    return Reading(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "verdict", "withheld"),
    [
        ({}, Verdict.REMOVE, None),
        ({"missing": 0}, Verdict.DONE, None),
        ({"missing": 0, "is_confirmed": False}, Verdict.DONE, None),
        ({"is_confirmed": False}, Verdict.READ_AGAIN, KEPT_MOVING),
        ({"is_complete": False}, Verdict.READ_AGAIN, KEPT_MOVING),
        ({"is_complete": False, "is_confirmed": False}, Verdict.READ_AGAIN, KEPT_MOVING),
        # Whether anything is missing cannot be told before the listing is complete.
        ({"is_complete": False, "missing": 0}, Verdict.READ_AGAIN, KEPT_MOVING),
        ({"is_complete": False, "repeats": True}, Verdict.WITHHOLD, TWICE),
        ({"is_complete": False, "repeats": True, "missing": 0}, Verdict.DONE, None),
        ({"total": 0, "missing": 9}, Verdict.WITHHOLD, EMPTY),
        ({"total": 0, "missing": 9, "is_confirmed": False}, Verdict.WITHHOLD, EMPTY),
        ({"total": 0, "held": 0, "missing": 0}, Verdict.DONE, None),
        # A month may be empty, where the history it is part of is not.
        ({"total": 0, "missing": 9, "lists_others": True}, Verdict.REMOVE, None),
        (
            {"total": 0, "missing": 9, "lists_others": True, "is_confirmed": False},
            Verdict.READ_AGAIN,
            KEPT_MOVING,
        ),
        ({"total": 7, "held": 9, "missing": 9}, Verdict.REMOVE, None),
    ],
)
def test_only_a_complete_reading_that_another_confirms_takes_anything_for_gone(
    changes: dict[str, bool | int], verdict: Verdict, withheld: str | None
) -> None:
    assert removal_of(reading(**changes), "items") == Removal(verdict, withheld)
