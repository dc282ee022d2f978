"""Each day of dim_date agrees with the calendar."""

from datetime import date, timedelta
from typing import Any

import pytest

from a4s_pipeline.models import Conventions, models_by
from a4s_pipeline.models.holidays import holiday_rows
from a4s_pipeline_tests.models.conftest import Store

# A Friday in the last ISO week of the year before.
TODAY = "DATE '2027-01-01'"


def days(store: Store, columns: str, **conventions: Any) -> list[tuple[Any, ...]]:
    """Query dim_date as of a day, with a site's conventions."""
    (model,) = [model for model in models_by(Conventions(**conventions)) if model.name == "dim_date"]
    query = model.query.replace("current_date", TODAY)
    return store.query(f"SELECT {columns} FROM ({query}) ORDER BY day")


def test_the_days_are_those_from_2000_to_ten_years_ahead_each_once(store: Store) -> None:
    first = date(2000, 1, 1)
    found = days(store, "day")
    assert found == [(first + timedelta(days=number),) for number in range((date(2038, 1, 1) - first).days)]


def test_a_day_has_the_year_the_month_and_the_week_of_the_calendar(store: Store) -> None:
    columns = "day, year, quarter, month, month_number, week, iso_year, iso_week, weekday, day_of_year"
    for day, *found in days(store, columns):
        iso = day.isocalendar()
        assert found == [
            day.year,
            (day.month + 2) // 3,
            day.replace(day=1),
            day.month,
            day - timedelta(days=day.weekday()),
            iso.year,
            iso.week,
            iso.weekday,
            day.timetuple().tm_yday,
        ], day


@pytest.mark.parametrize("starts_in", range(1, 13))
def test_the_months_of_a_fiscal_year_are_counted_from_the_one_in_which_it_begins(
    store: Store, starts_in: int
) -> None:
    columns = "day, fiscal_year, fiscal_quarter, fiscal_period"
    found = {day: numbers for day, *numbers in days(store, columns, fiscal_year_start=starts_in)}
    day = date(2001, starts_in, 1)
    for period in range(1, 13):
        month = day.month
        while day.month == month:
            assert found[day] == [2001, (1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4)[period - 1], period], day
            day += timedelta(days=1)
    assert found[day] == [2002, 1, 1]


def test_people_work_on_the_days_from_monday_to_friday_that_are_no_holiday_of_their_country(
    store: Store,
) -> None:
    holidays = {(country, day): name for country, day, name in holiday_rows()}
    columns = "day, is_weekend, holiday_nl, holiday_be, is_working_day_nl, is_working_day_be"
    for day, is_weekend, *of_countries in days(store, columns):
        nl, be = (holidays.get((country, day.isoformat())) for country in ("NL", "BE"))
        assert is_weekend == (day.weekday() in (5, 6)), day
        assert of_countries == [nl, be, not is_weekend and not nl, not is_weekend and not be], day
