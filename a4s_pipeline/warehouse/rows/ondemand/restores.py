"""Restores of the store: recorded once, asked for before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.tables import RESTORES


def record_restore(
    connection: duckdb.DuckDBPyConnection,
    connectors: Iterable[str],
    *,
    backup_made_at: datetime,
    restored_at: datetime,
    run_id: str,
) -> None:
    """Record, within a transaction, that the store of these connectors was restored."""
    rows = [
        {
            "connector": connector,
            "restored_at": restored_at.isoformat(),
            "backup_made_at": backup_made_at.isoformat(),
            "synced_at": restored_at.isoformat(),
            "run_id": run_id,
        }
        for connector in connectors
    ]
    append_rows(connection, RESTORES, rows)


def last_restore(connection: duckdb.DuckDBPyConnection, connector: str) -> datetime | None:
    """Return when the connector's store was last restored from a backup; None if never."""
    row = connection.execute(
        "SELECT max(restored_at) FROM restores WHERE connector = $1", [connector]
    ).fetchone()
    return row[0] if row else None
