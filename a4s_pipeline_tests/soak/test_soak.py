"""Dagster's processes and `a4s serve` with ten connectors: constant imports, questions and orders.

A day of the schedules is 960 imports of orders and 480 of listings; the hour has as many as the machine
manages.
"""

import http.client
import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.orchestration.automation.conftest import PLACE, START, Server, background
from a4s_pipeline_tests.soak.measuring import (
    MIB,
    Folder,
    Sample,
    Taken,
    folder,
    growth,
    table,
    taken_by,
)
from a4s_pipeline_tests.support.installed_site import asks, exports, stock_of
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Faults, Sandbox, World

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
CONNECTORS = {f"c{number}": f"Groothandel {number} B.V." for number in range(10)}
RUNS_AT_ONCE = 2
MONTH = f"{datetime.now(UTC):%Y-%m}-01"
WEATHER = Faults(
    reset=0.003,
    cut=0.003,
    server_error=0.01,
    unavailable=0.01,
    too_many=0.01,
    lose_post_reply=0.02,
    html=0.002,
)
ACTIVE = """
query { runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}) {
  ... on Runs { results { id jobName } }
} }
"""
STATUSES = """
query { runsOrError(filter: {}) { ... on Runs { results { status jobName } } } }
"""
SERVING = ("dagster-webserver", "dagster-daemon", "a4s serve")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def filled_world() -> World:
    world = World()
    for name in CONNECTORS.values():
        source = world.add_administration(name)
        for number in range(40):
            item = f"I{number}"
            source.put_item({"itemCode": item, "names": {}, "stock": stock_of(item, number)})
        source.put_item({"itemCode": "A1", "names": {}, "stock": stock_of("A1", 9)})
        source.put_customer({"customerCode": "K1", "name": "One"})
        for number in range(60):
            put_order(source, number)
    return world


def put_order(source: Any, number: int, quantity: int = 1) -> None:
    header = {"orderCode": f"O{number}", "orderDate": f"{MONTH}T09:00:00", "customerCode": "K1"}
    source.put_order(header, [{"lineCode": "1", "lineNumber": 1, "itemCode": "I1", "quantity": quantity}])


@dataclass
class Installation:
    """Ten connectors, and the processes that serve them."""

    sandbox: Sandbox
    folder: Path
    server: Server
    api_port: int
    over: threading.Event = field(default_factory=threading.Event)
    launched: int = 0
    asked: int = 0
    told: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def import_again_and_again(self) -> None:
        """Keep some runs going: each stream of each connector in turn, with something new to find."""
        for number in count():
            connector = f"c{number % len(CONNECTORS)}"
            stream = ("orders", "items", "customers")[number // len(CONNECTORS) % 3]
            while len(self.runs_under_way()) >= RUNS_AT_ONCE:
                if self.over.wait(0.2):
                    return
            put_order(self.sandbox.world[CONNECTORS[connector]], number % 60, quantity=number)
            tags = {"dagster/partition": connector}
            if stream == "orders":
                month = f"{connector}|{MONTH}"
                tags = {f"dagster/asset_partition_range_{end}": month for end in ("start", "end")}
            self.launch(f"sync_{stream}", tags)
            if self.over.is_set():
                return

    def runs_under_way(self) -> list[Any]:
        runs = self.server.ask(ACTIVE)["runsOrError"]["results"]
        return [run for run in runs if run["jobName"].startswith("sync_")]

    def launch(self, job: str, tags: dict[str, str]) -> None:
        params = {
            "selector": {**PLACE, "pipelineName": job},
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        launched = self.server.ask(START, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        self.launched += 1

    def ask_again_and_again(self) -> None:
        """Ask over HTTP twice a second, and sometimes through the inbox."""
        for number in count():
            if self.over.wait(0.5):
                return
            connector = f"c{number % len(CONNECTORS)}"
            route = f"/v1/connectors/{connector}"
            self.call("GET", f"{route}/items/I{number % 40}/projected-stock")
            self.call("GET", f"{route}/orders?customer=K1&limit=20")
            if number % 4 == 0:
                self.call("POST", f"{route}/orders", exports(f"HTTP-{number}")["order"])
            if number % 20 == 0:
                self.drop(f"stock-{number}", asks("I1", "A1") | {"connector": connector})
                self.drop(f"order-{number}", exports(f"INBOX-{number}") | {"connector": connector})
                self.drop(f"nonsense-{number}", b"{")

    def call(self, method: str, path: str, body: Any = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            self.told.append(connection.getresponse().status)
            self.asked += 1
        finally:
            connection.close()

    def drop(self, request_id: str, request: dict[str, Any] | bytes) -> None:
        raw = request if isinstance(request, bytes) else json.dumps(request).encode()
        inbox = self.data_dir / "inbox"
        aside = inbox / f".{request_id}.tmp"
        aside.write_bytes(raw)
        aside.replace(inbox / f"{request_id}.json")

    def guarded(self, work: Callable[[], None]) -> threading.Thread:
        """Do work during the test; its exception is raised at the end."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                self.broken.append(repr(error))

        return threading.Thread(target=run, daemon=True)

    def sample(self, processes: list[psutil.Process]) -> Sample:
        """Measure the serving processes and the code locations below them; runs come and go unmeasured."""
        seen: dict[str, Taken] = {}
        for root in processes:
            serving = next(name for name in SERVING if name in " ".join(root.cmdline()))
            seen[serving] = taken_by(root)
            for below in root.children(recursive=True):
                # One that is replaced by the next may end at any moment.
                with suppress(psutil.NoSuchProcess):
                    if "api grpc" in " ".join(below.cmdline()):
                        seen[f"location of {serving}"] = taken_by(below)
        return seen

    def what_is_no_data(self) -> dict[str, Folder]:
        """Measure what may not grow: locks and unfinished files."""
        halves = [path for path in self.data_dir.rglob("*") if path.name.endswith(".tmp")]
        return {"locks": folder(self.data_dir / "locks"), "half written": Folder(len(halves), 0)}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[tuple[Installation, list[psutil.Process]]]:
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    (data / "inbox").mkdir(parents=True)
    storage = "storage:\n  sqlite:\n    base_dir: .dagster\n"
    (home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text().replace(storage, ""))
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(filled_world(), log=False))
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "A4S_GATEWAY_URL": sandbox.url,
            "A4S_CONNECTORS": json.dumps(CONNECTORS),
            "A4S_DATA_DIR": str(data),
            "A4S_HISTORY_START": "2024-01-01",
            "A4S_RESEND_AFTER_SECONDS": "5",
        }
        ui_port, api_port = free_port(), free_port()
        location = ["-m", "a4s_pipeline.definitions"]
        webserver = [*location, "-h", "127.0.0.1", "-p", f"{ui_port}"]
        for program, arguments in (
            ("dagster-webserver", webserver),
            ("dagster-daemon", ["run", *location]),
            ("a4s", ["serve", "--port", f"{api_port}"]),
        ):
            stack.enter_context(background(program, arguments, environment, tmp_path))
        server = Server(ui_port, tmp_path / "log")
        stack.callback(server.close)
        server.wait_until("up", server.is_up)
        server.wait_until("serving", lambda: is_open(api_port))
        yield Installation(sandbox, tmp_path, server, api_port), psutil.Process().children()


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def booked_twice(sandbox: Sandbox) -> list[str]:
    """The intake orders that a gateway has twice or more."""
    booked = Counter(
        (name, order.external_id) for name in CONNECTORS.values() for order in sandbox.world[name].booked
    )
    return sorted(f"{name} {order}" for (name, order), times in booked.items() if times > 1)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_after_a_day_in_an_hour_only_data_has_grown(
    installation: tuple[Installation, list[psutil.Process]],
) -> None:
    site, processes = installation
    workers = [site.guarded(site.import_again_and_again), site.guarded(site.ask_again_and_again)]
    for worker in workers:
        worker.start()
    samples: list[Sample] = []
    folders = []
    began = time.monotonic()
    chance = random.Random(1)
    while time.monotonic() - began < MINUTES * 60:
        # A third of the minutes is calm, so that what was refused or lost can settle.
        site.sandbox.faults = WEATHER if chance.random() < 0.67 else Faults()
        time.sleep(min(15, MINUTES * 60 / 24))
        samples.append(site.sample(processes))
        folders.append(site.what_is_no_data())
        if len(samples) % 20 == 1:
            sys.stdout.write(
                f"{time.monotonic() - began:.0f} s: {site.launched} runs, {site.asked} questions\n"
            )
    site.over.set()
    for worker in workers:
        worker.join(timeout=120)
    site.sandbox.faults = Faults()

    runs = site.server.ask(STATUSES)["runsOrError"]["results"]
    ended = dict(Counter(run["status"] for run in runs))
    statuses = dict(Counter(site.told))
    sys.stdout.write(f"{MINUTES:g} minutes; runs {ended}; answers over HTTP {statuses}\n{table(samples)}\n")
    home = folder(site.folder / "home")
    sys.stdout.write(f"Dagster's home: {home.files} files, {home.size / MIB:.0f} MiB for {len(runs)} runs\n")
    for name, before in folders[0].items():
        sys.stdout.write(f"{name}: {before.files} -> {folders[-1][name].files} files\n")
    for path in sorted(site.data_dir.glob("*.duckdb")):
        sys.stdout.write(f"{path.name}: {path.stat().st_size / MIB:.0f} MiB\n")

    assert site.broken == []
    assert growth(samples) == []
    assert folders[-1]["half written"].files <= 5
    # An order's lock has one of 1,024 names of its connector: a year of orders makes no more of them.
    booked = sum(len(site.sandbox.world[name].booked) for name in CONNECTORS.values())
    assert folders[-1]["locks"].files <= min(booked, 1024 * len(CONNECTORS)) + 100
    assert booked_twice(site.sandbox) == []
    with duckdb.connect(str(site.data_dir / "analytics.duckdb"), read_only=True, config=STORAGE) as copy:
        found = copy.execute("SELECT connector, count(*) FROM orders GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == [(connector, 60) for connector in CONNECTORS]
