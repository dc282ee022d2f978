"""Runs the jobs in this process, as `a4s sync` does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from a4s_pipeline.definitions import build_definitions
from a4s_pipeline.orchestration.orders import STEP, Reading
from a4s_pipeline.orchestration.partitions import range_tags
from a4s_pipeline.orchestration.schedules import CONNECTOR_TAG, SYNC_ORDERS, run_request_for_orders
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


def run_order_sync(platform: Platform, request: OrderRequest) -> str | None:
    """Run `sync_orders` for one connector; return what failed where that is more than the sync itself.

    With DAGSTER_HOME set, the run appears in the UI; otherwise it leaves no trace but the data.
    """
    job = build_definitions(platform.settings).resolve_job_def(SYNC_ORDERS.name)
    tags, reading = _tags_and_reading(platform, request)
    with _instance() as instance:
        result = job.execute_in_process(
            instance=instance,
            tags=tags,
            resources={"platform": platform},
            run_config=_QUIET | {"ops": {STEP: {"config": {"reading": reading.name}}}},
            raise_on_error=False,
        )
    if result.success:
        return None
    failures = [event.message for event in result.all_node_events if event.is_step_failure]
    return failures[0] if failures else "the run failed; see its log in Dagster"


def _tags_and_reading(platform: Platform, request: OrderRequest) -> tuple[dict[str, str], Reading]:
    if request.months is None:
        run = run_request_for_orders(request.connector, platform.settings, datetime.now(UTC))
        return dict(run.tags), Reading.NEW
    tags = {CONNECTOR_TAG: request.connector, **range_tags(request.connector, request.months)}
    return tags, Reading.WHOLE if request.whole else Reading.MONTHS


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    with (
        dg.DagsterInstance.get()
        if os.environ.get("DAGSTER_HOME")
        else dg.DagsterInstance.ephemeral() as instance
    ):
        yield instance
