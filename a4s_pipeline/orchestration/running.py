"""Runs the jobs in this process, as `a4s sync` does."""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import dagster as dg

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.heap import nothing_collected
from a4s_pipeline.orchestration.alerts.failing import INTERRUPTIONS, reason_of_end, reason_of_step
from a4s_pipeline.orchestration.assets.orders import STEP, Reading
from a4s_pipeline.orchestration.assets.partitions import PARTITION, range_tags
from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG, SYNC_CUSTOMERS, SYNC_ITEMS, SYNC_ORDERS
from a4s_pipeline.orchestration.automation.lost_runs import platform_resource
from a4s_pipeline.orchestration.automation.schedules import run_request_for_orders
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.windows import Months

# Expected failures are told by the command itself, in a line; Dagster would add its stack trace.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class OrderRequest:
    """What is asked of an order sync: whole months, or without them what is new since the watermark."""

    connector: str
    months: Months | None
    whole: bool


class JobRunner:
    """Runs jobs in this process, one after another: the graph and Dagster's storage are made once for all.

    With DAGSTER_HOME set, the runs appear in the UI, unless they are not to be recorded; otherwise they leave
    no trace but the data. Each method returns what failed where that is more than the sync itself.
    """

    def __init__(self, platform: Platform, *, is_recorded: bool = True) -> None:
        self._platform = platform
        self._home = os.environ.get("DAGSTER_HOME") or None if is_recorded else None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with nothing_collected():
            self._graph = build_definitions(self._platform.settings)
            self._instance = self._open.enter_context(_instance(self._home))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def sync_orders(self, request: OrderRequest) -> str | None:
        """Run `sync_orders` for one connector."""
        tags, reading = self._tags_and_reading(request)
        config = {"ops": {STEP: {"config": {"reading": reading.name}}}}
        return self._run(SYNC_ORDERS, tags, config)

    def sync_items(self, connector: str) -> str | None:
        """Run `sync_items` for one connector."""
        return self._run(SYNC_ITEMS, _whole_connector(connector), {})

    def sync_customers(self, connector: str) -> str | None:
        """Run `sync_customers` for one connector."""
        return self._run(SYNC_CUSTOMERS, _whole_connector(connector), {})

    def _run(self, job_name: str, tags: dict[str, str], config: dict[str, Any]) -> str | None:
        with nothing_collected(), warnings.catch_warnings():
            # Dagster warns of a parameter that it passes on itself: nothing that our user can act on.
            warnings.simplefilter("ignore", dg.BetaWarning)
            job = self._graph.resolve_job_def(job_name)
        result = job.execute_in_process(
            instance=self._instance,
            tags=tags,
            resources={"platform": platform_resource(self._platform)},
            run_config=_QUIET | config,
            raise_on_error=False,
        )
        return None if result.success else _why_it_failed(result)

    def _tags_and_reading(self, request: OrderRequest) -> tuple[dict[str, str], Reading]:
        settings, now = self._platform.settings, datetime.now(UTC)
        if request.months is not None:
            tags = _tags_of(request.connector, request.months)
            return tags, Reading.WHOLE if request.whole else Reading.MONTHS
        return dict(run_request_for_orders(request.connector, settings, now).tags), Reading.NEW


def _whole_connector(connector: str) -> dict[str, str]:
    return {CONNECTOR_TAG: connector, PARTITION: connector}


def _why_it_failed(result: dg.ExecuteInProcessResult) -> str:
    """Return the reason in words; Ctrl-C, which Dagster takes for a failure of the step, goes on up."""
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


def _tags_of(connector: str, months: Months) -> dict[str, str]:
    return {CONNECTOR_TAG: connector, **range_tags(connector, months)}


@contextmanager
def _instance(home: str | None) -> Iterator[dg.DagsterInstance]:
    if home and not (Path(home).is_absolute() and Path(home).is_dir()):
        raise ChangeSettings(f"DAGSTER_HOME: {home!r} is not the absolute path of a folder that exists")
    with dg.DagsterInstance.get() if home else dg.DagsterInstance.ephemeral() as instance:
        yield instance
