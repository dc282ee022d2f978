"""One row for each customer and item: who they are, and when they first and last bought."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_ADDRESSES,
    CUSTOMERS,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
    ORDERS,
)
from a4s_pipeline.warehouse.tables.reference import ITEM_FAMILIES
from a4s_pipeline_tests.models.conftest import Store
from a4s_pipeline_tests.support.rows import MIDSUMMER, line, order


def customer(code: str, **more: Any) -> Row:
    return {"connector": "demo", "customer_code": code, **more}


def item(code: str, **more: Any) -> Row:
    return {"connector": "demo", "item_code": code, **more}


BOUGHT = "SELECT customer_code, first_order_day, last_order_day, order_count FROM dim_customer ORDER BY 1"


def test_a_customer_bought_from_the_first_sale_to_the_last_returns_and_quotations_aside(store: Store) -> None:
    store.put(CUSTOMERS, *map(customer, ("K1", "K2", "K3")))
    days: dict[str, Row] = {
        "2024-06-14": {"order_type": "return"},
        "2024-06-15": {},
        "2024-06-16": {"order_type": None},
        "2024-06-17": {},
        "2024-06-18": {"order_type": "return"},
    }
    for day, more in days.items():
        store.put(ORDERS, order(f"{day} sold", f"{day}T12:00:00Z", **more))
    for day in ("2024-06-13", "2024-06-19"):
        store.put(ORDERS, order(f"{day} offered", f"{day}T12:00:00Z", order_type="quotation"))
        store.put(ORDERS, order(f"{day} cancelled", f"{day}T12:00:00Z", status="cancelled"))
    store.put(ORDERS, order("returned", customer_code="K2", order_type="return"))
    assert store.query(BOUGHT) == [
        ("K1", date(2024, 6, 15), date(2024, 6, 17), 3),
        ("K2", None, None, 0),
        ("K3", None, None, 0),
    ]


def test_first_and_last_day_are_local_ones(store: Store) -> None:
    store.put(ORDERS, order("1", "2023-12-31T23:00:00Z"), order("2", "2024-06-30T21:59:59Z"))
    assert store.query(BOUGHT) == [("K1", date(2024, 1, 1), date(2024, 6, 30), 2)]


def test_a_customer_or_an_item_that_was_never_listed_is_named_as_it_was_sold_last(store: Store) -> None:
    store.sell(
        order("2", "2024-06-14T12:00:00Z", customer_name="Before"),
        line("2", description="Before"),
        line("2", "9", item_code=None, description="A text"),
    )
    store.sell(order("1", "2024-06-16T12:00:00Z", customer_name="Last"), line("1", description="Last"))
    store.sell(order("3", "2024-06-15T12:00:00Z", customer_name="Between"), line("3", description="Between"))
    store.put(ORDERS, order("4", "2024-06-17T12:00:00Z", customer_code=None, customer_name="Nobody"))
    told = [("Last", False, False)]
    assert store.query("SELECT name, is_listed, is_removed FROM dim_customer") == told
    assert store.query("SELECT name, is_listed, is_removed FROM dim_item") == told


def test_a_listed_or_removed_item_is_itself_whatever_was_sold(store: Store) -> None:
    store.put(CUSTOMERS, customer("K1", name="Listed", is_blocked=True, currency=" eur "))
    store.put(CUSTOMERS, customer("K2", name="Gone", is_prospect=True, removed_at=MIDSUMMER))
    store.put(ITEMS, item("A1"), item("A2", removed_at=MIDSUMMER))
    store.put(ITEM_NAMES, item("A1", language="nl", name="Listed"), item("A2", language="nl", name="Gone"))
    store.sell(order("1", customer_name="Sold"), line("1", description="Sold"))
    store.sell(order("2", customer_code="K2", customer_name="Sold"), line("2", item_code="A2"))
    columns = "name, is_listed, is_removed, is_blocked, is_prospect, currency"
    assert store.query(f"SELECT {columns} FROM dim_customer ORDER BY customer_code") == [
        ("Listed", True, False, True, False, "EUR"),
        ("Gone", True, True, False, True, None),
    ]
    assert store.query("SELECT name, is_listed, is_removed FROM dim_item ORDER BY item_code") == [
        ("Listed", True, False),
        ("Gone", True, True),
    ]


def address(number: int, kind: str, **more: Any) -> Row:
    place = f"{kind} {number}"
    return {
        "connector": "demo",
        "customer_code": "K1",
        "address_number": number,
        "type": kind,
        "address_line1": place,
        "post_code": f"{number}00{number}AA",
        "city": place,
        "country": place,
        **more,
    }


@pytest.mark.parametrize(
    ("addresses", "main", "delivery"),
    [
        ([], None, None),
        ([address(1, "Custom")], "Custom 1", "Custom 1"),
        ([address(1, "Custom"), address(2, "Other")], "Other 2", "Other 2"),
        ([address(1, "Other"), address(2, "Invoice")], "Invoice 2", "Invoice 2"),
        ([address(1, "Invoice"), address(2, "Visit")], "Visit 2", "Visit 2"),
        ([address(1, "Visit"), address(2, "Delivery")], "Visit 1", "Delivery 2"),
        ([address(1, "Delivery"), address(2, "Custom")], "Delivery 1", "Delivery 1"),
        ([address(2, "Visit"), address(1, "Visit")], "Visit 1", "Visit 1"),
        # The main one of its kind comes first.
        ([address(1, "Visit"), address(2, "Visit", is_main=True)], "Visit 2", "Visit 2"),
        ([address(1, "Visit", is_main=False), address(2, "Invoice", is_main=True)], "Visit 1", "Visit 1"),
        (
            [
                address(1, "Visit"),
                address(2, "Delivery", is_main=False),
                address(3, "Delivery", is_main=True),
            ],
            "Visit 1",
            "Delivery 3",
        ),
    ],
)
def test_the_address_is_the_one_to_visit_and_for_deliveries_their_own_or_else_the_next_best(
    store: Store, addresses: list[Row], main: str | None, delivery: str | None
) -> None:
    store.put(CUSTOMERS, customer("K1"))
    store.put(CUSTOMER_ADDRESSES, *addresses)
    for prefix, place in (("", main), ("delivery_", delivery)):
        columns = ", ".join(f"{prefix}{name}" for name in ("address_line1", "city", "country", "post_code"))
        number = place and place[-1]
        post_code = number and f"{number}00{number}AA"
        assert store.query(f"SELECT {columns} FROM dim_customer") == [(place, place, place, post_code)]


@pytest.mark.parametrize(("state", "region"), [("Gelderland", "Gelderland"), ("", "68"), (None, "68")])
def test_a_region_is_the_state_or_else_the_first_two_characters_of_the_post_code(
    store: Store, state: str | None, region: str
) -> None:
    store.put(CUSTOMERS, customer("K1"))
    store.put(
        CUSTOMER_ADDRESSES,
        address(1, "Invoice", state="Noord-Holland"),
        address(2, "Visit", state=state, post_code="6811 AA"),
    )
    assert store.query("SELECT region FROM dim_customer") == [(region,)]


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"nl": "Schop", "en": "Spade", "zz": "?"}, "Schop"),
        ({"de": "Spaten", "en": "Spade"}, "Spade"),
        ({"de": "Spaten", "nl": "", "en": ""}, "Spaten"),
        ({"nl": ""}, None),
    ],
)
def test_an_item_is_named_in_the_sites_language_or_else_in_english_or_in_any(
    store: Store, names: dict[str, str], name: str | None
) -> None:
    store.put(ITEMS, item("A1"))
    store.put(ITEM_NAMES, *(item("A1", language=language, name=text) for language, text in names.items()))
    assert store.query("SELECT name FROM dim_item") == [(name,)]


def test_an_item_has_its_familys_name_or_else_its_code_and_what_is_left_of_its_stock(store: Store) -> None:
    store.put(ITEMS, item("A1", family_code="F1"), item("A2", family_code="F2"))
    store.put(ITEM_FAMILIES, {"family_code": "F1", "name": "Tools"})
    store.put(ITEM_STOCKS, item("A1", shelf_stock="5", to_be_delivered="7", synced_at=MIDSUMMER))
    assert store.query("SELECT family_name, available_stock FROM dim_item ORDER BY item_code") == [
        ("Tools", Decimal(-2)),
        ("F2", None),
    ]
