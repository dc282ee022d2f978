"""The import of every connector as Dagster's schedules would start it: the runs, and the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from a4s_pipeline.orchestration.automation.jobs import SYNC_CUSTOMERS, SYNC_ITEMS, SYNC_ORDERS
from a4s_pipeline.orchestration.automation.schedules import run_request_for_listing, run_request_for_orders
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings, Settings
from cluster.dagster_api import Launch
from cluster.gateway import Gateway
from cluster.home import Home

_COUNTS = """
SELECT connector, count(*) FILTER (WHERE kind = 'order'), count(*) FILTER (WHERE kind = 'line')
FROM (SELECT connector, 'order' AS kind FROM orders UNION ALL SELECT connector, 'line' FROM order_lines)
GROUP BY connector
"""


@dataclass(frozen=True)
class Imported:
    """What was imported of a connector."""

    orders: int = 0
    lines: int = 0


def settings_of(home: Home, gateway: Gateway) -> Settings:
    """Return the settings that a cluster's processes read from their environment."""
    return GivenSettings(
        gateway_url=gateway.url,
        connectors=dict(gateway.connectors),
        data_dir=Path(home.environment["A4S_DATA_DIR"]),
        history_start=home.environment["A4S_HISTORY_START"],
        warehouse=home.environment.get("A4S_WAREHOUSE"),
    )


def import_of_everything(settings: Settings) -> Iterator[Launch]:
    """Yield a run for each connector's orders, then one for its customers and one for its items."""
    now = datetime.now(UTC)
    for connector in settings.connectors:
        yield import_of_orders(connector, settings)
    for connector in settings.connectors:
        for job in (SYNC_CUSTOMERS, SYNC_ITEMS):
            yield _launch(job, run_request_for_listing(connector, now))


def import_of_orders(connector: str, settings: Settings) -> Launch:
    """Return the run that catches up on a connector's orders, the first time from the beginning."""
    return _launch(SYNC_ORDERS, run_request_for_orders(connector, settings, datetime.now(UTC)))


def imported(settings: Settings) -> dict[str, Imported]:
    """Return what analysts would find of each connector now."""
    with Platform(settings).readable.reading() as store:
        return {
            connector: Imported(orders, lines) for connector, orders, lines in store.sql(_COUNTS).fetchall()
        }


def _launch(job: str, request: dg.RunRequest) -> Launch:
    return Launch(job, dict(request.tags), dict(request.run_config))
