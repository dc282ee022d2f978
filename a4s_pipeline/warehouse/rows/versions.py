"""Keeps earlier versions of rows, in the transaction that replaces them.

Whether a stream keeps versions is recorded in the store (A4S_HISTORY_VERSIONS), like its time zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from a4s_pipeline.models import Conventions
from a4s_pipeline.models.conventions import literal
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_VERSIONS,
    CUSTOMERS,
    ITEM_VERSIONS,
    ITEMS,
    ORDER_LINE_VERSIONS,
    ORDER_LINES,
    ORDER_VERSIONS,
    ORDERS,
)

_VERSIONS_OF = {CUSTOMERS.name: CUSTOMER_VERSIONS, ITEMS.name: ITEM_VERSIONS}


def versions_macros(conventions: Conventions) -> list[str]:
    """Return the statements for the macros of versions: which streams keep them, and `…_as_of`."""
    streams = {"none": (), "orders": ("orders",), "all": ("orders", "customers", "items")}
    kept = ", ".join(map(literal, streams[conventions.versions])) or "NULL"
    return [
        f"CREATE OR REPLACE MACRO a4s_keeps_versions(stream) AS coalesce(stream IN ({kept}), false)",
        f"CREATE OR REPLACE MACRO orders_as_of(instant) AS TABLE {_ORDERS_AS_OF}",
        f"CREATE OR REPLACE MACRO order_lines_as_of(instant) AS TABLE {_LINES_AS_OF}",
    ]


def _columns(table: Table, of: str = "") -> str:
    return ", ".join(f'{of}"{name}"' for name in table.column_names)


# Not null: DuckDB 2.0.1 may pick a null as the first row of a group.
_STILL = "'infinity'::TIMESTAMPTZ"
# The order at an instant is the version replaced first after it, or else the current row. An order counts
# from its date on, or from when it was first written.
_CHOSEN = f"""
    SELECT * FROM (
        SELECT {_columns(ORDERS)}, valid_from, valid_to FROM order_versions WHERE valid_to > instant
        UNION ALL
        SELECT {_columns(ORDERS)}, synced_at, {_STILL} FROM orders
    )
    QUALIFY row_number() OVER (PARTITION BY connector, order_code ORDER BY valid_to) = 1
"""  # noqa: S608 - own names
_ORDERS_AS_OF = f"SELECT {_columns(ORDERS)} FROM ({_CHOSEN}) WHERE least(order_date, valid_from) <= instant"  # noqa: S608 - own names
_LINES_AS_OF = f"""
    WITH chosen AS ({_CHOSEN}), known AS (FROM chosen WHERE least(order_date, valid_from) <= instant)
    SELECT {_columns(ORDER_LINES, "lines.")} FROM order_lines AS lines
    JOIN known USING (connector, order_code) WHERE known.valid_to = {_STILL}
    UNION ALL
    SELECT {_columns(ORDER_LINES, "lines.")} FROM order_line_versions AS lines
    JOIN known USING (connector, order_code, valid_to)
"""  # noqa: S608 - own names


def keep_orders(
    connection: duckdb.DuckDBPyConnection, connector: str, codes: Sequence[str], at: datetime
) -> None:
    """Keep the current version of orders and their lines, within the transaction that replaces them."""
    if not codes:
        return
    values = {"connector": connector, "codes": list(codes), "at": at}
    known = """
        coalesce(
            (
                SELECT max(valid_to) FROM order_versions AS before
                WHERE before.connector = $connector AND before.order_code = orders.order_code
            ),
            orders.synced_at
        )
    """
    which = "orders.connector = $connector AND orders.order_code IN (SELECT unnest($codes))"
    which += " AND a4s_keeps_versions('orders')"
    connection.execute(
        f"INSERT INTO order_line_versions ({_columns(ORDER_LINE_VERSIONS)}) "  # noqa: S608 - own names
        f"SELECT {_columns(ORDER_LINES, 'lines.')}, {known}, $at FROM order_lines AS lines "
        f"JOIN orders ON orders.connector = lines.connector AND orders.order_code = lines.order_code "
        f"WHERE {which}",
        values,
    )
    connection.execute(
        f"INSERT INTO order_versions ({_columns(ORDER_VERSIONS)}) "  # noqa: S608 - own names
        f"SELECT {_columns(ORDERS)}, {known}, $at FROM orders WHERE {which}",
        values,
    )


def keep_records(
    connection: duckdb.DuckDBPyConnection, table: Table, connector: str, codes: Sequence[str], at: datetime
) -> None:
    """Keep the current version of customers or items, within the transaction that replaces them."""
    if not codes:
        return
    versions, code = _VERSIONS_OF[table.name], table.key[1]
    connection.execute(
        f"INSERT INTO {versions.name} ({_columns(versions)}) "  # noqa: S608 - own names
        f"SELECT {_columns(table)}, coalesce((SELECT max(valid_to) FROM {versions.name} AS before "
        f"WHERE before.connector = $connector AND before.{code} = {table.name}.{code}), synced_at), $at "
        f"FROM {table.name} WHERE connector = $connector AND {code} IN (SELECT unnest($codes)) "
        "AND a4s_keeps_versions($stream)",
        {"connector": connector, "codes": list(codes), "at": at, "stream": table.name},
    )


def changed_orders(
    connection: duckdb.DuckDBPyConnection, connector: str, fingerprints: dict[str, tuple[object, object]]
) -> list[str]:
    """Return the stored orders that are removed or differ from these hashes of header and lines."""
    rows = connection.execute(
        """
        SELECT order_code, header_fingerprint, lines_fingerprint, removed_at FROM orders
        WHERE connector = $connector AND order_code IN (SELECT unnest($codes))
        """,
        {"connector": connector, "codes": list(fingerprints)},
    ).fetchall()
    return [
        code
        for code, *stored, removed_at in rows
        if removed_at is not None or tuple(stored) != fingerprints[code]
    ]
