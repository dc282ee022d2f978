"""Orders in a lake, as tests write and read them."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.rows.staging import replace_rows
from a4s_pipeline.warehouse.tables import ORDERS


def add(lake: Lake, *codes: str, connector: str = "demo", **more: Any) -> None:
    rows = [{"connector": connector, "order_code": code, **more} for code in codes]
    lake.transact(lambda connection: replace_rows(connection, ORDERS, rows))


def held(lake: Lake) -> list[str]:
    with lake.session() as connection:
        return [code for (code,) in connection.execute("SELECT order_code FROM orders ORDER BY 1").fetchall()]
