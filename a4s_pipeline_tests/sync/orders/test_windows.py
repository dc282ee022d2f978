from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.sync.windows import (
    Months,
    OrdersPlan,
    Span,
    WatermarkRule,
    each_month,
    history_months,
    listings_of,
    midnight,
    month_after,
    month_of,
    next_watermark,
    span_to_read,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HISTORY_START = date(2015, 1, 1)
CLOCK = datetime(2024, 6, 15, 12, tzinfo=UTC)
instants = st.integers(1420070400, 2051222400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        ("2024-02-29T22:59:59+00:00", date(2024, 2, 1)),
        ("2024-02-29T23:00:00+00:00", date(2024, 3, 1)),
        ("2024-03-31T21:59:59+00:00", date(2024, 3, 1)),
        ("2024-03-31T22:00:00+00:00", date(2024, 4, 1)),
        ("2023-12-31T23:30:00+00:00", date(2024, 1, 1)),
    ],
)
def test_an_instant_belongs_to_the_month_of_the_administrations_own_clock(instant: str, month: date) -> None:
    assert month_of(at(instant), AMSTERDAM) == month


@pytest.mark.parametrize(
    ("month", "after"),
    [
        (date(2024, 1, 1), date(2024, 2, 1)),
        (date(2024, 2, 1), date(2024, 3, 1)),
        (date(2023, 2, 1), date(2023, 3, 1)),
        (date(2024, 12, 1), date(2025, 1, 1)),
        (date(2024, 7, 31), date(2024, 8, 1)),
    ],
)
def test_after_a_month_comes_the_next(month: date, after: date) -> None:
    assert month_after(month) == after


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        (date(2024, 1, 1), "2023-12-31T23:00:00+00:00"),
        (date(2024, 7, 1), "2024-06-30T22:00:00+00:00"),
        (date(2024, 3, 31), "2024-03-30T23:00:00+00:00"),
        (date(2024, 10, 27), "2024-10-26T22:00:00+00:00"),
    ],
)
def test_a_day_begins_at_midnight_of_the_administration(day: date, instant: str) -> None:
    assert midnight(day, AMSTERDAM) == at(instant)


def months(first: str, last: str) -> OrdersPlan:
    return OrdersPlan(Months(date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01")))


@pytest.mark.parametrize(
    ("plan", "watermark", "start", "end"),
    [
        # The first sync reads all of history.
        (OrdersPlan(), None, "2015-01-01T00:00:00+01:00", None),
        # Later ones look back, by days of the local calendar.
        (OrdersPlan(), "2024-06-10T09:00:00+00:00", "2024-06-03T09:00:00+00:00", None),
        (OrdersPlan(), "2024-04-02T09:00:00+00:00", "2024-03-26T10:00:00+00:00", None),
        (OrdersPlan(), "2023-10-31T09:00:00+00:00", "2023-10-24T08:00:00+00:00", None),
        # The look-back ends where history starts.
        (OrdersPlan(), "2015-01-03T09:00:00+00:00", "2015-01-01T00:00:00+01:00", None),
        # An outage of any length is caught up.
        (OrdersPlan(), "2019-01-10T09:00:00+00:00", "2019-01-03T09:00:00+00:00", None),
        # Months are read whole whatever the watermark.
        (months("2024-03", "2024-03"), None, "2024-03-01T00:00:00+01:00", "2024-04-01T00:00:00+02:00"),
        (
            months("2024-03", "2024-03"),
            "2024-06-10T09:00:00+00:00",
            "2024-03-01T00:00:00+01:00",
            "2024-04-01T00:00:00+02:00",
        ),
        (months("2024-01", "2024-05"), None, "2024-01-01T00:00:00+01:00", "2024-06-01T00:00:00+02:00"),
        # The running month, and what comes after, have no end.
        (months("2024-05", "2024-06"), None, "2024-05-01T00:00:00+02:00", None),
        (months("2024-06", "2031-01"), None, "2024-06-01T00:00:00+02:00", None),
        # Nothing before the history start is of interest.
        (months("2014-01", "2015-01"), None, "2015-01-01T00:00:00+01:00", "2015-02-01T00:00:00+01:00"),
    ],
)
def test_the_span_to_read_follows_from_the_plan_and_the_watermark(
    plan: OrdersPlan, watermark: str | None, start: str, end: str | None
) -> None:
    span = span_to_read(
        plan,
        watermark=at(watermark) if watermark else None,
        history_start=HISTORY_START,
        lookback_days=7,
        timezone=AMSTERDAM,
        clock=CLOCK,
    )
    assert span == Span(at(start), at(end) if end else None)


@pytest.mark.parametrize(
    ("clock", "month"),
    [
        # In UTC it is still June.
        ("2024-06-30T22:30:00+00:00", "2024-07"),
        # Further east, where this may run, it is July already.
        ("2024-06-30T19:00:00+00:00", "2024-06"),
    ],
)
def test_the_running_month_is_the_administrations_and_not_that_of_utc(clock: str, month: str) -> None:
    span = span_to_read(
        months(month, month),
        watermark=None,
        history_start=HISTORY_START,
        lookback_days=7,
        timezone=AMSTERDAM,
        clock=at(clock),
    )
    assert span.end is None


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [
        ("2024-01-01", "2024-02-01", [("2024-01-01", "2024-02-01")]),
        ("2024-01-01", None, [("2024-01-01", "clock"), ("clock", None)]),
        ("2024-07-01", None, [("2024-07-01", None)]),
    ],
)
def test_an_open_span_is_listed_in_two_parts_that_meet_at_the_start_of_the_run(
    start: str, end: str | None, parts: list[tuple[str, str | None]]
) -> None:
    def instant(text: str | None) -> datetime | None:
        if text is None:
            return None
        return CLOCK if text == "clock" else midnight(date.fromisoformat(text), AMSTERDAM)

    listed = listings_of(Span(midnight(date.fromisoformat(start), AMSTERDAM), instant(end)), CLOCK)
    assert [(part.start, part.end) for part in listed] == [
        (instant(first), instant(last)) for first, last in parts
    ]


@given(
    start=instants, length=st.none() | st.timedeltas(timedelta(hours=1), timedelta(days=4000)), clock=instants
)
def test_the_parts_of_a_span_leave_nothing_out_and_do_not_overlap(
    start: datetime, length: timedelta | None, clock: datetime
) -> None:
    span = Span(start, None if length is None else start + length)
    parts = listings_of(span, clock)
    assert (parts[0].start, parts[-1].end) == (span.start, span.end)
    for part, following in pairwise(parts):
        assert part.end == following.start


START = "2015-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("stored", "imported", "span_start", "moved_to"),
    [
        # It follows what came in.
        (None, "2024-03-01T00:00:00+00:00", START, "2024-03-01T00:00:00+00:00"),
        ("2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00", START, "2024-03-01T00:00:00+00:00"),
        # Nothing came in.
        (None, None, START, None),
        ("2024-02-01T00:00:00+00:00", None, START, "2024-02-01T00:00:00+00:00"),
        # It never moves back.
        ("2024-03-01T00:00:00+00:00", "2024-02-01T00:00:00+00:00", START, "2024-03-01T00:00:00+00:00"),
        # It reaches the start of the run, and never passes it.
        (None, "2024-06-15T12:00:00+00:00", START, "2024-06-15T12:00:00+00:00"),
        (None, "2024-06-15T12:00:01+00:00", START, None),
        ("2024-03-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00", START, "2024-03-01T00:00:00+00:00"),
        # It does not jump over what was not read.
        (
            "2024-02-01T00:00:00+00:00",
            "2024-03-05T00:00:00+00:00",
            "2024-03-01T00:00:00+00:00",
            "2024-02-01T00:00:00+00:00",
        ),
        (
            "2024-03-01T00:00:00+00:00",
            "2024-03-05T00:00:00+00:00",
            "2024-03-01T00:00:00+00:00",
            "2024-03-05T00:00:00+00:00",
        ),
        (None, "2024-03-05T00:00:00+00:00", "2015-01-02T00:00:00+00:00", None),
    ],
)
def test_the_watermark_moves_to_what_was_imported_where_that_is_safe(
    stored: str | None, imported: str | None, span_start: str, moved_to: str | None
) -> None:
    moved = next_watermark(
        at(stored) if stored else None,
        at(imported) if imported else None,
        span=Span(at(span_start), None),
        history_start=at(START),
        clock=CLOCK,
    )
    assert moved == (at(moved_to) if moved_to else None)


@given(
    stored=st.none() | instants,
    imported=st.none() | instants,
    start=instants,
    history=instants,
    clock=instants,
)
def test_the_watermark_never_moves_back_or_past_the_clock_or_over_a_gap(
    stored: datetime | None,
    imported: datetime | None,
    start: datetime,
    history: datetime,
    clock: datetime,
) -> None:
    moved = next_watermark(stored, imported, span=Span(start, None), history_start=history, clock=clock)
    if moved == stored:
        return
    assert moved == imported
    assert moved is not None
    assert moved <= clock
    assert stored is None or moved > stored
    assert start <= (stored or history)


@given(watermark=instants, lookback=st.integers(0, 400))
def test_a_sync_always_reads_the_instant_of_the_watermark_again(watermark: datetime, lookback: int) -> None:
    span = span_to_read(
        OrdersPlan(),
        watermark=watermark,
        history_start=HISTORY_START,
        lookback_days=lookback,
        timezone=AMSTERDAM,
        clock=CLOCK,
    )
    assert span.start <= max(watermark, midnight(HISTORY_START, AMSTERDAM))
    assert span.end is None


@pytest.mark.parametrize(
    ("start", "clock", "first", "last"),
    [
        (date(2024, 1, 15), "2024-02-29T22:59:59+00:00", date(2024, 1, 1), date(2024, 2, 1)),
        (date(2024, 1, 15), "2024-02-29T23:00:00+00:00", date(2024, 1, 1), date(2024, 3, 1)),
        (date(2025, 1, 15), "2024-02-29T23:00:00+00:00", date(2025, 1, 1), date(2025, 1, 1)),
    ],
)
def test_the_history_has_the_months_from_its_start_to_the_running_one(
    start: date, clock: str, first: date, last: date
) -> None:
    assert history_months(start, at(clock), AMSTERDAM) == Months(first, last)


def test_each_month_comes_once_both_ends_included() -> None:
    assert list(each_month(date(2023, 12, 1), date(2024, 2, 1))) == [
        date(2023, 12, 1),
        date(2024, 1, 1),
        date(2024, 2, 1),
    ]
    assert list(each_month(date(2024, 2, 1), date(2024, 1, 1))) == []


def test_a_span_that_starts_with_the_run_is_one_listing_and_the_parts_of_others_keep_its_zone() -> None:
    assert listings_of(Span(CLOCK, None), CLOCK) == [Span(CLOCK, None)]
    start = midnight(date(2024, 1, 1), AMSTERDAM)
    first, second = listings_of(Span(start, None), CLOCK)
    assert first.end is not None
    assert first.end.tzinfo is second.start.tzinfo is AMSTERDAM


def test_a_watermark_is_in_utc() -> None:
    start, imported = midnight(HISTORY_START, AMSTERDAM), at("2024-05-01T09:00:00+02:00")
    for stored in (None, at("2024-04-01T00:00:00+00:00")):
        moved = next_watermark(stored, imported, span=Span(start, None), history_start=start, clock=CLOCK)
        assert moved is not None
        assert moved.isoformat() == "2024-05-01T07:00:00+00:00"


@pytest.mark.parametrize(
    ("may_move", "imported", "after"),
    [
        (True, "2024-05-01T00:00:00+00:00", "2024-05-01T00:00:00+00:00"),
        (False, "2024-05-01T00:00:00+00:00", "2024-04-01T00:00:00+00:00"),
        (True, "2024-07-01T00:00:00+00:00", "2024-04-01T00:00:00+00:00"),
    ],
)
def test_a_watermark_stays_where_a_listing_left_a_gap_and_before_the_future(
    may_move: bool, imported: str, after: str
) -> None:
    start = midnight(HISTORY_START, AMSTERDAM)
    rule = WatermarkRule(Span(start, None), start, CLOCK, may_move)
    assert rule.after(at("2024-04-01T00:00:00+00:00"), at(imported)) == at(after)


def test_a_first_watermark_needs_a_span_that_begins_with_the_history() -> None:
    start, imported = midnight(HISTORY_START, AMSTERDAM), at("2024-05-01T00:00:00+00:00")
    for begins, after in ((start, imported), (start + timedelta(days=1), None)):
        assert WatermarkRule(Span(begins, None), start, CLOCK).after(None, imported) == after
