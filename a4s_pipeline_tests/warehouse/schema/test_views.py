import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a4s_pipeline.gateway.records.stock_records import Delivery, Stock
from a4s_pipeline.ondemand.stock.projection import project
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.staging import Row, replace_rows
from a4s_pipeline.warehouse.schema.views import DEFAULT_ZONE, Conventions, views_by
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMERS,
    ITEM_DELIVERIES,
    ITEM_STOCKS,
    ITEMS,
    ORDER_LINES,
    ORDERS,
)
from a4s_pipeline_tests.support import rows
from a4s_pipeline_tests.support.nightly import examples
from a4s_pipeline_tests.support.rows import MIDSUMMER, line

JUNE = date(2024, 6, 1)


def order(code: str, **more: Any) -> Row:
    """An order whose lines are not imported yet, unless given."""
    return rows.order(code, **{"lines_synced_at": None, **more})


def item_stock(shelf: str = "0", sold: str = "0", **more: Any) -> Row:
    return {
        "connector": "demo",
        "item_code": "A1",
        "shelf_stock": shelf,
        "to_be_delivered": sold,
        "synced_at": MIDSUMMER,
        **more,
    }


def deliveries(*entries: tuple[str | None, str | None], item_code: str = "A1") -> list[Row]:
    return [
        {
            "connector": "demo",
            "item_code": item_code,
            "entry_number": number,
            "delivery_date": day,
            "quantity": quantity,
        }
        for number, (day, quantity) in enumerate(entries, start=1)
    ]


class Store:
    """A warehouse whose tables hold exactly the given rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def put(self, table: Table, *rows: Row) -> None:
        replace_rows(self._connection, table, rows)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()


@pytest.fixture
def store(store_in: Callable[[ZoneInfo], Store]) -> Store:
    return store_in(DEFAULT_ZONE)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[ZoneInfo, duckdb.DuckDBPyConnection]]:
    """An empty store for each time zone, made on first use."""
    made: dict[ZoneInfo, duckdb.DuckDBPyConnection] = {}
    yield made
    for connection in made.values():
        connection.close()


@pytest.fixture
def store_in(
    opened: dict[ZoneInfo, duckdb.DuckDBPyConnection], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[ZoneInfo], Store]]:
    used: list[duckdb.DuckDBPyConnection] = []

    def make(zone: ZoneInfo) -> Store:
        if zone not in opened:
            path = tmp_path_factory.mktemp("views") / "warehouse.duckdb"
            with WarehouseFile(path, conventions=Conventions(zone=zone)).session():
                pass
            opened[zone] = duckdb.connect(str(path))
        opened[zone].execute("BEGIN TRANSACTION")
        used.append(opened[zone])
        return Store(opened[zone])

    yield make
    for connection in used:
        connection.execute("ROLLBACK")


def test_each_view_has_the_columns_that_its_description_names(store: Store) -> None:
    for view in views_by(Conventions()):
        found = store.query(
            "SELECT column_name, data_type, comment FROM duckdb_columns() "
            f"WHERE table_name = '{view.name}' ORDER BY column_index"
        )
        described = [
            (column.name, column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), column.comment)
            for column in view.columns
        ]
        assert found == described
        assert store.query(f"SELECT comment FROM duckdb_views() WHERE view_name = '{view.name}'") == [
            (view.comment,)
        ]


CUSTOMER_MONTHS = "SELECT customer_code, month, currency, sub_total FROM customer_sales_by_month ORDER BY ALL"


@pytest.mark.parametrize(
    ("orders", "months"),
    [
        pytest.param([], [], id="no orders"),
        pytest.param(
            [order("1", sub_total="0.1"), order("2", sub_total="0.2")],
            [("K1", JUNE, "EUR", "0.3")],
            id="exact",
        ),
        pytest.param(
            [order("1"), order("2", customer_code="K2")],
            [("K1", JUNE, "EUR", "100"), ("K2", JUNE, "EUR", "100")],
            id="a row a customer",
        ),
        pytest.param(
            [order("1"), order("2", currency="GBP"), order("3", currency=None)],
            [("K1", JUNE, "EUR", "100"), ("K1", JUNE, "GBP", "100"), ("K1", JUNE, None, "100")],
            id="a row a currency, and none is one too",
        ),
        pytest.param(
            [order("1"), order("2", order_type="return", sub_total="-30")],
            [("K1", JUNE, "EUR", "70")],
            id="a return lowers the sum",
        ),
        pytest.param(
            [
                order("1", order_type=None),
                order("2", order_type="quotation"),
                order("3", order_type="invoice"),
            ],
            [("K1", JUNE, "EUR", "100")],
            id="no type is an order; quotations and invoices are left out",
        ),
        pytest.param([order("1", removed_at=MIDSUMMER)], [], id="removed orders are left out"),
        pytest.param(
            [order("1"), order("2", sub_total=None)], [("K1", JUNE, "EUR", "100")], id="one without an amount"
        ),
        pytest.param(
            [order("1", sub_total=None)], [("K1", JUNE, "EUR", None)], id="none with an amount is not zero"
        ),
        pytest.param(
            [order("1", order_date="2031-06-02T10:00:00Z")],
            [("K1", date(2031, 6, 1), "EUR", "100")],
            id="a date in the future",
        ),
    ],
)
def test_customers_buy_what_their_orders_and_returns_add_up_to(
    store: Store, orders: list[Row], months: list[tuple[Any, ...]]
) -> None:
    store.put(ORDERS, *orders)
    expected = [(*key, None if amount is None else Decimal(amount)) for *key, amount in months]
    assert store.query(CUSTOMER_MONTHS) == expected


@pytest.mark.parametrize(
    ("instant", "zone", "month"),
    [
        ("2023-12-31T22:59:59Z", "Europe/Amsterdam", date(2023, 12, 1)),
        ("2023-12-31T23:00:00Z", "Europe/Amsterdam", date(2024, 1, 1)),
        ("2024-06-30T21:59:59Z", "Europe/Amsterdam", date(2024, 6, 1)),
        ("2024-06-30T22:00:00Z", "Europe/Amsterdam", date(2024, 7, 1)),
        # The clock goes forward on the last day of this month, so that its end comes an hour sooner.
        ("2024-03-31T21:59:59Z", "Europe/Amsterdam", date(2024, 3, 1)),
        ("2024-03-31T22:00:00Z", "Europe/Amsterdam", date(2024, 4, 1)),
        ("2021-10-31T22:59:59Z", "Europe/Amsterdam", date(2021, 10, 1)),
        ("2021-10-31T23:00:00Z", "Europe/Amsterdam", date(2021, 11, 1)),
        ("2023-12-31T23:00:00Z", "UTC", date(2023, 12, 1)),
        ("2024-01-01T07:59:59Z", "America/Los_Angeles", date(2023, 12, 1)),
    ],
)
def test_months_begin_at_midnight_in_the_platforms_time_zone(
    store_in: Callable[[ZoneInfo], Store], instant: str, zone: str, month: date
) -> None:
    store = store_in(ZoneInfo(zone))
    store.put(ORDERS, order("1", order_date=instant))
    store.put(ORDER_LINES, line("1"))
    assert store.query("SELECT month FROM customer_sales_by_month") == [(month,)]
    assert store.query("SELECT month FROM item_sales_by_month") == [(month,)]


def test_the_views_follow_when_the_time_zone_changes(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with WarehouseFile(path).transaction() as connection:
        replace_rows(connection, ORDERS, [order("1", order_date="2023-12-31T23:30:00Z")])
    months = []
    for zone in ("UTC", "Europe/Amsterdam", "UTC"):
        with WarehouseFile(path, conventions=Conventions(zone=ZoneInfo(zone))).session() as connection:
            months += connection.execute("SELECT month FROM customer_sales_by_month").fetchall()
    assert months == [(date(2023, 12, 1),), (date(2024, 1, 1),), (date(2023, 12, 1),)]


def test_orders_and_returns_are_counted_apart_and_amounts_that_lack_too(store: Store) -> None:
    store.put(
        ORDERS,
        order("1"),
        order("2", order_type=None),
        order("3", order_type="return", sub_total="-1"),
        order("4", sub_total=None),
    )
    counts = store.query("SELECT order_count, return_count, without_amount FROM customer_sales_by_month")
    assert counts == [(3, 1, 1)]


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ([], "As ordered last"),
        ([{"connector": "demo", "customer_code": "K1", "name": "As listed"}], "As listed"),
        (
            [{"connector": "demo", "customer_code": "K1", "name": "Gone", "removed_at": MIDSUMMER}],
            "Gone",
        ),
        ([{"connector": "noord", "customer_code": "K1", "name": "Of another connector"}], "As ordered last"),
    ],
)
def test_a_customer_is_named_as_listed_or_else_as_on_the_last_order(
    store: Store, listed: list[Row], name: str
) -> None:
    store.put(CUSTOMERS, *listed)
    store.put(
        ORDERS,
        order("1", order_date="2024-06-20T12:00:00Z", customer_name="As ordered last"),
        order("2", order_date="2024-06-02T12:00:00Z", customer_name="As ordered first"),
        order("3", order_date="2024-06-21T12:00:00Z", customer_name=None),
    )
    assert store.query("SELECT customer_name, sub_total FROM customer_sales_by_month") == [
        (name, Decimal(300))
    ]


@pytest.mark.parametrize("view", ["customer_sales_by_month", "item_sales_by_month"])
@pytest.mark.parametrize("listed", [None, "noord", "demo"])
def test_sales_are_found_by_what_they_add_up_to_whoever_is_listed(
    store: Store, view: str, listed: str | None
) -> None:
    """DuckDB 2.0.0 finds nothing if a view joins with a table without a matching row."""
    if listed:
        store.put(CUSTOMERS, {"connector": listed, "customer_code": "K1"})
        store.put(ITEMS, {"connector": listed, "item_code": "A1"})
    store.put(ORDERS, order("1"), order("2", currency=None, sub_total=None))
    store.put(ORDER_LINES, line("1"), line("2", line_total=None))
    amount = "sub_total" if view.startswith("customer") else "line_total"
    found = store.query(
        f"SELECT currency FROM {view} WHERE connector = 'demo' GROUP BY currency "
        f"HAVING sum(coalesce({amount}, 0)) > 0"
    )
    assert found == [("EUR",)]
    assert store.query(f"SELECT currency FROM {view} WHERE connector = 'demo' AND coalesce({amount}, 0) > 0")


ITEM_MONTHS = """
    SELECT item_code, currency, unit, quantity, line_total, order_count, without_amount
    FROM item_sales_by_month ORDER BY ALL
"""


@pytest.mark.parametrize(
    ("orders", "lines", "months"),
    [
        pytest.param([order("1")], [], [], id="an order without lines"),
        pytest.param(
            [order("1")],
            [line("1", "1"), line("1", "2", quantity="0.0001", line_total="0.01")],
            [("A1", "EUR", "stuk", "2.0001", "50.01", 1, 0)],
            id="two lines of one order",
        ),
        pytest.param(
            [order("1")],
            [line("1", "1"), line("1", "2", unit="doos"), line("1", "3", unit=None)],
            [
                ("A1", "EUR", "doos", "2", "50", 1, 0),
                ("A1", "EUR", "stuk", "2", "50", 1, 0),
                ("A1", "EUR", None, "2", "50", 1, 0),
            ],
            id="a row a unit",
        ),
        pytest.param(
            [order("1"), order("2", currency="GBP"), order("3", currency=None)],
            [line("1"), line("2"), line("3")],
            [
                ("A1", "EUR", "stuk", "2", "50", 1, 0),
                ("A1", "GBP", "stuk", "2", "50", 1, 0),
                ("A1", None, "stuk", "2", "50", 1, 0),
            ],
            id="a row a currency",
        ),
        pytest.param(
            [order("1"), order("2", order_type="return")],
            [line("1"), line("2", quantity="-1", line_total="-25")],
            [("A1", "EUR", "stuk", "1", "25", 2, 0)],
            id="a return lowers the sums",
        ),
        pytest.param(
            [
                order("1", removed_at=MIDSUMMER),
                order("2", order_type="quotation"),
                order("3", order_type="invoice"),
                order("4", connector="noord"),
            ],
            [line("1"), line("2"), line("3"), line("4")],
            [],
            id="removed orders, quotations, invoices and other connectors' lines are left out",
        ),
        pytest.param(
            [order("1")],
            [line("1", "1"), line("1", "2", line_total=None)],
            [("A1", "EUR", "stuk", "4", "50", 1, 1)],
            id="a line without an amount",
        ),
    ],
)
def test_items_sell_what_the_lines_of_orders_and_returns_add_up_to(
    store: Store, orders: list[Row], lines: list[Row], months: list[tuple[Any, ...]]
) -> None:
    store.put(ORDERS, *orders)
    store.put(ORDER_LINES, *lines)
    expected = [(*row[:3], Decimal(row[3]), Decimal(row[4]), *row[5:]) for row in months]
    assert store.query(ITEM_MONTHS) == expected


def test_an_item_is_described_as_on_the_last_line_of_its_month(store: Store) -> None:
    days = {"1": "2024-06-20", "2": "2024-06-02", "3": "2024-06-21", "4": "2024-05-31"}
    store.put(ORDERS, *(order(code, order_date=f"{day}T12:00:00Z") for code, day in days.items()))
    texts = {"1": "As sold last", "2": "As sold first", "3": None, "4": "In another month"}
    store.put(ORDER_LINES, *(line(code, description=text) for code, text in texts.items()))
    assert store.query("SELECT month::VARCHAR, description FROM item_sales_by_month ORDER BY ALL") == [
        ("2024-05-01", "In another month"),
        ("2024-06-01", "As sold last"),
    ]


PROJECTED = "SELECT day::VARCHAR, incoming, projected FROM projected_stock_by_day ORDER BY ALL"


@pytest.mark.parametrize(
    ("stock", "entries", "days"),
    [
        pytest.param(item_stock("10", "3"), [], [("2024-06-15", "0", "7")], id="no deliveries"),
        pytest.param(item_stock("1", "3"), [], [("2024-06-15", "0", "-2")], id="short"),
        pytest.param(
            item_stock("10", "3"),
            [("2024-06-20", "5"), ("2024-06-18", "0.5"), ("2024-06-20", "1")],
            [("2024-06-15", "0", "7"), ("2024-06-18", "0.5", "7.5"), ("2024-06-20", "6", "13.5")],
            id="a row a day, cumulative",
        ),
        pytest.param(
            item_stock("10"),
            [("2024-06-01", "1"), ("2024-06-15", "2"), ("2024-06-16", "4")],
            [("2024-06-15", "3", "13"), ("2024-06-16", "4", "17")],
            id="what was expected before is in the first row",
        ),
        pytest.param(
            item_stock("10"),
            [(None, "5")],
            [("2024-06-15", "0", "10")],
            id="entries without a date never count",
        ),
        pytest.param(
            item_stock("10"),
            [("2024-06-20", "5"), ("2024-06-20", "-5"), ("2024-06-21", "0"), ("2024-06-22", None)],
            [("2024-06-15", "0", "10")],
            id="days on which nothing changes have no row",
        ),
        pytest.param(
            item_stock("10", synced_at="2024-06-15T22:30:00Z"),
            [("2024-06-16", "5")],
            [("2024-06-16", "5", "15")],
            id="after midnight in Amsterdam it is the next day",
        ),
        pytest.param(
            item_stock("10", synced_at="2024-12-15T22:30:00Z"),
            [("2024-12-16", "5")],
            [("2024-12-15", "0", "10"), ("2024-12-16", "5", "15")],
            id="in winter it is not yet",
        ),
    ],
)
def test_stock_is_projected_to_each_day_on_which_it_changes(
    store: Store, stock: Row, entries: list[tuple[str | None, str]], days: list[tuple[str, str, str]]
) -> None:
    store.put(ITEMS, {"connector": "demo", "item_code": "A1"})
    store.put(ITEM_STOCKS, stock)
    store.put(ITEM_DELIVERIES, *deliveries(*entries))
    expected = [(day, Decimal(incoming), Decimal(projected)) for day, incoming, projected in days]
    assert store.query(PROJECTED) == expected


def test_removed_items_have_no_projected_stock(store: Store) -> None:
    store.put(
        ITEMS,
        {"connector": "demo", "item_code": "A1", "removed_at": MIDSUMMER},
        {"connector": "demo", "item_code": "A2"},
        {"connector": "noord", "item_code": "A1"},
    )
    store.put(ITEM_STOCKS, item_stock(), item_stock(item_code="A2"), item_stock(connector="noord"))
    found = store.query("SELECT connector, item_code FROM projected_stock_by_day ORDER BY ALL")
    assert found == [("demo", "A2"), ("noord", "A1")]


_AMOUNTS = st.decimals(-1000, 1000, places=4)
_DAYS = st.none() | st.dates(date(2024, 1, 1), date(2025, 1, 1))
_ASKED = (date(2024, 6, 15), date(2024, 8, 1), date(2025, 6, 1))
_ITEM = st.tuples(_AMOUNTS, _AMOUNTS, st.lists(st.tuples(_DAYS, _AMOUNTS), max_size=6))


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path) -> Path:
    return Path(shutil.copyfile(empty_warehouse, tmp_path_factory.mktemp("views") / "warehouse.duckdb"))


@settings(max_examples=examples(4, 100))
@given(stocks=st.lists(_ITEM, min_size=20, max_size=40))
def test_the_last_projection_is_the_stock_with_every_dated_delivery(
    empty_file: Path, stocks: list[tuple[Decimal, Decimal, list[tuple[date | None, Decimal]]]]
) -> None:
    with duckdb.connect(str(empty_file)) as connection:
        connection.execute("BEGIN TRANSACTION")
        store = Store(connection)
        expected = {}
        for number, (shelf, sold, entries) in enumerate(stocks):
            code = f"A{number}"
            store.put(ITEM_STOCKS, item_stock(str(shelf), str(sold), item_code=code))
            written = [(day.isoformat() if day else None, str(quantity)) for day, quantity in entries]
            store.put(ITEM_DELIVERIES, *deliveries(*written, item_code=code))
            expected[code] = shelf - sold + sum(quantity for day, quantity in entries if day)
        rows = store.query(
            "SELECT item_code, day, incoming, projected FROM projected_stock_by_day ORDER BY ALL"
        )
        days = ", ".join(f"(DATE '{day}')" for day in _ASKED)
        on_days = store.query(
            "SELECT item_code, asked, arg_max(projected, day) FROM stock_position "
            f"JOIN (VALUES {days}) AS days(asked) ON day <= asked GROUP BY ALL ORDER BY ALL"
        )
        connection.execute("ROLLBACK")
    # What `a4s stock` says of the same stock.
    assert on_days == sorted(
        (
            f"A{number}",
            day,
            project(
                Stock.model_construct(
                    item_code=f"A{number}",
                    shelf_stock=shelf,
                    to_be_delivered=sold,
                    delivery_dates=[
                        Delivery.model_construct(date=due, quantity=due_quantity)
                        for due, due_quantity in entries
                    ],
                ),
                day,
            ).projected,
        )
        for number, (shelf, sold, entries) in enumerate(stocks)
        for day in _ASKED
    )
    last = {code: projected for code, _, _, projected in rows}
    assert last == expected
    for before, after in pairwise(rows):
        if before[0] == after[0]:
            assert after[1] - before[1] >= timedelta(days=1)
            assert after[3] - before[3] == after[2] != 0


def test_orders_without_lines_are_those_that_are_there_and_lack_them(store: Store) -> None:
    store.put(
        ORDERS,
        order("with lines", lines_synced_at=MIDSUMMER),
        order("without"),
        order("removed", removed_at=MIDSUMMER),
    )
    assert store.query("SELECT order_code FROM orders_without_lines") == [("without",)]
