"""The real thing: a webserver, a daemon, a backfill launched as the UI does, and a request in the inbox."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS
from a4s_pipeline_tests.support.installed_site import asks, stock_of
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Sandbox

LONGEST = 120.0
"""How long each step may take on a machine that is busy with other things; usually it is seconds."""

LAUNCH = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
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
    """The webserver of a Dagster installation, asked as the UI asks it."""

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
    """Run a program of Dagster's in a process group of its own, and end all of the group."""
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
    """An installation with the dagster.yaml of the project, its run history in a folder of the test."""
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


def test_the_daemon_backfills_months_in_one_run_tells_a_run_that_fails_and_answers_requests(
    sandbox: Sandbox, server: Server, environment: dict[str, str], tmp_path: Path
) -> None:
    source = sandbox.world[ADMINISTRATIONS["demo"]]
    for month in range(1, 8):
        header = {"orderCode": f"A{month}", "orderDate": f"2024-0{month}-15T09:00:00", "customerCode": "K1"}
        lines = [{"lineCode": "1", "lineNumber": 1, "itemCode": "I1", "quantity": month}]
        source.put_order(header, lines)
    launched = server.ask(
        LAUNCH,
        params={
            "assetSelection": [{"path": ["orders"]}, {"path": ["order_lines"]}],
            "partitionNames": [f"demo|2024-0{month}-01" for month in (3, 4, 5)],
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    backfill = launched["backfillId"]

    source.put_item({"itemCode": "I1", "names": {}, "stock": stock_of("I1", 7)})
    inbox, answer = tmp_path / "data" / "inbox", tmp_path / "data" / "outbox" / "stock.json"
    inbox.mkdir(parents=True)
    (inbox / "stock.json").write_text(json.dumps(asks("I1")))

    def is_over() -> bool:
        return {run["status"] for run in server.runs(backfill)} & {"SUCCESS", "FAILURE", "CANCELED"} != set()

    # Started after the launch, because the daemon looks for backfills as it starts, then every 30 s.
    with background("dagster-daemon", ["run", "-m", "a4s_pipeline.definitions"], environment, tmp_path):
        server.wait_until("run", is_over)
        runs = server.runs(backfill)
        told = tmp_path / "data" / "failures.log"
        server.wait_until("looked for alerts", lambda: server.has_ticked("alerts"))
        months = {f"dagster/asset_partition_range_{end}": "weg|2024-03-01" for end in ("start", "end")}
        failing = server.start("sync_orders", months)
        server.wait_until("told", lambda: told.exists() and failing in told.read_text())
        server.wait_until("answered", answer.exists)
    assert json.loads(answer.read_bytes())["answer"]["items"][0]["projected"] == "7"
    (line,) = [line for line in told.read_text().splitlines() if failing in line]
    assert "sync_orders weg 2024-03-01 failed: weg: " in line
    assert "Niet meer daar B.V." in line
    assert [run["status"] for run in runs] == ["SUCCESS"]
    (run,) = runs
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["dagster/asset_partition_range_start"] == "demo|2024-03-01"
    assert tags["dagster/asset_partition_range_end"] == "demo|2024-05-01"
    # A scheduled run may have come in between at a quarter of an hour: the rows of this run are its own.
    assert written_by(run["id"], tmp_path / "data" / "warehouse.duckdb") == ["A3 3", "A4 4", "A5 5"]
    assert written_by(run["id"], tmp_path / "data" / "analytics.duckdb") == ["A3 3", "A4 4", "A5 5"]


def written_by(run_id: str, path: Path) -> list[str]:
    """The orders that a run wrote, each with the quantity of its line."""
    query = """
        SELECT o.order_code || ' ' || l.quantity::BIGINT
        FROM orders o JOIN order_lines l USING (connector, order_code)
        WHERE o.run_id = $1 AND l.run_id = $1 ORDER BY ALL
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        return [row for (row,) in connection.execute(query, [run_id]).fetchall()]
