"""Imports and exports by several workers at once end as if done one by one, whichever is killed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.orchestration.automation.on_demand import _PRESENCE, JOB
from a4s_pipeline_tests.cluster.spread import (
    BROKEN,
    DESK,
    FOUR,
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
from a4s_pipeline_tests.support.nightly import at_night
from cluster.dagster_api import Launch
from cluster.imports import import_of_orders

# In one file, which has one cluster: `make test-cluster` gives a file to one process.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

EXPORTS, COPIES = 20, 3


@pytest.mark.parametrize("connectors", [FOUR, *at_night((TWENTY,))], ids=len)
def test_connectors_imported_by_three_workers_are_the_same_rows_as_one_by_one(
    spread: Spread, tmp_path: Path, connectors: tuple[str, ...]
) -> None:
    """The orders of all connectors, and the items and customers of one."""
    with_listings = connectors[0]
    launches = [import_of_orders(connector, spread.settings) for connector in connectors]
    launches += listings_of(with_listings)
    runs = spread.wait(spread.launch(*launches)).values()
    failed = [spread.api.why_it_failed(run.run_id) for run in runs if run.status != "SUCCESS"]
    assert failed == []
    assert len({spread.worker_of(run) for run in runs} - {None}) > 1
    streams = {
        name: ("orders", "items", "customers") if name == with_listings else ("orders",)
        for name in connectors
    }
    alone = imported_alone(spread.sandbox, tmp_path / "alone", streams)
    expected = all_rows(alone.warehouse, connectors)
    assert len(expected["orders"]) == len(connectors) * ORDERS
    assert all(expected[name] for name in ("order_lines", "items", "customer_addresses", "sync_state"))
    found = all_rows(spread.platform.warehouse, connectors)
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
    # It is the other that goes on.
    assert [spread.run(one).status for one in launched if one not in ended()] == ["STARTED"]
    spread.sandbox.latency_ms = 0
    runs = spread.wait(launched)
    assert sorted(run.status for run in runs.values()) == ["FAILURE", "SUCCESS"]
    assert len({spread.worker_of(run) for run in runs.values()} - {None}) == 2
    (loser,) = (run for run in runs.values() if run.status == "FAILURE")
    said = spread.api.why_it_failed(loser.run_id)
    assert f"a sync of the orders of {TWICE!r} is running (process " in said
    asked = spread.line_calls(TWICE)
    assert len(asked) == len(set(asked)) == ORDERS
    assert spread.query("SELECT count(*) FROM orders WHERE connector = $1", TWICE) == [(ORDERS,)]


def test_a_worker_that_loses_redis_still_takes_its_run_up(spread: Spread) -> None:
    """It notes there that it does; where that failed, Celery forgot the run, and nobody ever began it."""
    # What it says before it writes the note.
    spread.line_of_notes.break_at(b"\r\nGET\r\n", 4)
    runs = spread.wait(spread.launch(*listings_of(BROKEN))).values()
    assert {run.status for run in runs} == {"SUCCESS"}
    assert spread.line_of_notes.left_to_break == 0


def order_id(number: int) -> str:
    return f"IO-{number:02d}"


def drop_all(inbox: Path) -> dict[str, str]:
    """Drop each order several times, each under its own request id; return the order of each request."""
    orders = {}
    for copy in range(COPIES):
        for number in range(EXPORTS):
            request_id = f"{order_id(number)}-{copy}"
            order = {
                "intakeOrderId": order_id(number),
                "customerCode": "K1",
                "lines": [{"itemCode": "A1", "quantity": 2}],
            }
            aside = inbox / f".{request_id}.tmp"
            aside.write_text(json.dumps({"kind": "export_order", "connector": DESK, "order": order}))
            aside.replace(inbox / f"{request_id}.json")
            orders[request_id] = order_id(number)
    return orders


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json"))


def runs_that_sent(spread: Spread) -> set[str]:
    return {
        run
        for (run,) in spread.query(
            "SELECT DISTINCT run_id FROM order_export_attempts WHERE kind = 'send' AND connector = $1", DESK
        )
    }


def test_orders_exported_by_two_workers_one_of_which_is_killed_are_booked_and_answered_once(
    spread: Spread, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = spread.source(DESK)
    # A gateway that takes everything: what keeps an order from being booked twice is ours alone.
    spread.sandbox.faults.dedupe = False
    spread.sandbox.latency_ms = 1500
    inbox, outbox = spread.data_dir / "inbox", spread.data_dir / "outbox"
    launched = spread.launch(Launch(JOB, {}, {}), Launch(JOB, {}, {}))
    locks: Any = spread.platform.locks
    wait_until(lambda: len(locks._locks.holders(_PRESENCE)) == 2, "both runs serve")
    orders = drop_all(inbox)
    wait_until(lambda: runs_that_sent(spread) == set(launched), "both runs have sent an order", every=0.02)
    killed, survivor = launched
    spread.kill_worker_of(killed)
    booked_at_the_kill = len(source.booked)
    assert booked_at_the_kill < EXPORTS
    spread.sandbox.latency_ms = 0
    wait_until(lambda: names(outbox) == sorted(orders), "each request has an answer")
    assert spread.wait([survivor])[survivor].status == "SUCCESS", spread.api.why_it_failed(survivor)

    assert Counter(order.external_id for order in source.booked) == dict.fromkeys(orders.values(), 1)
    numbers = {order.external_id: order.order_number for order in source.booked}
    answers = {name: json.loads((outbox / f"{name}.json").read_bytes()) for name in orders}
    assert {name: answer["status"] for name, answer in answers.items()} == dict.fromkeys(orders, "ok")
    assert {name: answer["id"] for name, answer in answers.items()} == {name: name for name in orders}
    assert {name: answer["answer"]["orderNumber"] for name, answer in answers.items()} == {
        name: numbers[order] for name, order in orders.items()
    }
    assert names(inbox) == names(inbox / ".unsettled") == names(inbox / "failed") == []
    assert names(inbox / "done") == sorted(orders)
    ledger = spread.query(
        "SELECT intake_order_id, status, order_number FROM order_exports WHERE connector = $1 ORDER BY ALL",
        DESK,
    )
    assert ledger == [(order, "ok", number) for order, number in sorted(numbers.items())]

    seen_once = spread.end_lost_runs(monkeypatch)
    spread.end_lost_runs(monkeypatch, seen_once)
    assert spread.run(killed).status == "FAILURE"
