"""What the import steps share: how their assets are shown, and how they sync one connector after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from a4s_pipeline.errors import A4sError, StoreHeld
from a4s_pipeline.orchestration.assets.metadata import column_schema, drift_metadata
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.schema import Table

OWNERS = ["team:data-engineering"]
KINDS = {"duckdb", "python"}


def table_spec(table: Table, group: str, deps: Sequence[str] = ()) -> dg.AssetSpec:
    """Return the asset that stands for a table, with its columns and their meanings."""
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        description=table.comment,
        group_name=group,
        owners=OWNERS,
        kinds=KINDS,
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": f"main.{table.name}",
        },
    )


def sync_each(platform: Platform, syncs: Mapping[str, Callable[[], SyncResult]]) -> list[SyncResult]:
    """Run the sync of each connector; one that fails does not hold up the others, and is told at the end.

    What came in is published in any case, unless the store is held: then the next run publishes it.
    """
    results: list[SyncResult] = []
    before = len(platform.results)
    errors: list[str] = []
    is_held = False
    for connector, sync in syncs.items():
        try:
            results.append(sync())
        except A4sError as error:
            errors.append(f"{connector}: {error}")
            is_held |= isinstance(error, StoreHeld)
    try:
        if not is_held:
            # Otherwise publishing would wait for the same holder once more.
            platform.publish()
    except A4sError as error:
        errors.append(str(error))
    if errors:
        # What drifted is told of syncs that failed too: it may be why.
        drift = drift_metadata(platform.results[before:])
        raise dg.Failure("\n".join(errors), drift, allow_retries=False)
    return results
