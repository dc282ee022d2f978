"""Orders that several workers export from one inbox at once: each booked once, each request answered once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.orchestration.automation.on_demand import _PRESENCE, JOB
from a4s_pipeline_tests.cluster.spread import DESK, Spread, wait_until
from cluster.dagster_api import Launch

# One cluster serves both files that need it.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.xdist_group("cluster")]

ORDERS, COPIES = 20, 3


def order_id(number: int) -> str:
    return f"IO-{number:02d}"


def drop_all(inbox: Path) -> dict[str, str]:
    """Drop each order several times, under a request id each; return the order of each request."""
    orders = {}
    for copy in range(COPIES):
        for number in range(ORDERS):
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


def test_orders_exported_by_two_workers_of_which_one_is_killed_are_booked_once_and_answered_once(
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
    assert booked_at_the_kill < ORDERS
    wait_until(lambda: names(outbox) == sorted(orders), "each request has an answer")
    spread.sandbox.latency_ms = 0
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
