"""Orders as the published copy holds them: a page of the list, or one with its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.schema.schema import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

RowDict = dict[str, Any]


@dataclass(frozen=True)
class OrderFilter:
    """Which orders are wanted: order dates from `start`, inclusive, to `end`, exclusive."""

    customer_code: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    limit: int = 50
    offset: int = 0
    after: tuple[datetime, str] | None = None
    """The date and the code of the order that the page before ended with."""


_WANTED = """
    connector = $connector AND removed_at IS NULL
    AND ($customer IS NULL OR customer_code = $customer)
    AND ($start IS NULL OR order_date >= $start::TIMESTAMPTZ)
    AND ($end IS NULL OR order_date < $end::TIMESTAMPTZ)
"""
_AFTER = """
    AND ($after IS NULL OR order_date < $after::TIMESTAMPTZ
         OR (order_date = $after::TIMESTAMPTZ AND order_code < $after_code))
"""


def count_orders(connection: duckdb.DuckDBPyConnection, connector: str, wanted: OrderFilter) -> int:
    """Count the orders that a filter lets through."""
    row = connection.execute(
        f"SELECT count(*) FROM orders WHERE {_WANTED}",  # noqa: S608 - a constant of this module
        _parameters(connector, wanted),
    ).fetchone()
    return int(row[0]) if row else 0


def find_orders(connection: duckdb.DuckDBPyConnection, connector: str, wanted: OrderFilter) -> list[RowDict]:
    """Return a page of orders, newest first."""
    return _rows(
        connection,
        ORDERS,
        f"{_WANTED} {_AFTER} ORDER BY order_date DESC, order_code DESC LIMIT $limit OFFSET $offset",
        {
            **_parameters(connector, wanted),
            **dict(zip(("after", "after_code"), wanted.after or (None, None), strict=True)),
            "limit": wanted.limit,
            "offset": wanted.offset,
        },
    )


def find_order(connection: duckdb.DuckDBPyConnection, connector: str, order_code: str) -> RowDict | None:
    """Return one order, or None where it is not stored or was removed."""
    rows = _rows(
        connection,
        ORDERS,
        "connector = $connector AND order_code = $code AND removed_at IS NULL",
        {"connector": connector, "code": order_code},
    )
    return rows[0] if rows else None


def find_lines(
    connection: duckdb.DuckDBPyConnection, connector: str, order_codes: Sequence[str]
) -> dict[str, list[RowDict]]:
    """Return the lines of orders, by order code, in their order."""
    rows = _rows(
        connection,
        ORDER_LINES,
        "connector = $connector AND order_code IN (SELECT unnest($codes)) ORDER BY line_number, line_code",
        {"connector": connector, "codes": list(order_codes)},
    )
    lines: dict[str, list[RowDict]] = {code: [] for code in order_codes}
    for row in rows:
        lines[row["order_code"]].append(row)
    return lines


def _parameters(connector: str, wanted: OrderFilter) -> RowDict:
    return {
        "connector": connector,
        "customer": wanted.customer_code,
        "start": wanted.start,
        "end": wanted.end,
    }


def _rows(
    connection: duckdb.DuckDBPyConnection, table: Table, condition: str, parameters: RowDict
) -> list[RowDict]:
    # A copy that an older version published lacks the columns that came since.
    found = connection.execute(
        f"SELECT * EXCLUDE (connector, synced_at, run_id) FROM {table.name} WHERE {condition}",  # noqa: S608 - names and constants of our own
        parameters,
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
