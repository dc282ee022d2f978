"""The check that compares order history with the gateway's, month by month, and its daily schedule."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.health.checks import MONTHS_AGREE, examine
from a4s_pipeline.orchestration.checks.findings import result_of, spec_of
from a4s_pipeline.orchestration.failing import plain_failure
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import months_of_run
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.reconcile.order_reconciliation import Reconciled
from a4s_pipeline.sync.windows import Months
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

RECONCILE_ORDERS = "reconcile_orders"
# After an import of the same months in the same run; otherwise it would miss those orders.
_AFTER_THE_IMPORT = {"dagster/priority": "-5"}


def order_reconciliation(layout: Layout) -> dg.AssetChecksDefinition:
    """Define the check `months_agree`."""
    spec = spec_of(layout, MONTHS_AGREE)

    @dg.op(
        name="order_reconciliation",
        description="Compares the order headers of some months with the gateway's.",
        out={spec.get_python_identifier(): dg.Out(dg.Nothing)},
        tags=_AFTER_THE_IMPORT,
    )
    def compare_months(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        settings = platform.settings
        importing = settings.connectors_with(STREAM)
        named = months_of_run(context.run.tags, importing)
        found, failed = _compare(platform, named or dict.fromkeys(importing), context.run.run_id)
        lines = [f"{connector}: {error}" for connector, error in failed.items()]
        errors = list(failed.values())
        try:
            platform.publish()
            finding = examine(platform.warehouse, settings, [MONTHS_AGREE])[MONTHS_AGREE]
            # If a gateway did not answer, its last results still count.
            result = result_of(spec, finding)
            yield result._replace(metadata={**result.metadata, **_metadata(found)})
        except A4sError as error:
            lines.append(str(error))
            errors.append(error)
        if errors:
            # With the codes of the errors, so that a gateway outage stays one incident.
            raise plain_failure(lines, errors)

    check: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=compare_months,
        check_specs_by_output_name={spec.get_python_identifier(): spec},
        can_subset=False,
    )
    return check


def _compare(
    platform: Platform, asked: Mapping[str, Months | None], run_id: str
) -> tuple[list[Reconciled], dict[str, A4sError]]:
    """Compare each connector's months, or all of them; a failure does not stop the others."""
    found: list[Reconciled] = []
    failed: dict[str, A4sError] = {}
    for connector, months in asked.items():
        try:
            found.append(platform.reconcile_orders(connector, months, run_id=run_id))
        except A4sError as error:
            failed[connector] = error
    return found, failed


def _metadata(found: list[Reconciled]) -> dict[str, Any]:
    moving = [f"{one.connector} {month.month:%Y-%m}" for one in found for month in one.not_compared]
    return {
        "months": sum(len(one.months) for one in found),
        "months_that_kept_moving": ", ".join(moving),
        "orders_at_the_gateway": sum(month.listed for one in found for month in one.months),
        "orders_held": sum(month.stored for one in found for month in one.months),
        "calls": sum(one.calls for one in found),
        "seconds": round(sum(one.seconds for one in found), 3),
    }


def reconciliation_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Define the schedule that compares order history with the gateway's, once a day."""
    return dg.ScheduleDefinition(
        name="orders_reconciled_daily",
        # At no import's minute, and outside the hour that daylight saving skips or repeats.
        cron_schedule="40 4 * * *",
        job_name=RECONCILE_ORDERS,
        description="Compares the order headers of every month with the gateway's.",
        execution_timezone=settings.timezone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
