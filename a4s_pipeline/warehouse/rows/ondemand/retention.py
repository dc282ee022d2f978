"""Deletes rows of the store that are older than their retention."""

from __future__ import annotations

from datetime import datetime

import duckdb

from a4s_pipeline.warehouse.tables import (
    CUSTOMER_VERSIONS,
    ITEM_VERSIONS,
    ORDER_LINE_VERSIONS,
    ORDER_VERSIONS,
)

# Only of resolved orders: any other payload is needed to send the order again. The row stays: its fingerprint
# prevents a second send.
_RESOLVED = "status IN ('ok', 'refused') AND settled_at < $before"
# A version is deleted with its lines, which were replaced at the same time.
_VERSIONS = tuple(
    table.name for table in (ORDER_VERSIONS, ORDER_LINE_VERSIONS, CUSTOMER_VERSIONS, ITEM_VERSIONS)
)
_STATEMENTS = {
    "flow_executions": (
        "DELETE FROM flow_executions WHERE connector = $connector AND started_at < $before RETURNING 1"
    ),
    "order_export_attempts": f"""
        DELETE FROM order_export_attempts WHERE connector = $connector AND intake_order_id IN (
            SELECT intake_order_id FROM order_exports WHERE connector = $connector AND {_RESOLVED}
        ) RETURNING 1
    """,  # noqa: S608 - a condition of this module's own
    "order_exports": f"""
        UPDATE order_exports SET intake = NULL, payload = NULL
        WHERE connector = $connector AND {_RESOLVED} AND (intake IS NOT NULL OR payload IS NOT NULL)
        RETURNING 1
    """,  # noqa: S608 - a condition of this module's own
    "created_customers": f"""
        UPDATE created_customers SET payload = NULL
        WHERE connector = $connector AND {_RESOLVED} AND payload IS NOT NULL RETURNING 1
    """,  # noqa: S608 - a condition of this module's own
    **{
        name: f"DELETE FROM {name} WHERE connector = $connector AND valid_to < $before RETURNING 1"  # noqa: S608 - own names
        for name in _VERSIONS
    },
}


def prune_rows(
    connection: duckdb.DuckDBPyConnection,
    connector: str,
    *,
    flows_before: datetime,
    attempts_before: datetime,
    versions_before: datetime,
) -> dict[str, int]:
    """Delete and blank older data within a transaction; return how many rows, by table."""
    counts = {}
    for table, statement in _STATEMENTS.items():
        before = attempts_before
        if table == "flow_executions":
            before = flows_before
        elif table in _VERSIONS:
            before = versions_before
        rows = connection.execute(statement, {"connector": connector, "before": before}).fetchall()
        counts[table] = len(rows)
    return {table: count for table, count in counts.items() if count}
