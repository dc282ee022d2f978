"""The ledgers: what was about to be sent, what was sent, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.ondemand.restores import last_restore
from a4s_pipeline.warehouse.schema.schema import LOCAL_DAY, Table
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import CREATED_CUSTOMERS, ORDER_EXPORT_ATTEMPTS, ORDER_EXPORTS

OPEN_STATUSES = ("pending", "sending", "unknown")
_OF_STATUS = "($value IS NULL OR status = $value)"
_SPAN = " LIMIT $limit OFFSET $offset"


@dataclass(frozen=True)
class LedgerKind:
    """What tells one ledger from the other: its table and the names of its columns."""

    table: Table
    key: str
    fingerprint: str
    numbers: Mapping[str, str]
    """The gateway's names of the numbers it gives, to the columns that hold them."""
    duplicate: str
    """The code by which the gateway says that it has this already; no other code says so."""
    attempts: Table | None


ORDER_LEDGER = LedgerKind(
    ORDER_EXPORTS,
    "intake_order_id",
    "intake_fingerprint",
    {"orderId": "order_id", "orderNumber": "order_number"},
    "DuplicateExternalId",
    ORDER_EXPORT_ATTEMPTS,
)
CUSTOMER_LEDGER = LedgerKind(
    CREATED_CUSTOMERS,
    "customer_code",
    "payload_fingerprint",
    {"externalId": "external_id"},
    "DuplicateCustomerCode",
    None,
)


@dataclass(frozen=True)
class Entry:
    """One row of a ledger, as the rules look at it; `row` has all of its columns."""

    key: str
    status: str
    fingerprint: str | None
    attempts: int
    last_sent_at: datetime | None
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One attempt for the log of attempts; `number` None opens a new one."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


class Ledger:
    """One ledger of one connector; each call is a session of the warehouse, and a transaction."""

    def __init__(self, warehouse: Warehouse, kind: LedgerKind, connector: str, run_id: str) -> None:
        self._warehouse = warehouse
        self.kind = kind
        self.connector = connector
        self.run_id = run_id

    def entry(self, key: str) -> Entry | None:
        """Return what the ledger holds under a key."""
        found = self._entries(f'"{self.kind.key}" = $value', key)
        return found[0] if found else None

    def restored_at(self) -> datetime | None:
        """Return when the store was last put back from a backup; None where it never was."""
        with self._warehouse.session() as connection:
            return last_restore(connection, self.connector)

    def entries(self, status: str | None = None) -> list[Entry]:
        """Return the rows of the ledger, oldest first, or those of one status."""
        return self._entries(_OF_STATUS, status)

    def page(self, status: str | None, limit: int, offset: int) -> tuple[list[Entry], int]:
        """Return some of the rows that `entries` returns, and how many it does."""
        with self._warehouse.session() as connection:
            found = connection.execute(
                f"SELECT count(*) FROM {self.kind.table.name} WHERE connector = $connector AND {_OF_STATUS}",  # noqa: S608
                {"connector": self.connector, "value": status},
            ).fetchone()
            span = {"limit": limit, "offset": offset}
            return self._found(connection, _OF_STATUS, status, span), int(found[0]) if found else 0

    def left_open(self) -> list[str]:
        """Return the keys whose outcome is not known, oldest first."""
        waiting = self._entries("status IN (SELECT unnest($value))", list(OPEN_STATUSES))
        return [entry.key for entry in waiting]

    def unannounced(self, since: datetime) -> list[Entry]:
        """Return what was unknown, was settled since then, and is still to be told to A4S_CALLBACKS."""
        return self._entries(
            "unknown_at IS NOT NULL AND announced_at IS NULL AND settled_at > $value"
            " AND status IN ('ok', 'refused', 'failed')",
            since,
        )

    def wants_to_be_told(self, key: str, at: datetime) -> None:
        """Note that the sender of something that is settled went away before it was."""
        self._warehouse.transact(
            lambda connection: connection.execute(
                f"UPDATE {self.kind.table.name} SET unknown_at = $at "  # noqa: S608 - own names
                f'WHERE connector = $connector AND "{self.kind.key}" = $key AND unknown_at IS NULL',
                {"connector": self.connector, "key": key, "at": at},
            )
        )

    def announced(self, entry: Entry, at: datetime) -> None:
        """Note that what became of something was told, unless it has changed since."""
        parameters = {
            "connector": self.connector,
            "key": entry.key,
            "settled_at": entry.row["settled_at"],
            "at": at,
        }
        self._warehouse.transact(
            lambda connection: connection.execute(
                f"UPDATE {self.kind.table.name} SET announced_at = $at "  # noqa: S608 - own names
                f'WHERE connector = $connector AND "{self.kind.key}" = $key AND settled_at = $settled_at',
                parameters,
            )
        )

    def attempts(self, key: str) -> list[dict[str, Any]]:
        """Return the attempts at one thing, the first first; none where the ledger keeps no log of them."""
        table = self.kind.attempts
        if table is None:
            return []
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        with self._warehouse.session() as connection:
            rows = connection.execute(
                f"SELECT {columns} FROM {table.name} "  # noqa: S608 - own names
                f'WHERE connector = $connector AND "{self.kind.key}" = $key ORDER BY attempt_number',
                {"connector": self.connector, "key": key},
            ).fetchall()
        return [dict(zip(table.column_names, row, strict=True)) for row in rows]

    def _entries(self, condition: str, value: Any) -> list[Entry]:
        with self._warehouse.session() as connection:
            return self._found(connection, condition, value)

    def _found(
        self,
        connection: duckdb.DuckDBPyConnection,
        condition: str,
        value: Any,
        span: Mapping[str, int] | None = None,
    ) -> list[Entry]:
        names = self.kind.table.column_names
        columns = ", ".join(f'"{name}"' for name in names)
        rows = connection.execute(
            f"SELECT {columns} FROM {self.kind.table.name} "  # noqa: S608 - own names and conditions
            f'WHERE connector = $connector AND {condition} ORDER BY received_at, "{self.kind.key}"'
            f"{_SPAN if span else ''}",
            {"connector": self.connector, "value": value, **(span or {})},
        ).fetchall()
        return [self._as_entry(dict(zip(names, row, strict=True))) for row in rows]

    def _as_entry(self, row: dict[str, Any]) -> Entry:
        return Entry(
            row[self.kind.key],
            row["status"],
            row[self.kind.fingerprint],
            row["attempts"] or 0,
            row["last_sent_at"],
            row,
        )

    def record(
        self,
        key: str,
        before: Entry | None,
        columns: Mapping[str, Any],
        at: datetime,
        attempt: Attempt | None = None,
    ) -> tuple[Entry, int | None]:
        """Write columns of a row, and open or complete an attempt with it, in one transaction.

        `before` is the row as it was, None where there is none; the caller holds the lock of the key.
        Returns the row as it is then, and the attempt's number.
        """
        identity = {"connector": self.connector, self.kind.key: key}
        stamp = {"synced_at": at, "run_id": self.run_id}

        def write(connection: duckdb.DuckDBPyConnection) -> int | None:
            _write(connection, self.kind.table, identity, {**columns, **stamp}, is_new=before is None)
            if attempt is None or self.kind.attempts is None:
                return None
            number = attempt.number or _next_number(connection, self.kind.attempts, identity)
            numbered = {**identity, "attempt_number": number}
            is_new = attempt.number is None
            _write(connection, self.kind.attempts, numbered, {**attempt.columns, **stamp}, is_new=is_new)
            return number

        number = self._warehouse.transact(write)
        row = dict(before.row) if before else dict.fromkeys(self.kind.table.column_names)
        return self._as_entry({**row, **identity, **columns, **stamp}), number


def _next_number(connection: duckdb.DuckDBPyConnection, table: Table, identity: Mapping[str, Any]) -> int:
    row = connection.execute(
        f"SELECT coalesce(max(attempt_number), 0) + 1 FROM {table.name} WHERE {_matches(identity)}",  # noqa: S608
        dict(identity),
    ).fetchone()
    return int(row[0]) if row else 1


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    identity: Mapping[str, Any],
    columns: Mapping[str, Any],
    *,
    is_new: bool,
) -> None:
    values = {**identity, **columns}
    unknown = set(values) - set(table.column_names)
    if unknown:
        raise ValueError(f"{table.name} has no columns {sorted(unknown)}")
    if is_new:
        days = [column for column in table.columns if column.day_of in values]
        names = ", ".join(f'"{name}"' for name in [*values, *(column.name for column in days)])
        places = ", ".join([f"${name}" for name in values] + [f"{LOCAL_DAY}(${day.day_of})" for day in days])
        connection.execute(
            f"INSERT INTO {table.name} ({names}) VALUES ({places})",  # noqa: S608 - checked column names
            values,
        )
        return
    assignments = ", ".join(f'"{name}" = ${name}' for name in columns)
    connection.execute(
        f"UPDATE {table.name} SET {assignments} WHERE {_matches(identity)}",  # noqa: S608 - checked column names
        values,
    )


def _matches(identity: Mapping[str, Any]) -> str:
    return " AND ".join(f'"{name}" = ${name}' for name in identity)
