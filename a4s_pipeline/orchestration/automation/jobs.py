"""The jobs that import: each one stream, the copy for analysts, and the checks of both."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from a4s_pipeline.orchestration.assets.ledgers import ledger_health
from a4s_pipeline.orchestration.checks.reconciling import order_reconciliation
from a4s_pipeline.warehouse.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.schema import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

CONNECTOR_TAG = "a4s/connector"
# dagster.yaml limits how many runs with this tag go on at once.
IMPORT_TAGS = {"a4s/work": "import"}


def _with_the_copy(tables: Sequence[Table]) -> dg.AssetSelection:
    # Without the one check that asks the gateway for every month: it has a job of its own.
    return dg.AssetSelection.assets(
        *(table.name for table in tables), "analytics"
    ) - dg.AssetSelection.checks(order_reconciliation)


SYNC_ORDERS = dg.define_asset_job(
    "sync_orders",
    selection=_with_the_copy((ORDERS, ORDER_LINES)) | dg.AssetSelection.checks(ledger_health),
    description="Imports order history, publishes the copy for analysts, and checks what is broken now.",
    executor_def=dg.in_process_executor,
    tags=IMPORT_TAGS,
)

SYNC_ITEMS = dg.define_asset_job(
    "sync_items",
    selection=_with_the_copy(ITEM_TABLES.all),
    description="Imports items, publishes the copy for analysts, and checks what is broken now.",
    executor_def=dg.in_process_executor,
    tags=IMPORT_TAGS,
)

SYNC_CUSTOMERS = dg.define_asset_job(
    "sync_customers",
    selection=_with_the_copy(CUSTOMER_TABLES.all),
    description="Imports customers, publishes the copy for analysts, and checks what is broken now.",
    executor_def=dg.in_process_executor,
    tags=IMPORT_TAGS,
)
