"""Every way a gateway may page: everything is imported, and nothing that exists counts as removed."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from a4s_pipeline.errors import NotThere
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import EVERYTHING, Site
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS
from a4s_sandbox import Faults

STREAMS = ("items", "orders", *at_night("customers"))
MARCH = OrdersPlan(Months(date(2024, 3, 1), date(2024, 3, 1)), whole=True)

# What the gateway does, and what the sync says of its total.
Ways = list[tuple[dict[str, Any], str | None]]
WAYS: Ways = [
    ({}, None),
    ({"page_cap": 3}, None),
    ({"page_cap": 3, "tells_cap": True}, None),
    ({"page_cap": 1}, None),
    ({"empty_pages": frozenset({0})}, None),
    ({"empty_pages": frozenset({1})}, None),
    ({"empty_pages": frozenset({1, 2}), "page_cap": 3}, None),
    ({"nothing": "204"}, None),
    ({"nothing": "empty"}, None),
    ({"nothing": "null"}, None),
    ({"nothing": "absent"}, None),
    ({"past_end": "404"}, None),
    ({"past_end": "last"}, None),
    ({"total": "text"}, None),
    ({"total": "page"}, "counts 2 on one page and 3 on another and lists 14"),
    ({"total": "page", "page_cap": 3}, "counts 2 on one page and 3 on another and lists 14"),
    ({"total": "absent"}, "does not say how many there are"),
    ({"total": "null", "nothing": "204"}, "does not say how many there are"),
    ({"total": "negative", "page_cap": 3}, "does not say how many there are"),
    ({"total": "fraction", "past_end": "404"}, "does not say how many there are"),
    ({"total": "absent", "past_end": "last"}, "does not say how many there are"),
    ({"uncounted": 3}, "counts 17 and lists 14"),
    ({"uncounted": 500}, "counts 514 and lists 14"),
    ({"uncounted": 3, "page_cap": 3, "nothing": "204"}, "counts 17 and lists 14"),
    ({"uncounted": 1, "past_end": "404"}, "counts 15 and lists 14"),
    ({"page_cap": 3, "skips_as_asked": True}, None),
    ({"page_cap": 2, "skips_as_asked": True, "total": "page"}, "counts 2 and lists 14"),
    ({"page_cap": 3, "skips_as_asked": True, "total": "absent"}, "does not say how many there are"),
    ({"page_cap": 3, "skips_as_asked": True, "total": "null"}, "does not say how many there are"),
    ({"page_cap": 3, "skips_as_asked": True, "uncounted": 5}, "counts 19 and lists 14"),
]
# All streams and months are read by the same code.
SOME_WAYS = WAYS[2::4]
# Where even the end is in doubt, nothing counts as gone.
DOUBTFUL: list[dict[str, Any]] = [
    {"uncounted": 1, "past_end": "404"},
    {"total": "absent", "past_end": "last"},
]
NAMED_TWICE = "the listing names a record twice, so its count cannot be trusted"
CAME_EMPTY = "a page of the listing came back empty where there should be records"
WITHHELD: list[tuple[dict[str, Any], str]] = [
    ({"blank_pages": frozenset({1})}, CAME_EMPTY),
    ({"blank_pages": frozenset({0}), "total": "absent"}, CAME_EMPTY),
    ({"blank_pages": frozenset({1}), "nothing": "204", "page_cap": 3}, CAME_EMPTY),
    ({"uncounted": 1, "past_end": "404"}, CAME_EMPTY),
    ({"total": "absent", "past_end": "last"}, NAMED_TWICE),
]


def put(site: Site, stream: str, count: int = 14) -> list[str]:
    if stream == "orders":
        return site.put_month(count)
    return (ITEMS if stream == "items" else CUSTOMERS).put_many(site, count)


def add(site: Site, stream: str, code: str) -> None:
    if stream == "orders":
        site.put(code, "2024-03-02T09:00:00")
    else:
        (ITEMS if stream == "items" else CUSTOMERS).put(site, code)


def sync(site: Site, stream: str, plan: OrdersPlan | None = None) -> SyncResult:
    if stream == "orders":
        return site.sync(plan)
    return (ITEMS if stream == "items" else CUSTOMERS).sync(site)


def there(site: Site, stream: str) -> list[str]:
    return site.codes() if stream == "orders" else (ITEMS if stream == "items" else CUSTOMERS).codes(site)


def remove(site: Site, stream: str, code: str) -> None:
    if stream == "orders":
        site.source.remove_order(code)
    else:
        (ITEMS if stream == "items" else CUSTOMERS).remove(site.source, code)


@pytest.mark.parametrize(
    ("stream", "ways"),
    [("items", WAYS), ("orders", SOME_WAYS), *at_night(("orders", WAYS), ("customers", WAYS))],
)
def test_however_a_gateway_pages_all_comes_in_and_two_readings_that_agree_mark_what_is_gone(
    site_of: Callable[..., Site], stream: str, ways: Ways
) -> None:
    site = site_of(page_size=4)
    codes = put(site, stream)
    assert sync(site, stream).new == 14
    for number, (way, fault) in enumerate(ways):
        site.faults.__dict__.update(Faults(**way).__dict__)
        is_certain = way not in DOUBTFUL
        if is_certain:
            remove(site, stream, codes.pop(5))
            codes.append(f"B{number:03d}")
            add(site, stream, codes[-1])
        result = sync(site, stream, EVERYTHING)
        assert there(site, stream) == codes, way
        assert (result.new, result.removed, result.removals_withheld) == (is_certain, is_certain, None), way
        assert (result.seen, result.is_complete, result.leaves_work) == (14, True, False), way
        assert result.fault_of_total == (f"the gateway {fault}" if fault else None), way


@pytest.mark.parametrize("stream", STREAMS)
def test_a_page_that_comes_back_empty_again_and_again_makes_nothing_gone_and_says_so(
    site_of: Callable[..., Site], stream: str
) -> None:
    site = site_of(page_size=4)
    codes = put(site, stream)
    sync(site, stream)
    remove(site, stream, codes[-1])
    for way, withheld in WITHHELD:
        site.faults.__dict__.update(Faults(**way).__dict__)
        result = sync(site, stream, EVERYTHING)
        assert (result.removed, result.removals_withheld) == (0, withheld), way
        assert there(site, stream) == codes, way


@pytest.mark.parametrize("stream", STREAMS)
def test_a_page_that_comes_back_empty_once_is_read_by_the_next_reading(
    site_of: Callable[..., Site], stream: str
) -> None:
    site = site_of(page_size=4, max_connections=1)
    codes = put(site, stream)
    site.faults.blank_pages = frozenset({1})

    def come_back(_route: str, _administration: str, page: int) -> None:
        if page == 2:
            site.faults.blank_pages = frozenset()

    site.faults.on_page = come_back
    result = sync(site, stream)
    assert (there(site, stream), result.new, result.fault_of_total) == (codes, 14, None)


def test_the_watermark_does_not_pass_orders_of_a_page_that_came_back_empty(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4, lookback_days=0)
    codes = site.put_month(14)
    site.faults.blank_pages = frozenset({1})
    assert site.sync().fault_of_total == "the gateway counts 14 and lists 10"
    assert site.codes() == [*codes[:4], *codes[8:]]
    site.faults.blank_pages = frozenset()
    assert (site.sync().new, site.codes()) == (4, codes)


def test_a_refused_page_that_should_exist_is_reported(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=4)
    CUSTOMERS.put_many(site, 14)
    CUSTOMERS.sync(site)
    site.faults.__dict__.update(Faults(page_cap=3, past_end="404").__dict__)
    # The gateway loses its last pages while it still counts them.
    site.faults.uncounted = 14
    with pytest.raises(NotThere, match=r"404 UnknownPage for page 5 of the customers of 'Demo B.V.'"):
        CUSTOMERS.sync(site)
    assert len(CUSTOMERS.codes(site)) == 14


@pytest.mark.parametrize("ways", [SOME_WAYS, *at_night(WAYS)])
def test_a_month_is_read_by_the_same_rules_wherever_it_is_read(
    site_of: Callable[..., Site], ways: Ways
) -> None:
    site = site_of(page_size=4)
    codes = site.put_month(14)
    site.put("APRIL", "2024-04-05T09:00:00")
    site.sync()
    for way, _ in ways:
        site.faults.__dict__.update(Faults(**way).__dict__)
        found = site.platform.reconcile_orders("demo", MARCH.months, run_id="r")
        assert [(month.listed, month.differing, month.is_whole) for month in found.months] == [
            (14, 0, True)
        ], way
        result = site.sync(MARCH)
        assert (result.removed, result.seen, site.codes()) == (0, 14, [*codes, "APRIL"]), way


@pytest.mark.parametrize("ways", [SOME_WAYS, *at_night(WAYS)])
def test_an_order_that_moved_is_found_however_a_gateway_pages(
    site_of: Callable[..., Site], ways: Ways
) -> None:
    site = site_of(page_size=4)
    codes = site.put_month(14)
    site.sync()
    for number, (way, _) in enumerate(ways):
        site.faults.__dict__.update(Faults(**way).__dict__)
        site.put(codes[number % 14], f"2024-{4 + number // 14:02d}-05T09:00:00", reference=str(number))
        result = site.sync(MARCH)
        assert (result.removed, site.codes()) == (0, codes), way


TOTALS = ("listing", "page", "absent", "null", "negative")


@pytest.mark.parametrize("stream", STREAMS)
def test_pages_that_are_capped_and_skip_as_asked_hide_nothing_whatever_the_total(
    site_of: Callable[..., Site], stream: str
) -> None:
    # 5 of 14 come where 20 are asked for: what looks like the only page may say that it is all.
    site = site_of(page_size=20)
    codes = put(site, stream)
    for number, total in enumerate(TOTALS):
        site.faults.__dict__.update(Faults(page_cap=5, skips_as_asked=True, total=total).__dict__)
        result = sync(site, stream, EVERYTHING)
        assert (there(site, stream), result.removed) == (codes, 0), total
        assert result.is_complete, total
        remove(site, stream, codes.pop(number))
        result = sync(site, stream, EVERYTHING)
        assert (there(site, stream), result.removed, result.removals_withheld) == (codes, 1, None), total


@pytest.mark.parametrize("stream", STREAMS)
def test_pages_that_are_capped_and_leave_records_out_hide_nothing_else(
    site_of: Callable[..., Site], stream: str
) -> None:
    site = site_of(page_size=16)
    codes = put(site, stream, 50)
    listed = [code for place, code in enumerate(codes) if place % 6]
    for number, total in enumerate(TOTALS[:3]):
        faults = Faults(page_cap=7, skips_as_asked=True, left_out_every=6, total=total)
        site.faults.__dict__.update(faults.__dict__)
        result = sync(site, stream, EVERYTHING)
        assert (there(site, stream), result.is_complete, result.removed) == (listed, True, 0), (number, total)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_page_past_the_end_that_fails_is_reported_and_fails_nothing(
    site_of: Callable[..., Site], stream: str
) -> None:
    site = site_of(page_size=4)
    codes = put(site, stream)
    sync(site, stream, EVERYTHING)
    remove(site, stream, codes[-1])
    site.faults.past_end = "500"
    result = sync(site, stream, EVERYTHING)
    assert (there(site, stream), result.removed, result.leaves_work) == (codes, 0, False)
    told = "the gateway answered 500 InternalServerError for page 4 of the"
    assert result.removals_withheld is not None
    assert told in result.removals_withheld
    assert str(result.fault_of_total).startswith(told)
    assert str(result.fault_of_total).endswith("where the listing should end")
    site.faults.past_end = "empty"
    assert sync(site, stream, EVERYTHING).removed == 1
