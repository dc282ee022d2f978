"""The whole graph on one page: the assets, checks, jobs and schedules of an installation."""

from __future__ import annotations

import dagster as dg

from a4s_pipeline.orchestration.alerts.sensor import alerts
from a4s_pipeline.orchestration.assets.analytics import analytics_asset, imported_tables
from a4s_pipeline.orchestration.assets.lake import lake_asset, lake_job, lake_schedule
from a4s_pipeline.orchestration.assets.ledgers import ledger_assets
from a4s_pipeline.orchestration.assets.listings import customer_assets, item_assets
from a4s_pipeline.orchestration.assets.models import model_assets
from a4s_pipeline.orchestration.assets.orders import order_assets
from a4s_pipeline.orchestration.assets.pictures import picture_asset
from a4s_pipeline.orchestration.assets.retention import retention_asset, retention_job, retention_schedule
from a4s_pipeline.orchestration.assets.sources import source_assets
from a4s_pipeline.orchestration.automation.by_hand import import_orders_job
from a4s_pipeline.orchestration.automation.jobs import reconciling_job, standing_job, sync_job
from a4s_pipeline.orchestration.automation.lost_runs import lost_runs, platform_resource
from a4s_pipeline.orchestration.automation.on_demand import on_demand_job, on_demand_requests
from a4s_pipeline.orchestration.automation.schedules import customer_schedule, item_schedule, order_schedule
from a4s_pipeline.orchestration.checks.reconciling import order_reconciliation, reconciliation_schedule
from a4s_pipeline.orchestration.checks.store_checks import standing_checks, standing_schedule
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.settings.store_location import FileLocation, PostgresLake

_ASSETS = {"orders": order_assets, "items": item_assets, "customers": customer_assets}
_SCHEDULES = {"orders": order_schedule, "items": item_schedule, "customers": customer_schedule}


def build_definitions(
    settings: Settings, layout: Layout | None = None, platform: Platform | None = None
) -> dg.Definitions:
    """Return the assets, checks, jobs and schedules of an installation with these settings.

    Without a platform, a run reads the settings of its own process.
    """
    layout = layout or Layout()
    is_lake = not isinstance(settings.warehouse_location, FileLocation)
    is_spread = isinstance(settings.warehouse_location, PostgresLake)
    imports = [stream for stream in _ASSETS if stream in layout.streams]
    has_orders = "orders" in imports
    checks = standing_checks(layout)
    reconciliation = order_reconciliation(layout)
    schedules = [
        *(_SCHEDULES[stream](settings, layout) for stream in imports),
        *([reconciliation_schedule(settings)] if has_orders else []),
        standing_schedule(settings),
        retention_schedule(settings),
        *([lake_schedule(settings)] if is_lake else []),
    ]
    return dg.Definitions(
        assets=[
            *source_assets(layout),
            *(_ASSETS[stream](settings, layout) for stream in imports),
            *([picture_asset(settings, layout)] if "items" in imports else []),
            analytics_asset(settings, layout),
            *model_assets(settings, layout, [table.name for table in imported_tables(layout)]),
            *ledger_assets(layout),
            retention_asset(layout),
            *([lake_asset(layout)] if is_lake else []),
        ],
        asset_checks=[*checks.values(), *([reconciliation] if has_orders else [])],
        jobs=[
            on_demand_job(layout),
            *([import_orders_job(layout)] if has_orders else []),
            *(sync_job(layout, stream, checks) for stream in imports),
            *([reconciling_job(reconciliation)] if has_orders else []),
            standing_job(checks),
            retention_job(layout),
            *([lake_job(layout)] if is_lake else []),
        ],
        schedules=schedules if layout.has_schedules else [],
        sensors=[on_demand_requests, alerts, *([lost_runs] if is_spread else [])],
        resources={"platform": platform_resource(platform or Platform())},
        executor=dg.in_process_executor,
    )
