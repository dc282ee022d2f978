"""The whole graph on one page: the assets, checks, jobs and schedules of an installation."""

import dagster as dg

from a4s_pipeline.orchestration.analytics import analytics
from a4s_pipeline.orchestration.checks import order_health
from a4s_pipeline.orchestration.on_demand import on_demand, on_demand_requests
from a4s_pipeline.orchestration.orders import order_assets
from a4s_pipeline.orchestration.schedules import SYNC_ORDERS, order_schedule
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the assets, checks, jobs and schedules of an installation with these settings."""
    return dg.Definitions(
        assets=[order_assets(settings), analytics],
        asset_checks=[order_health],
        jobs=[on_demand, SYNC_ORDERS],
        schedules=[order_schedule(settings)],
        sensors=[on_demand_requests],
        resources={"platform": Platform()},
        executor=dg.in_process_executor,
    )
