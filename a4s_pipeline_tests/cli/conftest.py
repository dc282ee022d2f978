import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest

from a4s_pipeline.cli import main
from a4s_pipeline.cli.logs import ACCESS
from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_sandbox import Administration, Sandbox, World

TOKEN = "s3cret-Word"
ADMINISTRATIONS = {"demo": "Demo B.V.", "zuid": "Kantoor Zuid B.V."}
"""AdministrationName by connector; Kantoor Zuid has no focus connector."""
LAST_HISTORY_SYNC = datetime(2024, 6, 1, 7, 30, tzinfo=UTC)


def line(code: str = "1", **more: Any) -> dict[str, Any]:
    return {"lineCode": code, "lineNumber": 1, "itemCode": "A1", "quantity": 1, **more}


@dataclass
class Ended:
    """What a command produced: its exit status and its output."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON document on standard output; fails if anything else is there."""
        return json.loads(self.out)

    def said(self) -> list[str]:
        """The lines on standard error; fails if they hold a traceback."""
        assert "Traceback" not in self.err
        return self.err.splitlines()


def demo_settings(url: str) -> dict[str, str]:
    return {
        "A4S_GATEWAY_URL": url,
        "A4S_GATEWAY_TOKEN": TOKEN,
        "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATIONS["demo"]}),
        "A4S_HISTORY_START": "2024-01-01",
    }


def foreign_environment() -> dict[str, str]:
    """The tests' environment without any of our settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}


class Installation:
    """A folder with settings that lead to the sandbox, and the command line run in it."""

    def __init__(self, folder: Path, sandbox: Sandbox, here: Callable[..., Ended]) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.settings = demo_settings(sandbox.url)
        self._here = here

    @property
    def source(self) -> Administration:
        return self.sandbox.world[ADMINISTRATIONS["demo"]]

    def put(self, code: str, day: str = "2024-03-05T09:00:00", lines: Any = None, **more: Any) -> None:
        header = {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}
        self.source.put_order(header, [line()] if lines is None else lines)

    def serve_both(self) -> None:
        """Configure also the connector without a focus connector."""
        self.settings["A4S_CONNECTORS"] = json.dumps(ADMINISTRATIONS)

    def a4s(self, *arguments: str) -> Ended:
        """Run a command in this process."""
        return self._here(*arguments, **self.settings)

    def a4s_process(self, *arguments: str, **environment: str) -> Ended:
        """Run a command in its own process, as users do."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("a4s")), *arguments],
            cwd=self.folder,
            env={**foreign_environment(), **self.settings, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def sync(self, plan: OrdersPlan | None = None) -> None:
        """Import the orders of every connector and publish them, without using a command."""
        connectors = json.loads(self.settings["A4S_CONNECTORS"])
        settings = GivenSettings(
            gateway_url=self.sandbox.url,
            gateway_token=TOKEN,
            connectors=connectors,
            data_dir=self.folder / "data",
            history_start=self.settings["A4S_HISTORY_START"],
        )
        platform = Platform(settings)
        for connector in connectors:
            with suppress(ChangeSite):
                platform.sync("orders", connector, plan=plan, run_id=str(uuid4())).or_raise()
        platform.publish()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the published copy, as an analyst does."""
        with duckdb.connect(str(self.folder / "data" / "analytics.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def held(self) -> list[str]:
        return [code for (code,) in self.query("SELECT order_code FROM orders ORDER BY order_code")]


@pytest.fixture(autouse=True)
def _stores_stay_open(stores_stay_open: None) -> None:
    """Open each store once a test."""


@pytest.fixture(autouse=True)
def _swift_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the number of tries but shorten the waits between them, for commands in this process."""
    monkeypatch.setattr("a4s_pipeline.gateway.calls.client.RetryRule", partial(RetryRule, first_wait=0.001))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World()
    world.add_administration(ADMINISTRATIONS["demo"], "Exact Globe", LAST_HISTORY_SYNC)
    world.add_administration(ADMINISTRATIONS["zuid"], None)
    with Sandbox(world, token=TOKEN) as served:
        yield served


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process with only these variables."""

    def run(*arguments: str, **environment: str) -> Ended:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["a4s", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        # `a4s serve` has calls logged for as long as its process lives, to a stream that ends with the test.
        access = logging.getLogger(ACCESS)
        access.handlers.clear()
        access.propagate = True
        access.setLevel(logging.NOTSET)
        out, err = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else int(code is not None), out, err)

    return run


@pytest.fixture
def site(tmp_path: Path, sandbox: Sandbox, here: Callable[..., Ended]) -> Installation:
    return Installation(tmp_path, sandbox, here)
