"""What the Dagster UI shows: column schemas from the table descriptions, and the numbers of each sync."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.drift import FieldDrift
from a4s_pipeline.warehouse.schema import Table
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


def sync_metadata(results: Sequence[SyncResult]) -> dict[str, Any]:
    """Return the numbers of one or more syncs of a run, added up; instants as the oldest of them."""
    metadata: dict[str, Any] = {
        "connectors": ", ".join(result.connector for result in results),
        "seen": sum(result.seen for result in results),
        "new": sum(result.new for result in results),
        "changed": sum(result.changed for result in results),
        "unchanged": sum(result.unchanged for result in results),
        "removed": sum(result.removed for result in results),
        "set_aside": sum(result.set_aside for result in results),
        "without_lines": sum(result.without_lines for result in results),
        "left_for_next_sync": sum(result.left for result in results),
        "listing_complete": all(result.is_complete for result in results),
        "calls": sum(result.calls for result in results),
        "retries": sum(result.retries for result in results),
        "seconds": round(sum(result.seconds for result in results), 3),
    }
    metadata |= _instant("watermark_before", [result.watermark_before for result in results])
    metadata |= _instant("watermark", [result.watermark for result in results])
    history = [result.last_history_sync for result in results]
    metadata |= _instant("last_history_sync", history)
    if known := [instant for instant in history if instant is not None]:
        age = datetime.now(UTC) - min(known)
        metadata["history_age_hours"] = round(age.total_seconds() / 3600, 2)
    if withheld := [result.removals_withheld for result in results if result.removals_withheld]:
        metadata["removals_withheld"] = "; ".join(withheld)
    return metadata | drift_metadata(results)


def _instant(name: str, instants: Sequence[datetime | None]) -> dict[str, Any]:
    known = [instant for instant in instants if instant is not None]
    return {name: dg.MetadataValue.timestamp(min(known))} if known else {}


def drift_metadata(results: Sequence[SyncResult]) -> dict[str, Any]:
    """Return how many fields depart from the contract, and the first of them, as a table.

    Names of fields come from the gateway: a table shows them as they are, where Markdown would render them.
    """
    drifts = [(result.connector, drift) for result in results for drift in result.drifts]
    metadata: dict[str, Any] = {
        "drifting_fields": len({(connector, drift.stream, drift.field) for connector, drift in drifts})
    }
    if drifts:
        # What is wrong before what is only new, of whichever stream and connector.
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
