"""The jobs: each imports one stream, publishes the copy for analysts and checks both; others check alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from a4s_pipeline.health.checks import LEDGERS
from a4s_pipeline.orchestration.assets.analytics import ANALYTICS, TABLES_BY_STREAM
from a4s_pipeline.orchestration.checks.reconciling import RECONCILE_ORDERS
from a4s_pipeline.orchestration.checks.standing import STANDING_CHECKS
from a4s_pipeline.orchestration.layout import Layout

CONNECTOR_TAG = "a4s/connector"
# dagster.yaml limits how many runs with this tag go on at once.
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
    """Define the job that imports one stream, publishes, and asks the store what is broken now."""
    tables = dg.AssetSelection.assets(
        *(layout.key(table.name) for table in TABLES_BY_STREAM[stream]), layout.key(ANALYTICS)
    )
    # Without the one check that asks the gateway for every month: it has a job of its own.
    asked = [checks[stream], *([checks[LEDGERS]] if stream == "orders" else [])]
    return dg.define_asset_job(
        SYNC_JOBS[stream],
        selection=tables.without_checks() | dg.AssetSelection.checks(*asked),
        description=f"Imports {_IMPORTS[stream]}, publishes the copy for analysts, "
        "and checks what is broken now.",
        executor_def=dg.in_process_executor,
        tags=IMPORT_TAGS,
    )


def standing_job(checks: Checks) -> AssetJob:
    """Define the job of all checks that ask the store alone."""
    return dg.define_asset_job(
        STANDING_CHECKS,
        selection=dg.AssetSelection.checks(*checks.values()),
        description="Checks what is broken now in every stream and ledger; it only asks the store.",
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
