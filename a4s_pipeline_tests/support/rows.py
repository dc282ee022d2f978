"""Rows of a store for tests: one sale, and its variations."""

from typing import Any

from a4s_pipeline.warehouse.rows.staging import Row

MIDSUMMER = "2024-06-15T12:00:00Z"


def order(code: str, day: str = MIDSUMMER, **more: Any) -> Row:
    return {
        "connector": "demo",
        "order_code": code,
        "order_date": day,
        "customer_code": "K1",
        "order_type": "order",
        "currency": "EUR",
        "sub_total": "100",
        "lines_synced_at": day,
        **more,
    }


def line(order_code: str, line_code: str = "1", **more: Any) -> Row:
    return {
        "connector": "demo",
        "order_code": order_code,
        "line_code": line_code,
        "item_code": "A1",
        "quantity": "2",
        "unit": "stuk",
        "line_total": "50",
        **more,
    }
