import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import EVERYTHING, header, line
from a4s_pipeline_tests.sync.listings import customer, item
from a4s_pipeline_tests.weather.ground.ground import (
    STREAMS,
    Ground,
    Rows,
    assert_same,
    doubled,
    fill,
    rows_of,
    sync,
    sync_until_done,
)
from a4s_sandbox import Faults
from a4s_sandbox.faults import DRAWN, ON_THE_WIRE

SUDDEN = tuple(name for name in DRAWN if name != "hang")
# By day one of each kind: no answer, half of one, another's, and one that says no.
BY_DAY = ("reset", "clipped", "html", "bad_gateway")
CLOCKS: dict[str, dict[str, Any]] = {
    "an hour ahead": {"clock_skew_seconds": 3600},
    "an hour behind": {"clock_skew_seconds": -3600},
    "untold": {"no_date_header": True},
    "untold and an hour ahead": {"no_date_header": True, "clock_skew_seconds": 3600},
}


@pytest.fixture(scope="module")
def calm() -> dict[int, Rows]:
    """The rows of an undisturbed import, by the source's seed."""
    return {}


@pytest.fixture
def filled(ground: Ground, calm: dict[int, Rows]) -> Ground:
    """A source of a hundred records, and the rows of an undisturbed import."""
    fill(ground.source, orders=12, customer_count=10)
    if not calm:
        calm[1] = ground.calm_rows()
    return ground


def _import_in(ground: Ground, faults: Faults) -> list[int]:
    """Import every stream in this weather; return how many syncs each took."""
    ground.sandbox.faults = faults
    return [sync_until_done(ground.site, stream) for stream in STREAMS]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rate", "seed"),
    [
        *((name, 0.45, 2) for name in BY_DAY),
        *at_night(*((name, 0.45, 2) for name in SUDDEN if name not in BY_DAY)),
        *at_night(*((name, 0.1, 1) for name in SUDDEN)),
    ],
)
def test_one_fault_at_any_rate_leaves_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], name: str, rate: float, seed: int
) -> None:
    rates: dict[str, Any] = {name: rate}
    _import_in(filled, Faults(**rates, seed=seed, retry_after_seconds=0))
    assert_same(rows_of(filled.site), calm[1])
    assert sum(result.retries for result in filled.site.platform.results) > 0


@pytest.mark.slow
@pytest.mark.parametrize("names", [ON_THE_WIRE, *at_night(*(((name,),) for name in ON_THE_WIRE))])
def test_with_only_faults_of_the_wire_one_sync_leaves_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], names: tuple[str, ...]
) -> None:
    rates: dict[str, Any] = dict.fromkeys(names, 0.4 / len(names))
    assert _import_in(filled, Faults(**rates, seed=3)) == [1, 1, 1]
    assert_same(rows_of(filled.site), calm[1])


@pytest.mark.slow
def test_answers_that_come_too_late_leave_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows]
) -> None:
    filled.site = filled.new_site(timeout_seconds=0.25)
    # As many at once as there are connections, so that all of them together cost little more than one.
    _import_in(filled, Faults(hang=0.15, hang_seconds=0.4, times=24))
    assert_same(rows_of(filled.site), calm[1])
    assert sum(result.retries for result in filled.site.platform.results) > 0


@pytest.mark.slow
@pytest.mark.parametrize("rows", [3, *at_night(1, 5)])
def test_pages_that_repeat_rows_leave_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], rows: int
) -> None:
    assert _import_in(filled, Faults(repeat_rows=rows)) == [1, 1, 1]
    assert_same(rows_of(filled.site), calm[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "clock", ["an hour behind", "untold and an hour ahead", *at_night("an hour ahead", "untold")]
)
@pytest.mark.parametrize("busy", ["too_many_date", *at_night("unavailable")])
def test_a_clock_that_is_wrong_leaves_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], clock: str, busy: str
) -> None:
    told: dict[str, Any] = CLOCKS[clock] | {busy: 0.02}
    _import_in(filled, Faults(**told, retry_after_seconds=0))
    assert_same(rows_of(filled.site), calm[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lines_404", "lines_500"])
def test_lines_that_come_late_leave_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], kind: str
) -> None:
    codes = set(list(filled.source.orders.keys())[::3])
    filled.sandbox.faults = Faults(**{kind: codes})  # type: ignore[arg-type]
    assert sync(filled.site, "orders").leaves_work
    assert set(filled.site.without_lines()) == codes & set(filled.site.codes())
    assert _import_in(filled, Faults()) == [1, 1, 1]
    assert_same(rows_of(filled.site), calm[1])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.4, *at_night(1.0)])
def test_nothing_in_other_ways_and_parts_of_no_use_leave_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], share: float
) -> None:
    _import_in(filled, Faults(empty_otherwise=share, useless_parts=share, reset=0.05, html=0.05))
    found, expected = rows_of(filled.site), dict(calm[1])
    aside, known = found.pop("set_aside"), expected.pop("set_aside")
    # The hashes, and what is set aside, are of the records as they came.
    assert_same(_without_hashes(found), _without_hashes(expected))
    whole = [(stream, reason) for _, stream, _, reason, _, part in aside if not part]
    assert sorted(whole) == sorted((stream, reason) for _, stream, _, reason, *_ in known)
    parts = [row for row in aside if row[-1]]
    assert {stream for _, stream, *_ in parts} == {"order_lines", "items", "customers"}
    for stream in STREAMS:
        assert sync_until_done(filled.site, stream) == 1
    assert [row for row in rows_of(filled.site)["set_aside"] if row[-1]] == parts


def _without_hashes(rows: Rows) -> Rows:
    return {
        table: [tuple(cell for cell in row if not _is_hash(cell)) for row in held]
        for table, held in rows.items()
    }


def _is_hash(cell: Any) -> bool:
    return isinstance(cell, str) and re.fullmatch("[0-9a-f]{32}", cell) is not None


PAGING: list[Any] = [
    {"page_cap": 2, "tells_cap": True, "nothing": "204"},
    {"empty_pages": frozenset({1, 2}), "nothing": "null"},
    {"total": "page", "page_cap": 3, "skips_as_asked": True, "nothing": "absent"},
    *at_night(
        {"page_cap": 3, "skips_as_asked": True}, {"uncounted": 3, "nothing": "empty"}, {"total": "text"}, {}
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("paging", PAGING)
def test_each_way_of_paging_in_bad_weather_leaves_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], paging: dict[str, Any]
) -> None:
    codes = set(list(filled.source.orders.keys())[::9])
    faults = Faults(
        reset=0.05, html=0.05, too_many=0.03, interim=0.2, retry_after_seconds=0, seed=0, **paging
    )
    faults.forbidden = codes
    filled.sandbox.faults = faults
    sync_until_done(filled.site, "orders", between=faults.forbidden.clear)
    _import_in(filled, faults)
    assert_same(rows_of(filled.site), calm[1])


def _storm(seed: int, **more: Any) -> Faults:
    chance = Random(seed)
    rates = {name: chance.choice((0.0, 0.02, 0.08)) for name in (*SUDDEN, *ON_THE_WIRE)}
    return Faults(
        **rates,  # type: ignore[arg-type]
        repeat_rows=chance.randrange(4),
        ignore_order_date_to=chance.random() < 0.5,
        retry_after_seconds=0,
        seed=seed,
        **more,
    )


@pytest.mark.parametrize("seed", [0, *at_night(1, 2, 3)])
@pytest.mark.parametrize("clock", ["an hour behind", *at_night("an hour ahead")])
def test_all_faults_together_leave_the_rows_of_a_calm_import(
    filled: Ground, calm: dict[int, Rows], clock: str, seed: int
) -> None:
    faults = _storm(seed, **CLOCKS[clock])
    # A gateway that lists past the end date ends each listing with what nobody asked for.
    faults.lines_404 = set(list(filled.source.orders.keys())[seed::7])
    filled.sandbox.faults = faults
    sync_until_done(filled.site, "orders", between=faults.lines_404.clear)
    _import_in(filled, faults)
    assert_same(rows_of(filled.site), calm[1])


# A source that changes while it is read


class _Changes:
    """Changes the source after each page for a while, by one kind of change drawn from a seed."""

    def __init__(self, ground: Ground, kind: str, seed: int, pages: int = 9) -> None:
        self._source = ground.source
        self._kind = kind
        self._chance = Random(seed)
        self._left = pages
        self._untouched = {stream: set(getattr(self._source, stream).keys()) for stream in STREAMS}
        self._numbers: Iterator[int] = iter(range(1000))

    def untouched(self, stream: str) -> set[str]:
        """The codes of records that existed unchanged all the time."""
        return self._untouched[stream]

    def __call__(self, route: str, _administration: str, _page: int) -> None:
        if self._left > 0:
            self._left -= 1
            with self._source.lock:
                self._change(route)

    def _change(self, stream: str) -> None:
        kind = self._kind if self._kind != "all" else self._chance.choice(("come", "go", "change"))
        if kind == "come":
            self._put(stream, f"{self._chance.choice('AKVZ')}-new-{next(self._numbers)}")
            return
        codes = sorted(self._untouched[stream])
        code = self._chance.choice(codes)
        self._untouched[stream].discard(code)
        if kind == "change":
            self._put(stream, code)
        else:
            remove = {"orders": self._source.remove_order, "items": self._source.remove_item}
            remove.get(stream, self._source.remove_customer)(code)

    def _put(self, stream: str, code: str) -> None:
        number = next(self._numbers)
        if stream == "items":
            self._source.put_item(item(code, familyCode=f"F{number}"))
        elif stream == "customers":
            self._source.put_customer(customer(code, website=f"w{number}"))
        else:
            at = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=self._chance.randrange(20_000))
            lines = [line(str(place), description=f"{number}") for place in range(number % 4)]
            self._source.put_order(header(code, at.isoformat(), reference=f"{number}"), lines)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["go", "all", *at_night("come", "change")])
@pytest.mark.parametrize("seed", [0, *at_night(1)])
def test_a_source_that_changes_while_it_is_read_in_bad_weather_loses_and_doubles_nothing(
    filled: Ground, kind: str, seed: int
) -> None:
    site, changes = filled.site, _Changes(filled, kind, seed)
    filled.sandbox.faults = _storm(seed, on_page=changes)
    readable = _readable(filled)
    for stream in STREAMS:
        sync_until_done(site, stream)
    if kind != "all":
        # An order that goes while another comes between the same two pages is for the next reading to tell.
        assert changes.untouched("orders") & readable <= set(site.codes())
    assert doubled(site) == []
    expected = filled.calm_rows()
    for stream in STREAMS:
        sync(site, stream, whole=True)
    assert_same(rows_of(site), expected)


def _readable(ground: Ground) -> set[str]:
    unreadable = {".", "..", "DATUM-bestaat-niet", "DATUM-tekst"}
    return {code for code in ground.source.orders.keys() if code[0] != "\0"} - unreadable  # noqa: SIM118


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *at_night(1, 2)])
def test_what_is_gone_is_marked_in_bad_weather_and_nothing_else(filled: Ground, seed: int) -> None:
    site = filled.site
    for stream in STREAMS:
        sync(site, stream)
    held = {stream: set(getattr(filled.source, stream).keys()) for stream in STREAMS}
    held["orders"] &= _readable(filled)
    chance = Random(seed)
    gone = {stream: set(chance.sample(sorted(held[stream]), 5)) for stream in STREAMS}
    for stream, codes in gone.items():
        for code in codes:
            getattr(filled.source, f"remove_{stream.rstrip('s')}")(code)
    filled.sandbox.faults = _storm(seed, clock_skew_seconds=-3600)
    marked = {}
    for stream, code in (("orders", "order_code"), ("items", "item_code"), ("customers", "customer_code")):
        sync_until_done(site, stream, plan=EVERYTHING)
        rows = site.query(f"SELECT {code} FROM {stream} WHERE removed_at IS NOT NULL")
        marked[stream] = {found for (found,) in rows}
    assert marked == gone
    assert_same(rows_of(site), filled.calm_rows())
