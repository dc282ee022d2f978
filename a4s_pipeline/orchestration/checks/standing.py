"""The checks that only ask the store: a stream whose job never runs is found all the same."""

from __future__ import annotations

import dagster as dg

from a4s_pipeline.orchestration.checks.ledger_checks import ledger_health
from a4s_pipeline.orchestration.checks.listing_checks import customer_health, item_health
from a4s_pipeline.orchestration.checks.order_checks import order_health
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings import Settings

STANDING_CHECKS = "standing_checks"
_HEALTH = {"orders": order_health, "items": item_health, "customers": customer_health}
LEDGERS = "ledgers"


def standing_checks(layout: Layout) -> dict[str, dg.AssetChecksDefinition]:
    """Define the checks of each stream that is imported, by its name, and those of the ledgers."""
    checks = {stream: health(layout) for stream, health in _HEALTH.items() if stream in layout.streams}
    return {**checks, LEDGERS: ledger_health(layout)}


def standing_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule of the standing checks, once an hour."""
    return dg.ScheduleDefinition(
        name="standing_checks_hourly",
        job_name=STANDING_CHECKS,
        # Between the quarters of orders, long after items (:05) and customers (:10) have begun.
        cron_schedule="55 * * * *",
        description="Starts the checks that tell what is broken now.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
