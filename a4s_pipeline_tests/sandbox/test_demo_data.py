import hashlib
import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from a4s_sandbox import DEMO_CONNECTORS, Administration, World, demo_world, generated_world
from a4s_sandbox.answers.encoding import decode
from a4s_sandbox.data.awkward import AWKWARD_CODES, UNADDRESSABLE_CODES
from a4s_sandbox.data.catalogue import PLACEHOLDER_DATES
from a4s_sandbox.data.records import Records


def rows(records: Records) -> list[dict[str, Any]]:
    return [decode(body) for body in records.bodies(0, len(records))]


def lines(administration: Administration, code: str) -> list[dict[str, Any]]:
    found = administration.lines_of(code)
    assert found is not None
    held: list[dict[str, Any]] = decode(found)
    return held


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world()


@pytest.fixture(scope="module")
def demo(world: World) -> Administration:
    return world[DEMO_CONNECTORS["demo"]]


@pytest.fixture(scope="module")
def headers(demo: Administration) -> list[dict[str, Any]]:
    return rows(demo.orders)


def fingerprint(world: World) -> str:
    digest = hashlib.sha256()
    for administration in world.administrations.values():
        for records in (administration.orders, administration.items, administration.customers):
            digest.update(b"".join(records.bodies(0, len(records))))
        for key in administration.orders.keys():  # noqa: SIM118 - not a dict
            digest.update(administration.lines_of(key) or b"")
    return digest.hexdigest()


def test_the_demo_is_the_same_on_every_start(world: World) -> None:
    assert fingerprint(demo_world()) == fingerprint(world)


def test_of_three_connectors_one_has_no_focus_connector(world: World) -> None:
    assert list(world.administrations) == list(DEMO_CONNECTORS.values())
    assert [held.focus_connector is not None for held in world.administrations.values()] == [
        True,
        True,
        False,
    ]
    noord = world[DEMO_CONNECTORS["noord"]]
    assert len(noord.orders) > 600
    assert {character for character in noord.name if not character.isalnum()} >= set(" /")
    assert not noord.name.isascii()


def test_some_thousands_of_orders_over_the_years_grow_and_have_seasons(headers: list[dict[str, Any]]) -> None:
    assert 4000 < len(headers) < 4200
    years = Counter(str(row.get("orderDate"))[:4] for row in headers)
    assert years["2022"] < years["2023"] < years["2024"] < years["2025"]
    months = Counter(str(row.get("orderDate"))[:7] for row in headers)
    assert months["2025-05"] > 1.5 * months["2025-01"]
    assert months["2026-10"] > 0
    assert months["2026-11"] == 0


def test_totals_add_up_in_all_orders_but_one(demo: Administration, headers: list[dict[str, Any]]) -> None:
    off = set()
    for row in headers:
        if "orderCode" not in row or row.get("subTotal") is None:
            continue
        sub_total = sum(Decimal(line.get("lineTotal") or 0) for line in lines(demo, row["orderCode"]))
        if abs(row["subTotal"] - sub_total) > Decimal("0.01"):
            off.add(row["orderCode"])
        elif row["orderCode"] != "NULL-1":
            assert row["total"] == row["subTotal"] + row["vatTotal"] + row["shippingCosts"]
    assert off == {"BEDRAG-klopt-niet"}


def test_awkward_codes_and_unreadable_records_are_among_them(headers: list[dict[str, Any]]) -> None:
    codes = [row.get("orderCode") for row in headers]
    assert {*AWKWARD_CODES, *UNADDRESSABLE_CODES} <= set(codes)
    assert codes.count(None) == 1
    assert len(set(codes)) == len(codes)
    unreadable = []
    for row in headers:
        try:
            datetime.fromisoformat(row["orderDate"])
        except ValueError:
            unreadable.append(row["orderCode"])
    assert sorted(unreadable) == ["DATUM-bestaat-niet", "DATUM-tekst"]


def test_kinds_currencies_dates_and_amounts_vary(demo: Administration, headers: list[dict[str, Any]]) -> None:
    assert {row.get("orderType") for row in headers} >= {"order", "quotation", "invoice", "return", None}
    assert {row.get("currency") for row in headers} >= {"EUR", "USD", "GBP"}
    dates = [str(row.get("orderDate")) for row in headers]
    assert any(text.endswith("Z") for text in dates)
    assert any(text.endswith("+01:00") for text in dates)
    assert any(text.endswith("+02:00") for text in dates)
    assert any(len(text) == 10 for text in dates)
    assert any(text.startswith("2031") for text in dates)
    assert any(row.get("deliveryAddress") for row in headers)
    assert any("custom" in row for row in headers)
    assert lines(demo, "LEEG-1") == []
    assert b"1234.5678" in (demo.lines_of("BEDRAG-vier") or b"")
    returned = next(row for row in headers if row.get("orderType") == "return")
    assert all(line["quantity"] < 0 for line in lines(demo, returned["orderCode"]))


def test_lines_count_from_one_here_and_from_zero_there(world: World) -> None:
    first_numbers = {}
    for name in ("demo", "noord"):
        administration = world[DEMO_CONNECTORS[name]]
        held = [lines(administration, key) for key in administration.orders.keys()]  # noqa: SIM118
        first_numbers[name] = {order[0]["lineNumber"] for order in held if order}
    assert first_numbers == {"demo": {1}, "noord": {0}}


def test_items_have_pictures_stock_and_every_placeholder_for_a_date(demo: Administration) -> None:
    items = rows(demo.items)
    assert 380 < len(items) < 500
    entries = [entry for item in items for entry in item["stock"]["deliveryDates"]]
    assert {entry["date"] for entry in entries if "date" in entry} > set(PLACEHOLDER_DATES)
    assert any("date" not in entry for entry in entries)
    kinds = {type(value) for item in items for value in (item.get("attributes") or {}).values()}
    assert kinds >= {str, int, Decimal, bool, list, dict, type(None)}
    hashes = {image["hash"] for item in items for image in item["images"]}
    pictures = [picture for digest in hashes if (picture := demo.image(digest))]
    assert len(pictures) == len(hashes) - 1
    assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)
    assert {language for item in items for language in item["names"]} == {"nl", "en", "de"}


def test_customers_have_details_at_every_level(demo: Administration) -> None:
    customers = rows(demo.customers)
    assert len(customers) == 150
    assert any(customer["contactDetails"] for customer in customers)
    assert any(person["contactDetails"] for customer in customers for person in customer["contactPersons"])
    assert any(
        person["contactDetails"]
        for customer in customers
        for address in customer["addresses"]
        for person in address.get("contactPersons", [])
    )
    assert {customer["customerCode"] for customer in customers} >= {"K/013", "K 014", "K#015"}


def test_a_generated_world_has_lines_that_add_up_and_numbers_to_the_cent() -> None:
    world = generated_world(500, lines_per_order=3)
    held = world["Demo B.V."]
    headers = rows(held.orders)
    assert len(headers) == 500
    assert len({row["orderCode"] for row in headers}) == 500
    for row in headers[::50]:
        found = lines(held, row["orderCode"])
        assert len(found) == 3
        assert sum(line["lineTotal"] for line in found) == row["subTotal"]
        assert row["total"] == row["subTotal"] + row["vatTotal"]
        assert all(line["itemCode"] in held.items for line in found)
        assert row["customerCode"] in held.customers
    assert json.loads(held.orders.bodies(0, 1)[0])["currency"] == "EUR"
