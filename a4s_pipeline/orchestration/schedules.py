"""The jobs and their schedules: imports only read from the gateway, so they run by default."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.orchestration.orders import STEP, Reading
from a4s_pipeline.orchestration.partitions import connectors_of_run, range_tags
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.windows import OrdersPlan, months_covered, span_to_read
from a4s_pipeline.warehouse.orders import STREAM
from a4s_pipeline.warehouse.reader import published
from a4s_pipeline.warehouse.state import stream_state

CONNECTOR_TAG = "a4s/connector"
# dagster.yaml limits how many runs with this tag go on at once.
IMPORT_TAGS = {"a4s/work": "import"}

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

SYNC_ORDERS = dg.define_asset_job(
    "sync_orders",
    selection=dg.AssetSelection.assets("orders", "order_lines", "analytics"),
    description="Imports order history, publishes the copy for analysts, and checks what is broken now.",
    executor_def=dg.in_process_executor,
    tags=IMPORT_TAGS,
)


def run_request_for_orders(connector: str, settings: Settings, now: datetime) -> dg.RunRequest:
    """Return the run that catches a connector's orders up, over the months it will touch."""
    months = months_covered(
        span_to_read(
            OrdersPlan(),
            watermark=_published_watermark(connector, settings),
            history_start=settings.history_start,
            lookback_days=settings.lookback_days,
            timezone=settings.timezone,
            clock=now,
        ),
        now,
        settings.timezone,
    )
    return dg.RunRequest(
        # Dagster wants a key where one tick starts several runs; the time in it keeps ticks apart.
        run_key=f"{connector} {now.isoformat()}",
        tags={CONNECTOR_TAG: connector, **IMPORT_TAGS, **range_tags(connector, months)},
        run_config={"ops": {STEP: {"config": {"reading": Reading.NEW.name}}}},
    )


def _published_watermark(connector: str, settings: Settings) -> datetime | None:
    # From the copy, which is never locked. One that lags behind names some months too many, no harm.
    try:
        with published(settings.analytics_path) as connection:
            return stream_state(connection, connector, STREAM).watermark
    except A4sError:
        return None


def connectors_under_way(instance: dg.DagsterInstance, job_names: set[str], settings: Settings) -> set[str]:
    """Return the connectors that a run of these jobs, or a backfill of their assets, is still about."""
    busy: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
        if run.job_name in job_names or run.asset_selection:
            busy.update(connectors_of_run(run.tags, list(settings.connectors)))
    return busy


def order_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule that catches every connector up, four times an hour."""

    @dg.schedule(
        name="orders_every_15_minutes",
        cron_schedule="*/15 * * * *",
        job=SYNC_ORDERS,
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def orders_every_15_minutes(
        context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Starts one run a connector, from its watermark on; a connector that is under way is left alone."""
        current = platform.settings
        now = datetime.now(UTC)
        busy = connectors_under_way(context.instance, {SYNC_ORDERS.name}, current)
        waiting = [connector for connector in current.connectors if connector not in busy]
        if not waiting:
            yield dg.SkipReason(
                f"under way: {', '.join(sorted(busy))}" if busy else "A4S_CONNECTORS names no connector"
            )
        for connector in waiting:
            yield run_request_for_orders(connector, current, now)

    return orders_every_15_minutes
