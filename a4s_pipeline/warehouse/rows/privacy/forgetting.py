"""Removes a customer's personal data from the store in one transaction, and counts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.ondemand.ledger import OPEN_STATUSES
from a4s_pipeline.warehouse.rows.privacy.personal import CUSTOMER_TABLES, LINE_COLUMNS, ORDER_COLUMNS
from a4s_pipeline.warehouse.rows.staging import replace_rows
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import FORGOTTEN_CUSTOMERS

# Shorter texts occur too often in data about others.
_SHORTEST_MARK = 5
REMOVED = "[removed]"


@dataclass(frozen=True)
class StoredPerson:
    """What identifies a customer in the store.

    `marks` are the texts that identify the person (names, addresses, contact details), `orders` the codes of
    their orders, and `open_exports` the ids of exported orders with an unknown outcome. `was_forgotten`
    tells whether they were forgotten before.
    """

    connector: str
    customer_code: str
    marks: frozenset[str]
    orders: frozenset[str]
    open_exports: tuple[str, ...]
    was_forgotten: bool


@dataclass(frozen=True)
class Blanking:
    """One statement of forgetting: which rows of a table, and which of their columns are blanked.

    Without columns the rows are deleted. `value` replaces the old content.
    """

    table: str
    rows: str
    columns: tuple[str, ...] = ()
    value: str | None = None

    @property
    def condition(self) -> str:
        """The condition for rows that still need it."""
        if not self.columns or self.value is not None:
            return self.rows
        there = " OR ".join(f'"{column}" IS NOT NULL' for column in self.columns)
        return f"({self.rows}) AND ({there})"

    @property
    def statement(self) -> str:
        """The statement; `$value` is the replacement."""
        if not self.columns:
            return f"DELETE FROM {self.table} WHERE {self.condition}"  # noqa: S608 - own names and conditions
        assignments = ", ".join(f'"{column}" = $value' for column in self.columns)
        return f"UPDATE {self.table} SET {assignments} WHERE {self.condition}"  # noqa: S608 - own names


_OF_CUSTOMER = "connector = $connector AND customer_code = $code"
_OF_THEIR_ORDERS = (
    "connector = $connector AND order_code IN "
    "(SELECT order_code FROM orders WHERE connector = $connector AND customer_code = $code)"
)
_OF_THEIR_VERSIONS = (
    "connector = $connector AND order_code IN "
    "(SELECT order_code FROM orders WHERE connector = $connector AND customer_code = $code "
    "UNION ALL SELECT order_code FROM order_versions WHERE connector = $connector AND customer_code = $code)"
)
_OF_THEIR_EXPORTS = (
    "connector = $connector AND intake_order_id IN "
    "(SELECT intake_order_id FROM order_exports WHERE connector = $connector AND customer_code = $code)"
)

# A record's key may name its part after a slash.
_SET_ASIDE_OF_THEM = """
    connector = $connector AND (
        (stream = 'customers' AND record_key = $code)
        OR (json_valid(payload) AND (payload->>'$.customerCode') = $code)
        OR (stream = 'order_lines' AND EXISTS (
            FROM orders WHERE connector = $connector AND customer_code = $code
            AND record_key = order_code))
    )
"""


def _mentions(column: str) -> str:
    return (
        f"connector = $connector AND len($marks) > 0 "
        f"AND list_bool_or(list_transform($marks, lambda mark: contains({column}, mark)))"
    )


def blankings() -> list[Blanking]:
    """Return the statements for all tables, in an order in which none needs what another removed."""
    return [
        Blanking("set_aside", _SET_ASIDE_OF_THEM),
        Blanking("order_lines", _OF_THEIR_ORDERS, LINE_COLUMNS),
        Blanking("order_lines", f"{_OF_THEIR_ORDERS} AND item_code IS NULL", ("description",)),
        Blanking("order_line_versions", _OF_THEIR_ORDERS, LINE_COLUMNS),
        Blanking("order_line_versions", f"{_OF_THEIR_ORDERS} AND item_code IS NULL", ("description",)),
        Blanking("order_versions", _OF_CUSTOMER, ORDER_COLUMNS),
        Blanking("orders", _OF_CUSTOMER, ORDER_COLUMNS),
        Blanking("order_line_versions", _OF_THEIR_VERSIONS, LINE_COLUMNS),
        Blanking("order_line_versions", f"{_OF_THEIR_VERSIONS} AND item_code IS NULL", ("description",)),
        Blanking("order_versions", _OF_CUSTOMER, ORDER_COLUMNS),
        Blanking("customer_versions", _OF_CUSTOMER),
        Blanking(
            "order_export_attempts",
            _OF_THEIR_EXPORTS,
            (
                "request",
                "response",
                "error",
                "traceback",
            ),
        ),
        Blanking(
            "order_exports",
            _OF_CUSTOMER,
            (
                "intake",
                "payload",
                "not_sent",
                "response",
                "error",
            ),
        ),
        Blanking(
            "created_customers",
            _OF_CUSTOMER,
            (
                "payload",
                "response",
                "error",
            ),
        ),
        Blanking("flow_executions", _mentions("error"), ("error",), REMOVED),
        Blanking("sync_state", _mentions("last_error"), ("last_error",), REMOVED),
        *(Blanking(table.name, _OF_CUSTOMER) for table in CUSTOMER_TABLES),
    ]


def find_person(connection: duckdb.DuckDBPyConnection, connector: str, customer_code: str) -> StoredPerson:
    """Read what identifies a customer in the store."""
    values = {"connector": connector, "code": customer_code}

    def column(query: str) -> list[str]:
        return [text for (text,) in connection.execute(query, values).fetchall() if text]

    marks = column(
        f"""
        SELECT name FROM customers WHERE {_OF_CUSTOMER}
        UNION SELECT unnest([name, address_line1, address_line2, address_line3])
            FROM customer_addresses WHERE {_OF_CUSTOMER}
        UNION SELECT unnest([first_name || ' ' || last_name, last_name])
            FROM customer_contact_persons WHERE {_OF_CUSTOMER}
        UNION SELECT value FROM customer_contact_details WHERE {_OF_CUSTOMER}
        UNION SELECT customer_name FROM orders WHERE {_OF_CUSTOMER}
        UNION SELECT payload->>'$.name' FROM created_customers WHERE {_OF_CUSTOMER}
        """  # noqa: S608 - conditions of this module's own
    )
    return StoredPerson(
        connector,
        customer_code,
        frozenset(mark for mark in marks if len(mark) >= _SHORTEST_MARK),
        frozenset(column(f"SELECT order_code FROM orders WHERE {_OF_CUSTOMER}")),  # noqa: S608
        tuple(sorted(_open_exports(connection, values))),
        bool(column(f"SELECT customer_code FROM forgotten_customers WHERE {_OF_CUSTOMER}")),  # noqa: S608
    )


def _open_exports(connection: duckdb.DuckDBPyConnection, values: Mapping[str, str]) -> list[str]:
    rows = connection.execute(
        f"""
        SELECT intake_order_id FROM order_exports
        WHERE {_OF_CUSTOMER} AND status IN (SELECT unnest($open))
        UNION ALL SELECT customer_code FROM created_customers
        WHERE {_OF_CUSTOMER} AND status IN (SELECT unnest($open))
        """,  # noqa: S608 - conditions of this module's own
        {**values, "open": list(OPEN_STATUSES)},
    ).fetchall()
    return [key for (key,) in rows]


def count_rows(connection: duckdb.DuckDBPyConnection, person: StoredPerson) -> dict[str, int]:
    """Return how many rows of each table would be removed or blanked."""
    counts: dict[str, int] = {}
    for blanking in blankings():
        query = f"SELECT count(*) FROM {blanking.table} WHERE {blanking.condition}"  # noqa: S608 - own names
        row = connection.execute(query, _values(query, blanking, person)).fetchone()
        # Of two statements on one table, the first is about all of its rows.
        counts.setdefault(blanking.table, int(row[0]) if row else 0)
    return {table: count for table, count in counts.items() if count}


def forget_rows(
    warehouse: Warehouse,
    person: StoredPerson,
    touched: Mapping[str, int],
    *,
    asked_by: str,
    at: datetime,
    run_id: str,
) -> None:
    """Remove and blank the person's rows, and record who asked and what changed, in one transaction."""
    row = {
        "connector": person.connector,
        "customer_code": person.customer_code,
        "forgotten_at": at.isoformat(),
        "asked_by": asked_by,
        "touched": json.dumps(dict(touched)),
        "synced_at": at.isoformat(),
        "run_id": run_id,
    }

    def write(connection: duckdb.DuckDBPyConnection) -> None:
        for blanking in blankings():
            connection.execute(blanking.statement, _values(blanking.statement, blanking, person))
        replace_rows(connection, FORGOTTEN_CUSTOMERS, [row])

    warehouse.transact(write)


def _values(statement: str, blanking: Blanking, person: StoredPerson) -> dict[str, Any]:
    values: dict[str, Any] = {
        "connector": person.connector,
        "code": person.customer_code,
        "marks": sorted(person.marks),
        "value": blanking.value,
    }
    return {name: value for name, value in values.items() if f"${name}" in statement}
