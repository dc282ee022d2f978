"""One definition of a sale, to the cent, for records of any shape."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from a4s_pipeline import frames
from a4s_pipeline.cli.demo import QUERIES
from a4s_pipeline.report.months import Year
from a4s_pipeline.report.sales import sales_of
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.tables import (
    CURRENCY_RATES,
    CUSTOMERS,
    ITEM_ATTRIBUTES,
    ITEMS,
    LIST_PRICES,
    ORDER_LINES,
    ORDER_STATUS,
    ORDERS,
)
from a4s_pipeline_tests.models.conftest import Store
from a4s_pipeline_tests.models.promises import broken_promises
from a4s_pipeline_tests.support.rows import MIDSUMMER, line, order


@pytest.mark.parametrize(
    ("header", "is_sale"),
    [
        ({}, True),
        ({"order_type": None}, True),
        ({"order_type": ""}, True),
        ({"order_type": " Order"}, True),
        ({"order_type": "return", "sub_total": "-5"}, True),
        ({"order_type": "RETURN", "sub_total": "-5"}, True),
        ({"order_type": "quotation"}, False),
        ({"order_type": "invoice"}, False),
        ({"order_type": "consignatie"}, False),
        ({"removed_at": MIDSUMMER}, False),
        ({"status": "open"}, True),
        ({"status": "Cancelled "}, False),
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
        # One that is nowhere below nothing is written without a sign, and a single number below is one.
        ("0", [("0", "0.5"), ("0.5", "0")], "0", ["-0.5", "0"]),
        ("0.5", [("2", "0.5")], "-0.5", ["-0.5"]),
        ("50", [("-2", "50")], "50", ["50"]),
        ("50", [("2", "-50")], "50", ["-50"]),
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
        {"status": "Invoiced", "status_group": "open"},
    )
    store.put(ORDERS, order("1", status="geleverd"), order("2", status="X"), order("3", status="nieuw"))
    # Its word goes before what a status seems to say.
    store.put(ORDERS, order("4", status="invoiced"), order("5", status="Shipped"))
    store.put(ORDERS, order("2", connector="noord", status="X"))
    found = store.query(
        "SELECT connector, order_code, status_group, is_open, is_sale FROM sales_orders ORDER BY ALL"
    )
    assert found == [
        ("demo", "1", "shipped", False, True),
        ("demo", "2", "cancelled", False, False),
        ("demo", "3", None, None, True),
        ("demo", "4", "open", True, True),
        ("demo", "5", "shipped", False, True),
        ("noord", "2", "open", True, True),
    ]


def test_the_house_amount_is_at_the_last_rate_up_to_the_day_and_null_where_there_is_none(
    store: Store,
) -> None:
    store.put(
        CURRENCY_RATES,
        {"currency": "GBP", "day": "2024-06-01", "rate": "1.2"},
        {"currency": "GBP", "day": "2024-06-16", "rate": "9"},
        {"currency": "USD", "day": "2024-07-01", "rate": "0.9"},
        {"currency": "CHF", "day": "2024-06-15", "rate": "1.1"},
        {"currency": "CHF", "day": "2024-06-14", "rate": "9"},
    )
    for code, currency in (("1", "EUR"), ("2", "GBP"), ("3", "USD"), ("4", None), ("5", "CHF")):
        store.sell(order(code, currency=currency), line(code))
    expected = [("1", Decimal(100)), ("2", Decimal(120)), ("3", None), ("4", None), ("5", Decimal(110))]
    assert store.query("SELECT order_code, house_amount FROM sales_orders ORDER BY ALL") == expected
    halves = [(code, amount and amount / 2) for code, amount in expected]
    assert store.query("SELECT order_code, house_amount FROM sales_lines ORDER BY ALL") == halves


def test_what_the_sites_own_files_leave_out_is_reported_and_a_fault_where_it_has_such_files(
    store: Store,
) -> None:
    for code, status, currency in (("1", "Nieuw", "JPY"), ("2", "open", "EUR"), ("3", "", None)):
        store.put(ORDERS, order(code, status=status, currency=currency))
    told = {
        "order_statuses_are_mapped": "order statuses that order_status does not map: 1 (demo: `Nieuw`); "
        "say in data/reference/order_status.csv whether each is open, shipped, invoiced or cancelled",
        "currencies_have_rates": "sales without a currency rate: 1 (demo JPY: `1`); "
        "add a rate of their day, or an earlier one, to data/reference/currency_rates.csv",
    }
    for check, sentence in told.items():
        assert (store.finding(check).passed, store.finding(check).sentence) == (True, sentence)
    store.put(ORDER_STATUS, {"status": "Geleverd", "status_group": "shipped"})
    store.put(CURRENCY_RATES, {"currency": "JPY", "day": "2025-01-01", "rate": "0.006"})
    for check, sentence in told.items():
        assert (store.finding(check).passed, store.finding(check).sentence) == (False, sentence)
    store.put(ORDER_STATUS, {"status": "nieuw", "status_group": "open"})
    store.put(CURRENCY_RATES, {"currency": "JPY", "day": "2024-01-01", "rate": "0.006"})
    for check in told:
        assert (store.finding(check).passed, store.finding(check).sentence) == (True, "nothing to report")


def test_the_sales_rep_is_the_orders_or_else_the_customers(store: Store) -> None:
    attributes = {
        "K1": '{"accountManager": "Bos"}',
        "K2": '{"accountManager": "Bos", "salesRepresentative": "Smit"}',
        "K3": '{"accountManager": "Bos", "salesRepresentative": "Smit", "salesRep": "Vos"}',
        "K4": '{"salesRepresentative": " ", "salesRep": ""}',
    }
    for code, given in attributes.items():
        store.put(CUSTOMERS, {"connector": "demo", "customer_code": code, "attributes": given})
        store.put(ORDERS, order(code, customer_code=code))
    store.put(ORDERS, order("K5", customer_code="K5"), order("named", sales_rep="Dekker"))
    assert store.query("SELECT sales_rep, sales_rep_source FROM sales_orders ORDER BY order_code") == [
        ("Bos", "customer"),
        ("Smit", "customer"),
        ("Vos", "customer"),
        (None, None),
        (None, None),
        ("Dekker", "order"),
    ]


def test_an_order_tells_whether_its_lines_are_stored(store: Store) -> None:
    store.put(ORDERS, order("1"), order("2", lines_synced_at=None))
    assert store.query("SELECT order_code, has_lines FROM sales_orders ORDER BY ALL") == [
        ("1", True),
        ("2", False),
    ]


def test_the_list_price_is_the_items_where_it_is_a_number(store: Store) -> None:
    for item, value in (("A1", "12.5"), ("A2", "op aanvraag")):
        store.put(ITEMS, {"connector": "demo", "item_code": item})
        attribute = {"connector": "demo", "item_code": item, "name": "listPrice", "value_text": value}
        store.put(ITEM_ATTRIBUTES, attribute)
    # Of a reference table it is the site's word, for an item that was never listed too.
    store.put(LIST_PRICES, {"item_code": "A3", "list_price": "3"})
    store.put(LIST_PRICES, {"item_code": "A4", "list_price": "4", "currency": "GBP"})
    items = ("A1", "A2", None, "A3", "A4")
    store.sell(order("1"), *(line("1", str(place), item_code=item) for place, item in enumerate(items)))
    found = store.query("SELECT list_price FROM sales_lines ORDER BY line_code")
    assert found == [(Decimal("12.5"),), (None,), (None,), (Decimal(3),), (None,)]


def test_the_day_of_delivery_is_the_local_one_where_the_line_names_a_real_one(store: Store) -> None:
    days = {
        "2024-06-15": "2024-06-15",
        "2024-06-15T00:00:00": "2024-06-15",
        "2024-06-15T22:30:00Z": "2024-06-16",
        "2024-12-15T22:30:00.000+00:00": "2024-12-15",
        "2024-06-15T23:30:00-02:00": "2024-06-16",
        "0001-01-01T00:00:00": None,
        "1989-12-31": None,
        "1990-01-01": "1990-01-01",
        "2200-12-31": "2200-12-31",
        "2201-01-01": None,
        "1989-12-31T23:30:00Z": "1990-01-01",
        "morgen": None,
        "": None,
    }
    store.put(ORDERS, order("1"))
    for place, text in enumerate(days):
        store.put(ORDER_LINES, line("1", str(place), attributes=json.dumps({"deliveredDate": text})))
    found = store.query("SELECT delivered_day::VARCHAR FROM sales_lines ORDER BY line_code::INTEGER")
    assert [day for (day,) in found] == list(days.values())


_MOST = Decimal("99999999999999.9999")
_RATES = {"EUR": Decimal(1), "GBP": Decimal("1.25")}


def _awkward_orders(chance: Random) -> Iterator[tuple[Row, list[Row]]]:
    """Yield orders with lines, written in every way that back offices write them."""

    def amount() -> str | None:
        within = f"{Decimal(chance.randint(-9_999_999, 9_999_999)) / 10_000}"
        return chance.choice([None, "0", within, within, str(_MOST)])

    for number in range(300):
        header = order(
            f"o{number % 250}",
            connector="demo" if number < 250 else "noord",
            # Local midnight in winter and in summer, the nights when clocks change, and days far away.
            order_date=chance.choice(
                [
                    "2023-12-31T23:00:00Z",
                    "2024-06-30T22:00:00Z",
                    "2024-03-31T00:59:59Z",
                    "2024-10-27T00:30:00Z",
                    "1999-12-31T23:30:00Z",
                    "2099-01-01T00:00:00Z",
                ]
            ),
            customer_code=chance.choice(["K1", "K2", "nooit-gezien", ""]),
            order_type=chance.choice(
                ["order", "Order ", "return", "RETURN", "quotation", "invoice", "", None, "x"]
            ),
            status=chance.choice(["open", "invoiced", " Cancelled", "weg", "vreemd", "", None]),
            currency=chance.choice(["EUR", "eur", "GBP", " gbp", "JPY", "", None]),
            sub_total=amount(),
            sales_rep=chance.choice(["Dekker", " ", None]),
            removed_at=chance.choice([None, None, None, MIDSUMMER]),
            lines_synced_at=chance.choice([None, MIDSUMMER]),
        )
        lines = [
            line(
                header["order_code"],
                str(place),
                connector=header["connector"],
                item_code=chance.choice(["A1", "A2", "nooit-gezien", None]),
                quantity=amount(),
                unit=chance.choice(["stuk", " stuk", "doos", "", None]),
                price=chance.choice([None, "0", "12.3456"]),
                discount=chance.choice([None, "0", "33.3333", "100"]),
                line_total=amount(),
            )
            for place in range(chance.randint(0, 4))
        ]
        yield header, lines


def _in_euros(amount: Decimal | None, currency: str | None) -> Decimal | None:
    """Return the value; None without a rate, or if the column cannot hold it."""
    rate = _RATES.get((currency or "").strip().upper())
    if amount is None or rate is None:
        return None
    worth = (amount * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return worth if abs(worth) <= _MOST else None


def test_the_sums_of_the_models_are_those_of_the_tables_to_the_cent(store: Store) -> None:
    store.put(CURRENCY_RATES, {"currency": "gbp", "day": "0001-01-01", "rate": "1.25"})
    store.put(ORDER_STATUS, {"status": "WEG", "status_group": "cancelled"})
    # The same codes in two connectors, and one customer and one item that are gone at the source.
    for connector in ("demo", "noord"):
        store.put(CUSTOMERS, {"connector": connector, "customer_code": "K1", "removed_at": MIDSUMMER})
        store.put(CUSTOMERS, {"connector": connector, "customer_code": "K2"})
        store.put(ITEMS, {"connector": connector, "item_code": "A1", "removed_at": MIDSUMMER})
        store.put(ITEMS, {"connector": connector, "item_code": "A2"})
    drawn = list(_awkward_orders(Random(17)))
    store.put(ORDERS, *(header for header, _ in drawn))
    store.put(ORDER_LINES, *(row for _, lines in drawn for row in lines))
    orders: list[tuple[Any, ...]] = []
    written: list[tuple[Any, ...]] = []
    quantity = Decimal(0)
    for header, lines in drawn:
        kind = (header["order_type"] or "").strip().lower() or "order"
        status = (header["status"] or "").strip().lower()
        is_sale = (
            header["removed_at"] is None
            and kind in ("order", "return")
            and status not in ("cancelled", "weg")
        )
        numbers = [row[name] for row in lines for name in ("quantity", "line_total")]
        is_positive = all(Decimal(value or 0) >= 0 for value in [*numbers, header["sub_total"]])
        sign = -1 if kind == "return" and is_positive else 1
        quantity += is_sale * sum(sign * Decimal(row["quantity"] or 0) for row in lines)
        for rows, row, text in (
            (orders, header, header["sub_total"]),
            *((written, row, row["line_total"]) for row in lines),
        ):
            amount = None if text is None else sign * Decimal(text)
            key = (row["connector"], row["order_code"], row.get("line_code"))
            rows.append((*key, is_sale, amount, _in_euros(amount, header["currency"])))
    asked = "SELECT connector, order_code, {line}, is_sale, amount, house_amount FROM {model} ORDER BY ALL"
    assert store.query(asked.format(line="NULL", model="sales_orders")) == sorted(orders)
    assert store.query(asked.format(line="line_code", model="sales_lines")) == sorted(written)
    for model, column, rows in (
        ("customer_sales_by_month", "sub_total", orders),
        ("item_sales_by_month", "line_total", written),
    ):
        sold = sum(amount for *_, is_sale, amount, _ in rows if is_sale and amount is not None)
        assert store.one(f"SELECT sum({column}) FROM {model}") == sold
    assert store.one("SELECT sum(quantity) FROM item_sales_by_month") == quantity
    assert store.promises_broken() == []


def test_every_place_that_shows_sales_shows_the_same(demo_copy: Path) -> None:
    with duckdb.connect(str(demo_copy), read_only=True) as copy:
        assert broken_promises(copy) == []
        by_year = {
            (year, currency): sales
            for _, year, currency, _, sales in copy.execute(QUERIES["Sales by year"]).fetchall()
        }
        view = copy.execute(
            "SELECT year(month), currency, sum(sub_total) FROM customer_sales_by_month GROUP BY ALL"
        ).fetchall()
        assert by_year == {(year, currency): sales for year, currency, sales in view}
        lines = copy.execute("SELECT sum(amount) FROM sales_lines WHERE is_sale").fetchall()
        assert lines == copy.execute("SELECT sum(line_total) FROM item_sales_by_month").fetchall()
        frame = frames.sales_orders(settings=GivenSettings(data_dir=demo_copy.parent))
        of_frame = frame[frame.is_sale].groupby([frame.order_day.dt.year, "currency"], observed=True)
        assert {key: sales for key, sales in by_year.items() if key[1]} == {
            key: sum(amounts.dropna()) for key, amounts in of_frame.amount
        }
        page = sales_of(copy, "noord", Year(date(2025, 12, 1), date(2026, 1, 1)), 10)
        assert {sales.currency: sales.amount for sales in page if sales.amount} == {
            currency: sales for (year, currency), sales in by_year.items() if year == 2025 and sales
        }
