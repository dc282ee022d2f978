"""Metadata for the Dagster UI: column schemas from the table descriptions, and each sync's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.rows.drift import FieldDrift
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import DRIFT

_MOST_DRIFTS = 20
_DRIFT_COLUMNS = ("connector", "stream", "field", "drift", "found", "example", "records")


def column_schema(table: Table) -> dg.TableSchema:
    """Return a table's columns with their types and meanings."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.name not in table.key),
            )
            for column in table.columns
        ],
        constraints=dg.TableConstraints(other=[f"unique by {', '.join(table.key)}"]),
    )


def sync_metadata(result: SyncResult) -> dict[str, Any]:
    """Return the numbers of one sync, shown once regardless of how many partitions and tables it wrote."""
    counts = {
        "seen": result.seen,
        "new": result.new,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "removed": result.removed,
        "set_aside": result.set_aside,
        "without_lines": result.without_lines,
        "left_for_next_sync": result.pending,
        "calls": result.calls,
        "retries": result.retries,
        "seconds": round(result.seconds, 3),
    }
    metadata: dict[str, Any] = {
        "connector": result.connector,
        **{f"run/{name}": count for name, count in counts.items()},
        "listing_complete": result.is_complete,
        **_instant("watermark_before", result.watermark_before),
        **_instant("watermark", result.watermark),
        **_instant("last_history_sync", result.last_history_sync),
    }
    if result.last_history_sync is not None:
        age = datetime.now(UTC) - result.last_history_sync
        metadata["history_age_hours"] = round(age.total_seconds() / 3600, 2)
    if result.removals_withheld:
        metadata["removals_withheld"] = result.removals_withheld
    if result.fault_of_total:
        metadata["fault_of_total"] = result.fault_of_total
    return metadata | drift_metadata([result])


def _instant(name: str, instant: datetime | None) -> dict[str, Any]:
    return {} if instant is None else {name: dg.MetadataValue.timestamp(instant)}


def drift_metadata(results: Sequence[SyncResult]) -> dict[str, Any]:
    """Return how many fields depart from the contract, and the first of them, as a table.

    Field names come from the gateway: a table shows them literally, while Markdown would render them.
    """
    drifts = [(result.connector, drift) for result in results for drift in result.drifts]
    metadata: dict[str, Any] = {
        "drifting_fields": len({(connector, drift.stream, drift.field) for connector, drift in drifts})
    }
    if drifts:
        # Faults before fields that are only new, across streams and connectors.
        drifts.sort(key=lambda one: (one[1].drift == "unknown", -one[1].records))
        metadata["drift"] = dg.MetadataValue.table(
            [_drift_record(*one) for one in drifts[:_MOST_DRIFTS]],
            dg.TableSchema(
                [column for column in column_schema(DRIFT).columns if column.name in _DRIFT_COLUMNS]
            ),
        )
    return metadata


def _drift_record(connector: str, drift: FieldDrift) -> dg.TableRecord:
    return dg.TableRecord({"connector": connector, **drift.__dict__, "example": drift.example or ""})
