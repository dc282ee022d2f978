"""The log of flow executions in the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.tables import FLOW_EXECUTIONS


@dataclass(frozen=True)
class FlowExecution:
    """One execution of a flow: what ran, for which connector, when, and how it ended."""

    connector: str
    flow: str
    status: str
    started_at: datetime
    ended_at: datetime
    run_id: str
    error: str | None


def record_flows(connection: duckdb.DuckDBPyConnection, executions: Sequence[FlowExecution]) -> None:
    """Add executions to the log."""
    append_rows(
        connection,
        FLOW_EXECUTIONS,
        [
            {
                "connector": execution.connector,
                "flow": execution.flow,
                "status": execution.status,
                "started_at": execution.started_at.isoformat(),
                "duration_ms": (execution.ended_at - execution.started_at).total_seconds() * 1000,
                "error": execution.error,
                "synced_at": execution.ended_at.isoformat(),
                "run_id": execution.run_id,
            }
            for execution in executions
        ],
    )
