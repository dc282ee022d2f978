"""Runs the jobs in this process and records them in Dagster, for the demo."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from a4s_pipeline.orchestration.automation.lost_runs import platform_resource
from a4s_pipeline.orchestration.automation.schedules import run_request_for_listing, run_request_for_orders
from a4s_pipeline.orchestration.failing import INTERRUPTIONS, reason_of_end, reason_of_step
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

# The command reports expected failures in a line; Dagster would add its stack trace.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

RunJob = Callable[[str, str], str | None]
"""Runs the job of a stream for a connector; returns why it failed, in words."""


@contextmanager
def jobs_recorded_in(home: Path, platform: Platform) -> Iterator[RunJob]:
    """Yield a function that runs a job and records it in the Dagster home `home`."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        graph = build_definitions(platform.settings)

        def run(stream: str, connector: str) -> str | None:
            with warnings.catch_warnings():
                # Dagster warns of a parameter that it passes itself: users cannot act on that.
                warnings.simplefilter("ignore", dg.BetaWarning)
                job = graph.resolve_job_def(f"sync_{stream}")
            request = _request(stream, connector, platform)
            config: Mapping[str, object] = request.run_config or {}
            result = job.execute_in_process(
                instance=instance,
                tags=dict(request.tags),
                resources={"platform": platform_resource(platform)},
                run_config={**_QUIET, **config},
                raise_on_error=False,
            )
            return None if result.success else _why_it_failed(result)

        yield run


def _request(stream: str, connector: str, platform: Platform) -> dg.RunRequest:
    now = datetime.now(UTC)
    if stream == STREAM:
        return run_request_for_orders(connector, platform.settings, now)
    return run_request_for_listing(connector, now)


def _why_it_failed(result: dg.ExecuteInProcessResult) -> str:
    """Return the reason in words; re-raise Ctrl-C, which Dagster treats as a failed step."""
    for event in result.get_step_failure_events():
        failure = event.step_failure_data
        if failure.error is not None and failure.error.cls_name in INTERRUPTIONS:
            raise KeyboardInterrupt
        reason = reason_of_step(event)
        if reason is not None:
            return reason if failure.user_failure_data else f"{event.step_key}: {reason}"
    ends = (event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE)
    reasons = (reason for event in ends if (reason := reason_of_end(event)))
    return next(reasons, "the run failed; see its log in Dagster")
