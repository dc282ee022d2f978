"""One definition of a sale, to the cent, whatever records look like."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.cli.demo import QUERIES
from a4s_pipeline.report.months import Year
from a4s_pipeline.report.sales import sales_of
from a4s_pipeline.warehouse.tables import (
    CURRENCY_RATES,
    CUSTOMERS,
    ITEM_ATTRIBUTES,
    ITEMS,
    ORDER_STATUS,
    ORDERS,
)
from a4s_pipeline_tests.models.conftest import MIDSUMMER, Store, line, order


@pytest.mark.parametrize(
    ("header", "is_sale"),
    [
        ({}, True),
        ({"order_type": None}, True),
        ({"order_type": "return", "sub_total": "-5"}, True),
        ({"order_type": "quotation"}, False),
        ({"order_type": "invoice"}, False),
        ({"order_type": "consignatie"}, False),
        ({"removed_at": MIDSUMMER}, False),
        ({"status": "open"}, True),
        ({"status": "Cancelled"}, False),
        ({"status": "vervallen"}, True),
        ({"order_date": "2031-06-02T10:00:00Z"}, True),
    ],
)
def test_what_counts_as_a_sale_counts_everywhere(store: Store, header: dict[str, Any], is_sale: bool) -> None:
    store.sell(order("1", **header), line("1"))
    assert store.one("SELECT is_sale FROM sales_orders") is is_sale
    assert store.one("SELECT is_sale FROM sales_lines") is is_sale
    for view in ("customer_sales_by_month", "item_sales_by_month"):
        assert store.one(f"SELECT count(*) FROM {view}") == is_sale


@pytest.mark.parametrize(
    ("sub_total", "lines", "amount", "line_amounts"),
    [
        ("-50", [("-2", "-50")], "-50", ["-50"]),
        ("50", [("2", "50")], "-50", ["-50"]),
        (None, [("2", "50"), ("1", None)], None, ["-50", None]),
        # Something came back and something else went out for it: the signs are the source's own.
        ("10", [("-2", "-50"), ("1", "60")], "10", ["-50", "60"]),
        ("-50", [("2", "50")], "-50", ["50"]),
        ("0", [], "0", []),
    ],
)
def test_a_return_lowers_sales_however_its_back_office_writes_it(
    store: Store,
    sub_total: str | None,
    lines: list[tuple[str, str | None]],
    amount: str | None,
    line_amounts: list[str | None],
) -> None:
    written = [
        line("1", str(number), quantity=quantity, line_total=total)
        for number, (quantity, total) in enumerate(lines)
    ]
    store.sell(order("1", order_type="return", sub_total=sub_total), *written)
    assert store.one("SELECT amount FROM sales_orders") == (None if amount is None else Decimal(amount))
    found = [value for (value,) in store.query("SELECT amount FROM sales_lines ORDER BY line_code")]
    assert found == [None if text is None else Decimal(text) for text in line_amounts]


def test_a_site_says_what_its_statuses_mean_for_one_connector_or_for_all(store: Store) -> None:
    store.put(
        ORDER_STATUS,
        {"status": "Geleverd", "status_group": "shipped"},
        {"status": "X", "status_group": "open"},
        {"connector": "demo", "status": "X", "status_group": "cancelled"},
    )
    store.put(ORDERS, order("1", status="geleverd"), order("2", status="X"), order("3", status="nieuw"))
    store.put(ORDERS, order("2", connector="noord", status="X"))
    found = store.query(
        "SELECT connector, order_code, status_group, is_open, is_sale FROM sales_orders ORDER BY ALL"
    )
    assert found == [
        ("demo", "1", "shipped", False, True),
        ("demo", "2", "cancelled", False, False),
        ("demo", "3", None, None, True),
        ("noord", "2", "open", True, True),
    ]


def test_the_house_amount_is_at_the_last_rate_before_and_null_where_there_is_none(store: Store) -> None:
    store.put(
        CURRENCY_RATES,
        {"currency": "GBP", "day": "2024-06-01", "rate": "1.2"},
        {"currency": "GBP", "day": "2024-06-16", "rate": "9"},
        {"currency": "USD", "day": "2024-07-01", "rate": "0.9"},
    )
    for code, currency in (("1", "EUR"), ("2", "GBP"), ("3", "USD"), ("4", None)):
        store.sell(order(code, currency=currency), line(code))
    expected = [("1", Decimal(100)), ("2", Decimal(120)), ("3", None), ("4", None)]
    assert store.query("SELECT order_code, house_amount FROM sales_orders ORDER BY ALL") == expected
    halves = [(code, amount and amount / 2) for code, amount in expected]
    assert store.query("SELECT order_code, house_amount FROM sales_lines ORDER BY ALL") == halves


def test_the_sales_rep_is_the_orders_or_else_the_customers(store: Store) -> None:
    store.put(
        CUSTOMERS, {"connector": "demo", "customer_code": "K1", "attributes": '{"accountManager": "Bos"}'}
    )
    store.put(ORDERS, order("1", sales_rep="Dekker"), order("2"), order("3", customer_code="K2"))
    assert store.query("SELECT sales_rep, sales_rep_source FROM sales_orders ORDER BY order_code") == [
        ("Dekker", "order"),
        ("Bos", "customer"),
        (None, None),
    ]


def test_the_list_price_is_the_items_where_it_is_a_number(store: Store) -> None:
    for item, value in (("A1", "12.5"), ("A2", "op aanvraag")):
        store.put(ITEMS, {"connector": "demo", "item_code": item})
        attribute = {"connector": "demo", "item_code": item, "name": "listPrice", "value_text": value}
        store.put(ITEM_ATTRIBUTES, attribute)
    store.sell(order("1"), line("1", "1"), line("1", "2", item_code="A2"), line("1", "3", item_code=None))
    found = store.query("SELECT list_price FROM sales_lines ORDER BY line_code")
    assert found == [(Decimal("12.5"),), (None,), (None,)]


_AMOUNT = st.none() | st.decimals(-1000, 1000, places=4).map(str)
_LINE = st.fixed_dictionaries(
    {
        "item_code": st.sampled_from(["A1", "A2", None]),
        "quantity": st.none() | st.decimals(-99, 99, places=2).map(str),
        "unit": st.sampled_from(["stuk", "doos", None]),
        "line_total": _AMOUNT,
    }
)
_ORDER = st.fixed_dictionaries(
    {
        "connector": st.sampled_from(["demo", "noord"]),
        "order_date": st.datetimes()
        .map(lambda at: f"{max(at.year, 1900)}-{at:%m-%dT%H:%M:%S}Z")
        .filter(lambda text: "-02-29" not in text),
        "customer_code": st.sampled_from(["K1", "K2"]),
        "order_type": st.sampled_from(["order", "return", "quotation", "invoice", None, "anders"]),
        "status": st.sampled_from(["open", "invoiced", "cancelled", "vreemd", None]),
        "currency": st.sampled_from(["EUR", "GBP", None]),
        "sub_total": _AMOUNT,
        "removed_at": st.sampled_from([None, None, MIDSUMMER]),
        "lines_synced_at": st.sampled_from([None, MIDSUMMER]),
    }
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=st.lists(st.tuples(_ORDER, st.lists(_LINE, max_size=4)), max_size=8))
def test_the_sums_of_the_models_are_those_of_the_tables_to_the_cent(
    store: Store, orders: list[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> None:
    store.query("DELETE FROM orders")
    store.query("DELETE FROM order_lines")
    sold, sold_by_line = Decimal(0), Decimal(0)
    for number, (header, lines) in enumerate(orders):
        code = f"o{number}"
        written = [
            line(code, str(place), **{**row, "connector": header["connector"]})
            for place, row in enumerate(lines)
        ]
        store.sell(order(code, **header), *written)
        if (
            header["removed_at"] is None
            and header["order_type"] in ("order", "return", None)
            and header["status"] != "cancelled"
        ):
            numbers = [row[name] for row in lines for name in ("quantity", "line_total")]
            is_written_positive = header["order_type"] == "return" and all(
                Decimal(value or 0) >= 0 for value in [*numbers, header["sub_total"]]
            )
            sign = -1 if is_written_positive else 1
            sold += sign * Decimal(header["sub_total"] or 0)
            sold_by_line += sum(sign * Decimal(row["line_total"] or 0) for row in lines)
    assert store.one("SELECT count(*) FROM sales_orders") == store.one("SELECT count(*) FROM orders")
    assert store.one("SELECT count(*) FROM sales_lines") == store.one("SELECT count(*) FROM order_lines")
    for query in (
        "sum(amount), 0) FROM sales_orders WHERE is_sale",
        "sum(sub_total), 0) FROM customer_sales_by_month",
    ):
        assert store.one(f"SELECT coalesce({query}") == sold
    for query in (
        "sum(amount), 0) FROM sales_lines WHERE is_sale",
        "sum(line_total), 0) FROM item_sales_by_month",
    ):
        assert store.one(f"SELECT coalesce({query}") == sold_by_line


def test_every_place_that_tells_sales_tells_the_same(demo_copy: Path) -> None:
    with duckdb.connect(str(demo_copy), read_only=True) as copy:
        by_year = {
            (year, currency): sales
            for _, year, currency, _, sales in copy.execute(QUERIES["Sales by year"]).fetchall()
        }
        view = copy.execute(
            "SELECT year(month), currency, sum(sub_total) FROM customer_sales_by_month GROUP BY ALL"
        ).fetchall()
        assert by_year == {(year, currency): sales for year, currency, sales in view}
        page = sales_of(copy, "noord", Year(date(2025, 12, 1), date(2026, 1, 1)), 10)
        assert {sales.currency: sales.amount for sales in page if sales.amount} == {
            currency: sales for (year, currency), sales in by_year.items() if year == 2025 and sales
        }
