"""A warehouse as after years of syncs, made in seconds without fetching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd

from a4s_pipeline.files import exact_json
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.state import StreamProgress, save_progress
from a4s_sandbox.data.big import generated_world
from benchmarks.imports.gateway import ADMINISTRATION

_RUN = "00000000-0000-4000-8000-000000000000"

_ORDERS = """
INSERT INTO orders (connector, order_code, order_number, order_date, order_day,
                    customer_code, order_type, status,
                    reference, currency, sub_total, vat_total, shipping_costs, total,
                    header_fingerprint, lines_fingerprint, lines_synced_at, synced_at, run_id)
SELECT $connector, code, code, date,
       timezone('Europe/Amsterdam', date)::DATE, customer, 'order', 'invoiced', 'Ref ' || code, 'EUR',
       400, 84, 0, 484, fingerprint, 'lines of ' || code, $at, $at, $run
FROM listed
"""
# Four lines of 100.00: what they say matters to nobody, how many there are does.
_LINES = """
INSERT INTO order_lines (connector, order_code, line_code, line_number, item_code, description,
                         quantity, unit, price, discount, line_total, synced_at, run_id)
SELECT $connector, code, (line * 10)::VARCHAR, line,
       'A' || lpad((line * 11 + hash(code) % 489)::VARCHAR, 5, '0'), 'Artikel van regel ' || line,
       4, 'stuk', 25, 0, 100, $at, $run
FROM listed, range(4) AS lines(line)
"""


def listed_orders(orders: int) -> pd.DataFrame:
    """Return what the benchmarks' gateway lists for a history of this many orders."""
    source = generated_world(orders)[ADMINISTRATION]
    rows = []
    for code in source.orders.keys():  # noqa: SIM118 - a store of records, not a dictionary
        header = exact_json.loads(exact_json.dumps(source.order(code)[0]))
        rows.append((code, header["orderDate"], header["customerCode"], exact_json.fingerprint_of(header)))
    listed = pd.DataFrame(rows, columns=["code", "date", "customer", "fingerprint"])
    listed["date"] = pd.to_datetime(listed["date"], utc=True)
    return listed


def fill(path: Path, listed: pd.DataFrame, connectors: Sequence[str]) -> None:
    """Fill a warehouse with these orders for each connector, as if synced."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    watermark = listed["date"].max().to_pydatetime()
    warehouse = WarehouseFile(path)
    for connector in connectors:
        with warehouse.transaction() as connection:
            connection.register("listed", listed)
            parameters = {"connector": connector, "at": at, "run": _RUN}
            connection.execute(_ORDERS, parameters)
            connection.execute(_LINES, parameters)
            connection.unregister("listed")
            columns = {"watermark": watermark, "last_success_at": at, "last_run_at": at, "has_history": True}
            save_progress(connection, StreamProgress(connector, "orders", _RUN, at, columns))


def rows_of(path: Path) -> tuple[int, int]:
    """Count the orders and the lines of a copy."""
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines)")
        found = row.fetchone()
    assert found is not None
    return found[0], found[1]
