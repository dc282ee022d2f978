"""The on-demand job: one run that answers all waiting requests, and stays a while for more."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.health.checks import LEDGERS
from a4s_pipeline.ondemand.inbox.inbox import Waiting, as_bytes, is_plain_id
from a4s_pipeline.ondemand.inbox.inboxes import inbox_of
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.ondemand.worker.runs import RunUnderWay, why_none_starts
from a4s_pipeline.ondemand.worker.upkeep import Upkeep
from a4s_pipeline.orchestration.assets.ledgers import ledger_counts, ledger_materializations
from a4s_pipeline.orchestration.checks.unplanned import tell_checks
from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.counting import is_written_since

JOB = "on_demand"
# Long enough that a busy day needs few starts, short enough that new code and settings take effect.
LONGEST_RUN_SECONDS = 3600.0
_ALIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
# The load of the code location that started a run, and the latest load. Dagster stores both: a file would be
# on one machine of many, and process ids repeat in each new container.
_GENERATION_TAG = "a4s/code_location"
_REPLACED_TAG = "a4s/code_location_replaced"
_LOOK_FOR_IT_EVERY_SECONDS = 2.0
_PRESENCE = "on_demand.serving"


class OnDemandConfig(dg.Config):
    """What a run of the job answers: the one request given here, or the inbox."""

    request_json: str = ""
    """A request as JSON, the same as in the inbox; its answer is in the run's metadata."""
    request_id: str = "launchpad"
    """The id of that request, a plain file name."""


def on_demand_job(layout: Layout) -> dg.JobDefinition:
    """Define the job that answers requests; each ledger that it wrote is recorded with its counts."""

    @dg.op(
        description="Answers all waiting requests in parallel, stays for more, and settles unknown outcomes."
    )
    def answer_requests(
        context: dg.OpExecutionContext, config: OnDemandConfig, platform: dg.ResourceParam[Platform]
    ) -> None:
        """Answers the inbox until it stays empty for a while, or the one request in the configuration."""
        began = datetime.now(UTC)
        try:
            _answer(context, config, platform)
        finally:
            # Read after all answers, so that no answer waits for the store.
            with suppress(A4sError):
                _record_ledgers(context, layout, platform, began)

    @dg.job(
        name=JOB,
        executor_def=dg.in_process_executor,
        # Dagster never retries this: begun work is in the ledger, the rest in the inbox. With Celery it has
        # its own workers: an hour of it must not delay imports.
        tags={"dagster/max_retries": "0", "dagster/priority": "10", "dagster-celery/queue": JOB},
        description="Answers requests on demand: projected stock, order export, customers, order retrieval.",
    )
    def on_demand() -> None:
        """Answers requests, and settles unknown outcomes in parallel: no live answer waits for a ledger."""
        answer_requests()

    return on_demand


def _record_ledgers(
    context: dg.OpExecutionContext, layout: Layout, platform: Platform, since: datetime
) -> None:
    """Record the ledgers that changed since, with their unresolved rows."""
    with platform.warehouse.session() as store:
        counts = ledger_counts(store)
        written = [name for name in counts if is_written_since(store, name, since)]
    for name in written:
        context.log_event(dg.AssetObservation(layout.key(name), metadata=dict(counts[name])))
    if written:
        for event in ledger_materializations(context.instance, layout, counts):
            context.log_event(event)
        tell_checks(context.instance, context.run, layout, platform, [LEDGERS])


def _answer(context: dg.OpExecutionContext, config: OnDemandConfig, platform: Platform) -> None:
    with OnDemand(platform, context.run_id) as service, Upkeep(service), told_plainly():
        worker = RequestWorker(service)
        if config.request_json:
            if not is_plain_id(config.request_id):
                raise dg.Failure("request_id must be a plain file name", allow_retries=False)
            answer = worker.document(Waiting(config.request_id, config.request_json.encode()))
            plain = json.loads(as_bytes(answer))
            context.add_output_metadata(
                {"answer": dg.MetadataValue.json(plain), "status": str(answer["status"])}
            )
            return
        with platform.locks.announce_presence(_PRESENCE):
            worker.serve(_is_over(context.instance, context.run_id))
        counts: dict[str, Any] = {
            f"answered_{status}": count for status, count in worker.counts.by_status.items()
        }
        context.add_output_metadata(counts)


def _is_over(instance: dg.DagsterInstance, run_id: str) -> Callable[[], bool]:
    """Return a function that tells whether a run should end: its time is up, or the code location was
    reloaded.
    """
    ends_at = time.monotonic() + LONGEST_RUN_SECONDS
    look_at = 0.0

    def is_over() -> bool:
        nonlocal look_at
        now = time.monotonic()
        if now >= ends_at:
            return True
        if now < look_at:
            return False
        look_at = now + _LOOK_FOR_IT_EVERY_SECONDS
        try:
            run = instance.get_run_by_id(run_id)
        except Exception:
            # Dagster's database may fail: requests are answered without it.
            return False
        return run is not None and _REPLACED_TAG in run.tags

    return is_over


@dg.sensor(
    name="on_demand_requests",
    job_name=JOB,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run when requests are waiting in the inbox and no run is answering them.",
)
def on_demand_requests(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Starts one run when requests are waiting and no run is answering them.

    If one run is not enough, launch `on_demand` more than once, on one machine or several: they share the
    work, because each request is claimed by one run. The sensor starts none while any run is alive.
    """
    yield from _requested(context.instance, platform)


def _requested(instance: dg.DagsterInstance, platform: Platform) -> Iterator[dg.RunRequest | dg.SkipReason]:
    inbox = inbox_of(platform)
    if not platform.settings.connectors:
        yield dg.SkipReason("A4S_CONNECTORS names no connector: requests wait until it does")
        return
    try:
        waiting = len(inbox.waiting()) + len(inbox.unsettled())
    except (A4sError, OSError) as error:
        # The store may be down for a while; nothing is lost, and the next tick is a second away.
        yield dg.SkipReason(f"{inbox.where} cannot be looked at: {error}")
        return
    alive = instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=_ALIVE))
    _tell_replaced(instance, [record.dagster_run for record in alive])
    now = datetime.now(UTC)
    why_none = why_none_starts(
        waiting=waiting,
        where=inbox.where,
        is_answered=platform.locks.is_present(_PRESENCE),
        under_way=[_under_way(record) for record in alive],
        now=now,
    )
    if why_none is not None:
        yield dg.SkipReason(why_none)
        return
    yield dg.RunRequest(
        # No run key: Dagster would never start another run with it.
        run_key=now.isoformat(),
        tags={_GENERATION_TAG: _generation()},
    )


@cache
def _generation() -> str:
    """Return the name of this load of the code location."""
    return secrets.token_hex(8)


def _tell_replaced(instance: dg.DagsterInstance, alive: Sequence[dg.DagsterRun]) -> None:
    """Tell runs started by an earlier load of the code location that it was replaced."""
    for run in alive:
        if run.tags.get(_GENERATION_TAG, _generation()) != _generation() and _REPLACED_TAG not in run.tags:
            instance.add_run_tags(run.run_id, {_REPLACED_TAG: "yes"})


def _under_way(record: dg.RunRecord) -> RunUnderWay:
    is_handed_over = record.dagster_run.status is dg.DagsterRunStatus.STARTING
    return RunUnderWay(
        handed_over_at=record.update_timestamp if is_handed_over else None,
        began_at=None if record.start_time is None else datetime.fromtimestamp(record.start_time, UTC),
    )
