"""Blanks a sync's data about forgotten customers before it reaches the store."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.privacy.personal import LINE_COLUMNS, ORDER_COLUMNS
from a4s_pipeline.warehouse.rows.staging import Row


def forgotten_codes(connection: duckdb.DuckDBPyConnection, connector: str) -> frozenset[str]:
    """Return the codes of the connector's customers who were forgotten."""
    rows = connection.execute(
        "SELECT customer_code FROM forgotten_customers WHERE connector = $1", [connector]
    ).fetchall()
    return frozenset(code for (code,) in rows)


def forgotten_since(connection: duckdb.DuckDBPyConnection, since: datetime) -> tuple[tuple[str, str], ...]:
    """Return the connector and the code of each customer who was forgotten since an instant."""
    rows = connection.execute(
        "SELECT connector, customer_code FROM forgotten_customers WHERE forgotten_at >= $1 ORDER BY ALL",
        [since],
    ).fetchall()
    return tuple((connector, code) for connector, code in rows)


def blank_orders_of_forgotten(
    connection: duckdb.DuckDBPyConnection,
    connector: str,
    orders: MutableMapping[str, Row],
    lines: MutableMapping[str, Sequence[Row]],
) -> None:
    """Blank, in place, the personal columns of orders and lines that are about to be written."""
    forgotten = forgotten_codes(connection, connector)
    if not forgotten:
        return
    theirs = {code for code, row in orders.items() if row.get("customer_code") in forgotten}
    for code in theirs:
        orders[code] = order_without_person(orders[code])
    stored_alone = [code for code in lines if code not in orders]
    for code in theirs | _stored_orders_of_forgotten(connection, connector, stored_alone):
        if code in lines:
            lines[code] = [line_without_person(row) for row in lines[code]]


def _stored_orders_of_forgotten(
    connection: duckdb.DuckDBPyConnection, connector: str, codes: Iterable[str]
) -> set[str]:
    rows = connection.execute(
        """
        SELECT order_code FROM orders JOIN forgotten_customers USING (connector, customer_code)
        WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
        """,
        {"connector": connector, "codes": list(codes)},
    ).fetchall()
    return {code for (code,) in rows}


def order_without_person(row: Row) -> dict[str, Any]:
    """Return the row of an order header without personal data."""
    return {**row, **dict.fromkeys(ORDER_COLUMNS)}


def line_without_person(row: Row) -> dict[str, Any]:
    """Return the row of an order line without personal data."""
    blanked = {**row, **dict.fromkeys(LINE_COLUMNS)}
    return blanked if row.get("item_code") is not None else {**blanked, "description": None}


def records_without_person(
    connection: duckdb.DuckDBPyConnection, connector: str, payloads: Mapping[tuple[str, str, str], str]
) -> Mapping[tuple[str, str, str], str]:
    """Return what may be stored of unreadable records and parts, by stream, key and part."""
    forgotten = forgotten_codes(connection, connector)
    if not forgotten:
        return payloads
    lines_of = {key for stream, key, _ in payloads if stream == "order_lines"}
    theirs = _stored_orders_of_forgotten(connection, connector, lines_of)

    def is_theirs(stream: str, key: str) -> bool:
        return key in (theirs if stream == "order_lines" else forgotten if stream == "customers" else ())

    return {
        (stream, key, part): "null"
        if is_theirs(stream, key) and (part or stream == "order_lines")
        else payload_without_person(payload, forgotten)
        for (stream, key, part), payload in payloads.items()
    }


def payload_without_person(payload: str, forgotten: Collection[str]) -> str:
    """Return what to store of an unreadable record, only its codes if its customer was forgotten.

    A payload that is not a JSON object names no customer, and is stored.
    """
    with suppress(ValueError):
        record = json.loads(payload)
        if isinstance(record, Mapping) and str(record.get("customerCode")) in forgotten:
            kept = {name: record[name] for name in ("orderCode", "customerCode") if name in record}
            return json.dumps(kept)
    return payload
