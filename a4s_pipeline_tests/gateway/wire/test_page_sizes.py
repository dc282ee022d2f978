"""Pages that are too large, and pages that hold fewer records than was asked for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import ReplyTooLarge
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient, Reply
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.paging import pages_in_turn
from a4s_pipeline.gateway.wire import transport
from a4s_pipeline_tests.gateway.conftest import NAME, ONCE, settings_for
from a4s_pipeline_tests.gateway.wire.raw_server import Write, answer, raw_server

KEYS = {"items": "itemCode", "customers": "customerCode", "orders": "orderCode"}


@dataclass
class Shelf:
    """Lists records of a given width, at most `cap` a page; the next page starts at the requested size."""

    count: int
    cap: int = 1000
    is_filtering: bool = False
    widths: dict[int, int] = field(default_factory=dict)

    def reply(self, question: str, write: Write) -> None:
        parts = urlsplit(question.split()[1])
        route = parts.path.rpartition("/")[2]
        number, size = (int(parse_qs(parts.query)[name][0]) for name in ("page", "pageSize"))
        places = range(number * size, min(self.count, number * size + min(size, self.cap)))
        records = [
            {KEYS[route]: f"K{place:04}", "notes": "x" * self.widths.get(place, 1000)}
            for place in places
            # Archived ones are counted, and never listed.
            if not (self.is_filtering and place % 10 == 3)
        ]
        page = {"page": number, "pageSize": size, "totalCount": self.count, "items": records}
        write(answer(json.dumps(page).encode()))


def listed(administration: Administration, route: str) -> tuple[list[Any], Listing]:
    """Read a listing once, from its first page to its last."""
    asks: dict[str, Callable[[int, int], Reply[Page]]] = {
        "items": administration.items,
        "customers": administration.customers,
        "orders": lambda number, size: administration.orders(None, None, number, size),
    }
    listing = Listing(administration.page_size)
    listing.begin()
    codes: list[Any] = []
    for page in pages_in_turn(asks[route], listing):
        of_page = [record[KEYS[route]] for record in page.items]
        codes += of_page
        listing.add(page, [Listed(code) for code in of_page])
    return codes, listing


@pytest.mark.parametrize("route", KEYS)
@pytest.mark.parametrize("page_size", [300, 50, 37])
def test_a_page_that_is_too_large_is_read_in_smaller_ones(
    monkeypatch: pytest.MonkeyPatch, route: str, page_size: int
) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 30_000)
    shelf = Shelf(123)
    with raw_server(shelf.reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        administration = Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), page_size)
        codes, listing = listed(administration, route)
    assert codes == [f"K{place:04}" for place in range(123)]
    assert listing.is_counted
    assert listing.doubt is None


@pytest.mark.parametrize("route", KEYS)
def test_where_one_record_is_too_large_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 30_000)
    shelf = Shelf(20, widths={7: 40_000})
    with raw_server(shelf.reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        administration = Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), 10)
        with pytest.raises(ReplyTooLarge, match="A4S_PAGE_SIZE"):
            listed(administration, route)


@pytest.mark.parametrize("route", KEYS)
def test_a_gateway_that_caps_pages_and_skips_by_the_size_asked_for_is_read_whole(route: str) -> None:
    shelf = Shelf(250, cap=100)
    with raw_server(shelf.reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        administration = Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), 300)
        for calls in (5, 4):
            before = client.counts.calls
            codes, listing = listed(administration, route)
            assert codes == [f"K{place:04}" for place in range(250)]
            assert listing.is_counted
            assert client.counts.calls == before + calls


def test_pages_that_leave_archived_records_out_are_no_capped_pages() -> None:
    shelf = Shelf(65, is_filtering=True)
    with raw_server(shelf.reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        administration = Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), 30)
        for _ in range(2):
            codes, listing = listed(administration, "items")
            assert codes == [f"K{place:04}" for place in range(65) if place % 10 != 3]
            assert listing.doubt is None
