"""An installation that is spread over workers, and what tests ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from a4s_pipeline.orchestration.automation import lost_runs as lost
from a4s_pipeline.orchestration.automation.jobs import SYNC_CUSTOMERS, SYNC_ITEMS
from a4s_pipeline.orchestration.automation.schedules import run_request_for_listing
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings, Settings
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import TABLES
from a4s_pipeline_tests.cluster.breaking_line import BreakingLine
from a4s_pipeline_tests.kills.versions import put_customer, put_item, put_order
from a4s_sandbox import Administration, Sandbox
from cluster.dagster_api import TASK_TAG, DagsterApi, Launch, Run
from cluster.workers import DEFAULT_QUEUE, Dagster

WORKERS = ("worker-1", "worker-2", "worker-3")
# Imports and answers alike: whoever is free takes a run.
QUEUES = f"{DEFAULT_QUEUE},on_demand"
TWENTY = tuple(f"c{number:02d}" for number in range(1, 21))
FOUR = tuple(f"d{number}" for number in range(1, 5))
KILLED, TWICE, BROKEN, DESK = "killed", "twice", "broken", "desk"
CONNECTORS = {name: f"Site {name}" for name in (*TWENTY, *FOUR, KILLED, TWICE, BROKEN, DESK)}
ORDERS, RECORDS = 60, 10
HISTORY_START = "2024-01-01"
# A machine that builds is slower than any of ours.
PATIENCE = 300.0

Rows = dict[str, list[tuple[Any, ...]]]

# What no two runs have in common: their ids, when they were, how long they took, and what it took them.
_OF_THE_RUN = frozenset(
    {
        *("run_id", "synced_at", "lines_synced_at", "first_seen_at", "started_at", "last_run_at"),
        *("last_success_at", "last_history_sync", "seconds", "duration_ms", "calls", "retries"),
    }
)


def put_records(source: Administration, number: int) -> None:
    """Fill the administration with this number; no two administrations share an order, item or customer."""
    first = number * 100
    for order in range(first, first + ORDERS):
        put_order(source, order)
    for record in range(first, first + RECORDS):
        put_item(source, record)
        put_customer(source, record)
    source.put_item({"itemCode": "A1", "names": {}})
    source.put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})


@dataclass(frozen=True)
class Spread:
    """A running cluster, its gateway, and its processes' settings and platform."""

    sandbox: Sandbox
    line_of_notes: BreakingLine
    dagster: Dagster
    api: DagsterApi
    settings: Settings
    platform: Platform

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir

    def source(self, connector: str) -> Administration:
        return self.sandbox.world[CONNECTORS[connector]]

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.platform.warehouse.session() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def line_calls(self, connector: str) -> list[str]:
        """The orders of a connector whose lines were requested, in the order of the calls."""
        calls = self.sandbox.calls("order_lines")
        return [call.code for call in calls if call.administration == CONNECTORS[connector]]

    def start_missing_workers(self) -> None:
        for name in WORKERS:
            if name not in self.dagster.workers:
                self.dagster.start_worker(name, QUEUES)
        self.dagster.wait_for_workers()

    def launch(self, *launches: Launch) -> list[str]:
        return [self.api.launch(launch) for launch in launches]

    def wait(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Wait until the runs end; fails if a process of the cluster dies meanwhile."""
        runs = self.api.wait(run_ids, PATIENCE, meanwhile=lambda _: self.dagster.assert_alive())
        return {run.run_id: run for run in runs}

    def run(self, run_id: str) -> Run:
        (run,) = self.api.runs([run_id])
        return run

    def worker_of(self, run: Run) -> str | None:
        return self.dagster.worker_of(run.tags.get(TASK_TAG, "none"))

    def kill_worker_of(self, run_id: str) -> None:
        """Kill a run's worker and all its children at once, as a power cut would."""
        worker = self.worker_of(self.run(run_id))
        assert worker is not None
        self.dagster.kill_worker(worker)

    def end_lost_runs(self, monkeypatch: pytest.MonkeyPatch, cursor: str = "") -> str:
        """Evaluate the sensor `lost_runs` once; return its new cursor."""
        for name, value in self.dagster.home.environment.items():
            if name.startswith("DAGSTER_"):
                monkeypatch.setenv(name, value)
        with (
            dg.DagsterInstance.from_config(str(self.dagster.home.dagster_home)) as instance,
            dg.build_sensor_context(
                instance, cursor=cursor, resources={"platform": self.platform}
            ) as context,
        ):
            result = lost.lost_runs(context)
        assert isinstance(result, dg.SensorResult)
        return result.cursor or ""


def listings_of(connector: str) -> list[Launch]:
    """The runs that read the items and the customers of a connector."""
    request = run_request_for_listing(connector, datetime.now(UTC))
    return [Launch(job, dict(request.tags), {}) for job in (SYNC_ITEMS, SYNC_CUSTOMERS)]


def imported_alone(sandbox: Sandbox, folder: Path, streams: Mapping[str, Sequence[str]]) -> Platform:
    """Import the streams of the connectors one after another in this process, into a DuckDB file."""
    platform = Platform(
        GivenSettings(
            gateway_url=sandbox.url, connectors=CONNECTORS, data_dir=folder, history_start=HISTORY_START
        )
    )
    for connector, wanted in streams.items():
        for stream in wanted:
            if stream == "orders":
                platform.sync("orders", connector, run_id="alone").or_raise()
            elif stream == "items":
                platform.sync("items", connector, run_id="alone").or_raise()
            else:
                platform.sync("customers", connector, run_id="alone").or_raise()
    return platform


def all_rows(warehouse: Warehouse, connectors: Sequence[str], tables: Sequence[Table] = TABLES) -> Rows:
    """Every row of these connectors in these tables, without the columns that differ between runs."""
    found: Rows = {}
    with warehouse.session() as connection:
        for table in tables:
            kept = [f'"{name}"' for name in table.column_names if name not in _OF_THE_RUN]
            found[table.name] = connection.execute(
                f"SELECT {', '.join(kept)} FROM {table.name} "
                "WHERE connector IN (SELECT unnest($1)) ORDER BY ALL",
                [list(connectors)],
            ).fetchall()
    return found


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE, every: float = 0.1) -> None:
    """Wait until something happens."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)
