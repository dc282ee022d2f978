"""The server as its own process: how it starts, ends, and is killed."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from a4s_pipeline_tests.api.conftest import DEMO
from a4s_pipeline_tests.cli.conftest import Ended, here
from a4s_pipeline_tests.support.installed_site import NAME, Site, exports, installed, wait_until

__all__ = ["here"]

A4S = [sys.executable, "-c", "from a4s_pipeline.cli import run; run()"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as site:
        site.put_items("A1")
        yield site


ROUTE = "/v1/connectors/{connector}/orders"


class Process:
    """`a4s serve`, and calls to it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def send(self, order_id: str) -> tuple[int, Any]:
        return self.call("POST", f"{DEMO}/orders", exports(order_id)["order"])


def environment_of(site: Site, **more: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("A4S_")},
        "A4S_GATEWAY_URL": site.sandbox.url,
        "A4S_CONNECTORS": json.dumps({"demo": NAME}),
        "A4S_DATA_DIR": str(site.data_dir),
        **more,
    }


@contextmanager
def served(site: Site, **more: str) -> Iterator[Process]:
    environment = environment_of(site, **more)
    command = [*A4S, "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, cwd=site.data_dir
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("serving http://127.0.0.1:"), line
            port = urlsplit(line.split()[1]).port
            assert port is not None
            yield Process(process, port)
        finally:
            process.kill()


def test_a_signal_ends_it_once_what_it_accepted_is_answered(site: Site) -> None:
    site.sandbox.faults.script = {"export_order": ["hang"]}
    site.sandbox.faults.hang_seconds = 60
    with served(site) as server, ThreadPoolExecutor(1) as threads:
        sent = threads.submit(server.send, "IO-1")
        wait_until(lambda: len(site.sandbox.calls("export_order")) == 1)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
        site.sandbox.faults.hang_seconds = 0
        status, answer = sent.result(timeout=30)
        assert (status, answer["orderNumber"]) == (201, "TP000001")
        assert server.process.wait(30) in (0, -signal.SIGTERM)
        assert server.process.stderr is not None
        log = server.process.stderr.read()
    assert '"status": 201' in log
    assert "IO-1" not in log
    assert "Traceback" not in log
    assert site.flows() == [("export_order", "ok")]


def test_its_log_is_one_json_object_a_line_where_that_is_set(site: Site) -> None:
    environment = environment_of(site, A4S_LOG_FORMAT="json", A4S_LOGFORMAT="json")
    with subprocess.Popen(
        [*A4S, "serve", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        cwd=site.data_dir,
    ) as process:
        try:
            assert process.stderr is not None
            misspelt, serving = (json.loads(process.stderr.readline()) for _ in range(2))
            port = urlsplit(serving["message"].split()[1]).port
            assert port is not None
            server = Process(process, port)
            assert server.send("IO-1")[0] == 201
            assert server.call("GET", "/nowhere")[0] == 404
            sent, lost = (json.loads(process.stderr.readline()) for _ in range(2))
        finally:
            process.kill()
    assert (misspelt["level"], misspelt["logger"]) == ("WARNING", "a4s_pipeline.settings.loading")
    assert "A4S_LOGFORMAT" in misspelt["message"]
    assert (serving["level"], serving["logger"]) == ("INFO", "a4s_pipeline.cli.logs")
    assert datetime.fromisoformat(sent.pop("time")).utcoffset() == timedelta(0)
    assert sent.pop("ms") > 0
    assert sent == {
        "level": "INFO",
        "logger": "a4s_pipeline.access",
        "message": f"POST {ROUTE} 201",
        "connector": "demo",
        "client": "anybody",
        "method": "POST",
        "route": ROUTE,
        "status": 201,
    }
    assert (lost["status"], lost["route"], "connector" in lost) == (404, "none", False)


def test_a_server_that_is_killed_while_it_sends_books_nothing_twice(site: Site) -> None:
    site.sandbox.faults.script = {"export_order": ["hang"]}
    site.sandbox.faults.hang_seconds = 60
    with served(site) as server, ThreadPoolExecutor(1) as threads:
        lost = threads.submit(server.send, "IO-1")
        wait_until(lambda: len(site.sandbox.calls("export_order")) == 1)
        server.process.kill()
        site.sandbox.faults.hang_seconds = 0
        assert lost.exception(timeout=30) is not None
    with served(site) as server:
        status, answer = server.send("IO-1")
        assert (status, answer["orderNumber"]) == (200, "TP000001")
    assert len(site.source.booked) == 1
    assert len(site.sandbox.calls("export_order")) == 1


def test_it_says_in_a_line_what_keeps_it_from_serving(here: Callable[..., Ended]) -> None:
    for arguments, more, told in (
        (["--host", "0.0.0.0"], {}, "A4S_API_KEYS"),
        ([], {"A4S_API_KEYS": '{"shop": ""}'}, "A4S_API_KEYS"),
        ([], {"A4S_API_KEYS": '{"shop": {"sha256": "s3cret"}}'}, "A4S_API_KEYS"),
        ([], {"A4S_API_PORT": "x"}, "A4S_API_PORT"),
        ([], {"A4S_GATEWAY_URL": ""}, "A4S_GATEWAY_URL"),
    ):
        given = {"A4S_GATEWAY_URL": "http://127.0.0.1:9", "A4S_CONNECTORS": '{"demo": "Demo B.V."}', **more}
        done = here("serve", "--port", "0", *arguments, **given)
        assert done.status == 2, done
        assert any(told in line for line in done.said())
        assert "s3cret" not in done.err


def test_serving_loads_neither_dagster_nor_pandas() -> None:
    script = (
        "import sys, a4s_pipeline.cli.serve, a4s_pipeline.api.serving\n"
        "slow = {'dagster', 'pandas', 'numpy'} & sys.modules.keys()\n"
        "sys.exit(f'loads {sorted(slow)}' if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
