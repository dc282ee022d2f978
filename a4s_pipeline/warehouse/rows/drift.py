"""Stores for a month where records departed from the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from a4s_pipeline.warehouse.rows.staging import replace_rows
from a4s_pipeline.warehouse.rows.state import StreamProgress
from a4s_pipeline.warehouse.tables import DRIFT

_KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True)
class FieldDrift:
    """A field that departs from the contract, how, and in how many of a run's records."""

    stream: str
    field: str
    drift: str
    found: str
    example: str | None
    records: int

    @property
    def what(self) -> tuple[str, str, str, str]:
        """Its key among the connector's drift."""
        return self.stream, self.field, self.drift, self.found


def record_drifts(
    connection: duckdb.DuckDBPyConnection, drifts: Sequence[FieldDrift], progress: StreamProgress
) -> None:
    """Store a run's drift within a transaction, and delete drift older than a month.

    Drift that an earlier run found too keeps its first date.
    """
    if drifts:
        first_seen = _first_seen(connection, progress.connector)
        rows = [
            {
                "connector": progress.connector,
                "stream": one.stream,
                "field": one.field,
                "drift": one.drift,
                "found": one.found,
                "example": one.example,
                "records": one.records,
                "first_seen_at": first_seen.get(one.what, progress.at).isoformat(),
                "synced_at": progress.at.isoformat(),
                "run_id": progress.run_id,
            }
            for one in drifts
        ]
        replace_rows(connection, DRIFT, rows)
    connection.execute("DELETE FROM drift WHERE synced_at < $1", [progress.at - _KEPT_FOR])


def _first_seen(
    connection: duckdb.DuckDBPyConnection, connector: str
) -> dict[tuple[str, str, str, str], datetime]:
    rows = connection.execute(
        """
        SELECT stream, field, drift.drift, found, min(first_seen_at) FROM drift
        WHERE connector = $1 GROUP BY ALL
        """,
        [connector],
    ).fetchall()
    return {(stream, field, drift, found): first for stream, field, drift, found, first in rows}
