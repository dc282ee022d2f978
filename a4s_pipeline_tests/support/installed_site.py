"""An installation with an inbox, a sandbox gateway, and a request worker on demand."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.ondemand.worker.upkeep import Upkeep
from a4s_pipeline.platform import Platform
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Administration, Sandbox, World

NAME = "Demo B.V."
HOLDER = """
import sys, time, duckdb
while True:
    try:
        held = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
        break
    except duckdb.IOException:
        time.sleep(0.01)
print("held", flush=True)
sys.stdin.read()
"""


def stock_of(
    code: str, shelf: Any = 0, sold: Any = 0, deliveries: Sequence[tuple[Any, Any]] = ()
) -> dict[str, Any]:
    """An item's stock as the gateway sends it; each delivery is a date and a quantity."""
    dates = [{"date": day, "quantity": quantity} for day, quantity in deliveries]
    return {"itemCode": code, "shelfStock": shelf, "toBeDelivered": sold, "deliveryDates": dates}


def asks(*codes: str, day: str | None = None) -> dict[str, Any]:
    """A request for the stock of some items."""
    items = [{"itemCode": code} | ({} if day is None else {"date": day}) for code in codes]
    return {"kind": "projected_stock", "connector": "demo", "items": items}


def exports(order_id: str, **more: Any) -> dict[str, Any]:
    """A request to export an order."""
    lines = [{"itemCode": "A1", "quantity": 2, "price": 12.5}]
    order = {"intakeOrderId": order_id, "customerCode": "K1", "lines": lines, **more}
    return {"kind": "export_order", "connector": "demo", "order": order}


def wait_until(is_so: Callable[[], bool], seconds: float = 20, what: str = "so") -> None:
    """Wait for a condition; fails if it never holds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"not {what} after {seconds:g} s")
        time.sleep(0.005)


class Site:
    """An installation of one connector, seen from outside: files go in, files come out."""

    def __init__(self, folder: Path, sandbox: Sandbox, **more: Any) -> None:
        self.sandbox = sandbox
        self.data_dir = folder / "data"
        self.chosen: dict[str, Any] = {
            "gateway_url": sandbox.url,
            "connectors": {"demo": NAME},
            "data_dir": self.data_dir,
            "linger_seconds": 60,
            **more,
        }
        self.settings = GivenSettings(**self.chosen)
        self.inbox = self.data_dir / "inbox"
        self.outbox = self.data_dir / "outbox"
        self.inbox.mkdir(parents=True)

    @property
    def source(self) -> Administration:
        return self.sandbox.world[NAME]

    def put_items(self, *codes: str, shelf: Any = 5) -> None:
        for code in codes:
            self.source.put_item({"itemCode": code, "names": {}, "stock": stock_of(code, shelf)})

    def put_stock(self, stock: Any) -> None:
        self.source.put_item({"itemCode": stock["itemCode"], "names": {}, "stock": stock})

    def drop(self, request_id: str, request: Mapping[str, Any] | bytes) -> Path:
        """Drop a request as another system does: written elsewhere and renamed into place."""
        raw = request if isinstance(request, bytes) else json.dumps(request).encode()
        aside = self.inbox / f".{request_id}.tmp"
        aside.write_bytes(raw)
        return aside.replace(self.inbox / f"{request_id}.json")

    def answered(self) -> set[str]:
        """The ids that have an answer in the outbox."""
        with suppress(FileNotFoundError):
            return {path.stem for path in self.outbox.glob("*.json")}
        return set()

    def answer(self, request_id: str) -> Any:
        return json.loads((self.outbox / f"{request_id}.json").read_bytes())

    def wait_for(self, *ids: str, seconds: float = 20) -> Any:
        """Wait for answers, and return the first."""
        wait_until(lambda: set(ids) <= self.answered(), seconds, f"answered: {ids[:5]}")
        return self.answer(ids[0])

    def wait_for_status(self, request_id: str, status: str, seconds: float = 20) -> Any:
        self.wait_for(request_id, seconds=seconds)
        wait_until(lambda: self.answer(request_id)["status"] == status, seconds, status)
        return self.answer(request_id)

    def names_in(self, *folder: str) -> list[str]:
        """The names of the requests in the inbox, or in one of its folders."""
        return sorted(path.name for path in self.inbox.joinpath(*folder).glob("*.json"))

    def choose(self, **more: Any) -> None:
        """Change settings."""
        self.chosen.update(more)
        self.settings = GivenSettings(**self.chosen)

    @contextmanager
    def service(self, store_wait_seconds: float = 30, runtime: Runtime = MACHINE) -> Iterator[OnDemand]:
        platform = Platform(self.settings, store_wait_seconds=store_wait_seconds, runtime=runtime)
        with OnDemand(platform, "test") as opened:
            yield opened

    @contextmanager
    def worker(self, store_wait_seconds: float = 30) -> Iterator[RequestWorker]:
        """Run a request worker and its upkeep, as a run of the job does."""
        over = threading.Event()
        with self.service(store_wait_seconds) as service, Upkeep(service):
            worker = RequestWorker(service)
            thread = threading.Thread(target=worker.serve, args=(over.is_set,), name="worker")
            thread.start()
            try:
                yield worker
            finally:
                over.set()
                thread.join(60)
                assert not thread.is_alive()

    def serve_what_waits(self) -> RequestWorker:
        """Answer what waits, and stop."""
        with self.service() as service:
            worker = RequestWorker(service)
            deadline = time.monotonic() + 30
            worker.serve(lambda: not self.names_in() or time.monotonic() > deadline)
        return worker

    def worker_process(self, *, program: str = "serve") -> "subprocess.Popen[str]":
        """Run a request worker in its own process."""
        chosen = {**self.chosen, "data_dir": str(self.data_dir)}
        return subprocess.Popen(
            [sys.executable, "-m", "a4s_pipeline_tests.support.worker_process", program, json.dumps(chosen)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def warehouse_held(self) -> Iterator[None]:
        """Let another process hold the warehouse, as a forgotten session does."""
        path = self.settings.warehouse_path
        duckdb.connect(str(path), config=STORAGE).close()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.communicate()

    def flows(self) -> list[tuple[str, str]]:
        """The recorded flow executions: flow and status."""
        with duckdb.connect(str(self.settings.warehouse_path), config=STORAGE) as connection:
            return connection.execute("SELECT flow, status FROM flow_executions ORDER BY ALL").fetchall()


@contextmanager
def installed(folder: Path, latency_ms: float = 0, **more: Any) -> Iterator[Site]:
    """Install a site in a folder with its gateway running and short waits between retries."""
    world = World()
    world.add_administration(NAME).put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    with pytest.MonkeyPatch.context() as patched, Sandbox(world, latency_ms) as sandbox:
        for name in list(os.environ):
            if name.startswith(("A4S_", "DAGSTER_")):
                patched.delenv(name)
        patched.setattr("a4s_pipeline.gateway.calls.client.RetryRule", partial(RetryRule, first_wait=0.001))
        yield Site(folder, sandbox, **more)
