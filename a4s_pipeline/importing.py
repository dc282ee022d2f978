"""One import from the gateway to the published copy: sync, publish, check.

Dagster's assets and `a4s sync` both use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from a4s_pipeline.errors import A4sError, StoreHeld
from a4s_pipeline.health.checks import CHECKS, LEDGERS, examine
from a4s_pipeline.health.finding import Check, Finding
from a4s_pipeline.metrics.text_file import write_metrics_file
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.result import Advance, SyncResult, silent
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.rows.orders.writing import STREAM


@dataclass(frozen=True)
class Import:
    """One finished sync: its plan, run id and result."""

    run_id: str
    plan: OrdersPlan
    result: SyncResult


def import_stream(
    platform: Platform, stream: str, connector: str, plan: OrdersPlan | None = None, advance: Advance = silent
) -> Import:
    """Import one stream of one connector under its own run id, without publishing the copy."""
    plan, run_id = plan or OrdersPlan(), str(uuid4())
    result = platform.sync(stream, connector, run_id=run_id, plan=plan, advance=advance)
    return Import(run_id, plan, result)


def was_held(results: Sequence[SyncResult]) -> bool:
    """Tell whether a sync gave up because another process had the store locked: one wait is enough."""
    return any(isinstance(result.error, StoreHeld) for result in results)


def publish_after(platform: Platform, results: Sequence[SyncResult]) -> A4sError | None:
    """Publish the imported data and its metrics; return why it could not be published, or None.

    If the store was locked during a sync, do not wait for it again: the next import publishes.
    """
    if was_held(results):
        return None
    try:
        platform.publish()
    except A4sError as error:
        return error
    write_metrics_file(platform)
    return None


def checks_after(streams: Sequence[str]) -> list[Check]:
    """Return the checks that follow an import of these streams."""
    asked = {*streams, *([LEDGERS] if STREAM in streams else [])}
    return [check for check in CHECKS if check.stream in asked]


def examine_after(platform: Platform, streams: Sequence[str]) -> dict[Check, Finding]:
    """Check these streams in the store; return nothing if the store cannot be read."""
    try:
        return examine(platform.warehouse, platform.settings, checks_after(streams))
    except A4sError:
        return {}
