"""Reads orders of the published copy, as JSON that DuckDB writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.table import AMOUNT, DAY, INSTANT, JSON, Column, Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

Names = Mapping[str, str]
"""The columns to show, with their names in JSON."""


@dataclass(frozen=True)
class OrderFilter:
    """Which orders are wanted: order dates from `start`, inclusive, to `end`, exclusive."""

    customer_code: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    limit: int = 50
    offset: int = 0
    after: tuple[datetime, str] | None = None
    """The date and the code of the last order of the previous page."""


@dataclass(frozen=True)
class FoundLine:
    """A line of an order: `fields` is the JSON of its known fields, `attributes` that of unknown ones."""

    line_code: str
    fields: str
    attributes: str | None


@dataclass(frozen=True)
class FoundOrder:
    """An order with its lines in order; `fields` and `attributes` as for a line."""

    order_code: str
    order_date: datetime
    lines_synced_at: datetime | None
    fields: str
    attributes: str | None
    lines: list[FoundLine] = field(default_factory=list)


_WANTED = """
    connector = $connector AND removed_at IS NULL
    AND ($customer IS NULL OR customer_code = $customer)
    AND ($start IS NULL OR order_date >= $start::TIMESTAMPTZ)
    AND ($end IS NULL OR order_date < $end::TIMESTAMPTZ)
"""
_UP_TO = """
    AND (order_date > $after::TIMESTAMPTZ
         OR (order_date = $after::TIMESTAMPTZ AND order_code >= $after_code))
"""


def count_orders(connection: duckdb.DuckDBPyConnection, connector: str, wanted: OrderFilter) -> int:
    """Count the orders that match a filter."""
    row = connection.execute(
        f"SELECT count(*) FROM orders WHERE {_WANTED}",  # noqa: S608 - a constant of this module
        _parameters(connector, wanted),
    ).fetchone()
    return int(row[0]) if row else 0


def place_after(
    connection: duckdb.DuckDBPyConnection, connector: str, wanted: OrderFilter, after: tuple[datetime, str]
) -> int:
    """Return where a filter's orders continue after `after`, an order that may be gone by now."""
    row = connection.execute(
        f"SELECT count(*) FROM orders WHERE {_WANTED} {_UP_TO}",  # noqa: S608 - constants of this module
        {**_parameters(connector, wanted), **dict(zip(("after", "after_code"), after, strict=True))},
    ).fetchone()
    return int(row[0]) if row else 0


def find_orders(
    connection: duckdb.DuckDBPyConnection,
    connector: str,
    wanted: OrderFilter,
    *,
    order_names: Names,
    line_names: Names,
) -> list[FoundOrder]:
    """Return the orders of a filter from its offset on, newest first; its `after` counts for nothing."""
    condition = f"{_WANTED} ORDER BY order_date DESC, order_code DESC LIMIT $limit OFFSET $offset"
    span = {"limit": wanted.limit, "offset": wanted.offset}
    rows = _rows(
        connection, ORDERS, order_names, _HEAD, condition, {**_parameters(connector, wanted), **span}
    )
    return _with_lines(connection, connector, rows, line_names)


def find_order(
    connection: duckdb.DuckDBPyConnection,
    connector: str,
    order_code: str,
    *,
    order_names: Names,
    line_names: Names,
) -> FoundOrder | None:
    """Return one order, or None if it is not stored or was removed."""
    condition = "connector = $connector AND order_code = $code AND removed_at IS NULL"
    parameters = {"connector": connector, "code": order_code}
    rows = _rows(connection, ORDERS, order_names, _HEAD, condition, parameters)
    found = _with_lines(connection, connector, rows, line_names)
    return found[0] if found else None


_HEAD = ("order_code", "order_date", "lines_synced_at")


def _with_lines(
    connection: duckdb.DuckDBPyConnection, connector: str, rows: list[Any], names: Names
) -> list[FoundOrder]:
    orders = {row[0]: FoundOrder(*row) for row in rows}
    if orders:
        condition = "connector = $connector AND order_code IN (SELECT unnest($codes))"
        ordered = f"{condition} ORDER BY line_number, line_code"
        parameters = {"connector": connector, "codes": list(orders)}
        head = ("order_code", "line_code")
        for code, *line in _rows(connection, ORDER_LINES, names, head, ordered, parameters):
            orders[code].lines.append(FoundLine(*line))
    return list(orders.values())


def _parameters(connector: str, wanted: OrderFilter) -> dict[str, Any]:
    return {
        "connector": connector,
        "customer": wanted.customer_code,
        "start": wanted.start,
        "end": wanted.end,
    }


def _rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    names: Names,
    head: Sequence[str],
    condition: str,
    parameters: Mapping[str, Any],
) -> list[Any]:
    """Return the columns of `head`, the JSON object of the known fields, and the unchanged attributes.

    DuckDB writes JSON for hundreds of orders in the time that Python needs for thirty.
    """
    # A copy published by an older version lacks newer columns.
    stored = {row[0] for row in connection.execute(f"DESCRIBE {table.name}").fetchall()}
    shown = [column for column in table.columns if column.name in names and column.name in stored]
    return connection.execute(
        f"SELECT {', '.join(head)}, {_object(shown, names)}, attributes::VARCHAR "  # noqa: S608 - names of our own
        f"FROM {table.name} WHERE {condition}",
        parameters,
    ).fetchall()


def _object(columns: Sequence[Column], names: Names) -> str:
    plain = ", ".join(
        f'"{names[column.name]}" := {_value(column)}' for column in columns if column.type != JSON
    )
    written = f"to_json(struct_pack({plain}))::VARCHAR"
    for column in columns:
        if column.type == JSON:
            # Unchanged: reading and writing it would lose the last digits of long numbers.
            value = f"coalesce(\"{column.name}\"::VARCHAR, 'null')"
            written = f"left({written}, -1) || ',\"{names[column.name]}\":' || {value} || '}}'"
    return written


def _value(column: Column) -> str:
    name = f'"{column.name}"'
    if column.type == AMOUNT:
        # All of them have four decimals: only digits after the point are cut off.
        return f"rtrim(rtrim({name}::VARCHAR, '0'), '.')"
    if column.type == INSTANT:
        return f"replace(strftime({name}, '%Y-%m-%dT%H:%M:%S.%f+00:00'), '.000000', '')"
    return f"{name}::VARCHAR" if column.type == DAY else name
