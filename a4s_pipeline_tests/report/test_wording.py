from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.report import wording
from a4s_pipeline.report.months import Year, month_before

NOW = datetime(2024, 6, 20, 12, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("1234567.49", "1,234,567"),
        ("0.5", "1"),
        ("-1234.6", "\N{MINUS SIGN}1,235"),
        ("-0.4", "0"),
    ],
)
def test_numbers_are_whole_and_have_separators(value: str, text: str) -> None:
    assert wording.number(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10.0000", "10"),
        ("1200", "1,200"),
        ("12.5000", "12.5"),
        ("0.125", "0.13"),
        ("-2.5", "\N{MINUS SIGN}2.5"),
    ],
)
def test_quantities_have_the_decimals_they_need(value: str, text: str) -> None:
    assert wording.quantity(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1234.5", "EUR", "EUR 1,234.50"),
        ("-0.125", "GBP", "GBP \N{MINUS SIGN}0.12"),
        ("99999999999999.9999", None, "100,000,000,000,000.00"),
        (None, "EUR", "\N{EN DASH}"),
    ],
)
def test_money_follows_the_code_of_its_currency(value: str | None, currency: str | None, text: str) -> None:
    assert wording.money(Decimal(value) if value else None, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (80, "80"),
        (2500, "2.5k"),
        (250_000, "250k"),
        (1.5e6, "1.5M"),
        (2e9, "2bn"),
        (-4000, "\N{MINUS SIGN}4k"),
    ],
)
def test_axes_show_round_numbers_short(value: float, text: str) -> None:
    assert wording.compact(value) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (110, 100, "+10%"),
        (90, 100, "\N{MINUS SIGN}10%"),
        (100, 100, "0%"),
        (5, 0, None),
        (5, -5, None),
        (-5, 10, "\N{MINUS SIGN}150%"),
    ],
)
def test_a_change_is_told_where_there_is_something_to_compare_with(
    now: int, before: int, text: str | None
) -> None:
    assert wording.change(Decimal(now), Decimal(before)) == text


def test_a_share_is_part_of_something() -> None:
    assert wording.share(Decimal(1), Decimal(8)) == "12.5%"
    assert wording.share(Decimal(1), Decimal(0)) == "\N{EN DASH}"


def test_moments_are_told_in_the_time_zone_of_the_page() -> None:
    assert wording.moment(datetime(2024, 12, 31, 23, 30, tzinfo=UTC), NOW) == "1 Jan 2025, 00:30"
    assert wording.moment(None, NOW) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=59), "3 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=12), "12 days"),
    ],
)
def test_how_long_ago_is_told_in_its_own_measure(back: timedelta, text: str) -> None:
    assert wording.ago(NOW - back, NOW) == text


def test_a_long_name_is_cut() -> None:
    assert wording.short("x" * 5000) == "x" * 89 + "…"
    assert wording.short("x" * 90) == "x" * 90
    assert wording.short(None) == ""


@pytest.mark.parametrize(
    ("month", "back", "expected"),
    [
        (date(2024, 1, 1), 1, date(2023, 12, 1)),
        (date(2024, 3, 1), 14, date(2023, 1, 1)),
        (date(2024, 12, 1), -1, date(2025, 1, 1)),
    ],
)
def test_months_are_counted_over_years(month: date, back: int, expected: date) -> None:
    assert month_before(month, back) == expected


@pytest.mark.parametrize(
    ("today", "passed", "is_under_way"),
    [
        (date(2024, 6, 30), 91, True),
        (date(2024, 6, 1), 62, True),
        (date(2024, 7, 1), 91, False),
        (date(2025, 1, 1), 91, False),
    ],
)
def test_a_year_of_sales_knows_how_much_of_it_has_passed(
    today: date, passed: int, is_under_way: bool
) -> None:
    year = Year(date(2024, 6, 1), today)
    assert year.months[0] == date(2023, 7, 1)
    assert year.months[-1] == date(2024, 6, 1)
    assert year.last_days(3) == (date(2024, 4, 1), passed)
    assert year.is_under_way == is_under_way
