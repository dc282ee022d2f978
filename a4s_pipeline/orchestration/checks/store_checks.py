"""The checks that read only the store: none waits for an import, and they find a stream that never runs."""

from collections.abc import Iterator, Sequence

import dagster as dg

from a4s_pipeline.health.checks import CHECKS, LEDGERS, examine
from a4s_pipeline.health.finding import Check
from a4s_pipeline.orchestration.checks.findings import result_of, spec_of
from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings

STANDING_CHECKS = "standing_checks"
_STEPS = {
    "orders": ("order_health", "Checks the stored order history for problems."),
    "items": ("item_health", "Checks the stored items for problems."),
    "customers": ("customer_health", "Checks the stored customers for problems."),
    LEDGERS: ("ledger_health", "Checks the ledgers for failed and unknown outcomes."),
}
# In a run that also imports, the imports and the copy come first: the executor orders ready steps by this.
_LAST = {"dagster/priority": "-10"}


def _store_checks(
    layout: Layout, name: str, description: str, checks: Sequence[Check]
) -> dg.AssetChecksDefinition:
    """Define checks that one step runs on the store, all or a selection of them.

    The step has no asset as its input: if an import fails in the same run, Dagster skips what depends on it,
    and would report these checks as failed although they never ran.
    """
    specs = {check: spec_of(layout, check) for check in checks}

    @dg.op(
        name=name,
        description=description,
        out={spec.get_python_identifier(): dg.Out(dg.Nothing, is_required=False) for spec in specs.values()},
        tags=_LAST,
    )
    def ask_the_store(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        asked = [check for check, spec in specs.items() if spec.key in chosen]
        with told_plainly():
            found = examine(platform.warehouse, platform.settings, asked)
        for check, finding in found.items():
            yield result_of(specs[check], finding)

    checks_def: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=ask_the_store,
        check_specs_by_output_name={spec.get_python_identifier(): spec for spec in specs.values()},
        can_subset=True,
    )
    return checks_def


def standing_checks(layout: Layout) -> dict[str, dg.AssetChecksDefinition]:
    """Define the checks of each imported stream, by its name, and those of the ledgers."""
    return {
        stream: _store_checks(
            layout, name, description, [check for check in CHECKS if check.stream == stream]
        )
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
