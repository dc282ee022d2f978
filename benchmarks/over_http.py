"""How many answers a second `a4s serve` gives: `python -m benchmarks.over_http`.

Serves the demo's sandbox and `a4s serve` from their own processes, and imports the demo's orders. Then it
asks from this process, over connections that stay open and as fast as answers come: for the stock of one
item, for pages of the order history, and to export orders, each with its own id. Last it asks for the stock
of fifty items twenty times a second, as a busy shop does, without and with A4S_STOCK_FRESH_SECONDS. The
gateway has no latency, and all processes share the processors: of the figures, the server's processor time
for each answer is the one that holds on another machine.

`--minutes N` instead asks for the stock of one item a hundred times a second for N minutes, at a gateway that
takes 20 ms, and prints the memory of the server at the start, after each minute and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb

from benchmarks.steady import Ask, ask_steadily

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 16
SECONDS = 8.0
SHOP_PER_SECOND, SHOP_SECONDS = 20, 15.0
PER_SECOND, LATENCY_MS = 100, 20
_PLACES = 3900  # of the 4,040 orders of the demo
DEMO = "/v1/connectors/demo"
_A4S = (sys.executable, "-c", "from a4s_pipeline.cli import run; run()")


@dataclass(frozen=True)
class Load:
    """What is asked: from a call's number to its method, path and body."""

    name: str
    call: Callable[[int], tuple[str, str, bytes]]


def _page(offset: int, limit: int = 50) -> tuple[str, str, bytes]:
    return "GET", f"{DEMO}/orders?limit={limit}&offset={offset}", b""


def _other_page(number: int) -> tuple[str, str, bytes]:
    """Ask for a page nobody asked for before: once all offsets are used, for one order more."""
    rounds, offset = divmod(number, _PLACES)
    return _page(offset, 50 + rounds)


def _order(number: int) -> tuple[str, str, bytes]:
    lines = [{"itemCode": "BE4010-3x16", "quantity": 2, "price": "12.50"}]
    order = {"intakeOrderId": f"IO-{number}", "customerCode": "K00001", "lines": lines}
    return "POST", f"{DEMO}/orders", json.dumps(order).encode()


def _stock(code: str) -> tuple[str, str, bytes]:
    return "GET", f"{DEMO}/items/{quote(code, safe='')}/projected-stock", b""


def loads(items: Sequence[str]) -> tuple[Load, ...]:
    """Return what is asked about these items."""
    return (
        Load("stock of one item, each another", lambda n: _stock(items[n % len(items)])),
        Load("pages of 50 orders, each another", _other_page),
        Load("pages of 50 orders, the same ten", lambda n: _page(50 * (n % 10))),
        Load("orders exported", _order),
    )


class _Line:
    """A persistent connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes) -> int:
        """Return the answer's status, once all of it is here."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            part = self._socket.recv(262144)
            if not part:
                raise ConnectionError("the server hung up")
            got += part
        told, _, start = got.partition(b"\r\n\r\n")
        length = int(told.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        missing = length - len(start)
        while missing > 0:
            missing -= len(self._socket.recv(262144))
        return int(told[9:12])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def measure(port: int, pid: int, load: Load, first: int) -> tuple[str, int]:
    """Ask from all clients for some seconds; return the line to print, and the next call's number."""
    numbers = iter(range(first, first + 10**9))
    lock = threading.Lock()
    took: list[float] = []
    statuses: dict[int, int] = {}
    until = time.monotonic() + SECONDS

    def client() -> None:
        line = _Line(port)
        while time.monotonic() < until:
            with lock:
                number = next(numbers)
            call = load.call(number)
            began = time.monotonic()
            status = line.ask(*call)
            with lock:
                took.append(time.monotonic() - began)
                statuses[status] = statuses.get(status, 0) + 1
        line.close()

    before = _processor_seconds(pid)
    began = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    cost = (_processor_seconds(pid) - before) / len(took)
    ranks = statistics.quantiles(took, n=100)
    told = (
        f"{load.name:36} {len(took) / seconds:7.0f} a second, median {1000 * ranks[49]:6.1f} ms, "
        f"99th {1000 * ranks[98]:6.1f} ms, processor {1000 * cost:5.2f} ms each, {statuses}"
    )
    return told, next(numbers)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _started(
    command: Sequence[str], environment: dict[str, str], folder: Path, told: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command while the block runs, from the line that names its URL on."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, and no shell
        [*_A4S, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout
    try:
        line = next(line for line in output if told in line)
        threading.Thread(target=lambda: [None for _ in output], daemon=True).start()
        yield process, line
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Installation:
    """A folder whose settings lead to a running gateway."""

    folder: Path
    environment: dict[str, str]

    @contextmanager
    def served(self, **settings: str) -> Iterator[tuple[int, int]]:
        """Run `a4s serve` while the block runs; return its port and process."""
        environment = {**self.environment, **settings}
        with _started(["serve", "--port", "0"], environment, self.folder, "http://") as (server, url):
            yield int(url.rpartition(":")[2].partition("/")[0]), server.pid

    def items(self) -> list[str]:
        """Return the codes of all items."""
        with duckdb.connect(str(self.folder / "data" / "analytics.duckdb"), read_only=True) as copy:
            return [code for (code,) in copy.execute("SELECT item_code FROM items").fetchall()]


@contextmanager
def installed(latency_ms: int) -> Iterator[Installation]:
    """Serve the demo's sandbox, and import from it into a new folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("A4S_")}
    environment |= {"PYTHONPATH": str(ROOT), "A4S_CONNECTORS": '{"demo": "Demo B.V."}'}
    sandbox = ["sandbox", "--port", "0", "--latency-ms", str(latency_ms)]
    with tempfile.TemporaryDirectory(prefix="a4s-over-http-") as name:
        folder = Path(name)
        with _started(sandbox, environment, folder, "A4S_GATEWAY_URL") as (_, told):
            environment["A4S_GATEWAY_URL"] = told.strip().partition("=")[2]
            subprocess.run([*_A4S, "sync"], cwd=folder, env=environment, check=True, capture_output=True)  # noqa: S603
            yield Installation(folder, environment)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _line_of(port: int, call: Callable[[int], tuple[str, str, bytes]]) -> tuple[Ask, Callable[[], None]]:
    line = _Line(port)
    return lambda number: line.ask(*call(number)), line.close


def _fifty(items: Sequence[str]) -> Callable[[int], tuple[str, str, bytes]]:
    """Ask for fifty of the shop's items at once, other ones each time."""
    chance = random.Random(1)  # noqa: S311 - the same items in each run

    def call(number: int) -> tuple[str, str, bytes]:
        del number
        body = {"items": [{"itemCode": code} for code in chance.sample(items, 50)]}
        return "POST", f"{DEMO}/projected-stock", json.dumps(body).encode()

    return call


def measure_shop(installation: Installation, fresh_seconds: float) -> str:
    """Ask for fifty items twenty times a second, and return the line to print."""
    with installation.served(A4S_STOCK_FRESH_SECONDS=str(fresh_seconds)) as (port, pid):
        call = _fifty(installation.items())
        before = _processor_seconds(pid)
        met = ask_steadily(lambda: _line_of(port, call), SHOP_PER_SECOND, SHOP_SECONDS)
        cost = (_processor_seconds(pid) - before) / len(met.seconds)
    return (
        f"{SHOP_PER_SECOND} a second of 50 items, fresh {fresh_seconds:g} s: {met.told()}, "
        f"processor {1000 * cost:5.1f} ms each"
    )


def measure_long(minutes: int) -> None:
    """Ask steadily for this long, and print a line for each minute."""
    with installed(LATENCY_MS) as installation, installation.served() as (port, pid):
        items = installation.items()
        _say(f"memory at the start {_memory_mb(pid):.0f} MB")
        for minute in range(1, minutes + 1):
            before = _processor_seconds(pid)
            met = ask_steadily(
                lambda: _line_of(port, lambda number: _stock(items[number % len(items)])), PER_SECOND, 60
            )
            cost = (_processor_seconds(pid) - before) / len(met.seconds)
            _say(
                f"minute {minute}: {met.told()} with the gateway's {LATENCY_MS} ms, "
                f"processor {1000 * cost:.2f} ms each, memory {_memory_mb(pid):.0f} MB, "
                f"load {os.getloadavg()[0]:.1f}"
            )


def measure_all() -> None:
    """Measure every load, and print a line for each."""
    with installed(0) as installation:
        with installation.served() as (port, pid):
            number = 0
            for load in loads(installation.items()):
                figures, number = measure(port, pid, load, number)
                _say(figures)
        for fresh_seconds in (0, 1):
            _say(measure_shop(installation, fresh_seconds))


def main() -> None:
    """Measure what the command line requests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.over_http")
    parser.add_argument("--minutes", type=int, help="ask steadily for so long instead")
    minutes = parser.parse_args().minutes
    if minutes is None:
        measure_all()
    else:
        measure_long(minutes)


if __name__ == "__main__":
    main()
