"""Finds and ends lost runs on several machines: each run announces that it is alive.

Dagster asks its launcher whether a run is alive. If a worker was killed or its machine is gone, Celery's
launcher reports the run as started for ever: every schedule would skip its connector.
"""

import time
from collections.abc import Iterator

import dagster as dg

from a4s_pipeline.orchestration.automation.jobs import IMPORT_TAGS
from a4s_pipeline.platform import Platform

# Runs of other projects in the same Dagster announce no presence.
ANNOUNCES_PRESENCE = {"a4s/shows_a_sign": "yes"}
_SEEN_GONE = ","
# A run announces itself some seconds after Dagster marks it as started. A worker that was cut off in between
# left an import started for half a day, and its connector without another.
ANNOUNCED_WITHIN_SECONDS = 300.0


def platform_resource(platform: Platform) -> dg.ResourceDefinition:
    """Define the resource `platform`; a run that uses it announces its presence if others look for it."""

    @dg.resource(description="The gateway, the warehouse and the locks of this installation.")
    def present(context: dg.InitResourceContext) -> Iterator[Platform]:
        if context.run is None or not platform.locks.reach_other_machines:
            yield platform
            return
        with platform.locks.announce_presence(_presence_of(context.run.run_id)):
            if context.instance is not None:
                context.instance.add_run_tags(context.run.run_id, ANNOUNCES_PRESENCE)
            yield platform

    return present


def _presence_of(run_id: str) -> str:
    return f"run.{run_id}"


@dg.sensor(
    name="lost_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends runs whose worker is gone, so that the next run can start; nothing is lost.",
)
def lost_runs(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SkipReason | dg.SensorResult:
    """Ends each run that was absent at two consecutive ticks."""
    suspects = set((context.cursor or "").split(_SEEN_GONE))
    origin = context.code_location_origin
    location = origin.location_name if origin else None
    gone = {
        run.run_id: run
        for run in _absent_runs(context.instance, platform)
        if may_be_ours(_location_of(run), location)
    }
    for run_id in suspects & gone.keys():
        context.instance.report_run_failed(
            gone[run_id],
            "its worker is gone: it was killed, or its machine was. Nothing is lost: what it had written "
            "stays, and the next run goes on from there",
        )
    left = sorted(gone.keys() - suspects)
    return dg.SensorResult(
        skip_reason=dg.SkipReason(f"{len(gone) - len(left)} runs ended, {len(left)} to be looked at again"),
        cursor=_SEEN_GONE.join(left),
    )


def may_be_ours(run_location: str | None, location: str | None) -> bool:
    """Tell whether a run may belong to this code location: our locks know nothing of another installation."""
    return None in {run_location, location} or run_location == location


def _location_of(run: dg.DagsterRun) -> str | None:
    return run.remote_job_origin.location_name if run.remote_job_origin else None


def _absent_runs(instance: dg.DagsterInstance, platform: Platform) -> Iterator[dg.DagsterRun]:
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses, tags=ANNOUNCES_PRESENCE)):
        if not platform.locks.is_present(_presence_of(run.run_id)):
            yield run
    for record in instance.get_run_records(dg.RunsFilter(statuses=statuses, tags=IMPORT_TAGS)):
        run = record.dagster_run
        is_late = time.time() - (record.start_time or time.time()) > ANNOUNCED_WITHIN_SECONDS
        if is_late and not ANNOUNCES_PRESENCE.items() <= run.tags.items():
            yield run
