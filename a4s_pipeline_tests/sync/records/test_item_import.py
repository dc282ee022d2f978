from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import ITEMS, item, json_of
from a4s_sandbox.data.catalogue import PLACEHOLDER_DATES


def stock(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"itemCode": "A1", "shelfStock": 5, "toBeDelivered": 2, "deliveryDates": list(entries)} | more


def test_attributes_of_every_json_kind_are_there_to_be_queried(site: Site) -> None:
    values: dict[str, Any] = {
        "text": "blauw",
        "number": Decimal("0.10"),
        "whole": 6,
        "yes": True,
        "none": None,
        "list": ["EN", 1, None],
        "object": {"degrees": 60},
    }
    ITEMS.put(site, "A1", attributes=values)
    ITEMS.sync(site)
    rows = site.query("SELECT name, value, value_text FROM item_attributes")
    assert {name: json_of(value) for name, value, _ in rows} == values
    assert {name: text for name, _, text in rows} == {
        "text": "blauw",
        "number": "0.10",
        "whole": "6",
        "yes": "true",
        "none": None,
        "list": '["EN",1,null]',
        "object": '{"degrees":60}',
    }
    assert site.value("SELECT json_type(value) FROM item_attributes WHERE name = 'list'") == "ARRAY"
    assert site.value("SELECT attributes->>'$.object.degrees' FROM items") == "60"


def test_every_placeholder_date_is_stored_as_no_date_with_its_quantity(site: Site) -> None:
    entries = [{"date": text, "quantity": number} for number, text in enumerate(PLACEHOLDER_DATES)]
    ITEMS.put(site, "A1", stock=stock(*entries, {"quantity": 99}, {"date": "2024-05-01", "quantity": 1}))
    ITEMS.sync(site)
    dated = site.query("SELECT delivery_date, quantity FROM item_deliveries WHERE delivery_date IS NOT NULL")
    assert dated == [(date(2024, 5, 1), Decimal(1))]
    assert site.value("SELECT count(*) FROM item_deliveries") == len(PLACEHOLDER_DATES) + 2
    ITEMS.assert_as_at_source(site)


def test_the_children_of_a_changed_item_are_replaced_as_a_whole(site: Site) -> None:
    ITEMS.put(
        site,
        "A1",
        names={"nl": "Spade", "en": "Spade"},
        attributes={"a": 1, "b": 2},
        images=[{"hash": "h1", "sequence": 1}, {"hash": "h2", "sequence": 2}],
        stock=stock({"date": "2024-05-01", "quantity": 1}, {"quantity": 2}),
    )
    ITEMS.put(site, "A2", attributes={"a": 1})
    ITEMS.sync(site)
    ITEMS.put(site, "A1", names={"de": "Spaten"}, attributes={"b": 3}, stock=stock({"quantity": 7}))
    ITEMS.sync(site)
    ITEMS.assert_as_at_source(site)
    assert site.value("SELECT count(*) FROM item_images") == 0


def test_a_stock_that_moved_is_a_change_of_its_item(site: Site) -> None:
    ITEMS.put(site, "A1", stock=stock(shelfStock=5))
    ITEMS.sync(site)
    ITEMS.put(site, "A1", stock=stock(shelfStock=4))
    assert ITEMS.sync(site).changed == 1
    assert site.value("SELECT shelf_stock FROM item_stocks") == 4


def test_an_item_that_lost_its_stock_holds_none(site: Site) -> None:
    ITEMS.put(site, "A1")
    ITEMS.sync(site)
    ITEMS.put(site, "A1", stock=None)
    ITEMS.sync(site)
    assert site.value("SELECT count(*) FROM item_stocks") == 0


AMOUNTS = {"0.00005": "0.0001", "-0.00005": "-0.0001", "2.00025": "2.0003", "1e3": "1000", "12.500": "12.5"}


def test_quantities_are_exact_and_rounded_half_up(site: Site) -> None:
    for sent in AMOUNTS:
        body = (
            f'{{"itemCode":"{sent}","names":{{}},"images":[],'
            f'"stock":{{"itemCode":"x","shelfStock":{sent},"toBeDelivered":0,"deliveryDates":[]}}}}'
        )
        ITEMS.put_body(site.source, sent, body.encode())
    ITEMS.sync(site)
    found = dict(site.query("SELECT item_code, shelf_stock FROM item_stocks"))
    assert found == {sent: Decimal(stored) for sent, stored in AMOUNTS.items()}


BAD_ITEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "NAMES": ("names: ", {"names": ["Spade"]}),
    "IMAGE": ("images.1.hash: field required", {"images": [{"sequence": 1}]}),
    "STOCK": ("stock.shelfStock: ", {"stock": stock(shelfStock="veel")}),
    "ENTRY": ("stock.deliveryDates.2.quantity: ", {"stock": stock({"quantity": 1}, {"quantity": None})}),
    "TOO-LARGE": ("stock.shelfStock: has more than 14 digits", {"stock": stock(shelfStock=10**15)}),
}


def test_a_part_of_an_item_is_set_aside_with_its_reason_and_the_rest_comes_in(site: Site) -> None:
    ITEMS.put(site, "GOOD")
    for code, (_, fields) in BAD_ITEMS.items():
        ITEMS.put(site, code, **fields)
    result = ITEMS.sync(site)
    assert (result.new, result.set_aside, result.unchanged, result.leaves_work) == (
        len(BAD_ITEMS) + 1,
        len(BAD_ITEMS),
        0,
        False,
    )
    found = site.set_aside()
    assert found.keys() == BAD_ITEMS.keys()
    for code, (reason, _) in BAD_ITEMS.items():
        assert found[code].startswith(reason), code
    for code in BAD_ITEMS:
        ITEMS.put(site, code)
    assert ITEMS.sync(site).changed == len(BAD_ITEMS)
    assert site.set_aside() == {}
    ITEMS.assert_as_at_source(site)


def test_a_gateway_may_give_smaller_pages_than_it_was_asked_for(
    site_of: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_sandbox.answers.routes._listing", _at_most_five(_listing_of_the_sandbox()))
    site = site_of(page_size=300)
    ITEMS.put_many(site, 23)
    result = ITEMS.sync(site)
    # Five pages, and an empty one that proves the end.
    assert (result.new, result.calls) == (23, 6)
    ITEMS.assert_as_at_source(site)


def _listing_of_the_sandbox() -> Callable[..., Any]:
    from a4s_sandbox.answers import routes  # noqa: PLC0415 - before it is patched

    return routes._listing


def _at_most_five(listing: Callable[..., Any]) -> Callable[..., Any]:
    def capped(administration: Any, faults: Any, name: str, query: dict[str, str]) -> Any:
        return listing(administration, faults, name, {**query, "pageSize": "5"})

    return capped


def test_progress_is_reported_page_by_page(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=4)
    ITEMS.put_many(site, 10)
    told: list[tuple[int, int]] = []
    site.platform.advance = lambda more, total: told.append((more, total))
    ITEMS.sync(site)
    assert told == [(4, 10), (4, 10), (2, 10)]


def test_a_large_catalogue_is_written_in_batches(
    site_of: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.sync.batches.LARGEST_BATCH", 50)
    site = site_of(page_size=30)
    for number in range(700):
        site.source.put_item(item(f"A{number:04d}", attributes={"n": number}))
    assert ITEMS.sync(site).new == 700
    ITEMS.assert_as_at_source(site)
    site.source.put_item(item("A0042", attributes={"n": -1}))
    assert ITEMS.sync(site).changed == 1
    ITEMS.assert_as_at_source(site)
