"""A Dagster installation as users run it: a webserver, a daemon if needed, and a browser."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS
from a4s_pipeline_tests.support.browser import Browser
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Sandbox

LONGEST = 120.0
"""How long each step may take on a machine that is busy with other things; usually it is seconds."""

START = """
mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
TICKS = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { ticks { status } } } }
}
"""
PLACE = {"repositoryName": "__repository__", "repositoryLocationName": "a4s_pipeline.definitions"}
RUNS = """
query($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    ... on Runs { results { id status tags { key value } assetSelection { path } } }
  }
}
"""


class Server:
    """The webserver of a Dagster installation, queried as the UI queries it."""

    def __init__(self, port: int, log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"
        self._log = log
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def ask(self, query: str, **variables: Any) -> Any:
        reply = self._session.post(self._url, json={"query": query, "variables": variables}, timeout=30)
        reply.raise_for_status()
        answer = reply.json()
        assert not answer.get("errors"), answer
        return answer["data"]

    @property
    def url(self) -> str:
        """The address of its pages."""
        return self._url.removesuffix("/graphql")

    def is_up(self) -> bool:
        with suppress(requests.RequestException):
            return "__typename" in self.ask("{ __typename }")
        return False

    def runs(self, backfill: str) -> list[dict[str, Any]]:
        found = self.ask(RUNS, filter={"tags": [{"key": "dagster/backfill", "value": backfill}]})
        return list(found["runsOrError"]["results"])

    def start(self, job: str, tags: dict[str, str]) -> str:
        """Launch a job as the UI's launchpad does, and return the run's id."""
        params = {
            "selector": {**PLACE, "pipelineName": job},
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        launched = self.ask(START, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def has_ticked(self, sensor: str) -> bool:
        found = self.ask(TICKS, sensor={**PLACE, "sensorName": sensor})["sensorOrError"]
        ticks = found["sensorState"]["ticks"]
        return any(tick["status"] in ("SKIPPED", "SUCCESS") for tick in ticks)

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} after {LONGEST:g} s\n{self._log.read_text()[-6000:]}")
            time.sleep(0.2)


@contextmanager
def background(
    program: str, arguments: list[str], environment: dict[str, str], folder: Path
) -> Iterator[None]:
    """Run a Dagster program in its own process group, and end the whole group."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *arguments],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.terminate()
                process.wait(timeout=10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """An installation with the project's dagster.yaml and its run history in a test folder."""
    home = tmp_path / "home"
    home.mkdir()
    shipped = (ROOT / "dagster.yaml").read_text()
    storage = "storage:\n  sqlite:\n    base_dir: .dagster\n"
    assert storage in shipped
    (home / "dagster.yaml").write_text(shipped.replace(storage, ""))
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "A4S_GATEWAY_URL": sandbox.url,
        "A4S_CONNECTORS": json.dumps({**ADMINISTRATIONS, "weg": "Niet meer daar B.V."}),
        "A4S_DATA_DIR": str(tmp_path / "data"),
        "A4S_HISTORY_START": "2024-01-01",
        "A4S_LINGER_SECONDS": "0",
    }


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["-m", "a4s_pipeline.definitions", "-h", "127.0.0.1", "-p", str(port)]
    with ExitStack() as stack:
        stack.enter_context(background("dagster-webserver", arguments, environment, tmp_path))
        served = Server(port, tmp_path / "log")
        stack.callback(served.close)
        served.wait_until("up", served.is_up)
        yield served


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Debian's chromium, driven by its chromedriver."""
    if shutil.which("chromedriver") is None:
        pytest.skip("there is no chromedriver here: apt-get install chromium chromium-driver")
    with Browser.opened(tmp_path / "profile") as opened:
        yield opened
