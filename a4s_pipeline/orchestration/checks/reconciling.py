"""The check that compares order history with the gateway's, month by month, and what runs it once a day."""

import dagster as dg

from a4s_pipeline.errors import A4sError, HistoryNotConfigured
from a4s_pipeline.orchestration.checks.findings import counted
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.order_reconciliation import Reconciled
from a4s_pipeline.warehouse.health import Broken
from a4s_pipeline.warehouse.orders import STREAM
from a4s_pipeline.warehouse.tables import ORDERS

_MOST_NAMED = 5

_MONTHS_AGREE = dg.AssetCheckSpec(
    "months_agree",
    asset=ORDERS.name,
    description="Each month holds the orders that the gateway lists, by their headers. It asks the gateway, "
    "so it runs once a day and not with every sync. The table reconciled_months holds what it found.",
)


@dg.multi_asset_check(specs=[_MONTHS_AGREE], name="order_reconciliation")
def order_reconciliation(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Compares every month of every connector with the gateway's, by headers alone."""
    found: list[Reconciled] = []
    errors: list[str] = []
    for connector in platform.settings.connectors_with(STREAM):
        try:
            found.append(platform.reconcile_orders(connector, run_id=context.run.run_id))
        except HistoryNotConfigured:
            continue  # no history, nothing to compare: the check of its freshness says so
        except A4sError as error:
            errors.append(f"{connector}: {error}")
    try:
        platform.publish()
    except A4sError as error:
        errors.append(str(error))
    if errors:
        raise dg.Failure("\n".join(errors), allow_retries=False)
    result = counted(
        _MONTHS_AGREE,
        [broken for one in found for broken in _to_repair(one)],
        "orders that differ from the gateway's",
        "`a4s reconcile --repair` reads these months again",
    )
    return result._replace(metadata={**result.metadata, **_metadata(found)})


def _to_repair(found: Reconciled) -> list[Broken]:
    """Name the months that no sync will mend by itself, with the first orders that differ."""
    return [
        Broken(
            found.connector,
            f"{month.month:%Y-%m}",
            month.differing,
            (*month.missing, *month.gone, *month.changed)[:_MOST_NAMED],
        )
        for month in found.months
        if month.needs_repair
    ]


def _metadata(found: list[Reconciled]) -> dict[str, dg.MetadataValue]:
    moving = [f"{one.connector} {month.month:%Y-%m}" for one in found for month in one.not_compared]
    return {
        "months": dg.MetadataValue.int(sum(len(one.months) for one in found)),
        "months_that_kept_moving": dg.MetadataValue.text(", ".join(moving)),
        "orders_at_the_gateway": dg.MetadataValue.int(
            sum(month.listed for one in found for month in one.months)
        ),
        "orders_held": dg.MetadataValue.int(sum(month.held for one in found for month in one.months)),
        "calls": dg.MetadataValue.int(sum(one.calls for one in found)),
        "seconds": dg.MetadataValue.float(round(sum(one.seconds for one in found), 3)),
    }


RECONCILE_ORDERS = dg.define_asset_job(
    "reconcile_orders",
    selection=dg.AssetSelection.checks(order_reconciliation),
    description="Compares order history with the gateway's, month by month: it reads headers, and changes "
    "no order.",
    executor_def=dg.in_process_executor,
)


def reconciliation_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule that compares order history with the gateway's, once a day."""
    return dg.ScheduleDefinition(
        name="orders_reconciled_daily",
        # Not on the minute of an import, and not in the hour that daylight saving skips or doubles.
        cron_schedule="40 4 * * *",
        job=RECONCILE_ORDERS,
        description="Compares every month of order history with the gateway's, by headers alone.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
