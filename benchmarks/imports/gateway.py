"""The gateway for all measurements: a process controlled over its standard input.

`python -m benchmarks.imports.gateway ORDERS` prints its URL. Then each line read is answered with one line:
`latency MS` sets the latency, `calls` tells how many calls came since it was last asked, and `change PERCENT`
changes the headers of so many orders, spread evenly over the history.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import IO, Any

from a4s_pipeline.files import exact_json
from a4s_sandbox.data.big import generated_world
from a4s_sandbox.gateway import Headers, Outcome
from a4s_sandbox.serving.server import Sandbox

ADMINISTRATION = "Demo B.V."


class CountingSandbox(Sandbox):
    """A sandbox that counts its calls and logs none: a million logged calls would use memory."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options, log=False)
        self._counter = count()

    def exchange(self, method: str, target: str, headers: Headers, body: bytes) -> Outcome:
        """Count the call, and answer it."""
        next(self._counter)
        return super().exchange(method, target, headers, body)

    def take_count(self) -> int:
        """Return how many calls came since the last question."""
        came, self._counter = next(self._counter), count()
        return came


class Gateway:
    """The handle on a gateway in its process."""

    def __init__(self, url: str, to: IO[str], said: IO[str]) -> None:
        self.url = url
        self._to = to
        self._said = said

    def tell(self, command: str) -> str:
        """Send a command, and return its answer."""
        self._to.write(command + "\n")
        self._to.flush()
        return self._said.readline().strip()


@contextmanager
def gateway_process(orders: int) -> Iterator[Gateway]:
    """Serve a history of this many orders in its own process."""
    command = [sys.executable, "-m", "benchmarks.imports.gateway", str(orders)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the gateway did not start")
            yield Gateway(url, process.stdin, process.stdout)
        finally:
            process.kill()


def change(sandbox: Sandbox, percent: float) -> int:
    """Change the status of every nth order; return how many."""
    source = sandbox.world[ADMINISTRATION]
    codes = list(source.orders.keys())[:: max(1, round(100 / percent))]
    for code in codes:
        header, lines = source.order(code)
        status = "changed" if header["status"] != "changed" else "changed again"
        source.put_order({**header, "status": status}, lines)
    return len(codes)


def main() -> None:
    """Serve until the standard input ends."""
    world = generated_world(int(sys.argv[1]))
    with CountingSandbox(world) as sandbox:
        _say(sandbox.url)
        for command in sys.stdin:
            word, _, value = command.strip().partition(" ")
            match word:
                case "latency":
                    sandbox.latency_ms = float(value)
                    _say("ok")
                case "calls":
                    _say(str(sandbox.take_count()))
                case "change":
                    _say(str(change(sandbox, float(value))))
                case _:
                    _say(exact_json.dumps({"unknown": command}))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
