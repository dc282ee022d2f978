"""The whole graph on one page: the assets, checks, jobs and schedules of an installation."""

import dagster as dg

from a4s_pipeline.orchestration.analytics import analytics
from a4s_pipeline.orchestration.checks import order_health
from a4s_pipeline.orchestration.jobs import SYNC_CUSTOMERS, SYNC_ITEMS, SYNC_ORDERS
from a4s_pipeline.orchestration.ledgers import LEDGERS, ledger_health
from a4s_pipeline.orchestration.listing_checks import customer_health, item_health
from a4s_pipeline.orchestration.listings import customer_assets, item_assets
from a4s_pipeline.orchestration.on_demand import on_demand, on_demand_requests
from a4s_pipeline.orchestration.orders import order_assets
from a4s_pipeline.orchestration.pictures import picture_asset
from a4s_pipeline.orchestration.schedules import customer_schedule, item_schedule, order_schedule
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the assets, checks, jobs and schedules of an installation with these settings."""
    return dg.Definitions(
        assets=[
            order_assets(settings),
            item_assets(settings),
            customer_assets(settings),
            picture_asset(settings),
            analytics,
            *LEDGERS,
        ],
        asset_checks=[order_health, item_health, customer_health, ledger_health],
        jobs=[on_demand, SYNC_ORDERS, SYNC_ITEMS, SYNC_CUSTOMERS],
        schedules=[order_schedule(settings), item_schedule(settings), customer_schedule(settings)],
        sensors=[on_demand_requests],
        resources={"platform": Platform()},
        executor=dg.in_process_executor,
    )
