"""kill -9 while orders are exported and customers created: each reaches the gateway exactly once."""

import time
from collections import Counter
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import pytest

from a4s_pipeline_tests.kills.conftest import Chances, Site, Workers, by_day_and_by_night, kill
from a4s_sandbox import Administration, Faults
from a4s_sandbox.answers import intake
from a4s_sandbox.answers.encoding import decode
from a4s_sandbox.answers.replies import Reply

pytestmark = pytest.mark.slow

# Two replies of three come; of the lost ones some were booked before the reset, some were not.
WEATHER = ("ok", "ok", "lose_post_reply", "ok", "ok", "cut", "ok", "ok", "reset", "ok", "unavailable", "html")


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """How often a gateway that accepts everything would have created each customer."""
    counts: Counter[str] = Counter()
    create = intake.create_customer

    def counted(administration: Administration, body: bytes) -> Reply:
        counts[decode(body)["customerCode"]] += 1
        return create(administration, body)

    monkeypatch.setattr(intake, "create_customer", counted)
    return counts


def exports(order_id: str) -> dict[str, Any]:
    order = {"intakeOrderId": order_id, "customerCode": "K1", "lines": [{"itemCode": "A1", "quantity": 2}]}
    return {"kind": "export_order", "connector": "demo", "order": order}


def creates(code: str) -> dict[str, Any]:
    customer = {"customerCode": code, "name": f"Kwekerij {code}"}
    return {"kind": "create_customer", "connector": "demo", "customer": customer}


@by_day_and_by_night(share=0.2)
def test_what_is_sent_by_processes_that_are_killed_reaches_the_gateway_once(
    site_of: Callable[..., Site], workers: Workers, created: "Counter[str]", share: float | None
) -> None:
    chances = Chances(3, share)
    site = site_of(resend_after_seconds=1.0, timeout_seconds=5)
    site.source.put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    site.sandbox.latency_ms = 4
    site.sandbox.faults = Faults(retry_after_seconds=0, dedupe=False)
    orders, customers = 0, 0
    for _ in chances:
        requests = [exports(f"IO-{orders + number}") for number in range(4)]
        requests += [creates(f"N{customers + number:05d}") for number in range(4)]
        orders, customers = orders + 4, customers + 4
        site.sandbox.faults.script = {
            route: list(islice(cycle(WEATHER), chances.chance.randrange(12), 200))
            for route in ("export_order", "create_customer")
        }
        before = len(site.sandbox.requests)
        worker = workers.start("send", settings=site.chosen, requests=requests)
        # Killed after so many calls, each of which is recorded before and after it is made.
        wait_for_calls(site, before + chances.chance.randint(1, 12))
        kill(worker)
        chances.kills += workers.ended() == -9
        if chances.rounds % 20 == 0:
            workers.do("send", settings=site.chosen, requests=everything(orders, customers))
            assert_each_once(site, created, orders, customers, chances.seed)
            site.sandbox.clear()
    workers.do("send", settings=site.chosen, requests=everything(orders, customers))
    assert_each_once(site, created, orders, customers, chances.seed)
    assert chances.is_half_kills
    chances.tell(orders=orders, customers=customers)


def wait_for_calls(site: Site, count: int) -> None:
    deadline = time.monotonic() + 3
    while len(site.sandbox.requests) < count and time.monotonic() < deadline:
        time.sleep(0.001)


def everything(orders: int, customers: int) -> list[dict[str, Any]]:
    return [exports(f"IO-{number}") for number in range(orders)] + [
        creates(f"N{number:05d}") for number in range(customers)
    ]


def assert_each_once(site: Site, created: "Counter[str]", orders: int, customers: int, seed: int) -> None:
    booked = Counter(order.external_id for order in site.source.booked)
    assert booked == {f"IO-{number}": 1 for number in range(orders)}, f"seed {seed}"
    assert created == {f"N{number:05d}": 1 for number in range(customers)}, f"seed {seed}"
    at_gateway = sorted((order.external_id, order.order_number) for order in site.source.booked)
    done = "WHERE status = 'ok' ORDER BY ALL"
    assert site.query(f"SELECT intake_order_id, order_number FROM order_exports {done}") == at_gateway
    ledger = site.query(f"SELECT customer_code, external_id FROM created_customers {done}")
    assert ledger == sorted((code, site.source.external_id_of(code)) for code in created)
