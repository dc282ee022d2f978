"""Runs the jobs in this process, as `a4s sync` does."""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.heap import nothing_collected
from a4s_pipeline.orchestration.failing import INTERRUPTIONS, reason_of_step
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.jobs import CONNECTOR_TAG, SYNC_CUSTOMERS, SYNC_ITEMS, SYNC_ORDERS
from a4s_pipeline.orchestration.orders import STEP, Reading
from a4s_pipeline.orchestration.partitions import PARTITION, range_tags
from a4s_pipeline.orchestration.schedules import published_order_states, run_request_for_orders
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.windows import Months, month_of

# Expected failures are told by the command itself, in a line; Dagster would add its stack trace.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class OrderRequest:
    """What is asked of an order sync: whole months, or without them what is new since the watermark."""

    connector: str
    months: Months | None
    whole: bool


def run_order_sync(platform: Platform, request: OrderRequest, *, is_recorded: bool = True) -> str | None:
    """Run `sync_orders` for one connector; return what failed where that is more than the sync itself.

    With DAGSTER_HOME set, the run appears in the UI, unless it is not to be recorded; otherwise it leaves
    no trace but the data.
    """
    tags, reading = _tags_and_reading(platform, request, is_recorded=is_recorded)
    config = {"ops": {STEP: {"config": {"reading": reading.name}}}}
    return _run(platform, SYNC_ORDERS.name, tags, config, is_recorded=is_recorded)


def run_item_sync(platform: Platform, connector: str, *, is_recorded: bool = True) -> str | None:
    """Run `sync_items` for one connector; otherwise as `run_order_sync`."""
    return _run(platform, SYNC_ITEMS.name, _whole_connector(connector), {}, is_recorded=is_recorded)


def run_customer_sync(platform: Platform, connector: str, *, is_recorded: bool = True) -> str | None:
    """Run `sync_customers` for one connector; otherwise as `run_order_sync`."""
    return _run(platform, SYNC_CUSTOMERS.name, _whole_connector(connector), {}, is_recorded=is_recorded)


def _whole_connector(connector: str) -> dict[str, str]:
    return {CONNECTOR_TAG: connector, PARTITION: connector}


def _run(
    platform: Platform, job_name: str, tags: dict[str, str], config: dict[str, Any], *, is_recorded: bool
) -> str | None:
    with ExitStack() as open_until_the_end:
        with nothing_collected():
            job = _job(platform, job_name)
            instance = open_until_the_end.enter_context(_instance(_home(is_recorded=is_recorded)))
        result = job.execute_in_process(
            instance=instance,
            tags=tags,
            resources={"platform": platform},
            run_config=_QUIET | config,
            raise_on_error=False,
        )
    return None if result.success else _why_it_failed(result)


def _job(platform: Platform, name: str) -> dg.JobDefinition:
    with warnings.catch_warnings():
        # Dagster warns of a parameter that it passes on itself: nothing that our user can act on.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return build_definitions(platform.settings).resolve_job_def(name)


def _why_it_failed(result: dg.ExecuteInProcessResult) -> str:
    """Return the reason in words; Ctrl-C, which Dagster takes for a failure of the step, goes on up."""
    for event in result.get_step_failure_events():
        failure = event.step_failure_data
        if failure.error is not None and failure.error.cls_name in INTERRUPTIONS:
            raise KeyboardInterrupt
        reason = reason_of_step(event)
        if reason is not None:
            return reason if failure.user_failure_data else f"{event.step_key}: {reason}"
    return "the run failed; see its log in Dagster"


def _tags_and_reading(
    platform: Platform, request: OrderRequest, *, is_recorded: bool
) -> tuple[dict[str, str], Reading]:
    settings = platform.settings
    if request.months is None:
        now = datetime.now(UTC)
        if _home(is_recorded=is_recorded) is None:
            # What is new is read whatever the months; to record each of 143 for nobody took 1.0 s.
            this_month = month_of(now, settings.timezone)
            return _tags_of(request.connector, Months(this_month, this_month)), Reading.NEW
        state = published_order_states(settings)[request.connector]
        return dict(run_request_for_orders(request.connector, state, settings, now).tags), Reading.NEW
    return _tags_of(request.connector, request.months), Reading.WHOLE if request.whole else Reading.MONTHS


def _tags_of(connector: str, months: Months) -> dict[str, str]:
    return {CONNECTOR_TAG: connector, **range_tags(connector, months)}


def _home(*, is_recorded: bool) -> str | None:
    """Return the folder in which Dagster records the run; None where nobody would see it."""
    return os.environ.get("DAGSTER_HOME") or None if is_recorded else None


@contextmanager
def _instance(home: str | None) -> Iterator[dg.DagsterInstance]:
    if home and not (Path(home).is_absolute() and Path(home).is_dir()):
        raise ChangeSettings(f"DAGSTER_HOME: {home!r} is not the absolute path of a folder that exists")
    with dg.DagsterInstance.get() if home else dg.DagsterInstance.ephemeral() as instance:
        yield instance
