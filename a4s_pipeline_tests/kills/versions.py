"""Records in versions that show in each of their rows, so that a half-written one is noticed."""

from typing import Any

from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS
from a4s_pipeline_tests.kills.conftest import Site
from a4s_sandbox import Administration

Rows = list[tuple[Any, ...]]
TABLES: tuple[Table, ...] = (ORDERS, ORDER_LINES, *ITEM_TABLES.all, *CUSTOMER_TABLES.all)
OF_THE_RUN = frozenset({"synced_at", "run_id", "lines_synced_at"})


def parts_of(number: int, version: int) -> int:
    """How many lines, addresses or deliveries a record's version has."""
    return (number + version) % 4


def put_order(source: Administration, number: int, version: int = 1) -> None:
    """Put an order one hour after the previous one, all within a few days."""
    code = f"A{number:04d}"
    header = {
        "orderCode": code,
        "orderDate": f"2024-03-{1 + number // 240:02d}T{number // 10 % 24:02d}:{number % 10:02d}:00Z",
        "customerCode": "K1",
        "reference": f"v{version}",
    }
    lines = [
        {
            "lineCode": f"{part}",
            "lineNumber": part,
            "itemCode": "A1",
            "quantity": 1,
            "description": f"v{version}",
        }
        for part in range(parts_of(number, version))
    ]
    source.put_order(header, lines)


def put_item(source: Administration, number: int, version: int = 1) -> None:
    """Put an item with this many expected deliveries."""
    code = f"I{number:04d}"
    deliveries = [{"date": "2024-05-01", "quantity": version} for _ in range(parts_of(number, version))]
    stock = {"itemCode": code, "shelfStock": version, "toBeDelivered": 0, "deliveryDates": deliveries}
    names = {"nl": f"v{version}", "en": f"v{version}"}
    source.put_item({"itemCode": code, "familyCode": f"v{version}", "names": names, "stock": stock})


def put_customer(source: Administration, number: int, version: int = 1) -> None:
    """Put a customer with this many addresses."""
    addresses = [{"type": "Visit", "name": f"v{version}"} for _ in range(parts_of(number, version))]
    customer = {"customerCode": f"K{number:04d}", "name": f"v{version}", "addresses": addresses}
    source.put_customer(customer)


PUT = {"orders": put_order, "items": put_item, "customers": put_customer}


def assert_true_state(site: Site) -> None:
    """All rows of a version or none, each once; nothing falsely removed; no watermark ahead of the rows."""
    with site.asked() as query:
        orders = query("SELECT order_code, reference, lines_synced_at IS NOT NULL FROM orders ORDER BY ALL")
        lines = query("SELECT order_code, line_code, description FROM order_lines ORDER BY ALL")
        assert len(orders) == len({code for code, _, _ in orders})
        assert lines == [row for code, version, is_in in orders if is_in for row in parts(code, version)]
        watermarks = query("SELECT watermark FROM sync_state WHERE stream = 'orders' AND connector = 'demo'")
        if watermarks and watermarks[0][0] is not None:
            passed = query(
                "SELECT order_code FROM orders WHERE order_date <= $1 ORDER BY ALL", *watermarks[0]
            )
            assert passed == [(code,) for code in sorted(site.source.orders.keys())[: len(passed)]]
            assert len(passed) > 0
        items = query("SELECT item_code, family_code FROM items ORDER BY ALL")
        named = query("SELECT item_code, language, name FROM item_names ORDER BY ALL")
        assert named == [(code, language, version) for code, version in items for language in ("en", "nl")]
        stocks = query("SELECT item_code, 'v' || shelf_stock::INTEGER FROM item_stocks ORDER BY ALL")
        assert stocks == items
        customers = query("SELECT customer_code, name FROM customers ORDER BY ALL")
        addresses = query("SELECT customer_code, address_number, name FROM customer_addresses ORDER BY ALL")
        assert [(code, version) for code, _, version in addresses] == [
            (code, version) for code, version in customers for _ in parts(code, version)
        ]
        deliveries = query(
            "SELECT item_code, 'v' || quantity::INTEGER FROM item_deliveries ORDER BY item_code, entry_number"
        )
        assert deliveries == [(code, version) for code, version in items for _ in parts(code, version)]
        for table in ("orders", "items", "customers"):
            assert query(f"SELECT count(*) FROM {table} WHERE removed_at IS NOT NULL") == [(0,)]


def parts(code: str, version: str) -> Rows:
    """The rows of an order's version, derived from its code."""
    return [(code, f"{part}", version) for part in range(parts_of(int(code[1:]), int(version[1:])))]


def all_rows(site: Site) -> dict[str, Rows]:
    """Every row of the data tables, without the columns that differ between runs."""
    with site.asked() as query:
        return {
            table.name: query(f"SELECT {columns_of(table)} FROM {table.name} ORDER BY ALL")
            for table in TABLES
        }


def columns_of(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.column_names if name not in OF_THE_RUN)
