"""Shared by the import steps: the description of their assets, and syncing one connector after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from a4s_pipeline.errors import StoreHeld
from a4s_pipeline.importing import publish_after
from a4s_pipeline.orchestration.assets.events.metadata import column_schema, drift_metadata
from a4s_pipeline.orchestration.failing import plain_failure
from a4s_pipeline.orchestration.layout import AssetTags, Layout, freshness
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import (
    CREATED_CUSTOMERS,
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMERS,
    ORDER_EXPORTS,
    ORDERS,
)

KINDS = {"duckdb", "python"}
CODE_VERSION = "1"
"""The version of the mapping from wire to tables: raised when the same records would give other rows."""
GATEWAY_POOL = "a4s_gateway"
# Imports run once or four times an hour; our own checks also call a stream out of date after a day.
_OLDEST = timedelta(hours=24)
_PERSONAL = {
    table.name
    for table in (
        ORDERS,
        CUSTOMERS,
        CUSTOMER_ADDRESSES,
        CUSTOMER_CONTACT_PERSONS,
        CUSTOMER_CONTACT_DETAILS,
        ORDER_EXPORTS,
        CREATED_CUSTOMERS,
    )
}


def table_spec(
    layout: Layout, table: Table, group: str, tags: AssetTags, deps: Sequence[dg.AssetKey] = ()
) -> dg.AssetSpec:
    """Return a table's asset, with its columns and their meanings."""
    is_imported = tags.layer == "raw"
    return dg.AssetSpec(
        layout.key(table.name),
        deps=list(deps),
        description=table.comment,
        group_name=layout.group(group),
        owners=list(layout.owners),
        kinds=KINDS,
        tags=tags.as_tags(),
        code_version=CODE_VERSION if is_imported else None,
        freshness_policy=freshness(_OLDEST) if is_imported else None,
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": f"main.{table.name}",
        },
    )


def tags_of_table(table: Table, stream: str, layer: str) -> AssetTags:
    """Return the tags of a table's asset."""
    return AssetTags(stream, layer, has_personal_data=table.name in _PERSONAL)


@dataclass(frozen=True)
class Synced:
    """The results of a run's syncs, including failed ones, and why the run fails, if it does."""

    results: Sequence[SyncResult]
    failure: dg.Failure | None
    is_published: bool


def sync_each(platform: Platform, syncs: Iterable[Callable[[], SyncResult]]) -> Synced:
    """Sync each connector; a failure does not stop the others and is reported at the end.

    What was imported is published in any case, unless the store is locked: then the next run publishes it.
    """
    results = [sync() for sync in syncs]
    errors = [result.error for result in results if result.error]
    lines = [f"{result.connector}: {result.error}" for result in results if result.error]
    is_held = any(isinstance(error, StoreHeld) for error in errors)
    fault = publish_after(platform, results)
    if fault is not None:
        lines.append(str(fault))
        errors.append(fault)
    is_published = fault is None and not is_held
    if not errors:
        return Synced(results, None, is_published)
    # Drift is reported for failed syncs too: it may be the reason.
    return Synced(results, plain_failure(lines, errors, drift_metadata(results)), is_published)
