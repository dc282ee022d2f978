"""kill -9 at any time during a sync: the store stays correct, and the next sync reaches the same rows."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from a4s_pipeline_tests.kills.conftest import Chances, Site, Workers, by_day_and_by_night
from a4s_pipeline_tests.kills.versions import PUT, all_rows, assert_true_state, put_order
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Faults

A4S = str(Path(sys.executable).with_name("a4s"))
STREAMS = ("orders", "items", "customers")


@by_day_and_by_night(share=0.3)
def test_syncs_that_are_killed_at_any_time_end_with_the_rows_of_a_calm_import(
    site_of: Callable[..., Site], workers: Workers, share: float | None
) -> None:
    chances = Chances(5, share, longest=0.8)
    chance = chances.chance
    site = site_of(page_size=10, max_connections=4)
    site.sandbox.latency_ms = 1
    versions = {(stream, number): 1 for stream in STREAMS for number in range(60)}
    for stream, number in versions:
        PUT[stream](site.source, number)
    for turn in chances:
        streams = chance.sample([*STREAMS, "publish"], 4)
        chances.kill_at_work(workers, "sync", settings=site.chosen, streams=streams)
        if site.settings.warehouse_path.exists():
            assert_true_state(site)
        for stream, number in chance.sample(sorted(versions), 30):
            versions[stream, number] += 1
            PUT[stream](site.source, number, versions[stream, number])
        if len(versions) < 600:
            new = 60 + turn
            versions |= {(stream, new): 1 for stream in STREAMS}
            for stream in STREAMS:
                PUT[stream](site.source, new)
    site.sandbox.latency_ms = 0
    workers.do("sync", settings=site.chosen, streams=[*STREAMS, "publish"])
    assert_true_state(site)
    calm = site_of("calm")
    workers.do("sync", settings=calm.chosen, streams=list(STREAMS))
    assert all_rows(site) == all_rows(calm), f"seed {chances.seed}"
    assert site.published("SELECT count(*) FROM orders") == calm.query("SELECT count(*) FROM orders")
    assert site.temporaries() == []
    assert chances.is_half_kills
    chances.tell(records=len(versions))


@pytest.mark.slow
def test_the_command_itself_killed_leaves_a_true_state_and_the_next_one_completes(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=10)
    for number in range(80):
        put_order(site.source, number)
    environment = {**site.environment, "A4S_PAGE_SIZE": "10", "A4S_MAX_CONNECTIONS": "1"}
    # The thirtieth call has no answer, and one connection has no other.
    site.sandbox.faults = Faults(script={"order_lines": ["ok"] * 29 + ["hang"]}, hang_seconds=60)
    process = subprocess.Popen([A4S, "sync", "orders"], cwd=ROOT, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while len(site.sandbox.calls("order_lines")) < 30:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert_true_state(site)
    site.sandbox.faults = Faults()
    done = subprocess.run(
        [A4S, "sync", "orders"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert site.published("SELECT count(*) FROM orders WHERE lines_synced_at IS NOT NULL") == [(80,)]
    assert_true_state(site)


@by_day_and_by_night(share=0.05)
def test_a_process_that_is_killed_while_it_makes_the_warehouse_leaves_none_or_a_whole_one(
    site_of: Callable[..., Site], workers: Workers, share: float | None
) -> None:
    chances = Chances(3, share, longest=0.06)
    for turn in chances:
        # A folder in which another was killed in the same moment before.
        site = site_of(f"data{turn // 3}")
        path = str(site.settings.warehouse_path)
        chances.kill_at_work(workers, "first_opening", from_nothing=True, path=path)
        if turn % 3 == 2:
            assert site.query("SELECT count(*) FROM orders") == [(0,)], f"seed {chances.seed}"
            assert site.temporaries() == []
    assert chances.is_half_kills
    chances.tell()
