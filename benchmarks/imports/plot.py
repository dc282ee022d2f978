"""Plots the measurements: `python -m benchmarks.imports.plot RUNS.json PICTURE.svg`."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from benchmarks.imports import measure

SHOWN = {
    measure.BARE.name: ("#6b7280", "the bare network"),
    measure.SYNC.name: ("#0f766e", "a4s, the sync itself"),
    measure.COMMAND.name: ("#14b8a6", "a4s sync orders, the whole command"),
    measure.BY_HAND.name: ("#d97706", "dlt by hand, deferred in parallel"),
    measure.REST_API_PARALLEL.name: ("#9333ea", "dlt rest_api, parallelized"),
    measure.REST_API.name: ("#be123c", "dlt rest_api"),
}


def medians(runs: list[dict[str, Any]], orders: int) -> dict[str, list[tuple[float, float]]]:
    """Return each peer's median seconds by latency, for a history of this many orders."""
    of_size = [one for one in runs if one["orders"] == orders]
    return {
        peer: [
            (latency, statistics.median(one["seconds"] for one in found))
            for latency in sorted({one["latency"] for one in of_size})
            if (found := [one for one in of_size if one["latency"] == latency and one["peer"] == peer])
        ]
        for peer in SHOWN
    }


def main() -> None:
    """Plot each peer's seconds by latency, for the size measured at most latencies."""
    runs = json.loads(Path(sys.argv[1]).read_text())
    latencies = {
        one["orders"]: {each["latency"] for each in runs if each["orders"] == one["orders"]} for one in runs
    }
    orders = max(latencies, key=lambda size: len(latencies[size]))
    # Text stays text, so that the picture is small and can be searched.
    plt.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for peer, points in medians(runs, orders).items():
        colour, label = SHOWN[peer]
        axes.plot(*zip(*points, strict=True), color=colour, label=label, marker="o", linewidth=2)
    axes.set_yscale("log")
    axes.set_xticks(sorted(latencies[orders]))
    axes.yaxis.set_major_formatter("{x:g} s")
    axes.set_xlabel("latency of the gateway, ms")
    axes.set_title(f"Importing {orders:,} orders with their lines, 16 connections", loc="left")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
