import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import duckdb
import pytest

from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.orchestration.assets.orders import STEP, OrdersRead
from a4s_pipeline.orchestration.automation.jobs import SYNC_ORDERS
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.partitions import RANGE_END, RANGE_START
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings, Settings
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_sandbox import Administration, Faults, Sandbox, World

ADMINISTRATIONS = {
    "demo": "Demo B.V.",
    "noord": "Café Noord / Groothandel B.V.",
    "zuid": "Kantoor Zuid B.V.",
}
"""AdministrationName by connector; Kantoor Zuid has no focus connector."""
IMPORTED = {dg.AssetKey("orders"), dg.AssetKey("order_lines")}


def line(code: str = "1", **more: Any) -> dict[str, Any]:
    return {"lineCode": code, "lineNumber": 1, "itemCode": "A1", "quantity": 1, **more}


_built: dict[str, dg.Definitions] = {}


def definitions_of(settings: Settings) -> dg.Definitions:
    """Build the definitions of a site, or reuse those of a site that differs only in its folder and gateway.
    Building them and resolving their jobs takes 0.1 s. A site's own models are part of them.
    """
    if settings.models_path.exists():
        return build_definitions(settings)
    key = repr(settings.model_dump(exclude={"data_dir", "gateway_url"}))
    if key not in _built:
        _built[key] = build_definitions(settings)
    return _built[key]


class Site:
    """A sandbox gateway with three administrations, and an installation of Dagster on it."""

    def __init__(self, sandbox: Sandbox, instance: dg.DagsterInstance, data_dir: Path, **more: Any) -> None:
        self.sandbox = sandbox
        self.instance = instance
        chosen: dict[str, Any] = {
            "gateway_url": sandbox.url,
            "connectors": ADMINISTRATIONS,
            "data_dir": data_dir,
            "history_start": date(2024, 1, 1),
            **more,
        }
        self.settings = GivenSettings(**chosen)
        self.definitions = definitions_of(self.settings)
        self.platform = Platform(self.settings)

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def source(self, connector: str = "demo") -> Administration:
        return self.sandbox.world[ADMINISTRATIONS[connector]]

    def put(
        self,
        code: str,
        day: str = "2024-03-05T09:00:00",
        *,
        connector: str = "demo",
        lines: Any = None,
        **more: Any,
    ) -> None:
        header = {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}
        self.source(connector).put_order(header, [line()] if lines is None else lines)

    def run(
        self,
        first: str = "demo|2024-03-01",
        last: str | None = None,
        *,
        reading: OrdersRead = OrdersRead.WHOLE,
        alone: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """Run a job over a range of partitions, as the schedule and the UI's backfill do.

        With `alone` it imports and does nothing else: the copy and the checks take more than half of a run.
        """
        job = self.definitions.resolve_job_def(SYNC_ORDERS)
        if alone:
            job = job.get_subset(asset_selection=IMPORTED, asset_check_selection=set())
        return job.execute_in_process(
            instance=self.instance,
            tags={RANGE_START: first, RANGE_END: last or first},
            resources={"platform": self.platform},
            run_config={"ops": {STEP: {"config": {"reading": reading.name}}}},
            raise_on_error=False,
        )

    def scheduled(self, connector: str = "demo") -> dg.ExecuteInProcessResult:
        """Run what the orders schedule requests, as the daemon does: without Dagster's checks."""
        requests = self.tick("orders_every_15_minutes").run_requests
        (request,) = [one for one in requests if one.tags["a4s/connector"] == connector]
        job = self.definitions.resolve_job_def(SYNC_ORDERS).get_subset(
            asset_selection=set(request.asset_selection), asset_check_selection=set(request.asset_check_keys)
        )
        return job.execute_in_process(
            instance=self.instance,
            tags=request.tags,
            run_config=request.run_config,
            resources={"platform": self.platform},
            raise_on_error=False,
        )

    def sync(self, connector: str = "demo") -> None:
        """Import what is new and publish it, without Dagster."""
        self.platform.sync("orders", connector, run_id="sync").or_raise()
        self.platform.publish()

    def tick(self, schedule: str) -> Any:
        """Evaluate a schedule as the daemon does."""
        return evaluated(self.definitions, schedule, self.instance, self.platform)

    def note_run(self, job: str, tags: dict[str, str], status: str = "STARTED", **more: Any) -> None:
        """Record a run that somebody else started."""
        self.instance.create_run_for_job(
            self.definitions.resolve_job_def(job), tags=tags, status=dg.DagsterRunStatus(status), **more
        )

    def query(self, sql: str, copy: bool = False) -> list[tuple[Any, ...]]:
        """Query the warehouse, or the published copy."""
        if not copy:
            with self.platform.warehouse.session() as connection:
                return connection.execute(sql).fetchall()
        with duckdb.connect(str(self.settings.analytics_path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def held(self, *, copy: bool = False) -> list[str]:
        """The stored orders, each as connector and code."""
        rows = self.query("SELECT connector || ' ' || order_code FROM orders ORDER BY ALL", copy)
        return [name for (name,) in rows]


@cache
def reference() -> Any:
    """A reference to an instance that no longer exists."""
    with TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as opened:
        return opened.get_ref()


def evaluated(
    definitions: dg.Definitions, schedule: str, instance: dg.DagsterInstance, platform: Platform
) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        # A schedule opens its instance anew by a reference, which one in memory has not.
        patched.setattr(dg.DagsterInstance, "from_ref", lambda _: nullcontext(instance))
        context = dg.build_schedule_context(instance_ref=reference(), resources={"platform": platform})
        return definitions.resolve_schedule_def(schedule).evaluate_tick(context)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run reports in the UI."""
    (event,) = result.get_step_failure_events()
    given = event.step_failure_data.user_failure_data
    assert given is not None
    return given.description or ""


@contextmanager
def held_by_an_analyst(path: Path) -> Iterator[int]:
    """Keep a DuckDB file open in another process, and return that process."""
    script = f"import duckdb; file = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "open\n"
            yield process.pid
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _swift_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the number of tries but shorten the waits between them."""
    monkeypatch.setattr("a4s_pipeline.gateway.calls.client.RetryRule", partial(RetryRule, first_wait=0.001))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World()
    for connector, name in ADMINISTRATIONS.items():
        focus = None if connector == "zuid" else "Exact Globe"
        world.add_administration(name, focus, timedelta(minutes=20))
    with Sandbox(world) as served:
        yield served


@pytest.fixture(scope="session")
def _one_instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def instance(_one_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """A real, empty instance with its storage in memory."""
    _one_instance.wipe()
    return _one_instance


@pytest.fixture
def make_site(sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path) -> Callable[..., Site]:
    """Make a site with special settings."""
    return partial(Site, sandbox, instance, tmp_path / "data")


@pytest.fixture
def cold_site(make_site: Callable[..., Site]) -> Site:
    """A site that closes its warehouse between sessions, for tests with other processes."""
    return make_site()


@pytest.fixture
def site(cold_site: Site, empty_warehouse: Path) -> Iterator[Site]:
    """A site whose warehouse stays open in this process: 15 ms less per session, about ten a run."""
    path = cold_site.settings.warehouse_path
    path.parent.mkdir()
    shutil.copyfile(empty_warehouse, path)
    with duckdb.connect(str(path), config=STORAGE):
        yield cold_site
