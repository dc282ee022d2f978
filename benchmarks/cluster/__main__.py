"""`python -m benchmarks.cluster`: twenty connectors imported by one, two and three workers, and readers.

Workers have one slot each and have done a run before. PostgreSQL, Redis, the gateway, Dagster and the workers
share this machine, so few processors limit what more workers can gain. Each import has its own cluster, whose
store has only one connector for each worker. Prints progress on standard error, and Markdown on standard
output at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.cluster.measure import Load, Reader, Took, measured
from cluster.home import Store

# What each reader reads, with the store that imports go to meanwhile.
READERS = (
    ("the warehouse file, session by session", "warehouse", Store.FILE),
    ("the published copy, opened anew each time", "copy", Store.FILE),
    ("the lake, session by session", "warehouse", Store.LAKE),
)
_NAMES = {Store.FILE: "DuckDB file", Store.LAKE: "lake on PostgreSQL"}
_WHO = ("workers", "Dagster", "PostgreSQL", "gateway")
_QUIET_SECONDS = 10.0


def imports(load: Load, workers: Sequence[int]) -> Iterator[tuple[Store, int, Took]]:
    """Measure an import into each store by each number of workers."""
    for number in workers:
        for store in Store:
            with measured(store, number, load) as cluster:
                took = cluster.measure()
            sys.stderr.write(f"{_NAMES[store]}, {number} workers: {took.seconds:.1f} s\n")
            yield store, number, took


def rows_of_imports(took: Sequence[tuple[Store, int, Took]]) -> Iterator[str]:
    """Format imports as a Markdown table."""
    used = " | ".join(f"{who}, processor s" for who in _WHO)
    yield f"| store | workers | seconds | to the fewest | a run, median s | {used} | processors busy |"
    yield "| --- |" + " ---: |" * (5 + len(_WHO))
    first: dict[Store, float] = {}
    for store, number, one in sorted(took, key=lambda row: (row[0], row[1])):
        first.setdefault(store, one.seconds)
        used = " | ".join(f"{one.processor_seconds.get(who, 0.0):.0f}" for who in _WHO)
        yield (
            f"| {_NAMES[store]} | {number} | {one.seconds:.1f} | {one.seconds / first[store]:.2f} "
            f"| {one.median_run:.1f} | {used} | {one.busy:.0%} |"
        )


def readers(load: Load, workers: int) -> Iterator[str]:
    """Measure how long readers wait, in a quiet store and during an import, as a Markdown table."""
    yield "| reader | meanwhile | answers | median ms | 95th percentile ms | longest ms | failed | import s |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, kind, store in READERS:
        with measured(store, workers, load) as cluster:
            reader = Reader(kind, cluster)
            time.sleep(_QUIET_SECONDS)
            yield _row(name, "nothing", reader.waits(), "")
            reader = Reader(kind, cluster)
            took = cluster.measure()
            yield _row(name, f"an import by {workers} workers", reader.waits(), f"{took.seconds:.1f}")


def _row(name: str, meanwhile: str, told: Mapping[str, object], import_seconds: str) -> str:
    waits = told["seconds"]
    assert isinstance(waits, list)
    waits_ms = sorted(1000 * seconds for seconds in waits)
    late = waits_ms[min(len(waits_ms) - 1, int(0.95 * len(waits_ms)))]
    return (
        f"| {name} | {meanwhile} | {len(waits_ms)} | {statistics.median(waits_ms):.1f} | {late:.1f} "
        f"| {waits_ms[-1]:.1f} | {told['failed']} | {import_seconds} |"
    )


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--connectors", type=int, default=20)
    parser.add_argument("--orders", type=int, default=300, help="of each connector")
    parser.add_argument("--latency-ms", type=int, default=50, help="of the gateway")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--reading-workers", type=int, default=2, help="beside readers; 0 is no such import")
    given = parser.parse_args()
    load = Load(given.connectors, given.orders, given.latency_ms)
    _say(
        f"{load.connectors} connectors of {load.orders} orders at {load.latency_ms} ms, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start\n"
    )
    if given.workers:
        for row in rows_of_imports(list(imports(load, given.workers))):
            _say(row)
    if given.reading_workers:
        _say("")
        for row in readers(load, given.reading_workers):
            _say(row)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
