from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from a4s_pipeline.report import wording
from a4s_pipeline.report.months import Year, month_before

NOW = datetime(2024, 6, 20, 12, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))


def test_numbers_are_whole_and_have_separators() -> None:
    for value, text in [
        ("0", "0"),
        ("1234567.49", "1,234,567"),
        ("0.5", "1"),
        ("-1234.6", "\N{MINUS SIGN}1,235"),
        ("-0.4", "0"),
    ]:
        assert wording.number(Decimal(value)) == text, value


def test_quantities_have_the_decimals_they_need() -> None:
    for value, text in [
        ("10.0000", "10"),
        ("1200", "1,200"),
        ("12.5000", "12.5"),
        ("0.125", "0.13"),
        ("-2.5", "\N{MINUS SIGN}2.5"),
    ]:
        assert wording.quantity(Decimal(value)) == text, value


def test_money_follows_the_code_of_its_currency() -> None:
    for value, currency, text in [
        ("1234.5", "EUR", "EUR 1,234.50"),
        ("-0.125", "GBP", "GBP \N{MINUS SIGN}0.12"),
        ("99999999999999.9999", None, "100,000,000,000,000.00"),
        (None, "EUR", "\N{EN DASH}"),
    ]:
        assert wording.money(Decimal(value) if value else None, currency) == text, value


def test_axes_show_round_numbers_short() -> None:
    for value, text in [
        (0, "0"),
        (80, "80"),
        (2500, "2.5k"),
        (250_000, "250k"),
        (1.5e6, "1.5M"),
        (2e9, "2bn"),
        (-4000, "\N{MINUS SIGN}4k"),
    ]:
        assert wording.compact(value) == text, value


def test_a_change_is_shown_where_there_is_something_to_compare_with() -> None:
    for now, before, text in [
        (110, 100, "+10%"),
        (90, 100, "\N{MINUS SIGN}10%"),
        (100, 100, "0%"),
        (5, 0, None),
        (5, -5, None),
        (-5, 10, "\N{MINUS SIGN}150%"),
    ]:
        assert wording.change(Decimal(now), Decimal(before)) == text, (now, before, text)


def test_a_share_is_part_of_something() -> None:
    assert wording.share(Decimal(1), Decimal(8)) == "12.5%"
    assert wording.share(Decimal(1), Decimal(0)) == "\N{EN DASH}"


def test_instants_are_shown_in_the_time_zone_of_the_page() -> None:
    assert wording.moment(datetime(2024, 12, 31, 23, 30, tzinfo=UTC), NOW) == "1 Jan 2025, 00:30"
    assert wording.moment(None, NOW) == "\N{EN DASH}"


def test_how_long_ago_is_shown_in_a_fitting_unit() -> None:
    for back, text in [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=59), "3 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=12), "12 days"),
    ]:
        assert wording.ago(NOW - back, NOW) == text, back


def test_a_long_name_is_cut() -> None:
    assert wording.short("x" * 5000) == "x" * 89 + "…"
    assert wording.short("x" * 90) == "x" * 90
    assert wording.short(None) == ""


def test_months_are_counted_over_years() -> None:
    for month, back, expected in [
        (date(2024, 1, 1), 1, date(2023, 12, 1)),
        (date(2024, 3, 1), 14, date(2023, 1, 1)),
        (date(2024, 12, 1), -1, date(2025, 1, 1)),
    ]:
        assert month_before(month, back) == expected, month


def test_a_year_of_sales_knows_how_much_of_it_has_passed() -> None:
    for today, passed, is_under_way in [
        (date(2024, 6, 30), 91, True),
        (date(2024, 6, 1), 62, True),
        (date(2024, 7, 1), 91, False),
        (date(2025, 1, 1), 91, False),
    ]:
        year = Year(date(2024, 6, 1), today)
        assert year.months[0] == date(2023, 7, 1), today
        assert year.months[-1] == date(2024, 6, 1), today
        assert year.last_days(3) == (date(2024, 4, 1), passed), today
        assert year.is_under_way == is_under_way, today
