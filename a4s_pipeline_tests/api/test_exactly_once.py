"""Two servers and an inbox share a ledger, are killed and lose clients: each order is booked once."""

import http.client
import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import cycle, islice
from pathlib import Path

import pytest

from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER
from a4s_pipeline_tests.api.conftest import DEMO
from a4s_pipeline_tests.api.test_process import served
from a4s_pipeline_tests.support.installed_site import Site, exports, installed
from a4s_sandbox import Faults

pytestmark = pytest.mark.slow

ORDERS = 12
AT_NIGHT = 1000
WEATHER = ("ok", "ok", "lose_post_reply", "ok", "ok", "cut", "ok", "ok", "reset", "ok", "unavailable", "html")
PATIENCE = {"A4S_RESEND_AFTER_SECONDS": "0.5", "A4S_TIMEOUT_SECONDS": "5"}


class Servers:
    """Two servers and one process at the inbox; a killed one is started again."""

    def __init__(self, site: Site, stack: ExitStack) -> None:
        self._site = site
        self._stack = stack
        self.ports: list[int] = []
        self._processes: list[subprocess.Popen[str]] = []
        for place in range(3):
            port, process = self._start(place)
            self.ports.append(port)
            self._processes.append(process)

    def _start(self, place: int) -> tuple[int, "subprocess.Popen[str]"]:
        if place < 2:
            server = self._stack.enter_context(served(self._site, **PATIENCE))
            return server.port, server.process
        process = self._stack.enter_context(self._site.worker_process())
        self._stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return 0, process

    def kill(self, place: int) -> None:
        self._processes[place].send_signal(signal.SIGKILL)
        self._processes[place].wait(30)
        self.ports[place], self._processes[place] = self._start(place)


def send_until_booked(site: Site, servers: Servers, order_id: str, chance: random.Random) -> None:
    """Send an order again and again, sometimes without waiting for an answer, until one says booked."""
    body = json.dumps(exports(order_id)["order"])
    for attempt in range(1000):
        if chance.random() < 0.2:
            site.drop(f"{order_id}-{attempt}", exports(order_id))
        seconds = chance.choice((0.03, 0.1, 5, 5))
        line = http.client.HTTPConnection("127.0.0.1", servers.ports[chance.randrange(2)], timeout=seconds)
        with closing(line), suppress(OSError, http.client.HTTPException):
            line.request("POST", f"{DEMO}/orders", body)
            reply = line.getresponse()
            reply.read()
            if reply.status in (200, 201):
                return
            assert reply.status in (202, 429, 503), reply.status
        time.sleep(chance.uniform(0, 0.2))
    pytest.fail(f"{order_id} is not booked")


def book(folder: Path, count: int, kills: int) -> None:
    seed = random.randrange(1_000_000)
    wanted = [f"IO-{number}" for number in range(count)]
    more = {"resend_after_seconds": 0.5, "timeout_seconds": 5}
    with installed(folder, 20, **more) as site, ExitStack() as stack, ThreadPoolExecutor(6) as threads:
        script = list(islice(cycle(WEATHER), 30 * count))
        site.sandbox.faults = Faults(script={"export_order": script}, retry_after_seconds=0, dedupe=False)
        servers = Servers(site, stack)
        clients: list[Future[None]] = [
            threads.submit(send_until_booked, site, servers, key, random.Random(f"{seed} {key}"))
            for key in wanted
        ]
        sent: Callable[[], int] = lambda: len(site.sandbox.calls("export_order"))  # noqa: E731
        for number in range(kills):
            while sent() < number * count / kills and not all(client.done() for client in clients):
                time.sleep(0.005)
            servers.kill(number % 3)
        for client in clients:
            client.result(600)
        booked = Counter(order.external_id for order in site.source.booked)
        assert booked == dict.fromkeys(wanted, 1), f"seed {seed}"
        with site.service() as service:
            entries = service.connector("demo").ledger(ORDER_LEDGER).entries()
        numbers = {order.external_id: order.order_number for order in site.source.booked}
        assert {entry.key: entry.row["order_number"] for entry in entries} == numbers
        assert {entry.status for entry in entries} == {"ok"}


def test_what_is_sent_to_two_servers_and_an_inbox_that_are_killed_is_booked_once(tmp_path: Path) -> None:
    book(tmp_path, ORDERS, kills=3)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_so_are_a_thousand_orders(tmp_path: Path) -> None:
    book(tmp_path, AT_NIGHT, kills=60)
