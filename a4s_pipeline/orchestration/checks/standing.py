"""The checks that read only the store: they find even a stream with a job that never runs."""

from __future__ import annotations

import dagster as dg

from a4s_pipeline.health.checks import CHECKS, LEDGERS
from a4s_pipeline.orchestration.checks.store_checks import store_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings.loading import Settings

STANDING_CHECKS = "standing_checks"
_STEPS = {
    "orders": ("order_health", "Checks the stored order history for problems."),
    "items": ("item_health", "Checks the stored items for problems."),
    "customers": ("customer_health", "Checks the stored customers for problems."),
    LEDGERS: ("ledger_health", "Checks the ledgers for failed and unknown outcomes."),
}


def standing_checks(layout: Layout) -> dict[str, dg.AssetChecksDefinition]:
    """Define the checks of each imported stream, by its name, and those of the ledgers."""
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
        # Between two order imports, long after items (:05) and customers (:10) have begun.
        cron_schedule="55 * * * *",
        description="Starts the checks of the store.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
