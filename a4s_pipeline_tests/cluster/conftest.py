"""Dagster on several machines, all simulated here: started once for every test of this folder."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.cluster.breaking_line import BreakingLine
from a4s_pipeline_tests.cluster.holders import Hold, Holder, new_database, new_locks
from a4s_pipeline_tests.cluster.spread import CONNECTORS, HISTORY_START, QUEUES, WORKERS, Spread, put_records
from a4s_sandbox import Sandbox, World
from cluster.dagster_api import DagsterApi
from cluster.gateway import Gateway
from cluster.home import make_home
from cluster.imports import settings_of
from cluster.services import PostgreSQL, postgresql, redis
from cluster.workers import LOCATION, dagster

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder shared by all processes of the cluster."""
    with tempfile.TemporaryDirectory(prefix="a4s-cluster-") as name:
        # PostgreSQL runs as a user of its own where the tests run as root; pytest's folders are root's alone.
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[PostgreSQL]:
    """A PostgreSQL server on loopback that ends with the tests."""
    with postgresql(folder / "postgresql") as running:
        yield running


@pytest.fixture
def database(server: PostgreSQL) -> str:
    """A new database, given by its connection string."""
    return new_database(server, f"locks{next(_NUMBERS)}")


@pytest.fixture
def hold(database: str) -> Iterator[Hold]:
    """Let another process take a lock."""
    with ExitStack() as stack:

        def taken(kind: str, name: str) -> Holder:
            holder = Holder(kind, name, database)
            stack.callback(holder.kill)
            return holder

        yield taken


@pytest.fixture
def locks(database: str) -> Locks:
    return new_locks(database)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A gateway with a different administration behind each connector."""
    world = World()
    for number, name in enumerate(CONNECTORS.values()):
        put_records(world.add_administration(name), number)
    with Sandbox(world) as served:
        yield served


@pytest.fixture(scope="session")
def started(folder: Path, server: PostgreSQL, sandbox: Sandbox) -> Iterator[Spread]:
    """PostgreSQL, Redis, and Dagster with three workers."""
    gateway = Gateway(sandbox.url, CONNECTORS)
    with ExitStack() as stack:
        broker = stack.enter_context(redis(folder / "redis"))
        line = stack.enter_context(closing(BreakingLine(broker.port)))
        home = make_home(
            folder,
            gateway,
            server,
            broker,
            more={
                "A4S_HISTORY_START": HISTORY_START,
                # So few at a time that an import of a few dozen orders is written in several batches.
                "A4S_PAGE_SIZE": "20",
                "A4S_MAX_CONNECTIONS": "4",
                "A4S_LINGER_SECONDS": "8",
                # What workers note of the runs that they take up.
                "DAGSTER_CELERY_BACKEND_URL": f"redis://127.0.0.1:{line.port}/1",
                # Longer than a slow answer of the gateway takes in these tests.
                "A4S_RESEND_AFTER_SECONDS": "5",
            },
        )
        processes = stack.enter_context(dagster(home, dict.fromkeys(WORKERS, QUEUES)))
        api = stack.enter_context(DagsterApi(processes.url, LOCATION))
        # They run by default, and would do beside the tests what the tests are about.
        api.stop_schedules()
        api.stop_sensors()
        processes.start_daemon()
        settings = settings_of(home, gateway)
        yield Spread(sandbox, line, processes, api, settings, Platform(settings))


@pytest.fixture
def spread(started: Spread) -> Iterator[Spread]:
    """The cluster with all its workers busy; the gateway is fast again afterwards."""
    started.start_missing_workers()
    yield started
    started.sandbox.latency_ms = 0
    started.sandbox.faults.dedupe = True
