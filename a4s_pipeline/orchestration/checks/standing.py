"""The checks that only ask the store: a stream whose job never runs is found all the same."""

from __future__ import annotations

import dagster as dg

from a4s_pipeline.health.checks import CHECKS, LEDGERS
from a4s_pipeline.orchestration.checks.store_checks import store_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings.loading import Settings

STANDING_CHECKS = "standing_checks"
_STEPS = {
    "orders": ("order_health", "Asks the store what is broken now in order history."),
    "items": ("item_health", "Asks the store what is broken now in items."),
    "customers": ("customer_health", "Asks the store what is broken now in customers."),
    LEDGERS: ("ledger_health", "Asks the ledgers what has failed or is unknown now."),
}


def standing_checks(layout: Layout) -> dict[str, dg.AssetChecksDefinition]:
    """Define the checks of each stream that is imported, by its name, and those of the ledgers."""
    return {
        stream: store_checks(layout, name, description, [check for check in CHECKS if check.stream == stream])
        for stream, (name, description) in _STEPS.items()
        if stream in (*layout.streams, LEDGERS)
    }


def standing_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule of the standing checks, once an hour."""
    return dg.ScheduleDefinition(
        name="standing_checks_hourly",
        job_name=STANDING_CHECKS,
        # Between the quarters of orders, long after items (:05) and customers (:10) have begun.
        cron_schedule="55 * * * *",
        description="Starts the checks that say what is broken now.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
