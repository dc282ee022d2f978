"""The real thing: `dagster dev`, its daemon, and requests dropped as another system drops them."""

import statistics
import subprocess
from pathlib import Path

import pytest

from benchmarks.on_demand import measure


def processes_of(folder: Path) -> list[str]:
    """The processes that were started with this folder in their environment."""
    listed = subprocess.run(["ps", "axeww"], capture_output=True, text=True, errors="replace", check=True)
    return [line for line in listed.stdout.splitlines() if f"DAGSTER_HOME={folder}" in line]


@pytest.mark.timeout(240)
def test_requests_are_answered_as_fast_as_was_promised(tmp_path: Path) -> None:
    figures = measure(tmp_path, later=100, at_once=500, orders_at_once=100)
    told = "\n".join(figures.lines())
    assert figures.first < 20, told
    assert len(figures.later) == 100
    assert statistics.median(figures.later) < 0.1, told
    assert figures.stock_at_once < 10, told
    assert figures.exports_at_once < 10, told
    assert processes_of(tmp_path) == []
