from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.sync.reconcile.reconciliation import (
    ListedHeader,
    ListedMonth,
    compared,
    ranges_of,
    spans_of,
)
from a4s_pipeline.sync.windows import Months, Span

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MARCH = date(2024, 3, 1)
NEXT_SYNC_FROM = datetime(2024, 3, 20, tzinfo=UTC)
UNREADABLE = ListedHeader(None, None)


def _header(fingerprint: str = "a", day: int = 5) -> ListedHeader:
    return ListedHeader(fingerprint, datetime(2024, 3, day, tzinfo=UTC))


@pytest.mark.parametrize(
    ("listed", "held", "missing", "gone", "changed", "waiting"),
    [
        ({}, {}, (), (), (), 0),
        ({"A": _header()}, {"A": "a"}, (), (), (), 0),
        ({"A": _header()}, {}, ("A",), (), (), 0),
        ({"A": _header(day=20)}, {}, ("A",), (), (), 1),
        ({}, {"A": "a"}, (), ("A",), (), 0),
        ({"A": _header("b")}, {"A": "a"}, (), (), ("A",), 0),
        ({"A": _header("b", day=25)}, {"A": "a"}, (), (), ("A",), 1),
        ({"A": _header()}, {"A": None}, (), (), ("A",), 0),
        # As many as are held, and none of them the same.
        ({"A": _header(), "B": _header()}, {"C": "a", "D": "a"}, ("A", "B"), ("C", "D"), (), 0),
        # What cannot be read is told elsewhere, whether or not it could be read before.
        ({"A": UNREADABLE}, {}, (), (), (), 0),
        ({"A": UNREADABLE}, {"A": "a"}, (), (), (), 0),
        ({"ASIDE": _header()}, {}, (), (), (), 0),
        ({"ASIDE": _header("b")}, {"ASIDE": "a"}, (), (), ("ASIDE",), 0),
    ],
)
def test_a_month_is_compared_by_codes_and_hashes(
    listed: dict[str, ListedHeader],
    held: dict[str, str | None],
    missing: tuple[str, ...],
    gone: tuple[str, ...],
    changed: tuple[str, ...],
    waiting: int,
) -> None:
    month = compared(
        ListedMonth(MARCH, len(listed), listed, is_whole=True),
        held,
        set_aside=frozenset({"ASIDE"}),
        next_sync_from=NEXT_SYNC_FROM,
    )
    assert (month.listed, month.stored) == (len(listed), len(held))
    assert (month.missing, month.gone, month.changed, month.waiting) == (missing, gone, changed, waiting)
    assert month.differs == bool(missing or gone or changed)


def test_before_the_first_sync_everything_is_still_to_come() -> None:
    listed = ListedMonth(MARCH, 1, {"A": _header(day=1)}, is_whole=True)
    month = compared(listed, {}, set_aside=frozenset(), next_sync_from=None)
    assert (month.differing, month.waiting) == (1, 1)


def test_of_a_listing_that_kept_moving_nothing_is_said() -> None:
    listed = ListedMonth(MARCH, 9, {"A": _header()}, is_whole=False)
    month = compared(listed, {"B": "b"}, set_aside=frozenset(), next_sync_from=None)
    assert (month.listed, month.stored, month.differs, month.is_whole) == (9, 1, False, False)


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("months", "spans"),
    [
        (
            Months(date(2024, 2, 1), MARCH),
            {
                date(2024, 2, 1): Span(_midnight("2024-02-01"), _midnight("2024-03-01")),
                MARCH: Span(_midnight("2024-03-01"), _midnight("2024-04-01")),
            },
        ),
        # The history starts within a month; the month that is running has no end, and none follows it.
        (
            Months(date(2023, 1, 1), date(2024, 1, 1)),
            {date(2024, 1, 1): Span(_midnight("2024-01-15"), _midnight("2024-02-01"))},
        ),
        (
            Months(date(2024, 5, 1), date(2030, 1, 1)),
            {date(2024, 5, 1): Span(_midnight("2024-05-01"), None)},
        ),
    ],
)
def test_each_month_is_a_span_within_the_history(months: Months, spans: dict[date, Span]) -> None:
    found = spans_of(months, history_start=date(2024, 1, 15), running=date(2024, 5, 1), timezone=AMSTERDAM)
    assert found == spans


@pytest.mark.parametrize(
    ("months", "ranges"),
    [
        ([], []),
        ([MARCH], [(3, 3)]),
        ([date(2024, 4, 1), MARCH], [(3, 4)]),
        ([date(2024, 1, 1), MARCH, date(2024, 4, 1), date(2024, 7, 1)], [(1, 1), (3, 4), (7, 7)]),
    ],
)
def test_months_that_follow_one_another_are_read_in_one_run(
    months: list[date], ranges: list[tuple[int, int]]
) -> None:
    assert ranges_of(months) == [Months(date(2024, a, 1), date(2024, b, 1)) for a, b in ranges]


def test_december_is_followed_by_january() -> None:
    months = [date(2023, 12, 1), date(2024, 1, 1)]
    assert ranges_of(months) == [Months(*months)]
