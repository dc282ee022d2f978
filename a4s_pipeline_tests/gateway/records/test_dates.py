from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from a4s_pipeline.gateway.records.dates import (
    FIRST_DELIVERY,
    LAST_DELIVERY,
    PLACEHOLDERS,
    as_instant,
    as_query,
    asked_day,
    asked_instant,
    optional_instant,
    real_date,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-01-15T23:30:00+01:00", "2024-01-15T22:30:00"),
        ("2023-12-31T23:30:00Z", "2023-12-31T23:30:00"),
        ("2024-03-01T03:15:00+05:30", "2024-02-29T21:45:00"),
        ("2024-01-15T10:00:00", "2024-01-15T09:00:00"),
        ("2024-07-15T10:00:00", "2024-07-15T08:00:00"),
        ("2024-07-15T10:00:00.123456", "2024-07-15T08:00:00.123456"),
        ("2024-02-29", "2024-02-28T23:00:00"),
        ("  2024-07-15 10:00:00 ", "2024-07-15T08:00:00"),
        # The hour that exists twice: the first is meant, unless an offset says otherwise.
        ("2023-10-29T02:30:00", "2023-10-29T00:30:00"),
        ("2023-10-29T02:30:00+01:00", "2023-10-29T01:30:00"),
        # The hour that does not exist.
        ("2023-03-26T02:30:00", "2023-03-26T01:30:00"),
    ],
)
def test_a_text_means_an_instant(text: str, meant: str) -> None:
    instant = as_instant(text, AMSTERDAM)
    assert instant == datetime.fromisoformat(meant).replace(tzinfo=UTC)
    assert instant.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [None, 20240115, 1.5, True, ["2024-01-15"], datetime(2024, 1, 15)])  # noqa: DTZ001
def test_what_is_no_text_is_no_instant(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is not an ISO 8601 date-time$"):
        as_instant(value, AMSTERDAM)


NO_DATES = [
    "",
    " ",
    "onbekend",
    "2024-02-30",
    "2024-13-01T00:00:00",
    "15-01-2024",
    "2024-01-15T25:00:00",
    "0001-01-01",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+02:00",
    "1753-01-01",
    "1753-01-01T00:00:00",
    "1900-01-01",
    "1900-01-01T12:34:56",
    "9999-12-31",
    "9999-12-31T23:59:59",
    "9999-12-31T23:59:59.9999999",
    "9999-12-31T23:59:59-05:00",
    # A placeholder only where the administration is.
    "9999-12-30T23:30:00Z",
    "1899-12-31T23:50:00Z",
    "1899-12-30",
    "1899-12-30T00:00:00",
    "1899-12-31T12:00:00+09:00",
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:00:00Z",
    "1970-01-01T00:00:00.000+01:00",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_a_text_without_a_real_date_is_no_instant_and_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a real ISO 8601 date-time$"):
        as_instant(text, AMSTERDAM)
    assert real_date(text, AMSTERDAM) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-01-15", date(2024, 1, 15)),
        ("2024-01-15T23:30:00Z", date(2024, 1, 16)),
        ("2024-01-16T00:30:00+02:00", date(2024, 1, 15)),
        ("1990-01-01", date(1990, 1, 1)),
        ("1990-01-01T00:00:00", date(1990, 1, 1)),
        ("2079-06-06", date(2079, 6, 6)),
        ("2200-12-31", date(2200, 12, 31)),
        ("2200-12-31T22:59:59Z", date(2200, 12, 31)),
    ],
)
def test_the_day_is_the_one_where_the_administration_is(text: str, day: date) -> None:
    assert real_date(text, AMSTERDAM) == day


@given(
    st.none()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([+-][0-9]{2}:[0-9]{2}|Z)?)?\Z")
)
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-30T23:59:59-14:00")
@example("\ud800")
def test_a_real_date_never_raises_and_never_is_a_placeholder(value: object) -> None:
    day = real_date(value, AMSTERDAM)
    assert day is None or FIRST_DELIVERY <= day <= LAST_DELIVERY


def test_a_delivery_before_1990_or_after_2200_has_no_day_whatever_its_time_and_zone() -> None:
    days = ["0001-01-02", "1582-10-15", "1899-12-29", "1969-07-20", "1980-01-01", "1989-12-31"]
    days += ["2201-01-01", "2999-12-31", "4501-01-01", "9999-12-30"]
    for day in days:
        for time in ("", "T00:00:00", " 12:00", "T23:59:59.999", "T00:00:00Z", "T12:00:00-08:00"):
            assert real_date(f"{day}{time}", AMSTERDAM) is None, f"{day}{time}"
    # As it is written, or as it is where the administration is.
    assert real_date("1989-12-31T23:30:00Z", AMSTERDAM) is None
    assert real_date("2200-12-31T23:30:00Z", AMSTERDAM) is None


def test_an_old_day_is_an_instant_unless_back_offices_write_it_for_no_date() -> None:
    for day in ("1900-01-02", "1970-01-02", "1985-06-01", "2201-01-01"):
        assert as_instant(day, AMSTERDAM).astimezone(AMSTERDAM).date() == date.fromisoformat(day)


def test_somebody_may_ask_for_all_since_the_first_day_of_unix_and_for_a_day_far_ahead() -> None:
    assert asked_instant("1970-01-01", AMSTERDAM) == datetime(1969, 12, 31, 23, tzinfo=UTC)
    assert asked_day("1970-01-01T00:00:00Z", AMSTERDAM) == date(1970, 1, 1)
    assert asked_day("2999-12-31", AMSTERDAM) == date(2999, 12, 31)
    for nothing in (None, 5, "", "morgen", "0001-01-01", "1900-01-01"):
        assert asked_day(nothing, AMSTERDAM) is None


zones = st.sampled_from([AMSTERDAM, UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns")])


@given(
    # A day after the placeholder 1970-01-01 in every zone.
    st.datetimes(datetime(1970, 1, 3), datetime(2100, 1, 1), timezones=zones),  # noqa: DTZ001 - bounds are naive
)
def test_an_instant_survives_its_way_through_a_query(instant: datetime) -> None:
    written = as_query(instant)
    assert as_instant(written, AMSTERDAM) == instant.astimezone(UTC)
    assert written[-6] in "+-"


def test_an_instant_without_an_offset_cannot_be_put_in_a_query() -> None:
    with pytest.raises(ValueError, match=r"^an instant in a query needs its offset$"):
        as_query(datetime(2024, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("time", ["", "T00:00:00", "T00:00:00Z", " 00:00"])
@pytest.mark.parametrize("day", sorted(PLACEHOLDERS))
def test_an_instant_that_need_not_be_there_is_none_where_a_placeholder_was_written(
    day: date, time: str
) -> None:
    assert optional_instant(f"{day}{time}", AMSTERDAM) is None


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_instant_that_is_not_there_is_none(nothing: str | None) -> None:
    assert optional_instant(nothing, AMSTERDAM) is None


@pytest.mark.parametrize("text", ["gisteren", "2024-02-30", 5, [], "9999-99-99"])
def test_an_instant_that_need_not_be_there_is_still_no_free_text(text: object) -> None:
    with pytest.raises(ValueError, match="is no"):
        optional_instant(text, AMSTERDAM)


def test_a_time_without_an_offset_is_the_administrations_wherever_it_is_read() -> None:
    local, meant = "2024-07-15T00:30:00", datetime(2024, 7, 14, 22, 30, tzinfo=UTC)
    assert as_instant(local, AMSTERDAM) == asked_instant(local, AMSTERDAM) == meant
    assert optional_instant(local, AMSTERDAM) == meant
    assert as_instant(local, AMSTERDAM).tzinfo is UTC
    for written in (local, "2024-07-14T22:30:00Z"):
        assert asked_day(written, AMSTERDAM) == date(2024, 7, 15)
    assert asked_day("2024-07-15T23:30:00", AMSTERDAM) == date(2024, 7, 15)


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-30T23:30:00Z",
        "0001-01-01T00:00:00+14:00",
        # Written for the day after, and the day after further east, where this may run.
        "1970-01-02T01:00:00+05:00",
    ],
)
def test_a_placeholder_is_known_by_its_day_where_the_administration_is_and_beyond_the_calendar(
    text: str,
) -> None:
    assert optional_instant(text, AMSTERDAM) is None
