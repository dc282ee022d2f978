import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.support.nightly import Night
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Administration, Sandbox, World

NOT_POSSIBLE = 77
ADMINISTRATIONS = {"demo": "Demo B.V.", "noord": "Noord"}


def foreign_environment(**more: str) -> dict[str, str]:
    """The tests' environment with only these of our settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}
    return {**kept, **more}


class Chances:
    """This many rounds, or as many as a share of the night allows, with one source of chance.

    Half of them at least end with a kill: where too many jobs ended first, there are more rounds.
    """

    def __init__(self, few: int, share: float | None, longest: float = 0.0) -> None:
        self.seed = random.randrange(1_000_000)
        self.chance = random.Random(self.seed)
        self.rounds = 0
        self.kills = 0
        self._few = few
        self._longest = longest
        self._night = None if share is None else Night(share=share)

    def __iter__(self) -> Iterator[int]:
        while not self._is_over():
            self.rounds += 1
            yield self.rounds

    def _is_over(self) -> bool:
        if self._night is not None and not self._night.is_over:
            return False
        # Bounded: a job that can never be met at work is a failure, not a test without an end.
        return self.rounds >= self._few and (self.is_half_kills or self.rounds >= 5 * self._few)

    @property
    def is_half_kills(self) -> bool:
        """Tell whether half of the jobs were killed at work."""
        return 2 * self.kills >= self.rounds

    def kill_at_work(self, workers: "Workers", work: str, **how: Any) -> None:
        """Start a job and kill it at a random time within its usual duration."""
        was_at_work = workers.kill_at_work(self.chance.uniform(0, self._longest), work, **how)
        self.kills += was_at_work
        # Within half a second a fast machine is done with all, and a slow one has hardly begun: a time that
        # was right for one met 5 jobs of 12 on another. So it follows the jobs, to their ends.
        self._longest *= 1.4 if was_at_work else 0.6

    def tell(self, **more: object) -> None:
        """Print what was tried, for the nightly report."""
        figures = "".join(f", {count} {name.replace('_', ' ')}" for name, count in more.items())
        print(f"{self.rounds} rounds, {self.kills} kills{figures}, seed {self.seed}")  # noqa: T201 - a report


def by_day_and_by_night(share: float) -> pytest.MarkDecorator:
    """Run a test with a few rounds by day, and for its share of the night at night."""
    at_night = pytest.param(share, id="all night", marks=[pytest.mark.nightly, pytest.mark.timeout(0)])
    return pytest.mark.parametrize("share", [pytest.param(None, id="a few"), at_night])


@dataclass
class Said:
    """What a command produced: exit status, output, and how long it waited for the store."""

    status: int
    out: str
    err: list[str]
    waited: float


class Workers:
    """Starts processes that work, and kills them.

    A store that they make is a copy of the template, where there is one and the job is not about that.
    """

    def __init__(self, *loaded: str, template: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._loaded = subprocess.Popen(
            [sys.executable, "-m", "a4s_pipeline_tests.kills.worker", *loaded],
            cwd=ROOT,
            env=foreign_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._template = template
        self._at_work: int | None = None

    def close(self) -> None:
        if self._at_work is not None:
            kill(self._at_work)
        self._loaded.communicate(timeout=60)
        self._folder.cleanup()

    def start(self, work: str, *, from_nothing: bool = False, **how: Any) -> int:
        """Start a job and return its process."""
        assert self._loaded.stdin is not None
        if self._at_work is not None:
            # Left behind by a test that failed.
            kill(self._at_work)
            self.ended()
        template = None if from_nothing or self._template is None else str(self._template)
        job = {"work": work, "how": how, "template": template}
        self._loaded.stdin.write(json.dumps(job) + "\n")
        self._loaded.stdin.flush()
        self._at_work = self._heard()
        return self._at_work

    def ended(self) -> int:
        """Wait for the end of the job; return its exit status, -9 where it was killed."""
        status = self._heard()
        self._at_work = None
        return status

    def _heard(self) -> int:
        assert self._loaded.stdout is not None
        return int(self._loaded.stdout.readline())

    def do(self, work: str, **how: Any) -> None:
        """Do a job to its end."""
        self.start(work, **how)
        assert self.ended() == 0

    def a4s(self, site: "Site", *arguments: str, **how: Any) -> "Said":
        """Run a command to its end; its output must hold no traceback."""
        said = Path(self._folder.name) / "said"
        environment = {name: value for name, value in site.environment.items() if name.startswith("A4S_")}
        # On a full disk the store is made by the product itself.
        from_nothing = "limit" in how
        job = {"arguments": arguments, "environment": environment, "said": str(said), **how}
        self.start("command", from_nothing=from_nothing, **job)
        status = self.ended()
        if status == NOT_POSSIBLE:
            pytest.skip("permissions cannot be made to bind this user")
        out, err, waited = (said.with_suffix(suffix).read_text() for suffix in (".out", ".err", ".waited"))
        assert "Traceback" not in err, err
        return Said(status, out, err.splitlines(), float(waited))

    def kill_at_work(self, after: float, work: str, **how: Any) -> bool:
        """Start a job and kill it after this many seconds; tell whether it was still at work."""
        process = self.start(work, **how)
        time.sleep(after)
        kill(process)
        status = self.ended()
        assert status in (0, -signal.SIGKILL)
        return status != 0


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


class Site:
    """A sandbox gateway, and an installation that imports from it."""

    def __init__(self, sandbox: Sandbox, data_dir: Path, **more: Any) -> None:
        self.sandbox = sandbox
        self.data_dir = data_dir
        self.chosen: dict[str, Any] = {
            "gateway_url": sandbox.url,
            "connectors": ADMINISTRATIONS,
            "data_dir": str(data_dir),
            "history_start": "2024-01-01",
            **more,
        }
        self.settings = GivenSettings(**self.chosen)
        self.warehouse = WarehouseFile(self.settings.warehouse_path)
        self.platform = Platform(self.settings)

    @property
    def source(self) -> Administration:
        return self.sandbox.world["Demo B.V."]

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a command takes them."""
        return foreign_environment(
            A4S_GATEWAY_URL=self.sandbox.url,
            A4S_CONNECTORS=json.dumps({"demo": "Demo B.V."}),
            A4S_DATA_DIR=str(self.data_dir),
            A4S_HISTORY_START="2024-01-01",
            A4S_RESEND_AFTER_SECONDS="1",
            A4S_LINGER_SECONDS="0",
        )

    @contextmanager
    def asked(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        """Open the warehouse for several queries: opening costs more than asking."""
        with self.warehouse.session() as connection:
            yield lambda sql, *parameters: connection.execute(sql, list(parameters)).fetchall()

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.asked() as query:
            return query(sql, *parameters)

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the published copy, as an analyst does."""
        with duckdb.connect(str(self.settings.analytics_path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def temporaries(self) -> list[str]:
        """Unfinished files anywhere below the data folder."""
        return sorted(path.name for path in self.data_dir.rglob("*.tmp*"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World()
    for name in ADMINISTRATIONS.values():
        world.add_administration(name)
    with Sandbox(world) as served:
        yield served


@pytest.fixture
def site_of(sandbox: Sandbox, tmp_path: Path) -> Callable[..., Site]:
    """Make a site in its own folder."""

    def make(folder: str = "data", **more: Any) -> Site:
        return Site(sandbox, tmp_path / folder, **more)

    return make


@pytest.fixture(scope="package")
def more_workers(empty_warehouse: Path) -> Iterator[Callable[..., Workers]]:
    """Make workers that run in parallel: loading one costs more than most of its work."""
    with ExitStack() as stack:

        def make(*loaded: str) -> Workers:
            made = Workers(*loaded, template=empty_warehouse)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="package")
def commands(more_workers: Callable[..., Workers]) -> Workers:
    """Runs commands with Dagster already loaded, which saves a second each."""
    return more_workers("with-dagster")


@pytest.fixture(scope="package")
def workers(more_workers: Callable[..., Workers]) -> Workers:
    return more_workers()


@pytest.fixture(scope="package")
def crew(workers: Workers, more_workers: Callable[..., Workers]) -> list[Workers]:
    """Three workers that run in parallel."""
    return [workers, more_workers(), more_workers()]
