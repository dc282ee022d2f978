from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.stock_records import Stock
from a4s_pipeline.ondemand.stock.projection import project, project_until
from a4s_pipeline_tests.support.installed_site import stock_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY = date(2026, 3, 10)

NO_REAL_DATE: list[Any] = [
    None,
    "",
    "   ",
    "asap",
    "week 12",
    "2026-02-30",
    "2026-13-01",
    "10-03-2026",
    20260310,
    True,
    ["2026-03-10"],
    {"date": "2026-03-10"},
    "0001-01-01",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00Z",
    "1753-01-01",
    "1753-01-01T00:00:00",
    "1753-01-01T12:30:00+01:00",
    "1900-01-01",
    "1900-01-01T00:00:00.000",
    "1900-01-01T00:00:00Z",
    "9999-12-31",
    "9999-12-31T00:00:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.9999999",
]


def stock(shelf: Any = 0, sold: Any = 0, deliveries: Sequence[tuple[Any, Any]] = ()) -> Stock:
    """Stock as read from the wire."""
    read = read_record(Stock, stock_of("A1", shelf, sold, deliveries), "itemCode", AMSTERDAM)
    assert isinstance(read, Stock), read
    return read


def projected(*given: Any, day: date = DAY) -> str:
    return str(project(stock(*given), day).projected)


def test_what_will_be_there_is_the_shelf_less_what_is_sold_plus_what_comes_in_up_to_the_day() -> None:
    for shelf, sold, deliveries, expected in [
        (10, 0, [], "10"),
        (10, 4, [], "6"),
        (0, 0, [], "0"),
        (10, 4, [("2026-03-09", 5)], "11"),
        (10, 4, [("2026-03-10", 5)], "11"),
        (10, 4, [("2026-03-11", 5)], "6"),
        (10, 4, [("2026-03-09", 5), ("2026-03-10", 7), ("2026-03-11", 100)], "18"),
        (10, 4, [("2026-03-10", 5), ("2026-03-10", 5)], "16"),
        # Past deliveries count, however long ago.
        (0, 0, [("2019-01-01", 3), ("1990-01-01", 4)], "7"),
        # No delivery is expected before 1990 or after 2200, with or without a time.
        (0, 0, [("1899-12-30", 1), ("1899-12-31", 2), ("1970-01-01", 4), ("1989-12-31", 8)], "0"),
        (0, 0, [("1899-12-30T00:00:00", 1), ("1970-01-01T00:00:00Z", 2), ("1985-06-01T12:00", 4)], "0"),
        # What is missing is missing: a negative stays negative.
        (0, 4, [], "-4"),
        (-3, 4, [], "-7"),
        (-3, -4, [], "1"),
        (2, 10, [("2026-03-10", 5)], "-3"),
        (10, 0, [("2026-03-10", -4)], "6"),
        # Far ahead, and not yet.
        (1, 0, [("2200-12-31", 5), ("2027-01-01", 5)], "1"),
    ]:
        assert projected(shelf, sold, deliveries) == expected, (shelf, sold, deliveries, expected)


def test_an_entry_without_a_real_date_never_counts_and_is_counted_apart() -> None:
    for no_date in NO_REAL_DATE:
        held = stock(10, 4, [(no_date, 1000), ("2026-03-01", 5)])
        for day in (date(1970, 1, 1), DAY, date(9999, 12, 31)):
            projection = project(held, day)
            assert projection.projected == (11 if day >= date(2026, 3, 1) else 6), no_date
            assert projection.entries_without_date == 1, no_date


def test_an_entry_whose_date_is_absent_is_one_without_a_date() -> None:
    raw = stock_of("A1", 10)
    raw["deliveryDates"] = [{"quantity": 5}, {"quantity": 6, "date": None}]
    read = read_record(Stock, raw, "itemCode", AMSTERDAM)
    assert isinstance(read, Stock)
    projection = project(read, DAY)
    assert projection.projected == 10
    assert projection.entries_without_date == 2


def test_a_list_of_deliveries_that_is_null_or_empty_brings_nothing_in() -> None:
    empty: list[Any] = [None, []]
    for nothing in empty:
        raw = stock_of("A1", 10, 4) | {"deliveryDates": nothing}
        read = read_record(Stock, raw, "itemCode", AMSTERDAM)
        assert isinstance(read, Stock), nothing
        assert project(read, DAY).projected == 6, nothing


def test_a_date_with_a_time_counts_from_its_day_in_amsterdam() -> None:
    for date_given, counts_from in [
        ("2026-03-10T00:00:00", date(2026, 3, 10)),
        ("2026-03-10T23:59:59", date(2026, 3, 10)),
        ("2026-03-10T23:59:59.999", date(2026, 3, 10)),
        # With an offset it is an instant, and the day is that of Amsterdam: an hour ahead in winter ...
        ("2026-03-10T22:59:59Z", date(2026, 3, 10)),
        ("2026-03-10T23:00:00Z", date(2026, 3, 11)),
        ("2026-03-10T23:30:00+00:00", date(2026, 3, 11)),
        ("2026-03-11T00:30:00+02:00", date(2026, 3, 10)),
        ("2026-03-10T18:00:00-05:00", date(2026, 3, 11)),
        # ... and two in summer.
        ("2026-07-10T21:59:59Z", date(2026, 7, 10)),
        ("2026-07-10T22:00:00Z", date(2026, 7, 11)),
        # The night in which the clock goes forward, and the one in which it goes back.
        ("2026-03-29T02:30:00", date(2026, 3, 29)),
        ("2026-03-28T23:30:00Z", date(2026, 3, 29)),
        ("2026-10-24T22:30:00Z", date(2026, 10, 25)),
        ("2026-10-25T23:30:00Z", date(2026, 10, 26)),
        (" 2026-03-10 ", date(2026, 3, 10)),
    ]:
        held = stock(0, 0, [(date_given, 1)])
        assert project(held, counts_from - timedelta(days=1)).projected == 0, date_given
        assert project(held, counts_from).projected == 1, date_given
        assert project(held, counts_from).entries_without_date == 0, date_given


def test_the_days_are_those_of_the_time_zone_of_the_settings() -> None:
    raw = stock_of("A1", 0, 0, [("2026-03-10T23:30:00Z", 1)])
    read = read_record(Stock, raw, "itemCode", ZoneInfo("America/New_York"))
    assert isinstance(read, Stock)
    assert project(read, date(2026, 3, 10)).projected == 1


def test_a_projection_says_what_it_is_made_of() -> None:
    made = project(stock(10, 4, [("2026-03-01", 5), ("2026-03-10", 2), ("2026-04-01", 9), (None, 1)]), DAY)
    quantities = made.shelf_stock, made.to_be_delivered, made.incoming, made.projected
    assert [str(quantity) for quantity in quantities] == ["10", "4", "7", "13"]
    assert (made.day, made.entries_without_date) == (DAY, 1)


def test_many_decimals_stay_exact() -> None:
    for shelf, sold, incoming, expected in [
        ("0.1", "0.3", "0.2", "0.0"),
        (
            "0.1234567890123456789012345678901234567890",
            "0",
            "1",
            "1.1234567890123456789012345678901234567890",
        ),
        (
            "99999999999999999999999999999999999999999999999999",
            "0",
            "0.00000000000000000000000000000000000000000000000001",
            "99999999999999999999999999999999999999999999999999"
            ".00000000000000000000000000000000000000000000000001",
        ),
        ("1e30", "1e-30", "0", "999999999999999999999999999999.999999999999999999999999999999"),
    ]:
        raw = exact_json.loads(
            f'{{"itemCode": "A1", "shelfStock": {shelf}, "toBeDelivered": {sold},'
            f' "deliveryDates": [{{"date": "2026-03-10", "quantity": {incoming}}}]}}'
        )
        read = read_record(Stock, raw, "itemCode", AMSTERDAM)
        assert isinstance(read, Stock), shelf
        assert project(read, DAY).projected == Decimal(expected), shelf


def test_a_quantity_that_no_sum_can_hold_is_unreadable_and_no_guess() -> None:
    for absurd in ["1E+999999999", "1E-999999999", "1e200", "-1e200", "1e-200", "NaN", "1e9999"]:
        for field in ["shelfStock", "toBeDelivered", "quantity"]:
            raw = stock_of("A1", 1, 1, [("2026-03-10", 1)])
            (raw["deliveryDates"][0] if field == "quantity" else raw)[field] = exact_json.loads(absurd)
            read = read_record(Stock, raw, "itemCode", AMSTERDAM)
            assert isinstance(read, Unreadable), (absurd, field)
            assert field in read.reason, (absurd, field)


def test_the_days_until_are_exactly_those_on_which_the_figure_changes() -> None:
    held = stock(
        10,
        0,
        [
            ("2026-03-09", 1),  # past
            ("2026-03-10", 2),  # the first day itself
            ("2026-03-12", 3),
            ("2026-03-13", 0),  # nothing
            ("2026-03-14", 5),  # two that cancel each other
            ("2026-03-14", -5),
            ("2026-03-15T23:30:00Z", -20),  # the 16th in Amsterdam
            ("2026-03-20", 4),  # the last day
            ("2026-03-21", 100),  # too late
            (None, 1000),
            ("9999-12-31", 1000),
        ],
    )
    days = project_until(held, DAY, date(2026, 3, 20))
    assert [(str(each.day), str(each.projected)) for each in days] == [
        ("2026-03-10", "13"),
        ("2026-03-12", "16"),
        ("2026-03-16", "-4"),
        ("2026-03-20", "0"),
    ]
    assert {each.entries_without_date for each in days} == {2}


def test_until_the_day_itself_or_before_it_there_is_only_that_day() -> None:
    for until in [DAY, DAY - timedelta(days=1)]:
        held = stock(1, 0, [("2026-03-10", 1), ("2026-03-11", 1), ("2026-03-09", 1)])
        assert [(each.day, str(each.projected)) for each in project_until(held, DAY, until)] == [
            (DAY, "3")
        ], until


quantities = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(min_value=-(10**24), max_value=10**24),
    st.integers(min_value=0, max_value=24),
)
days = st.dates(min_value=DAY - timedelta(days=6), max_value=DAY + timedelta(days=6))
stocks = st.builds(
    stock,
    quantities,
    quantities,
    st.lists(st.tuples(days.map(date.isoformat) | st.none(), quantities), max_size=12),
)


def by_fractions(held: Stock, day: date) -> Fraction:
    """The same rule, in arithmetic that cannot round."""
    there = Fraction(held.shelf_stock) - Fraction(held.to_be_delivered)
    for entry in held.deliveries:
        if entry.date is not None and entry.date <= day:
            there += Fraction(entry.quantity)
    return there


@given(stocks, days)
def test_the_rule_agrees_with_arithmetic_that_cannot_round(held: Stock, day: date) -> None:
    projection = project(held, day)
    assert Fraction(projection.projected) == by_fractions(held, day)
    made_of = projection.shelf_stock, projection.to_be_delivered, projection.incoming
    shelf, sold, incoming = map(Fraction, made_of)
    assert Fraction(projection.projected) == shelf - sold + incoming
    dated = sum(entry.date is not None for entry in held.deliveries)
    assert projection.entries_without_date + dated == len(held.deliveries)


@given(stocks, days, days)
def test_the_days_listed_tell_the_figure_of_every_day_and_no_day_too_many(
    held: Stock, start: date, until: date
) -> None:
    listed = {each.day: Fraction(each.projected) for each in project_until(held, start, until)}
    figure = by_fractions(held, start)
    expected = {start: figure}
    for later in range(1, (until - start).days + 1):
        day = start + timedelta(days=later)
        if by_fractions(held, day) != figure:
            figure = expected[day] = by_fractions(held, day)
    assert listed == expected
    assert list(listed) == sorted(listed)
