"""A reader of a store: `python -m benchmarks.cluster.reader warehouse|copy CONNECTOR`.

It asks one query every 100 ms until its input ends, and prints the seconds of each answer as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

import duckdb

from a4s_pipeline.errors import A4sError
from a4s_pipeline.platform import Platform

_EVERY = 0.1
_QUERY = "SELECT count(*), sum(total) FROM orders WHERE connector = $1"


def asker_of(kind: str, connector: str) -> Callable[[], object]:
    """Return a function that queries once the store of this process's settings."""
    platform = Platform()

    def ask_warehouse() -> object:
        with platform.warehouse.session() as connection:
            return connection.execute(_QUERY, [connector]).fetchall()

    def ask_copy() -> object:
        # As a tool does that knows nothing of us: whoever keeps it open would see no newer one.
        with duckdb.connect(str(platform.settings.analytics_path), read_only=True) as connection:
            return connection.execute(_QUERY, [connector]).fetchall()

    return {"warehouse": ask_warehouse, "copy": ask_copy}[kind]


def _wait_for_the_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def main() -> None:
    """Query until the input ends."""
    ask = asker_of(*sys.argv[1:])
    # What is opened once and kept is no part of what an answer takes.
    ask()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    over = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(over,), daemon=True).start()
    seconds: list[float] = []
    failed = 0
    due = time.perf_counter()
    while not over.wait(max(0.0, due - time.perf_counter())):
        began = time.perf_counter()
        try:
            ask()
        except (A4sError, duckdb.Error):
            failed += 1
        ended = time.perf_counter()
        seconds.append(ended - began)
        due = max(due + _EVERY, ended)
    sys.stdout.write(json.dumps({"seconds": seconds, "failed": failed}) + "\n")


if __name__ == "__main__":
    main()
