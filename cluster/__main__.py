"""`make cluster`: PostgreSQL, Redis, Dagster and Celery workers import twenty connectors of a sandbox."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from a4s_pipeline.errors import A4sError
from cluster.dagster_api import DagsterApi, Run
from cluster.gateway import Gateway, sandbox_gateway
from cluster.home import ROOT, Home, Store, make_home
from cluster.imports import import_of_everything, imported, settings_of
from cluster.processes import ClusterError
from cluster.services import postgresql, redis
from cluster.table import table_of
from cluster.workers import DEFAULT_QUEUE, LOCATION, Dagster, dagster

FOLDER = ROOT / ".cluster"
_LONGEST_IMPORT_SECONDS = 1800.0
_console = Console()


@dataclass(frozen=True)
class Size:
    """A cluster's size, and what it imports."""

    workers: int
    slots: int
    connectors: int
    orders: int
    latency_ms: int


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    home: Home
    gateway: Gateway
    dagster: Dagster


@contextmanager
def cluster(folder: Path, size: Size, store: Store) -> Iterator[Cluster]:
    """Start everything but Dagster's daemon in an emptied folder, and stop it afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    names = [f"worker-{number}" for number in range(1, size.workers + 1)]
    with (
        postgresql(folder / "postgresql") as database,
        redis(folder / "redis") as broker,
        sandbox_gateway(
            folder / "logs" / "gateway.log", size.connectors, size.orders, size.latency_ms
        ) as gateway,
    ):
        home = make_home(folder, gateway, database, broker, store=store)
        # Whoever looks around may start an on-demand run too.
        queues = f"{DEFAULT_QUEUE},on_demand"
        with dagster(home, dict.fromkeys(names, queues), slots=size.slots) as processes:
            yield Cluster(home, gateway, processes)


def import_all(up: Cluster) -> list[Run]:
    """Import every connector once through Dagster's queue and the workers; return the finished runs."""
    settings = settings_of(up.home, up.gateway)
    with DagsterApi(up.dagster.url, LOCATION) as api:
        # They run by default, and would import the same beside us.
        api.stop_schedules()
        up.dagster.start_daemon()
        ids = [api.launch(launch) for launch in import_of_everything(settings)]
        _console.print(f"{len(ids)} runs launched: {up.dagster.url}/runs")
        runs = api.wait(ids, _LONGEST_IMPORT_SECONDS, meanwhile=lambda _runs: up.dagster.assert_alive())
        for run in runs:
            if run.status != "SUCCESS":
                _say(f"{run.job} {run.run_id} {run.status}: {api.why_it_failed(run.run_id)}")
        _console.print(table_of(runs, imported(settings), up.dagster.worker_of))
    return runs


def main() -> int:
    """Return 0 if every run succeeded."""
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--slots", type=int, default=1, help="runs at once, of each worker")
    parser.add_argument("--connectors", type=int, default=20)
    parser.add_argument("--orders", type=int, default=500, help="of each connector")
    parser.add_argument("--latency-ms", type=int, default=5, help="of the gateway")
    parser.add_argument("--store", type=Store, choices=list(Store), default=Store.LAKE)
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    given = parser.parse_args()
    size = Size(given.workers, given.slots, given.connectors, given.orders, given.latency_ms)
    # As Ctrl-C does: everything that was started is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with cluster(FOLDER, size, given.store) as up:
            _console.print(f"Dagster: {up.dagster.url}   logs: {up.home.logs}")
            runs = import_all(up)
            if given.keep:
                _console.print(f"It stays up until Ctrl-C: {up.dagster.url}")
                _stay(up.dagster)
    except (ClusterError, A4sError) as error:
        _say(f"cluster: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if all(run.status == "SUCCESS" for run in runs) else 1


def _say(line: str) -> None:
    # Reasons may hold brackets, which the console would take for markup.
    _console.print(line, markup=False, highlight=False)


def _stay(processes: Dagster) -> None:
    """Wait for Ctrl-C; a process that you kill to see what happens ends no other."""
    ended: set[str] = set()
    try:
        while True:
            for child in processes.children:
                if not child.is_alive and child.name not in ended:
                    ended.add(child.name)
                    _console.print(f"{child.name} has ended ({child.log}); the rest goes on")
            time.sleep(1)
    except KeyboardInterrupt:
        _console.print("stopping")


if __name__ == "__main__":
    sys.exit(main())
