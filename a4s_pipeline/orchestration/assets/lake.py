"""Maintenance of the lake, if A4S_WAREHOUSE names one: an asset, its job and its schedule."""

from typing import Any

import dagster as dg

from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import AssetTags, Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings

LAKE = "lake"
TEND_LAKE = "tend_lake"


def lake_asset(layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `lake`."""

    @dg.asset(
        key=layout.key(LAKE),
        group_name=layout.group("analytics"),
        owners=list(layout.owners),
        kinds={"ducklake", "python"},
        tags=AssetTags("all", "published", has_personal_data=True).as_tags(),
    )
    def lake(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        """Merges the lake's small files, and expires snapshots that are older than `A4S_LAKE_KEPT_DAYS`."""
        with told_plainly():
            maintained = platform.maintain_lake()
        before, after = maintained.before, maintained.after
        return dg.MaterializeResult(
            metadata={
                "files": after.files,
                "files_before": before.files,
                "bytes": after.size,
                "bytes_before": before.size,
                "delete_files": after.delete_files,
                "snapshots": after.snapshots,
                "snapshots_before": before.snapshots,
                "files_deleted": maintained.files_deleted,
            }
        )

    return lake


def lake_job(layout: Layout) -> Any:
    """Define the job that maintains the lake."""
    return dg.define_asset_job(
        TEND_LAKE,
        selection=dg.AssetSelection.assets(layout.key(LAKE)),
        description="Merges small files of the lake and expires old snapshots; readers and writers can "
        "continue.",
        executor_def=dg.in_process_executor,
    )


def lake_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule that maintains the lake, once a day."""
    return dg.ScheduleDefinition(
        name="lake_tended_daily",
        # At no import's minute, and outside the hour that daylight saving skips or repeats.
        cron_schedule="50 4 * * *",
        job_name=TEND_LAKE,
        description="Merges small files of the lake and expires old snapshots.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
