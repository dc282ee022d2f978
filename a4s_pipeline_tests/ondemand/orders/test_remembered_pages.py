"""What retrieval caches of a published copy and drops with it; a lake has no cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.retrieval import orders
from a4s_pipeline.ondemand.retrieval.cursor import read_cursor
from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.ondemand.retrieval.remembered import Remembered
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.rows.orders.retrieval import OrderFilter
from a4s_pipeline_tests.ondemand.orders.test_order_retrieval import put, sync
from a4s_pipeline_tests.support.installed_site import Site, installed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as site:
        yield site


class Watched:
    """A published copy that counts how often it is opened, with or without a version."""

    def __init__(self, copy: PublishedCopy, *, has_versions: bool = True) -> None:
        self._copy = copy
        self._has_versions = has_versions
        self.opened = 0
        self.name = copy.name

    def version(self) -> Any:
        return self._copy.version() if self._has_versions else None

    def reading(self) -> Any:
        return self._copy.reading()

    def kept_open(self) -> Any:
        return self._copy.kept_open()

    @contextmanager
    def reading_version(self) -> Iterator[Any]:
        self.opened += 1
        with self._copy.reading_version() as (connection, version):
            yield connection, version if self._has_versions else None


def test_pages_are_the_same_whatever_was_read_before_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "_SPAN", 3)
    for number in range(8):
        # Two of each day, and an order of somebody else among them.
        put(site, f"B{number}", f"2024-03-{5 + number // 2:02}T09:00:00", "K2" if number == 4 else "K1")
    sync(site)
    copy = PublishedCopy(site.settings.analytics_path)
    remembering = OrderHistory(Watched(copy), "demo")
    codes = ["B7", "B6", "B5", "B4", "B3", "B2", "B1", "B0"]

    def page(history: OrderHistory, **wanted: Any) -> tuple[list[str], Any, int]:
        found = exact_json.loads(exact_json.dumps(history.orders(OrderFilter(**wanted))))
        return [order["orderCode"] for order in found["orders"]], found.get("next"), found["total"]

    with copy.kept_open():
        for limit, offset in product((1, 3, 4, 20), (0, 2, 3, 7, 10**9)):
            first = OrderHistory(Watched(copy, has_versions=False), "demo")
            found, cursor, total = page(remembering, limit=limit, offset=offset)
            assert (found, total) == (codes[offset : offset + limit], 8)
            assert (found, cursor, total) == page(first, limit=limit, offset=offset)
            assert (cursor is not None) == (0 < len(codes) - offset > limit)
            if cursor is not None:
                read = read_cursor(cursor)
                after = (read.order_date, read.order_code)
                assert page(remembering, limit=limit, after=after) == page(first, limit=limit, after=after)
                assert page(remembering, limit=limit, after=after)[0] == codes[offset + limit :][:limit]
    of_one = page(remembering, customer_code="K1", limit=4)
    assert of_one == (["B7", "B6", "B5", "B3"], of_one[1], 7)


def test_what_was_read_of_a_copy_is_not_read_again_and_forgotten_with_it(site: Site) -> None:
    for number in range(4):
        put(site, f"B{number}", f"2024-03-{5 + number:02}T09:00:00")
    sync(site)
    watched = Watched(PublishedCopy(site.settings.analytics_path))
    history = OrderHistory(watched, "demo")
    for offset in (0, 1, 3, 0):
        history.orders(OrderFilter(limit=2, offset=offset))
    assert watched.opened == 1
    put(site, "B4", "2024-03-09T09:00:00")
    sync(site)
    newest = history.orders(OrderFilter(limit=1))
    assert (exact_json.loads(exact_json.dumps(newest))["orders"][0]["orderCode"], newest["total"]) == (
        "B4",
        5,
    )
    assert watched.opened == 2


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    # A question counts with its answer: of these the shortest takes 5 bytes, with its quotes.
    remembered = Remembered(most_bytes=24)
    for question, size in (("one", 4), ("two", 4), ("one", 5), ("three", 4), ("large", 18)):
        remembered.keep("v1", question, question, size)
        if question == "three":
            assert remembered.find("v1", "two") is None
            assert remembered.find("v1", "one") == "one"
    assert [remembered.find("v1", name) for name in ("one", "three", "large")] == [None, None, None]
    remembered.keep("v1", "one", "one", 19)
    assert remembered.find("v2", "one") is None
    assert remembered.find("v1", "one") is None
