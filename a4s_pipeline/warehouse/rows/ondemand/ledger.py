"""The ledgers: what was about to be sent, what was sent, and the outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.ondemand.batching import Batcher
from a4s_pipeline.warehouse.rows.ondemand.restores import last_restore
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.table import Table, day_expression
from a4s_pipeline.warehouse.tables import CREATED_CUSTOMERS, ORDER_EXPORT_ATTEMPTS, ORDER_EXPORTS

OPEN_STATUSES = ("pending", "sending", "unknown")
_OF_STATUS = "($value IS NULL OR status = $value)"
_SPAN = " LIMIT $limit OFFSET $offset"


@dataclass(frozen=True)
class LedgerKind:
    """What differs between the ledgers: the table and the names of its columns."""

    table: Table
    key: str
    fingerprint: str
    numbers: Mapping[str, str]
    """The gateway's names of identifiers, with their columns."""
    duplicate: str
    """The only code that says that the gateway already has this."""
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
LEDGER_KINDS = (ORDER_LEDGER, CUSTOMER_LEDGER)


@dataclass(frozen=True)
class Entry:
    """One row of a ledger for the rules; `row` has all of its columns."""

    key: str
    status: str
    fingerprint: str | None
    attempts: int
    last_sent_at: datetime | None
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known of a key at one time: its row, if any, and the last restore."""

    entry: Entry | None
    restored_at: datetime | None
    """When the store was last restored from a backup; None if never."""


@dataclass(frozen=True)
class Attempt:
    """One attempt for the log of attempts; `number` None opens a new one."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


@dataclass(frozen=True)
class _ToWrite:
    """What to write for a key: columns of its new or existing row, and an attempt."""

    key: str
    is_new: bool
    columns: Mapping[str, Any]
    attempt: Attempt | None


class Ledger:
    """One ledger of one connector; each call is one session and transaction of the warehouse.

    Simultaneous reads and writes of threads on one object share both.
    """

    def __init__(self, warehouse: Warehouse, kind: LedgerKind, connector: str, run_id: str) -> None:
        self._warehouse = warehouse
        self.kind = kind
        self.connector = connector
        self.run_id = run_id
        self._batcher = Batcher(self._answers, _kind_of)

    def entry(self, key: str) -> Entry | None:
        """Return the ledger's row for a key."""
        return self.known(key).entry

    def known(self, key: str) -> Known:
        """Return what is known of a key; simultaneous calls of threads are read together."""
        with self._warehouse.expected():
            known = self._batcher.ask(key)
        assert isinstance(known, Known)
        return known

    @property
    def waiting(self) -> int:
        """How much is to be read and recorded for threads that wait for their turn."""
        return self._batcher.waiting

    def entries(self, status: str | None = None) -> list[Entry]:
        """Return the rows of the ledger, oldest first, or those of one status."""
        return self._entries(_OF_STATUS, status)

    def page(self, status: str | None, limit: int, offset: int) -> tuple[list[Entry], int]:
        """Return some of the rows that `entries` returns, and their total number."""
        with self._warehouse.session() as connection:
            found = connection.execute(
                f"SELECT count(*) FROM {self.kind.table.name} WHERE connector = $connector AND {_OF_STATUS}",  # noqa: S608
                {"connector": self.connector, "value": status},
            ).fetchone()
            span = {"limit": limit, "offset": offset}
            return self._found(connection, _OF_STATUS, status, span), int(found[0]) if found else 0

    def left_open(self) -> list[str]:
        """Return the keys with an unknown outcome, oldest first."""
        waiting = self._entries("status IN (SELECT unnest($value))", list(OPEN_STATUSES))
        return [entry.key for entry in waiting]

    def unannounced(self, since: datetime) -> list[Entry]:
        """Return outcomes that were unknown, are settled, and are not yet sent to A4S_CALLBACKS."""
        return self._entries(
            "unknown_at IS NOT NULL AND announced_at IS NULL AND settled_at > $value"
            " AND status IN ('ok', 'refused', 'failed')",
            since,
        )

    def wants_to_be_told(self, key: str, at: datetime) -> None:
        """Record that the sender had left before the outcome was settled."""
        self._warehouse.transact(
            lambda connection: connection.execute(
                f"UPDATE {self.kind.table.name} SET unknown_at = $at "  # noqa: S608 - own names
                f'WHERE connector = $connector AND "{self.kind.key}" = $key AND unknown_at IS NULL',
                {"connector": self.connector, "key": key, "at": at},
            )
        )

    def announced(self, entry: Entry, at: datetime) -> None:
        """Record that an outcome was announced, unless it has changed since."""
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
        """Return the attempts for one key, oldest first; none if the ledger has no log of attempts."""
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

        `before` is the previous row, if any; the caller has the key's lock. Returns the new row, and the
        attempt's number. Simultaneous calls of threads share the transaction.
        """
        stamp = {"synced_at": at, "run_id": self.run_id}
        if attempt is not None:
            attempt = Attempt({**attempt.columns, **stamp}, attempt.number)
        with self._warehouse.expected():
            number = self._batcher.ask(_ToWrite(key, before is None, {**columns, **stamp}, attempt))
        assert not isinstance(number, Known)
        row = dict(before.row) if before else dict.fromkeys(self.kind.table.column_names)
        identity = {"connector": self.connector, self.kind.key: key}
        return self._as_entry({**row, **identity, **columns, **stamp}), number

    def _answers(self, asked: Sequence[str | _ToWrite]) -> list[Known | int | None]:
        """Read what is known of keys, or record; never both at once, since that is of two kinds."""
        keys = [one for one in asked if isinstance(one, str)]
        if keys:
            with self._warehouse.session() as connection:
                return [*self._all_known(connection, keys)]
        records = [one for one in asked if isinstance(one, _ToWrite)]
        return [*self._warehouse.transact(lambda connection: self._record_all(connection, records))]

    def _all_known(self, connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> list[Known]:
        condition = f'"{self.kind.key}" IN (SELECT unnest($value))'
        entries = {entry.key: entry for entry in self._found(connection, condition, list(keys))}
        restored_at = last_restore(connection, self.connector)
        return [Known(entries.get(key), restored_at) for key in keys]

    def _record_all(
        self, connection: duckdb.DuckDBPyConnection, records: Sequence[_ToWrite]
    ) -> list[int | None]:
        numbers = self._numbers(connection, records)
        self._write_all(connection, records, numbers)
        return [numbers.get(record.key) for record in records]

    def _numbers(
        self, connection: duckdb.DuckDBPyConnection, records: Sequence[_ToWrite]
    ) -> dict[str, int | None]:
        """Return the numbers of the attempts: existing ones, or the next of their keys."""
        table = self.kind.attempts
        attempts = {one.key: one.attempt for one in records if one.attempt is not None}
        if table is None:
            return {}
        # What has no row has no attempts: both are written together.
        new = [one.key for one in records if one.attempt and one.attempt.number is None and not one.is_new]
        last = {}
        if new:
            found = connection.execute(
                f'SELECT "{self.kind.key}", max(attempt_number) FROM {table.name} '  # noqa: S608 - own names
                f'WHERE connector = $connector AND "{self.kind.key}" IN (SELECT unnest($keys)) GROUP BY ALL',
                {"connector": self.connector, "keys": new},
            )
            last = dict(found.fetchall())
        return {key: attempt.number or last.get(key, 0) + 1 for key, attempt in attempts.items()}

    def _write_all(
        self,
        connection: duckdb.DuckDBPyConnection,
        records: Sequence[_ToWrite],
        numbers: Mapping[str, int | None],
    ) -> None:
        key = self.kind.key
        rows: list[_Row] = []
        attempts: list[_Row] = []
        for one in records:
            identity = {"connector": self.connector, key: one.key}
            rows.append(_Row(one.is_new, {**identity, **one.columns}))
            if one.attempt is not None and one.key in numbers:
                numbered = {**identity, "attempt_number": numbers[one.key], **one.attempt.columns}
                attempts.append(_Row(one.attempt.number is None, numbered))
        _write(connection, self.kind.table, ("connector", key), rows)
        if self.kind.attempts is not None:
            _write(connection, self.kind.attempts, ("connector", key, "attempt_number"), attempts)


def _kind_of(asked: str | _ToWrite) -> str | bool:
    """Tell what is done by the same statements: it is read, recorded as new, or recorded as changed."""
    return "read" if isinstance(asked, str) else asked.is_new


@dataclass(frozen=True)
class _Row:
    is_new: bool
    values: Mapping[str, Any]


def _write(
    connection: duckdb.DuckDBPyConnection, table: Table, identity: Sequence[str], rows: Sequence[_Row]
) -> None:
    """Write rows, with one statement for equal columns: ten cost little more than one."""
    alike = defaultdict(list)
    for row in rows:
        alike[row.is_new, tuple(row.values)].append(row.values)
    for (is_new, names), found in alike.items():
        unknown = set(names) - set(table.column_names)
        if unknown:
            raise ValueError(f"{table.name} has no columns {sorted(unknown)}")
        if is_new:
            _insert(connection, table, names, found)
        else:
            _update(connection, table, identity, names, found)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    # What is not named is null: each column of an insert costs DuckDB 0.08 ms, each row 0.04.
    names = [name for name in names if any(row[name] is not None for row in rows)]
    days = [column for column in table.columns if column.day_of in names]
    into = ", ".join(f'"{name}"' for name in [*names, *(column.name for column in days)])
    values = ", ".join([f'"{name}"' for name in names] + [day_expression(column) for column in days])
    connection.execute(
        f"INSERT INTO {table.name} ({into}) SELECT {values} FROM ({_given(table, names)})",  # noqa: S608 - checked column names
        _by_column(names, rows),
    )


def _update(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    identity: Sequence[str],
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    changed = [name for name in names if name not in identity]
    if len(rows) == 1:
        # Finding one row by its key costs half as much as a join.
        assignments = ", ".join(f'"{name}" = ${name}' for name in changed)
        matches = " AND ".join(f'"{name}" = ${name}' for name in identity)
        connection.execute(f"UPDATE {table.name} SET {assignments} WHERE {matches}", dict(rows[0]))  # noqa: S608 - checked column names
        return
    assignments = ", ".join(f'"{name}" = given."{name}"' for name in changed)
    matches = " AND ".join(f'{table.name}."{name}" = given."{name}"' for name in identity)
    connection.execute(
        f"UPDATE {table.name} SET {assignments} FROM ({_given(table, names)}) AS given WHERE {matches}",  # noqa: S608 - checked column names
        _by_column(names, rows),
    )


def _given(table: Table, names: Sequence[str]) -> str:
    """Return the query that turns list parameters, one per column, into rows."""
    types = {column.name: column.type for column in table.columns}
    return "SELECT " + ", ".join(f'unnest(${name}::{types[name]}[]) AS "{name}"' for name in names)


def _by_column(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}
