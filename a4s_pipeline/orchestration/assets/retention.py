"""The asset that removes expired requests, logs, attempts, and Dagster's own runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from a4s_pipeline.orchestration.assets.events.run_history import prune_runs
from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import AssetTags, Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.retention.prune import prune
from a4s_pipeline.settings.loading import Settings

RETENTION = "retention"
PRUNE = "prune"


def retention_asset(layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `retention`."""

    @dg.asset(
        key=layout.key(RETENTION),
        group_name=layout.group("analytics"),
        owners=list(layout.owners),
        kinds={"duckdb", "python"},
        tags=AssetTags("all", "ledger").as_tags(),
    )
    def retention(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        """Removes requests, logs, attempts and runs that are older than the settings allow."""
        with told_plainly():
            pruned = prune(platform)
            kept = timedelta(days=platform.settings.runs_kept_days)
            runs = prune_runs(context.instance, datetime.now(UTC) - kept)
        return dg.MaterializeResult(
            metadata={
                "runs": runs,
                "rows": sum(pruned.rows.values()),
                "files": sum(pruned.files.values()),
                **{f"rows of {table}": count for table, count in pruned.rows.items()},
                **{f"files in {folder}": count for folder, count in pruned.files.items()},
            }
        )

    return retention


def retention_job(layout: Layout) -> Any:
    """Define the job that removes what is old."""
    return dg.define_asset_job(
        PRUNE,
        selection=dg.AssetSelection.assets(layout.key(RETENTION)),
        description="Removes requests, logs, attempts and runs that are older than the settings allow.",
        executor_def=dg.in_process_executor,
    )


def retention_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule that removes what is old, once a day."""
    return dg.ScheduleDefinition(
        name="pruned_daily",
        # At no import's minute, and outside the hour that daylight saving skips or repeats.
        cron_schedule="20 5 * * *",
        job_name=PRUNE,
        description="Removes requests, logs, attempts and runs that are older than the settings allow.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
