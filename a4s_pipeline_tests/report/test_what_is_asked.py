from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.report.months import Year, year_of_sales
from a4s_pipeline.report.sales import CurrencySales, sales_of
from a4s_pipeline.report.shortage import (
    Shortages,
    StockDay,
    items_running_short,
    likely_course,
    runs_out,
)
from a4s_pipeline.report.upkeep import Freshness, Stream, upkeep_of
from a4s_pipeline.warehouse.file.reader import published
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.tables import (
    ITEM_DELIVERIES,
    ITEM_NAMES,
    ITEM_STOCKS,
    ITEMS,
    ORDER_LINES,
    ORDERS,
    SYNC_STATE,
)
from a4s_pipeline_tests.report.conftest import NOW, Publish
from a4s_pipeline_tests.support.rows import line, order

TODAY = NOW.date()
JUNE = date(2024, 6, 1)


def _sales(copy: Path) -> list[CurrencySales]:
    with published(copy) as connection:
        year = year_of_sales(connection, "demo", TODAY)
        return sales_of(connection, "demo", year, 10) if year else []


@pytest.mark.parametrize(
    ("days", "last"),
    [
        ([], None),
        (["2024-02-10T12:00:00Z", "2023-01-01T12:00:00Z"], date(2024, 2, 1)),
        (["2024-06-10T12:00:00Z", "2031-06-02T12:00:00Z"], date(2024, 6, 1)),
        (["2031-06-02T12:00:00Z"], None),
    ],
)
def test_the_year_ends_with_the_last_month_of_sales_that_is_not_in_the_future(
    publish_rows: Publish, days: list[str], last: date | None
) -> None:
    copy = publish_rows({ORDERS: [order(str(number), day) for number, day in enumerate(days)]})
    with published(copy) as connection:
        year = year_of_sales(connection, "demo", TODAY)
    assert year == (Year(last, TODAY) if last else None)


def test_each_currency_has_its_own_sales_and_the_year_before(publish_rows: Publish) -> None:
    copy = publish_rows(
        {
            ORDERS: [
                order("1"),
                order("2", order_type="return", sub_total="-30"),
                order("3", "2023-06-15T12:00:00Z", sub_total="40"),
                order("4", currency="GBP", sub_total="7"),
                order("5", currency=None, sub_total=None),
                order("6", "2024-05-15T12:00:00Z", sub_total="1"),
                order("7", connector="noord", sub_total="1000"),
            ]
        }
    )
    euro, none, pounds = _sales(copy)
    assert (euro.currency, none.currency, pounds.currency) == ("EUR", None, "GBP")
    assert (euro.amount, euro.year_before) == (Decimal(71), Decimal(40))
    assert [month.amount for month in euro.months][-2:] == [Decimal(1), Decimal(70)]
    assert (euro.orders, euro.returns) == (2, 1)
    assert pounds.amount == Decimal(7)
    assert (none.amount, none.without_amount) == (Decimal(0), 1)
    assert [(seller.code, seller.amount, seller.orders) for seller in euro.customers] == [
        ("K1", Decimal(71), 2)
    ]


def test_the_highest_sales_come_first_and_each_unit_stays_apart(publish_rows: Publish) -> None:
    copy = publish_rows(
        {
            ORDERS: [order("1"), order("2", "2024-05-15T12:00:00Z")],
            ORDER_LINES: [
                line("1", "1", description="Spade, new"),
                line("1", "2", item_code="A2", line_total="80"),
                line("2", "1", description="Spade, old", unit="doos", quantity="1"),
                line("1", "3", item_code="A3", line_total="-5"),
            ],
        }
    )
    (euro,) = _sales(copy)
    assert [(item.code, item.name, item.amount) for item in euro.items] == [
        ("A1", "Spade, new", Decimal(100)),
        ("A2", None, Decimal(80)),
    ]
    assert euro.items[0].quantities_by_unit == [("stuk", Decimal(2)), ("doos", Decimal(1))]
    assert euro.items[0].by_month[JUNE] == Decimal(50)


def _days(*entries: tuple[int, int, int]) -> list[StockDay]:
    return [
        StockDay(TODAY + timedelta(days=ahead), Decimal(incoming), Decimal(projected))
        for ahead, incoming, projected in entries
    ]


@pytest.mark.parametrize(
    ("days", "a_day", "course", "runs_out_after"),
    [
        pytest.param(_days((0, 0, 3)), 0, [3, 3, 3, 3], None, id="nothing sold"),
        pytest.param(_days((0, 0, 3)), 2, [3, 1, -1, -3], 2, id="sold out on the third day"),
        pytest.param(_days((0, 0, 2)), 1, [2, 1, 0, -1], 3, id="nothing left is not yet short"),
        pytest.param(_days((0, 0, -1)), 0, [-1, -1, -1, -1], 0, id="short now"),
        pytest.param(_days((0, 0, 1), (2, 9, 10)), 1, [1, 0, 8, 7], None, id="a delivery in time"),
        pytest.param(_days((0, 0, 0), (2, 9, 9)), 1, [0, -1, 7, 6], 1, id="a delivery too late"),
        pytest.param(_days((-9, 0, 5), (-2, 3, 8)), 0, [8, 8, 8, 8], None, id="stock of days ago"),
        pytest.param(_days((1, 0, 5)), 0, [5, 5, 5, 5], None, id="stock of tomorrow"),
    ],
)
def test_stock_goes_down_by_the_pace_and_up_by_deliveries(
    days: list[StockDay], a_day: int, course: list[int], runs_out_after: int | None
) -> None:
    expected = tuple(Decimal(left) for left in course)
    assert likely_course(days, Decimal(a_day), TODAY, 4) == expected
    day = None if runs_out_after is None else TODAY + timedelta(days=runs_out_after)
    assert runs_out(expected, TODAY) == day


def _short(copy: Path, limit: int = 10) -> Shortages:
    with published(copy) as connection:
        year = year_of_sales(connection, "demo", TODAY)
        return items_running_short(connection, "demo", year, TODAY, limit)


def _item(code: str, shelf: str, unit: str | None = "stuk", **more: Any) -> tuple[Row, Row]:
    base = {"connector": "demo", "item_code": code}
    stock = {**base, "shelf_stock": shelf, "to_be_delivered": "0", "synced_at": "2024-06-20T04:00:00Z"}
    return {**base, "unit_code": unit, **more}, stock


def test_items_run_short_at_the_pace_of_the_last_three_months_in_their_own_unit(
    publish_rows: Publish,
) -> None:
    # 1 April to 20 June, the last month not being over: 81 days.
    items = [
        _item("short now", "-1"),
        _item("in ten days", "9.5"),
        _item("in time", "9.5"),
        _item("plenty", "1000"),
        _item("sold by the box", "9.5"),
        _item("not sold", "0"),
        _item("sold long ago", "1"),
        _item("gone", "-5", removed_at="2024-06-01T00:00:00Z"),
    ]
    sold = {
        "in ten days": "stuk",
        "in time": None,
        "plenty": "stuk",
        "sold by the box": "doos",
    }
    copy = publish_rows(
        {
            ITEMS: [item for item, _ in items],
            ITEM_STOCKS: [stock for _, stock in items],
            ITEM_NAMES: [
                {"connector": "demo", "item_code": code, "language": language, "name": f"{code} {language}"}
                for code, language in [("short now", "de"), ("short now", "nl"), ("in time", "nl")]
            ],
            ITEM_DELIVERIES: [
                {
                    "connector": "demo",
                    "item_code": "in time",
                    "entry_number": 1,
                    "delivery_date": "2024-06-25",
                    "quantity": "500",
                }
            ],
            ORDERS: [order("1", "2024-04-02T12:00:00Z"), order("2"), order("3", "2024-01-02T12:00:00Z")],
            ORDER_LINES: [
                *(
                    line(code, f"{number}", item_code=item, unit=unit, quantity="40.5")
                    for code in ("1", "2")
                    for number, (item, unit) in enumerate(sold.items())
                ),
                line("3", "9", item_code="sold long ago", quantity="1000"),
            ],
        }
    )
    short = _short(copy)
    now, later = short.items
    assert (short.count, short.already) == (2, 1)
    assert _short(copy, limit=0) == Shortages([], 2, 1)
    assert (now.code, now.name, now.runs_out, now.a_week) == ("short now", "short now nl", TODAY, Decimal(0))
    assert (later.code, later.runs_out) == ("in ten days", TODAY + timedelta(days=10))
    assert (later.a_week, later.unit, later.next_delivery) == (Decimal(7), "stuk", None)


def test_without_any_sales_stock_below_nil_is_short_and_its_delivery_is_named(publish_rows: Publish) -> None:
    item, stock = _item("A1", "-1")
    delivery = {
        "connector": "demo",
        "item_code": "A1",
        "entry_number": 1,
        "delivery_date": "2024-08-25",
        "quantity": "5",
    }
    copy = publish_rows({ITEMS: [item], ITEM_STOCKS: [stock], ITEM_DELIVERIES: [delivery]})
    (short,) = _short(copy).items
    assert short.next_delivery == StockDay(date(2024, 8, 25), Decimal(5), Decimal(4))


AN_HOUR, A_WEEK = NOW - timedelta(hours=1), NOW - timedelta(days=7)


def test_a_stream_is_as_fresh_as_the_older_of_its_syncs() -> None:
    for stream, freshness in [
        (Stream("orders"), Freshness.NEVER),
        (Stream("orders", last_error="refused"), Freshness.FAILED),
        (Stream("orders", has_history=False, last_error="none"), Freshness.ABSENT),
        (Stream("orders", AN_HOUR, AN_HOUR, True), Freshness.FRESH),
        (Stream("orders", AN_HOUR, A_WEEK, True), Freshness.OLD),
        (Stream("orders", A_WEEK, A_WEEK, True, "refused"), Freshness.OLD),
        (Stream("items", AN_HOUR), Freshness.FRESH),
        (Stream("items", AN_HOUR, last_error="refused"), Freshness.FAILED),
    ]:
        assert stream.freshness(NOW) is freshness, stream


def test_a_month_under_way_is_compared_with_as_many_days_of_a_year_before(publish_rows: Publish) -> None:
    copy = publish_rows(
        {
            ORDERS: [
                order("1", "2024-06-10T12:00:00Z", sub_total="10"),
                order("2", "2023-06-20T12:00:00Z", sub_total="4"),
                order("3", "2023-06-21T12:00:00Z", sub_total="100"),
            ]
        }
    )
    with published(copy) as connection:
        for today, year_before in ((date(2024, 6, 20), 4), (date(2024, 7, 1), 104)):
            year = year_of_sales(connection, "demo", today)
            assert year is not None
            (euro,) = sales_of(connection, "demo", year, 10)
            assert (euro.amount, euro.year_before) == (Decimal(10), Decimal(year_before))


def test_an_item_is_called_by_its_name_and_not_by_a_text_on_an_order(publish_rows: Publish) -> None:
    copy = publish_rows(
        {
            ORDERS: [order("1")],
            ORDER_LINES: [line("1", description="as agreed by telephone"), line("1", "2", item_code=None)],
            ITEMS: [{"connector": "demo", "item_code": "A1"}],
            ITEM_NAMES: [{"connector": "demo", "item_code": "A1", "language": "nl", "name": "Spade"}],
        }
    )
    with published(copy) as connection:
        year = year_of_sales(connection, "demo", date(2024, 6, 20))
        assert year is not None
        (euro,) = sales_of(connection, "demo", year, 10)
    assert [(item.code, item.name) for item in euro.items] == [("A1", "Spade")]


def test_a_connector_whose_orders_are_not_imported_has_no_order_history(publish_rows: Publish) -> None:
    state = {"connector": "demo", "stream": "items", "last_success_at": "2024-06-20T10:00:00Z"}
    copy = publish_rows({SYNC_STATE: [state]})
    with published(copy) as connection:
        orders, customers, items = upkeep_of(connection, "demo", ("orders", "customers", "items"), 5).streams
    assert [stream.freshness(NOW).value for stream in (orders, customers, items)] == [
        "no order history",
        "never synced",
        "fresh",
    ]
