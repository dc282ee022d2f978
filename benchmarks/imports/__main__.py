"""Measures imports side by side: `python -m benchmarks.imports ORDERS@MS …`; the peers need dlt[duckdb].

Each point is a history of so many orders at a gateway of so many milliseconds. Every peer runs in its own
process, one after another and round after round, so that a busy minute of the machine affects all alike. The
figures are medians, and ratios to the bare network in the same rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.imports import measure
from benchmarks.imports.gateway import Gateway, gateway_process
from benchmarks.imports.measure import Run

FIRST = (measure.BARE, measure.SYNC, measure.COMMAND, measure.BY_HAND, measure.REST_API_PARALLEL)
# One call after another: left out where that alone would take many minutes.
PATIENT = (measure.REST_API,)


@dataclass(frozen=True)
class Point:
    """A history of this many orders behind this many milliseconds."""

    orders: int
    latency: float

    @classmethod
    def read(cls, text: str) -> Point:
        """Read ORDERS@MS."""
        orders, _, latency = text.partition("@")
        return cls(int(orders), float(latency or 0))

    def __str__(self) -> str:
        return f"{self.orders:,} orders at {self.latency:g} ms"

    @property
    def is_short(self) -> bool:
        """Tell whether making the calls one after another takes at most a few minutes."""
        return self.orders * (self.latency + 3) < 150_000


def first_imports(point: Point, gateway: Gateway, rounds: int, *, with_peers: bool) -> Iterator[Run]:
    """Run every peer once per round, each in its own folder."""
    peers = [peer for peer in FIRST if with_peers or peer.is_ours or peer is measure.BARE]
    peers += PATIENT if with_peers and point.is_short else ()
    for _ in range(rounds):
        for peer in peers:
            with tempfile.TemporaryDirectory() as folder:
                one = measure.run(peer, gateway, Path(folder))
                measure.check([one], point.orders)
                yield one


def later_syncs(gateway: Gateway, rounds: int) -> Iterator[Run]:
    """Import once, then measure a second sync, one with a hundredth changed, and a full re-read."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        measure.run(measure.SYNC, gateway, home)
        for _ in range(rounds):
            yield _renamed(measure.run(measure.COMMAND, gateway, home), "a4s sync orders, nothing new")
            gateway.tell("change 1")
            yield _renamed(measure.run(measure.SYNC_HEADERS, gateway, home), "a4s, 1 % changed")
            yield measure.run(measure.SYNC_WHOLE, gateway, home)


def _renamed(one: Run, name: str) -> Run:
    return Run(name, one.wall, one.processor, one.peak_mib, one.calls, one.told)


def told(point: Point, runs: Sequence[Run]) -> Iterator[str]:
    """Print the medians of a point as a table."""
    bare = _median([one.seconds for one in runs if one.peer == measure.BARE.name])
    yield f"### {point}"
    yield ""
    yield "| | seconds | to bare | processor s | peak MiB | calls |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for peer in dict.fromkeys(one.peer for one in runs):
        of_peer = [one for one in runs if one.peer == peer]
        seconds = _median([one.seconds for one in of_peer])
        ratio = f"{seconds / bare:.2f}" if bare else ""
        processor = _median([one.processor for one in of_peer])
        peak = max(one.peak_mib for one in of_peer)
        yield f"| {peer} | {seconds:.2f} | {ratio} | {processor:.1f} | {peak:.0f} | {of_peer[0].calls:,} |"
    yield ""


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def main() -> None:
    """Measure the requested points, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("points", nargs="*", type=Point.read, default=[Point(1000, 20)], metavar="ORDERS@MS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true", help="measure the bare network and us alone")
    parser.add_argument("--json", type=Path, help="write every run here too, for benchmarks.imports.plot")
    given = parser.parse_args()
    everything = []
    for point in given.points:
        with gateway_process(point.orders) as gateway:
            gateway.tell(f"latency {point.latency}")
            runs = list(first_imports(point, gateway, given.rounds, with_peers=not given.without_peers))
            runs += later_syncs(gateway, given.rounds)
        sys.stdout.write("\n".join(told(point, runs)) + "\n")
        sys.stdout.flush()
        everything += [{**asdict(point), **asdict(one), "seconds": one.seconds} for one in runs]
        if given.json:
            given.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
