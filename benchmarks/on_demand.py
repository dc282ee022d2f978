"""How fast requests are answered through Dagster: `python -m benchmarks.on_demand`.

Starts the sandbox gateway and `dagster dev` in a temporary folder, drops requests as another system does,
and prints how long their answers took: the first, 100 one after another, 500 at once of stock and of exports,
and the stock of fifty items twenty times a second. The gateway has no latency of its own, so the figures show
only our work and Dagster's.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from a4s_sandbox import Sandbox, World
from benchmarks.steady import told

ROOT = Path(__file__).resolve().parents[1]
ADMINISTRATION = "Demo B.V."
ITEMS = 50
SHOP_PER_SECOND = 20
DAEMONS = """
{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }
"""
_LOOK_EVERY = 0.002


@dataclass(frozen=True)
class Figures:
    """Seconds from dropping a request to its answer; for many at once, to the last answer."""

    up: float
    """From the start of `dagster dev` until its daemon was up."""
    first: float
    later: Sequence[float]
    stock_at_once: float
    exports_at_once: float
    shop: Sequence[float]
    """Each of the requests for fifty items that came at their own pace."""

    def lines(self) -> Iterator[str]:
        """Print them for people."""
        yield f"dagster dev up after      {self.up:8.1f} s"
        yield f"first answer              {self.first:8.1f} s"
        yield f"{len(self.later)} later ones, median    {1000 * statistics.median(self.later):8.0f} ms"
        yield f"{len(self.later)} later ones, worst     {1000 * max(self.later):8.0f} ms"
        yield f"stock, all at once        {self.stock_at_once:8.1f} s"
        yield f"exports, all at once      {self.exports_at_once:8.1f} s"
        yield f"{SHOP_PER_SECOND} a second of 50 items   {told(self.shop)}"


class Installation:
    """A folder with a data directory, a Dagster home, and a gateway for both."""

    def __init__(self, folder: Path, sandbox: Sandbox, **settings: str) -> None:
        self.folder = folder
        self.log = folder / "dagster.log"
        self.data_dir = folder / "data"
        self._inbox = self.data_dir / "inbox"
        self._outbox = self.data_dir / "outbox"
        self._inbox.mkdir(parents=True)
        (folder / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
        ours = ("A4S_", "DAGSTER_")
        foreign = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = {
            **foreign,
            "DAGSTER_HOME": str(folder),
            "A4S_GATEWAY_URL": sandbox.url,
            "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION}),
            "A4S_DATA_DIR": str(self.data_dir),
            # Nothing is there to import, and imports are not what is measured.
            "A4S_HISTORY_START": time.strftime("%Y-%m-01"),
            **settings,
        }

    def drop(self, request_id: str, request: Mapping[str, Any]) -> None:
        """Drop a request: written elsewhere and renamed into place."""
        aside = self._inbox / f".{request_id}.tmp"
        aside.write_text(json.dumps(request))
        aside.replace(self._inbox / f"{request_id}.json")

    def answer(self, request_id: str) -> Any:
        """Return an answer that exists."""
        return json.loads((self._outbox / f"{request_id}.json").read_bytes())

    def wait_for(self, ids: Sequence[str], seconds: float) -> None:
        """Wait until all of these are answered."""
        missing = list(ids)

        def is_answered() -> bool:
            while missing and (self._outbox / f"{missing[-1]}.json").exists():
                missing.pop()
            return not missing

        wait_until(is_answered, seconds, f"answers, {len(ids)} in all", self.log)

    def seconds_for(self, wanted: Mapping[str, Mapping[str, Any]], at_most: float) -> float:
        """Drop requests, and return the seconds until all are answered successfully."""
        began = time.monotonic()
        for request_id, request in wanted.items():
            self.drop(request_id, request)
        self.wait_for(list(wanted), at_most)
        took = time.monotonic() - began
        for request_id in wanted:
            answer = self.answer(request_id)
            if answer["status"] != "ok":
                raise RuntimeError(f"not answered well: {answer}")
        return took

    def seconds_of_each(
        self, request: Callable[[int], Mapping[str, Any]], per_second: float, seconds: float
    ) -> list[float]:
        """Drop requests at a fixed pace, and return each one's seconds until its answer."""
        took: list[float] = []
        waiting: dict[str, float] = {}
        began, number, total = time.monotonic(), 0, int(per_second * seconds)
        while number < total or waiting:
            now = time.monotonic()
            if now > began + seconds + 120:
                raise TimeoutError(f"{len(waiting)} requests have no answer")
            while number < total and began + number / per_second <= now:
                self.drop(f"paced-{number}", request(number))
                waiting[f"paced-{number}"] = began + number / per_second
                number += 1
            answered = [one for one in waiting if (self._outbox / f"{one}.json").exists()]
            took += [time.monotonic() - waiting.pop(one) for one in answered]
            time.sleep(_LOOK_EVERY)
        return took

    @contextmanager
    def dagster_dev(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `dagster dev` until its daemon is up, in a process group that ends with the block."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "dagster", "dev", "-m", "a4s_pipeline.definitions"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, and no shell
                [*command, "-h", "127.0.0.1", "-p", str(port)],
                cwd=self.folder,
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(lambda: _is_up(port), 120, "daemon", self.log)
            yield process
        finally:
            end_group(process)


def end_group(process: subprocess.Popen[bytes], patience: float = 15) -> None:
    """End a process group's leader normally, then whatever is left of the group."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def wait_until(is_so: Callable[[], bool], seconds: float, what: str, log: Path) -> None:
    """Wait for something; shows the end of the log if it does not come."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} after {seconds:g} s\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(_LOOK_EVERY)


def _is_up(port: int) -> bool:
    time.sleep(0.1)
    with suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False
        reply = session.post(f"http://127.0.0.1:{port}/graphql", json={"query": DAEMONS}, timeout=10)
        if reply.ok:
            statuses = reply.json()["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
            needed = [status for status in statuses if status["required"]]
            return bool(needed) and all(status["healthy"] for status in needed)
    return False


def stock(number: int) -> dict[str, Any]:
    """Return a request for the stock of one item."""
    items = [{"itemCode": f"A{number % ITEMS}", "date": "2030-01-01"}]
    return {"kind": "projected_stock", "connector": "demo", "items": items}


def fifty(number: int) -> dict[str, Any]:
    """Return a request for the stock of fifty items at once."""
    del number
    return {
        "kind": "projected_stock",
        "connector": "demo",
        "items": [{"itemCode": f"A{item}"} for item in range(ITEMS)],
    }


def export(number: int) -> dict[str, Any]:
    """Return a request to export an order."""
    lines = [{"itemCode": f"A{number % ITEMS}", "quantity": 2, "price": 12.5}]
    order = {"intakeOrderId": f"IO-{number}", "customerCode": "K1", "lines": lines}
    return {"kind": "export_order", "connector": "demo", "order": order}


def filled_world() -> World:
    """Return an administration with a customer and some items."""
    world = World()
    administration = world.add_administration(ADMINISTRATION)
    administration.put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    for number in range(ITEMS):
        held = {"itemCode": f"A{number}", "shelfStock": 100, "toBeDelivered": 7}
        dates = [{"date": "2029-12-31", "quantity": number}, {"date": None, "quantity": 5}]
        administration.put_item({"itemCode": f"A{number}", "stock": {**held, "deliveryDates": dates}})
    return world


def measure(
    folder: Path,
    *,
    later: int = 100,
    at_once: int = 500,
    orders_at_once: int = 500,
    shop_seconds: float = 15,
    patience: float = 120,
) -> Figures:
    """Measure once, in a folder that is empty."""
    with Sandbox(filled_world(), log=False) as sandbox:
        installation = Installation(folder, sandbox)
        began = time.monotonic()
        with installation.dagster_dev():
            up = time.monotonic() - began
            first = installation.seconds_for({"first": stock(0)}, patience)
            one_by_one = [
                installation.seconds_for({f"later-{number}": stock(number)}, patience)
                for number in range(later)
            ]
            many = {f"stock-{number}": stock(number) for number in range(at_once)}
            stock_at_once = installation.seconds_for(many, patience)
            orders = {f"order-{number}": export(number) for number in range(orders_at_once)}
            exports_at_once = installation.seconds_for(orders, patience)
            booked = [order.external_id for order in sandbox.world[ADMINISTRATION].booked]
            if sorted(booked) != sorted(f"IO-{number}" for number in range(orders_at_once)):
                raise RuntimeError(f"{len(booked)} orders were booked, of {orders_at_once}")
            shop = installation.seconds_of_each(fifty, SHOP_PER_SECOND, shop_seconds)
    return Figures(up, first, one_by_one, stock_at_once, exports_at_once, shop)


def main() -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="a4s-on-demand-") as folder:
        for line in measure(Path(folder)).lines():
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
