"""Set-aside records as people see them, and their acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.rows.staging import replace_rows
from a4s_pipeline.warehouse.tables import ACKNOWLEDGED

# A record that changes after it was acknowledged is reported again.
CONTENT = "md5(concat_ws('|', kept.reason, kept.payload))"
IS_KNOWN = f"""
    known.connector = kept.connector AND known.stream = kept.stream AND known.record_key = kept.record_key
    AND known.part = coalesce(kept.part, '') AND known.content = {CONTENT}
"""


@dataclass(frozen=True)
class Kept:
    """A record or part that is set aside, with its valid acknowledgement, if any."""

    connector: str
    stream: str
    key: str
    part: str
    reason: str
    payload: str
    listed_at: datetime | None
    first_seen_at: datetime | None
    content: str
    note: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


def kept_aside(
    connection: duckdb.DuckDBPyConnection, connectors: Sequence[str], key: str | None = None
) -> list[Kept]:
    """Return the set-aside records of these connectors, oldest first, or those with one key."""
    rows = connection.execute(
        f"""
        SELECT kept.connector, kept.stream, kept.record_key, coalesce(kept.part, ''), kept.reason,
            kept.payload::VARCHAR, kept.listed_at, kept.first_seen_at,
            {CONTENT} AS content,
            known.note, known.acknowledged_by, known.acknowledged_at
        FROM set_aside AS kept LEFT JOIN acknowledged AS known ON {IS_KNOWN}
        WHERE kept.connector IN (SELECT unnest($connectors)) AND ($key IS NULL OR kept.record_key = $key)
        ORDER BY kept.first_seen_at, kept.connector, kept.stream, kept.record_key, kept.part
        """,  # noqa: S608 - our own condition
        {"connectors": list(connectors), "key": key},
    ).fetchall()
    return [Kept(*row) for row in rows]


def acknowledge(
    connection: duckdb.DuckDBPyConnection,
    records: Sequence[Kept],
    note: str,
    *,
    by: str,
    at: datetime,
    run_id: str,
) -> None:
    """Record, within a transaction, that somebody acknowledged these records, and why."""
    rows = [
        {
            "connector": record.connector,
            "stream": record.stream,
            "record_key": record.key,
            "part": record.part,
            "content": record.content,
            "acknowledged_at": at.isoformat(),
            "acknowledged_by": by,
            "note": note,
            "synced_at": at.isoformat(),
            "run_id": run_id,
        }
        for record in records
    ]
    replace_rows(connection, ACKNOWLEDGED, rows)
