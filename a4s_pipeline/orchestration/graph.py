"""The whole graph on one page: the assets, checks, jobs and schedules of an installation."""

import dagster as dg

from a4s_pipeline.orchestration.alerts.failures import run_failures
from a4s_pipeline.orchestration.assets.analytics import analytics
from a4s_pipeline.orchestration.assets.lake import TEND_LAKE, lake, lake_schedule
from a4s_pipeline.orchestration.assets.ledgers import LEDGERS
from a4s_pipeline.orchestration.assets.listings import customer_assets, item_assets
from a4s_pipeline.orchestration.assets.orders import order_assets
from a4s_pipeline.orchestration.assets.pictures import picture_asset
from a4s_pipeline.orchestration.automation.jobs import SYNC_CUSTOMERS, SYNC_ITEMS, SYNC_ORDERS
from a4s_pipeline.orchestration.automation.lost_runs import lost_runs, platform_resource
from a4s_pipeline.orchestration.automation.on_demand import on_demand, on_demand_requests
from a4s_pipeline.orchestration.automation.schedules import customer_schedule, item_schedule, order_schedule
from a4s_pipeline.orchestration.checks.reconciling import (
    RECONCILE_ORDERS,
    order_reconciliation,
    reconciliation_schedule,
)
from a4s_pipeline.orchestration.checks.standing import STANDING_CHECKS, STORE_CHECKS, standing_schedule
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.warehouse.place import FilePlace, PostgresLake


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the assets, checks, jobs and schedules of an installation with these settings."""
    is_lake = not isinstance(settings.warehouse_place, FilePlace)
    is_spread = isinstance(settings.warehouse_place, PostgresLake)
    return dg.Definitions(
        assets=[
            order_assets(settings),
            item_assets(settings),
            customer_assets(settings),
            picture_asset(settings),
            analytics,
            *LEDGERS,
            *([lake] if is_lake else []),
        ],
        asset_checks=[*STORE_CHECKS, order_reconciliation],
        jobs=[
            on_demand,
            SYNC_ORDERS,
            SYNC_ITEMS,
            SYNC_CUSTOMERS,
            RECONCILE_ORDERS,
            STANDING_CHECKS,
            *([TEND_LAKE] if is_lake else []),
        ],
        schedules=[
            order_schedule(settings),
            item_schedule(settings),
            customer_schedule(settings),
            reconciliation_schedule(settings),
            standing_schedule(settings),
            *([lake_schedule(settings)] if is_lake else []),
        ],
        sensors=[on_demand_requests, run_failures, *([lost_runs] if is_spread else [])],
        resources={"platform": platform_resource(Platform())},
        executor=dg.in_process_executor,
    )
