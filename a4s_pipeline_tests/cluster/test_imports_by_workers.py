"""Imports that several workers do at once: the same rows as one by one, whoever is killed meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from a4s_pipeline_tests.cluster.spread import (
    KILLED,
    ORDERS,
    TWENTY,
    TWICE,
    Spread,
    all_rows,
    imported_alone,
    listings_of,
    wait_until,
)
from a4s_pipeline_tests.kills.versions import TABLES as DATA_TABLES
from cluster.imports import import_of_orders

# One cluster serves both files that need it.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.xdist_group("cluster")]

WITH_LISTINGS = TWENTY[:2]


def test_twenty_connectors_imported_by_three_workers_are_the_same_rows_as_one_by_one(
    spread: Spread, tmp_path: Path
) -> None:
    """The orders of all twenty, and the items and customers of two of them."""
    launches = [import_of_orders(connector, spread.settings) for connector in TWENTY]
    launches += [launch for connector in WITH_LISTINGS for launch in listings_of(connector)]
    runs = spread.wait(spread.launch(*launches)).values()
    failed = [spread.api.why_it_failed(run.run_id) for run in runs if run.status != "SUCCESS"]
    assert failed == []
    assert len({spread.worker_of(run) for run in runs} - {None}) > 1
    streams = {
        name: ("orders", *(("items", "customers") if name in WITH_LISTINGS else ())) for name in TWENTY
    }
    alone = imported_alone(spread.sandbox, tmp_path / "alone", streams)
    expected = all_rows(alone.warehouse, TWENTY)
    assert len(expected["orders"]) == len(TWENTY) * ORDERS
    assert all(expected[name] for name in ("order_lines", "items", "customer_addresses", "sync_state"))
    found = all_rows(spread.platform.warehouse, TWENTY)
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_a_worker_killed_in_mid_run_loses_nothing_and_the_next_run_goes_on(
    spread: Spread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread.sandbox.latency_ms = 500
    (lost,) = spread.launch(import_of_orders(KILLED, spread.settings))

    def written() -> list[str]:
        rows = spread.query("SELECT order_code FROM orders WHERE connector = $1 ORDER BY ALL", KILLED)
        return [code for (code,) in rows]

    wait_until(lambda: bool(written()), "a batch is written")
    spread.kill_worker_of(lost)
    kept, asked = written(), len(spread.line_calls(KILLED))
    assert 0 < len(kept) < ORDERS
    # Its connector would be left alone by the schedules for as long as the run counts as under way.
    assert spread.run(lost).status == "STARTED"
    seen_once = spread.end_lost_runs(monkeypatch)
    assert lost in seen_once
    assert spread.run(lost).status == "STARTED"
    assert lost not in spread.end_lost_runs(monkeypatch, seen_once)
    assert spread.run(lost).status == "FAILURE"
    assert "its worker is gone" in spread.api.why_it_failed(lost)
    assert written() == kept
    spread.sandbox.latency_ms = 0
    (again,) = spread.launch(import_of_orders(KILLED, spread.settings))
    assert spread.wait([again])[again].status == "SUCCESS", spread.api.why_it_failed(again)
    # It went on: what was written already was not asked for again.
    asked_again = spread.line_calls(KILLED)[asked:]
    assert asked_again
    assert not set(asked_again) & set(kept)
    alone = imported_alone(spread.sandbox, tmp_path / "alone", {KILLED: ("orders",)})
    expected = all_rows(alone.warehouse, [KILLED], DATA_TABLES)
    assert len(expected["orders"]) == ORDERS
    assert all_rows(spread.platform.warehouse, [KILLED], DATA_TABLES) == expected


def test_of_two_runs_of_one_connector_one_imports_and_the_other_says_that_a_sync_is_running(
    spread: Spread,
) -> None:
    # Half a minute for the one, so that the other waits for the lock in vain.
    spread.sandbox.latency_ms = 2000
    launched = spread.launch(*[import_of_orders(TWICE, spread.settings)] * 2)

    def ended() -> list[str]:
        return [run.run_id for run in spread.api.runs(launched) if run.status == "FAILURE"]

    wait_until(lambda: bool(ended()), "one of them gives up")
    spread.sandbox.latency_ms = 0
    runs = spread.wait(launched)
    assert sorted(run.status for run in runs.values()) == ["FAILURE", "SUCCESS"]
    assert len({spread.worker_of(run) for run in runs.values()} - {None}) == 2
    (loser,) = (run for run in runs.values() if run.status == "FAILURE")
    said = spread.api.why_it_failed(loser.run_id)
    assert f"a sync of the orders of {TWICE!r} is running (process " in said
    # It waits ten seconds for the other to end.
    assert loser.seconds >= 10
    asked = spread.line_calls(TWICE)
    assert len(asked) == len(set(asked)) == ORDERS
    assert spread.query("SELECT count(*) FROM orders WHERE connector = $1", TWICE) == [(ORDERS,)]


def test_a_worker_whose_line_to_redis_breaks_takes_its_run_up_all_the_same(spread: Spread) -> None:
    """It notes there that it does; where that failed, Celery forgot the run, and nobody ever began it."""
    # What it says before it writes the note.
    spread.line_of_notes.break_at(b"\r\nGET\r\n", 4)
    runs = spread.wait(spread.launch(*listings_of(TWENTY[2]))).values()
    assert {run.status for run in runs} == {"SUCCESS"}
    assert spread.line_of_notes.left_to_break == 0
