"""The job of the checks that only ask the store: a stream whose job never runs is found all the same."""

import dagster as dg

from a4s_pipeline.orchestration.assets.ledgers import ledger_health
from a4s_pipeline.orchestration.checks.listing_checks import customer_health, item_health
from a4s_pipeline.orchestration.checks.order_checks import order_health
from a4s_pipeline.settings import Settings

STORE_CHECKS = [order_health, item_health, customer_health, ledger_health]

STANDING_CHECKS = dg.define_asset_job(
    "standing_checks",
    selection=dg.AssetSelection.checks(*STORE_CHECKS),
    description="Checks what is broken now, of every stream and ledger; asks the store alone, no gateway.",
    executor_def=dg.in_process_executor,
)


def standing_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule of the standing checks, once an hour."""
    return dg.ScheduleDefinition(
        name="standing_checks_hourly",
        job=STANDING_CHECKS,
        # Between the quarters of orders, long after items (:05) and customers (:10) have begun.
        cron_schedule="55 * * * *",
        description="Starts the checks that tell what is broken now.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
