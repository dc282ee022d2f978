"""Days are those of the administration, whatever the session's time zone."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER, Ledger
from a4s_pipeline.warehouse.tables import CUSTOMERS, ITEM_STOCKS, ITEMS, ORDERS, TABLES
from a4s_pipeline_tests.models.conftest import Store
from a4s_pipeline_tests.support.rows import line, order

# Midnight in Amsterdam, in winter and in summer, and a second before it.
NEW_YEAR, BEFORE_NEW_YEAR = "2023-12-31T23:00:00Z", "2023-12-31T22:59:59Z"
MIDSUMMER, BEFORE_MIDSUMMER = "2024-06-30T22:00:00Z", "2024-06-30T21:59:59Z"


@pytest.mark.parametrize("session", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (NEW_YEAR, date(2024, 1, 1)),
        (BEFORE_NEW_YEAR, date(2023, 12, 31)),
        (MIDSUMMER, date(2024, 7, 1)),
        (BEFORE_MIDSUMMER, date(2024, 6, 30)),
    ],
)
def test_an_order_has_its_local_day_in_every_session(
    store: Store, session: str, instant: str, day: date
) -> None:
    store.sell(order("1", order_date=instant, modified=instant), line("1"))
    before = store.one("SELECT current_setting('TimeZone')")
    store.query(f"SET TimeZone = '{session}'")
    try:
        assert store.query("SELECT order_day, modified_day FROM orders") == [(day, day)]
        for model in ("sales_orders", "sales_lines"):
            assert store.one(f"SELECT order_day FROM {model}") == day
        months = store.query("SELECT month FROM customer_sales_by_month")
        assert months == store.query("SELECT month FROM item_sales_by_month") == [(day.replace(day=1),)]
    finally:
        store.query(f"SET TimeZone = '{before}'")


def test_every_writer_gives_the_local_days(store: Store) -> None:
    store.put(
        CUSTOMERS, {"connector": "demo", "customer_code": "K1", "created": NEW_YEAR, "modified": MIDSUMMER}
    )
    store.put(ITEMS, {"connector": "demo", "item_code": "A1", "created": NEW_YEAR})
    store.put(ITEM_STOCKS, {"connector": "demo", "item_code": "A1", "synced_at": NEW_YEAR})
    store.put(ORDERS, order("1", order_date=None))
    assert store.query("SELECT created_day, modified_day FROM customers") == [
        (date(2024, 1, 1), date(2024, 7, 1))
    ]
    assert store.query("SELECT created_day, modified_day FROM items") == [(date(2024, 1, 1), None)]
    assert store.query("SELECT stock_day FROM item_stocks") == [(date(2024, 1, 1),)]
    assert store.query("SELECT order_day FROM orders") == [(None,)]


def test_the_ledger_and_the_log_of_flows_have_local_days_too(tmp_path: Path) -> None:
    warehouse = WarehouseFile(tmp_path / "warehouse.duckdb")
    at = datetime.fromisoformat(NEW_YEAR)
    Ledger(warehouse, ORDER_LEDGER, "demo", "r1").record("i1", None, {"received_at": at}, at)
    warehouse.transact(
        lambda connection: record_flows(connection, [FlowExecution("demo", "sync", "ok", at, at, "r1", None)])
    )
    with warehouse.session() as connection:
        assert connection.execute("SELECT received_day FROM order_exports").fetchall() == [
            (date(2024, 1, 1),)
        ]
        assert connection.execute("SELECT started_day FROM flow_executions").fetchall() == [
            (date(2024, 1, 1),)
        ]


def test_a_store_of_an_older_version_gets_them_and_another_time_zone_changes_them(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path), config=STORAGE) as old:
        old.execute("CREATE TABLE orders (connector VARCHAR, order_code VARCHAR, order_date TIMESTAMPTZ)")
        old.execute(f"INSERT INTO orders VALUES ('demo', 'A1', '{NEW_YEAR}'), ('demo', 'A2', NULL)")
    for zone, day in (("Europe/Amsterdam", date(2024, 1, 1)), ("America/New_York", date(2023, 12, 31))):
        with WarehouseFile(path, conventions=Conventions(zone=ZoneInfo(zone))).session() as connection:
            found = connection.execute("SELECT order_code, order_day FROM orders ORDER BY ALL").fetchall()
            assert found == [("A1", day), ("A2", None)]
            instant = datetime(2023, 12, 31, 23, tzinfo=UTC)
            assert connection.execute("SELECT local_day($1)", [instant]).fetchall() == [(day,)]


def test_each_day_column_of_a_table_names_an_instant_of_it() -> None:
    found = {
        (table.name, column.name)
        for table in TABLES
        for column in table.columns
        if column.day_of and next(c for c in table.columns if c.name == column.day_of).type == "TIMESTAMPTZ"
    }
    assert {("orders", "order_day"), ("customers", "created_day"), ("item_stocks", "stock_day")} <= found
