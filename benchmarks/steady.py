"""A load at a fixed pace, whether or not the answers keep up."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

CLIENTS = 32

Ask = Callable[[int], int]
"""Asks the call of this number, and returns the status of its answer."""


@dataclass
class Steady:
    """The results of a steady load: statuses, and seconds from a call's due time to its answer's end."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def told(self) -> str:
        """Print it for people."""
        return f"{told(self.seconds)}, {dict(self.statuses)}"


def told(seconds: Sequence[float]) -> str:
    """Format the median, the 99th percentile and the worst of some latencies."""
    ranks = statistics.quantiles(seconds, n=100)
    median, last, worst = (1000 * value for value in (ranks[49], ranks[98], max(seconds)))
    return f"median {median:6.1f} ms, 99th {last:6.1f} ms, worst {worst:6.0f} ms"


def ask_steadily(
    open_line: Callable[[], tuple[Ask, Callable[[], None]]], per_second: float, seconds: float
) -> Steady:
    """Ask this many times a second over some lines; `open_line` returns a call and a closing function.

    A call that finds all lines busy begins late, and its lateness counts: nobody who visits a shop waits
    with that until others have been answered.
    """
    met = Steady()
    lock = threading.Lock()
    numbers = iter(range(int(per_second * seconds)))
    began = time.monotonic()

    def client() -> None:
        ask, close = open_line()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                close()
                return
            due = began + number / per_second
            time.sleep(max(0.0, due - time.monotonic()))
            status = ask(number)
            took = time.monotonic() - due
            with lock:
                met.seconds.append(took)
                met.statuses[status] += 1

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return met
