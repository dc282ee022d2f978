"""The schedules: imports only read from the gateway, so they run by default."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.health.freshness import waits_until_tomorrow
from a4s_pipeline.orchestration.assets.analytics import ANALYTICS
from a4s_pipeline.orchestration.assets.orders import STEP, OrdersRead
from a4s_pipeline.orchestration.automation.jobs import (
    CONNECTOR_TAG,
    IMPORT_TAGS,
    SYNC_CUSTOMERS,
    SYNC_ITEMS,
    SYNC_ORDERS,
)
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import PARTITION, connectors_of_run, month_tags
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.windows import month_of
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES, RecordTables
from a4s_pipeline.warehouse.rows.state import StreamState, stream_states
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

RUNS_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def run_request_for_orders(
    connector: str, settings: Settings, now: datetime, assets: Sequence[dg.AssetKey] | None = None
) -> dg.RunRequest:
    """Return the run that imports a connector's new orders; with its assets named, it plans no checks.

    It names the current month, and records other months that it changes itself. Naming all that it may change
    made one event per month since `A4S_HISTORY_START`, and listed all partitions.
    """
    month = month_of(now, settings.timezone)
    return dg.RunRequest(
        # Dagster wants a key where one tick starts several runs; the time in it keeps ticks apart.
        run_key=f"{connector} {now.isoformat()}",
        tags={CONNECTOR_TAG: connector, **IMPORT_TAGS, **month_tags(connector, month)},
        run_config={"ops": {STEP: {"config": {"reading": OrdersRead.NEW.name}}}},
        **_without_checks(assets),
    )


def published_order_states(platform: Platform) -> dict[str, StreamState]:
    """Return the state of every connector's orders from the copy, which is never locked.

    If the copy lags behind, some extra months are named, which is harmless.
    """
    known: dict[str, StreamState] = {}
    with suppress(A4sError), platform.readable.reading() as connection:
        known = stream_states(connection, STREAM)
    importing = platform.settings.connectors_with(STREAM)
    return {connector: known.get(connector, StreamState()) for connector in importing}


def connectors_without_history(
    states: Mapping[str, StreamState], settings: Settings, now: datetime
) -> list[str]:
    """Return the connectors without order history that were already asked today."""
    return [
        connector
        for connector, state in states.items()
        if waits_until_tomorrow(state, now, settings.timezone)
    ]


def run_request_for_listing(
    connector: str, now: datetime, assets: Sequence[dg.AssetKey] | None = None
) -> dg.RunRequest:
    """Return the run that reads a connector's items or customers whole; see `run_request_for_orders`."""
    return dg.RunRequest(
        run_key=f"{connector} {now.isoformat()}",
        tags={CONNECTOR_TAG: connector, **IMPORT_TAGS, PARTITION: connector},
        **_without_checks(assets),
    )


def _without_checks(assets: Sequence[dg.AssetKey] | None) -> dict[str, Any]:
    """Return the selection without checks: the run reports them itself, see `checks.unplanned`."""
    return {"asset_selection": [*assets], "asset_check_keys": []} if assets else {}


def connectors_under_way(
    instance: dg.DagsterInstance,
    job_names: set[str],
    connectors: Sequence[str],
    assets: Set[dg.AssetKey] = frozenset(),
) -> set[str]:
    """Return the connectors with an unfinished run of these jobs or backfill of these assets."""
    busy: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=RUNS_UNDER_WAY)):
        if run.job_name in job_names or not assets.isdisjoint(run.asset_selection or ()):
            busy.update(connectors_of_run(run.tags, connectors))
    return busy


@dataclass(frozen=True)
class _Imported:
    """What a schedule imports: by which job, and into which assets."""

    job_name: str
    stream: str
    assets: Set[dg.AssetKey]


def _requests(
    context: dg.ScheduleEvaluationContext,
    settings: Settings,
    imported: _Imported,
    request: Callable[[str, datetime], dg.RunRequest],
    tomorrow: Callable[[datetime], Sequence[str]] = lambda _now: (),
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request one run per connector; skip those that are running or wait until tomorrow."""
    now = datetime.now(UTC)
    importing = settings.connectors_with(imported.stream)
    busy = connectors_under_way(context.instance, {imported.job_name}, importing, imported.assets)
    later = [connector for connector in tomorrow(now) if connector not in busy]
    waiting = [name for name in importing if name not in {*busy, *later}]
    reasons = [f"under way: {', '.join(sorted(busy))}"] if busy else []
    if later:
        names = ", ".join(later)
        reasons.append(f"no focus connector: {names}; asked again tomorrow, or by `a4s sync orders`")
    if not waiting:
        none = f"A4S_CONNECTORS names no connector whose {imported.stream} are imported"
        yield dg.SkipReason("; ".join(reasons) or none)
    elif later:
        context.log.info(reasons[-1])
    for connector in waiting:
        yield request(connector, now)


def order_schedule(settings: Settings, layout: Layout) -> dg.ScheduleDefinition:
    """Define the schedule that imports every connector's new orders, four times an hour."""
    assets = {layout.key(table.name) for table in (ORDERS, ORDER_LINES)}

    @dg.schedule(
        name="orders_every_15_minutes",
        cron_schedule="*/15 * * * *",
        job_name=SYNC_ORDERS,
        description="Starts one run per connector, from its watermark on, unless its orders are being "
        "imported already. A connector without a focus connector is tried once a day.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def orders_every_15_minutes(
        context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Starts one run per connector, from its watermark on, unless its orders are being imported already.

        A connector without a focus connector is tried once a day.
        """
        current = platform.settings
        states = published_order_states(platform)

        def request(connector: str, now: datetime) -> dg.RunRequest:
            return run_request_for_orders(connector, current, now, [*assets, layout.key(ANALYTICS)])

        def tomorrow(now: datetime) -> list[str]:
            return connectors_without_history(states, current, now)

        yield from _requests(context, current, _Imported(SYNC_ORDERS, STREAM, assets), request, tomorrow)

    return orders_every_15_minutes


def item_schedule(settings: Settings, layout: Layout) -> dg.ScheduleDefinition:
    """Define the schedule that reads every connector's items, once an hour."""
    return _listing_schedule("items_hourly", "5 * * * *", SYNC_ITEMS, ITEM_TABLES, settings, layout)


def customer_schedule(settings: Settings, layout: Layout) -> dg.ScheduleDefinition:
    """Define the schedule that reads every connector's customers, once an hour."""
    return _listing_schedule(
        "customers_hourly", "10 * * * *", SYNC_CUSTOMERS, CUSTOMER_TABLES, settings, layout
    )


def _listing_schedule(
    name: str, cron: str, job_name: str, tables: RecordTables, settings: Settings, layout: Layout
) -> dg.ScheduleDefinition:
    assets = {layout.key(table.name) for table in tables.all}

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        job_name=job_name,
        description=f"Starts one run per connector, unless its {tables.stream} are being imported already.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def hourly(
        context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        def request(connector: str, now: datetime) -> dg.RunRequest:
            return run_request_for_listing(connector, now, [*assets, layout.key(ANALYTICS)])

        imported = _Imported(job_name, tables.stream, assets)
        yield from _requests(context, platform.settings, imported, request)

    return hourly
