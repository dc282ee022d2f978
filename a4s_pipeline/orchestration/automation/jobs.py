"""The jobs: some import a stream, publish the copy for analysts and check both; others only check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from a4s_pipeline.health.checks import LEDGERS
from a4s_pipeline.orchestration.assets.analytics import ANALYTICS, TABLES_BY_STREAM
from a4s_pipeline.orchestration.checks.reconciling import RECONCILE_ORDERS
from a4s_pipeline.orchestration.checks.store_checks import STANDING_CHECKS
from a4s_pipeline.orchestration.layout import Layout

CONNECTOR_TAG = "a4s/connector"
# dagster.yaml limits how many runs with this tag run at once.
IMPORT_TAGS = {"a4s/work": "import"}
SYNC_ORDERS = "sync_orders"
SYNC_ITEMS = "sync_items"
SYNC_CUSTOMERS = "sync_customers"
SYNC_JOBS = {"orders": SYNC_ORDERS, "items": SYNC_ITEMS, "customers": SYNC_CUSTOMERS}
_IMPORTS = {"orders": "order history", "items": "items", "customers": "customers"}

AssetJob = Any
"""What `dg.define_asset_job` returns; Dagster exports no name for it."""

Checks = Mapping[str, dg.AssetChecksDefinition]
"""The standing checks, by the stream whose import they follow."""


def sync_job(layout: Layout, stream: str, checks: Checks) -> AssetJob:
    """Define the job that imports one stream, publishes, and checks the store."""
    tables = dg.AssetSelection.assets(
        *(layout.key(table.name) for table in TABLES_BY_STREAM[stream]), layout.key(ANALYTICS)
    )
    # Without the check that asks the gateway for every month: it has its own job.
    asked = [checks[stream], *([checks[LEDGERS]] if stream == "orders" else [])]
    return dg.define_asset_job(
        SYNC_JOBS[stream],
        selection=tables.without_checks() | dg.AssetSelection.checks(*asked),
        description=f"Imports {_IMPORTS[stream]}, publishes the copy for analysts, "
        "and checks the store for problems.",
        executor_def=dg.in_process_executor,
        tags=IMPORT_TAGS,
    )


def standing_job(checks: Checks) -> AssetJob:
    """Define the job of all checks that read only the store."""
    return dg.define_asset_job(
        STANDING_CHECKS,
        selection=dg.AssetSelection.checks(*checks.values()),
        description="Checks every stream and ledger for problems; it reads only the store.",
        executor_def=dg.in_process_executor,
    )


def reconciling_job(check: dg.AssetChecksDefinition) -> AssetJob:
    """Define the job that compares the whole order history with the gateway's."""
    return dg.define_asset_job(
        RECONCILE_ORDERS,
        selection=dg.AssetSelection.checks(check),
        description="Compares order history with the gateway's, month by month; it only reads headers, and "
        "changes no order.",
        executor_def=dg.in_process_executor,
    )
