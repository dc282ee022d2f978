"""The state of each stream, and its set-aside records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.privacy.incoming import records_without_person
from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.tables import SET_ASIDE, SYNC_STATE


@dataclass(frozen=True)
class StreamProgress:
    """A transaction's update of its stream: run, time, and the changed columns of `sync_state`."""

    connector: str
    stream: str
    run_id: str
    at: datetime
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SetAside:
    """A record that could not be read, or a `part` that was left out of a stored one.

    `payload` is JSON text; `listed_at` is its position in the listing.
    """

    stream: str
    key: str
    reason: str
    payload: str
    listed_at: datetime | None = None
    part: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Its key within the connector."""
        return self.stream, self.key, self.part


@dataclass(frozen=True)
class StreamState:
    """The state of a stream before a run; all None if it never ran."""

    watermark: datetime | None = None
    last_success_at: datetime | None = None
    last_history_sync: datetime | None = None
    has_history: bool | None = None
    last_run_at: datetime | None = None

    @property
    def was_read(self) -> bool:
        """Tell whether records of the stream were ever imported."""
        return self.watermark is not None or self.last_success_at is not None


_STATE_COLUMNS = frozenset(SYNC_STATE.column_names) - {"connector", "stream", "synced_at", "run_id"}


def stream_state(connection: duckdb.DuckDBPyConnection, connector: str, stream: str) -> StreamState:
    """Read the state of a stream, from the warehouse or the published copy."""
    row = connection.execute(
        """
        SELECT watermark, last_success_at, last_history_sync, has_history, last_run_at FROM sync_state
        WHERE connector = $connector AND stream = $stream
        """,
        {"connector": connector, "stream": stream},
    ).fetchone()
    return StreamState(*row) if row else StreamState()


def stream_states(connection: duckdb.DuckDBPyConnection, stream: str) -> dict[str, StreamState]:
    """Read the state of a stream at every connector where it ever ran."""
    rows = connection.execute(
        """
        SELECT connector, watermark, last_success_at, last_history_sync, has_history, last_run_at
        FROM sync_state WHERE stream = $1
        """,
        [stream],
    ).fetchall()
    return {connector: StreamState(*columns) for connector, *columns in rows}


_WRITTEN_BY_RUN = {
    "orders": "SELECT count(*) FROM orders WHERE connector = $1 AND run_id = $2",
    "items": "SELECT count(*) FROM items WHERE connector = $1 AND run_id = $2",
    "customers": "SELECT count(*) FROM customers WHERE connector = $1 AND run_id = $2",
}


def count_of_run(connection: duckdb.DuckDBPyConnection, connector: str, stream: str, run_id: str) -> int:
    """Return how many records of a stream a run wrote: new ones, and those that had changed."""
    ((count,),) = connection.execute(_WRITTEN_BY_RUN[stream], [connector, run_id]).fetchall()
    return int(count)


def save_progress(connection: duckdb.DuckDBPyConnection, progress: StreamProgress) -> None:
    """Write the given columns of a stream's state; the others stay as they are."""
    unknown = set(progress.columns) - _STATE_COLUMNS
    if unknown:
        raise ValueError(f"sync_state has no columns {sorted(unknown)}")
    key = {"connector": progress.connector, "stream": progress.stream}
    connection.execute(
        """
        INSERT INTO sync_state (connector, stream) SELECT $connector, $stream
        WHERE NOT EXISTS (FROM sync_state WHERE connector = $connector AND stream = $stream)
        """,
        key,
    )
    values = {**progress.columns, "synced_at": progress.at, "run_id": progress.run_id}
    assignments = ", ".join(f'"{name}" = ${name}' for name in values)
    connection.execute(
        f"UPDATE sync_state SET {assignments} WHERE connector = $connector AND stream = $stream",  # noqa: S608 - checked column names
        {**key, **values},
    )


def replace_set_aside(
    connection: duckdb.DuckDBPyConnection,
    progress: StreamProgress,
    records: Collection[SetAside],
    came_in: Mapping[str, Collection[str]],
) -> None:
    """Store what could not be read, and delete older entries of the same records.

    `came_in` has, by stream, the keys of records for which only the entries in `records` remain. Earlier
    entries keep their first date.
    """
    first_seen: dict[tuple[str, str, str], datetime] = {}
    if records:
        found = connection.execute(
            """
            SELECT stream, record_key, coalesce(part, ''), first_seen_at FROM set_aside
            WHERE connector = $connector AND record_key IN (SELECT unnest($keys))
            """,
            {"connector": progress.connector, "keys": [record.key for record in records]},
        ).fetchall()
        first_seen = {(stream, key, part): first for stream, key, part, first in found}
    keys: dict[str, set[str]] = {stream: set(codes) for stream, codes in came_in.items()}
    for record in records:
        keys.setdefault(record.stream, set()).add(record.key)
    for stream, codes in keys.items():
        clear_set_aside(connection, progress.connector, stream, list(codes))
    payloads = records_without_person(
        connection, progress.connector, {record.identity: record.payload for record in records}
    )
    rows = [
        {
            "connector": progress.connector,
            "stream": record.stream,
            "record_key": record.key,
            "part": record.part,
            "reason": record.reason,
            "payload": payloads[record.identity],
            "listed_at": record.listed_at.isoformat() if record.listed_at else None,
            "first_seen_at": first_seen.get(record.identity, progress.at).isoformat(),
            "synced_at": progress.at.isoformat(),
            "run_id": progress.run_id,
        }
        for record in records
    ]
    append_rows(connection, SET_ASIDE, rows)


def set_aside_keys(connection: duckdb.DuckDBPyConnection, connector: str, stream: str) -> set[str]:
    """Return the keys under which records of a stream are set aside."""
    rows = connection.execute(
        "SELECT record_key FROM set_aside WHERE connector = $1 AND stream = $2", [connector, stream]
    ).fetchall()
    return {key for (key,) in rows}


def clear_set_aside(
    connection: duckdb.DuckDBPyConnection, connector: str, stream: str, keys: Sequence[str]
) -> None:
    """Delete the set-aside entries with these keys: the records were imported."""
    if keys and connection.execute("SELECT 1 FROM set_aside WHERE stream = $1 LIMIT 1", [stream]).fetchone():
        connection.execute(
            """
            DELETE FROM set_aside
            WHERE connector = $connector AND stream = $stream AND record_key IN (SELECT unnest($keys))
            """,
            {"connector": connector, "stream": stream, "keys": list(keys)},
        )


def clear_unseen_set_aside(
    connection: duckdb.DuckDBPyConnection,
    progress: StreamProgress,
    start: datetime | None = None,
    end: datetime | None = None,
) -> None:
    """Delete the set-aside entries in a span of a listing that was now read whole without them."""
    connection.execute(
        """
        DELETE FROM set_aside
        WHERE connector = $connector AND stream = $stream AND run_id IS DISTINCT FROM $run
          AND ($start IS NULL OR listed_at >= $start::TIMESTAMPTZ)
          AND ($end IS NULL OR listed_at < $end::TIMESTAMPTZ)
        """,
        {
            "connector": progress.connector,
            "stream": progress.stream,
            "run": progress.run_id,
            "start": start,
            "end": end,
        },
    )
