"""Nights on which clocks change, in several time zones, including the sandbox's own."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.sync.windows import Months, OrdersPlan, month_of
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.weather.ground.ground import Ground, assert_same, rows_of

# Half an hour in Lord Howe, at midnight in Havana; in Asunción October 2023 had no first midnight;
# Kolkata never changes.
ELSEWHERE = at_night("America/New_York", "America/Asuncion", "Australia/Lord_Howe", "Asia/Kolkata")
ZONES = ["Europe/Amsterdam", *at_night("America/Havana"), *ELSEWHERE]
MONTHS_IN = ["America/Havana", *at_night("Europe/Amsterdam"), *ELSEWHERE]


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ZoneInfo:
    found = ZoneInfo(request.param)
    monkeypatch.setattr("a4s_sandbox.data.instants.LOCAL", found)
    return found


def _nights(zone: ZoneInfo) -> list[datetime]:
    """The instants between June 2023 and June 2024 at which clocks change, to the quarter hour."""
    quarters = [datetime(2023, 6, 1, tzinfo=UTC) + timedelta(minutes=15 * n) for n in range(366 * 96)]
    offsets = [at.astimezone(zone).utcoffset() for at in quarters]
    found = [quarters[n + 1] for n, (one, following) in enumerate(pairwise(offsets)) if one != following]
    return found or [datetime(2024, 3, 31, 1, tzinfo=UTC)]


def _ways_to_write(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """How back offices write an instant; each text means exactly `at`."""
    local = at.astimezone(zone)
    ways = {
        "Z": at.replace(tzinfo=None).isoformat() + "Z",
        "own": local.isoformat(),
        "odd": at.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(),
        "far": at.astimezone(ZoneInfo("Pacific/Kiritimati")).isoformat(timespec="microseconds"),
    }
    if local.fold == 0:
        ways["bare"] = local.replace(tzinfo=None).isoformat()
    # A clock that goes on as before into the hour that is left out.
    before = local - timedelta(hours=1)
    ahead = (at - timedelta(hours=1)).astimezone(zone)
    if before.replace(tzinfo=None) != ahead.replace(tzinfo=None):
        bare = ahead.replace(tzinfo=None) + timedelta(hours=1)
        if bare.replace(tzinfo=zone).astimezone(UTC) == at:
            ways["gap"] = bare.isoformat()
    return ways


def _orders_around(night: datetime, zone: ZoneInfo) -> dict[str, tuple[datetime, str]]:
    """Orders by code, with the instant each means and how it is written."""
    made = {}
    for step in range(-4, 5):
        at = night + timedelta(minutes=30 * step)
        for way, text in _ways_to_write(at, zone).items():
            made[f"{at:%m%d%H%M}-{way}"] = (at, text)
    return made


def _put(site: Site, orders: dict[str, tuple[datetime, str]]) -> None:
    for code, (_, text) in orders.items():
        site.put(code, text)


def _dates(site: Site) -> dict[str, datetime]:
    return dict(site.query("SELECT order_code, order_date FROM orders WHERE removed_at IS NULL"))


@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_orders_of_the_night_come_in_one_instant_after_the_other_without_any_look_back(
    ground: Ground, zone: ZoneInfo
) -> None:
    for night in _nights(zone):
        site = ground.new_site(timezone=zone, lookback_days=0, page_size=7)
        orders = _orders_around(night, zone)
        instants = sorted({at for at, _ in orders.values()})
        for at in instants[::2]:
            # All that was placed until then; those of one and the same instant come in two parts.
            until = {code: order for code, order in orders.items() if order[0] <= at}
            _put(site, {code: order for code, order in until.items() if order[0] < at or code[-1] < "m"})
            site.sync()
            _put(site, until)
            result = site.sync()
            assert _dates(site) == {code: meant for code, (meant, _) in until.items()}
            assert (site.watermark(), result.is_complete) == (at, True)
        assert site.value("SELECT count(*) FROM orders") == len(orders)
        for code in orders:
            ground.source.remove_order(code)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES, indirect=True)
@pytest.mark.parametrize("days", [7, *at_night(1)])
def test_an_order_that_comes_late_within_the_look_back_is_found_across_the_night(
    ground: Ground, zone: ZoneInfo, days: int
) -> None:
    site = ground.new_site(timezone=zone, lookback_days=days)
    late = {}
    for number, night in enumerate(_nights(zone)):
        for hours in (-1, 0, 1):
            newest = night + timedelta(days=days, hours=hours)
            site.put(f"NEW{number}{hours:+}", newest.isoformat())
            site.sync()
            # Days on the calendar: on one side of the night a look-back is an hour shorter.
            at = newest - timedelta(days=days) + timedelta(hours=1)
            late[f"LATE{number}{hours:+}"] = at
            site.put(f"LATE{number}{hours:+}", at.astimezone(zone).isoformat())
            site.sync()
    assert {code: at for code, at in _dates(site).items() if code in late} == late


@pytest.mark.slow
@pytest.mark.parametrize("zone", MONTHS_IN, indirect=True)
def test_each_order_belongs_to_one_month_and_the_months_together_hold_them_all(
    ground: Ground, zone: ZoneInfo
) -> None:
    site = ground.new_site(timezone=zone, page_size=50, history_start=date(2023, 6, 1))
    months = [date(2023 + (5 + n) // 12, (5 + n) % 12 + 1, 1) for n in range(13)]
    meant: dict[str, datetime] = {}
    for month in months:
        first = datetime(month.year, month.month, 1, tzinfo=zone).astimezone(UTC)
        for seconds in (-3600, -0.000001, 0, 0.000001, 3600):
            at = first + timedelta(seconds=seconds)
            code = f"{month:%y%m}{seconds:+}"
            site.put(code, _ways_to_write(at, zone)["own" if seconds else "Z"])
            meant[code] = at
    for night in _nights(zone):
        orders = _orders_around(night, zone)
        _put(site, orders)
        meant |= {code: at for code, (at, _) in orders.items()}
    since = datetime(2023, 6, 1, tzinfo=zone).astimezone(UTC)
    meant = {code: at for code, at in meant.items() if at >= since}
    for month in months:
        before = set(_dates(site))
        result = site.sync(OrdersPlan(Months(month, month), whole=True))
        came = {code for code, at in meant.items() if month_of(at, zone) == month}
        assert set(_dates(site)) - before == came
        assert (result.new, result.removed) == (len(came), 0)
    assert _dates(site) == meant
    by_months = rows_of(site)
    calm = ground.new_site(timezone=zone, page_size=50, history_start=date(2023, 6, 1))
    calm.sync()
    assert_same(rows_of(calm), by_months)


_NOW_AND_THEN: list[tuple[str, Any]] = [
    ("bare day", "2024-02-29"),
    ("end of day", "2024-02-29T23:59:59.999999"),
    ("seven digits", "2024-02-29T10:00:00.1234567"),
    ("no seconds", "2024-02-29T10:00"),
    ("spaces", " 2024-02-29T10:00:00 "),
    ("fourteen ahead", "2024-03-01T00:30:00+14:00"),
    ("twelve behind", "2024-02-29T23:30:00-12:00"),
    ("a quarter", "2024-02-29T23:30:00+05:45"),
    ("seconds in the offset", "2024-02-29T23:30:00+00:19:32"),
]


def test_every_way_to_write_a_date_is_one_order_however_often_it_is_read(ground: Ground) -> None:
    site = ground.new_site(page_size=3)
    for code, text in _NOW_AND_THEN:
        site.put(code, text)
    ahead = datetime.now(UTC) + timedelta(days=40)
    site.put("ahead", ahead.isoformat())
    for _ in range(3):
        assert site.sync().is_complete
        found = _dates(site)
        assert set(found) == {"ahead", *(code for code, _ in _NOW_AND_THEN)}
        assert site.watermark() == max(at for code, at in found.items() if code != "ahead")
    assert found["fourteen ahead"] == datetime(2024, 2, 29, 10, 30, tzinfo=UTC)
    assert found["seconds in the offset"] == datetime(2024, 2, 29, 23, 10, 28, tzinfo=UTC)
