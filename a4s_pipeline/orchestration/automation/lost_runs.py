"""Where runs are spread over machines: each announces that it lives, and one whose worker is gone is ended.

Dagster asks its launcher whether a run lives. Celery's keeps a run of a worker that was killed whole, or
whose machine is gone, as started for ever: its connector would be left alone by every schedule.
"""

from collections.abc import Iterator

import dagster as dg

from a4s_pipeline.platform import Platform

# Other projects' runs, in the same Dagster, announce no presence, and none of ours does before it begins.
ANNOUNCES_PRESENCE = {"a4s/shows_a_sign": "yes"}
_SEEN_GONE = ","


def platform_resource(platform: Platform) -> dg.ResourceDefinition:
    """Define the resource `platform`; a run that uses it announces its presence, where others look for it."""

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
    description="Ends runs whose worker is gone, so that the next run may begin: nothing of theirs is lost.",
)
def lost_runs(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SkipReason | dg.SensorResult:
    """Ends each run that was not present at two looks in a row."""
    suspects = set((context.cursor or "").split(_SEEN_GONE))
    gone = {run.run_id: run for run in _absent_runs(context.instance, platform)}
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


def _absent_runs(instance: dg.DagsterInstance, platform: Platform) -> Iterator[dg.DagsterRun]:
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses, tags=ANNOUNCES_PRESENCE)):
        if not platform.locks.is_present(_presence_of(run.run_id)):
            yield run
