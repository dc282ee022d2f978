"""The real thing: `dagster dev`, its daemon, and requests dropped as another system drops them."""

import statistics
import time
from pathlib import Path

import pytest

from a4s_pipeline.sandbox import Sandbox
from benchmarks.on_demand import Installation, end_group, filled_world, measure, stock


@pytest.mark.timeout(240)
def test_requests_are_answered_as_fast_as_was_promised(tmp_path: Path) -> None:
    figures = measure(tmp_path, later=100, at_once=500, orders_at_once=100)
    told = "\n".join(figures.lines())
    assert figures.first < 20, told
    assert len(figures.later) == 100
    assert statistics.median(figures.later) < 0.1, told
    assert figures.stock_at_once < 10, told
    assert figures.exports_at_once < 10, told


@pytest.mark.timeout(240)
def test_a_run_that_was_killed_is_replaced_and_its_requests_are_answered(tmp_path: Path) -> None:
    with Sandbox(filled_world()) as sandbox:
        installation = Installation(tmp_path, sandbox)
        with installation.dagster_dev() as process:
            sandbox.faults.script = {"stock": ["hang"]}
            sandbox.faults.hang_seconds = 600
            installation.drop("one", stock(1))
            deadline = time.monotonic() + 60
            while not sandbox.calls("stock"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            # Nothing is left to clean up or to tell Dagster of its end.
            end_group(process, patience=0)
        assert not (tmp_path / "data" / "outbox" / "one.json").exists()
        with installation.dagster_dev():
            # Dagster still counts the killed run as started, and for half a minute it might be starting.
            installation.wait_for(["one"], 90)
        assert installation.answer("one")["status"] == "ok"
        assert len(sandbox.calls("stock")) == 2
