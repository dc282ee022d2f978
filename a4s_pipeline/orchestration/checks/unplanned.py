"""Records the results of checks after an import, although Dagster planned none.

A planned check reads "In Progress" as soon as its run is queued, and hides the last result: with many
connectors that would be always. And of simultaneous runs, Dagster takes the one queued last for the latest,
whichever ended last: its result may then belong to an older materialization, "Not Evaluated".
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.health.checks import months_as_compared
from a4s_pipeline.importing import examine_after
from a4s_pipeline.orchestration.checks.findings import evaluation_of, spec_of
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.orders.writing import STREAM


def tell_checks(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    layout: Layout,
    platform: Platform,
    streams: Sequence[str],
) -> None:
    """Check these streams in the store, and record the results in this run.

    If the store cannot be read, the previous results stay. The comparison with the gateway, which would ask
    for every month, is recorded with its last result: otherwise a new materialization would hide it.
    """
    findings = examine_after(platform, streams)
    # Do not wait again for a store that could not be read.
    if findings and STREAM in streams:
        with suppress(A4sError):
            findings |= months_as_compared(platform.warehouse, platform.settings)
    for check, finding in findings.items():
        event = dg.DagsterEvent(
            event_type_value="ASSET_CHECK_EVALUATION",
            job_name=run.job_name,
            message=f"{check.name} of {check.table}: {finding.sentence}",
            event_specific_data=evaluation_of(spec_of(layout, check), finding),
        )
        instance.report_dagster_event(event, run_id=run.run_id)


def planned_without_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[dg.AssetKey]:
    """Return the assets that a run will materialize; none if Dagster also planned its checks."""
    check = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    asset = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    records = instance.get_records_for_run(run.run_id, of_type={check, asset}).records
    events = [event for record in records if (event := record.event_log_entry.dagster_event) is not None]
    if any(event.event_type is check for event in events):
        return set()
    return {event.asset_key for event in events if event.asset_key is not None}
