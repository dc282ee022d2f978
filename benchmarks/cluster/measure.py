"""One measured cluster: warm workers, one import of all connectors, and a reader meanwhile."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a4s_pipeline.settings.loading import Settings
from benchmarks.cluster.processors import machine_seconds, seconds_by_role
from cluster.dagster_api import TASK_TAG, DagsterApi, Run
from cluster.gateway import sandbox_gateway
from cluster.home import ROOT, Home, Store, make_home
from cluster.imports import import_of_orders, settings_of
from cluster.processes import ClusterError
from cluster.services import postgresql, redis
from cluster.workers import DEFAULT_QUEUE, LOCATION, Dagster, dagster

_PATIENCE = 1800.0
_MOST_WARM_UPS = 10


@dataclass(frozen=True)
class Load:
    """What an import brings in, over which network."""

    connectors: int
    orders: int
    latency_ms: int


@dataclass(frozen=True)
class Took:
    """What one import took."""

    seconds: float
    """From the launch of all runs to the end of the last."""
    median_run: float
    processor_seconds: Mapping[str, float]
    """Seconds of processors, by who used them."""
    busy: float
    """The share of all processors' time in which they worked, for whomever."""


class Measured:
    """A running cluster, with connectors to warm its workers and connectors to measure."""

    def __init__(self, home: Home, processes: Dagster, api: DagsterApi, settings: Settings) -> None:
        self.home = home
        self._dagster = processes
        self._api = api
        self._settings = settings
        names, workers = list(settings.connectors), len(processes.workers)
        self._to_warm, self._to_measure = names[:workers], names[workers:]

    @property
    def held(self) -> str:
        """A connector imported beforehand, for readers to query."""
        return self._to_warm[0]

    def warm(self) -> None:
        """Give every worker a run: it loads what is loaded once, and the store gets its tables."""
        cold = set(self._dagster.workers)
        for _ in range(_MOST_WARM_UPS):
            for run in self._imported(self._to_warm):
                cold.discard(self._dagster.worker_of(run.tags.get(TASK_TAG, "")) or "")
            if not cold:
                return
        raise ClusterError(f"these workers took no run: {', '.join(sorted(cold))}")

    def measure(self) -> Took:
        """Import all remaining connectors."""
        before, machine_before = self._processor_seconds(), machine_seconds()
        began = time.time()
        runs = self._imported(self._to_measure)
        seconds = max(run.ended_at or 0.0 for run in runs) - began
        after, machine = self._processor_seconds(), machine_seconds()
        busy, of_all = (now - then for now, then in zip(machine, machine_before, strict=True))
        return Took(
            seconds,
            statistics.median(run.seconds for run in runs),
            {who: used - before.get(who, 0.0) for who, used in after.items()},
            busy / of_all,
        )

    def _imported(self, connectors: Sequence[str]) -> list[Run]:
        ids = [self._api.launch(import_of_orders(connector, self._settings)) for connector in connectors]
        runs = self._api.wait(ids, _PATIENCE, meanwhile=lambda _: self._dagster.assert_alive())
        for run in runs:
            if run.status != "SUCCESS":
                raise ClusterError(f"{run.run_id}: {self._api.why_it_failed(run.run_id)}")
        return runs

    def _processor_seconds(self) -> dict[str, float]:
        roles = {child.pid: "Dagster" for child in self._dagster.children}
        roles |= {worker.pid: "workers" for worker in self._dagster.workers.values()}
        return seconds_by_role(roles, "gateway")


@contextmanager
def measured(store: Store, workers: int, load: Load) -> Iterator[Measured]:
    """Start a cluster with an empty store, and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="a4s-cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        # PostgreSQL runs as a user of its own where we are root.
        folder.chmod(0o755)
        database = stack.enter_context(postgresql(folder / "postgresql"))
        broker = stack.enter_context(redis(folder / "redis"))
        gateway = stack.enter_context(
            sandbox_gateway(
                folder / "logs" / "gateway.log", load.connectors + workers, load.orders, load.latency_ms
            )
        )
        home = make_home(folder, gateway, database, broker, store=store, more={"PYTHONPATH": str(ROOT)})
        names = [f"worker-{number}" for number in range(1, workers + 1)]
        processes = stack.enter_context(dagster(home, dict.fromkeys(names, DEFAULT_QUEUE)))
        api = stack.enter_context(DagsterApi(processes.url, LOCATION))
        api.stop_schedules()
        api.stop_sensors()
        processes.start_daemon()
        cluster = Measured(home, processes, api, settings_of(home, gateway))
        cluster.warm()
        yield cluster


class Reader:
    """A process that queries the store every 100 ms."""

    def __init__(self, kind: str, cluster: Measured) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, and no shell
            [sys.executable, "-m", "benchmarks.cluster.reader", kind, cluster.held],
            cwd=cluster.home.folder,
            env=dict(cluster.home.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise ClusterError(f"the reader of the {kind} does not come up")

    def waits(self) -> dict[str, Any]:
        """End it; return the seconds of its answers, and how many questions got none."""
        said, _ = self._process.communicate(timeout=120)
        told: dict[str, Any] = json.loads(said)
        return told
