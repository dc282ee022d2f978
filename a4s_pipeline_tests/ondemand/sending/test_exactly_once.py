"""Every order is exported once, however often the exporting process is killed."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER
from a4s_pipeline_tests.ondemand.conftest import Site, intake
from a4s_pipeline_tests.support.nightly import Night
from a4s_sandbox import Faults

ORDERS = 60
"""How many orders are exported in one go."""
AT_ONCE = 2
"""Processes that export at the same time, the same orders each."""
MINUTES = 20
# Two replies of three come; of the lost ones some were booked before the reset, some were not.
WEATHER = ("ok", "ok", "lose_post_reply", "ok", "ok", "cut", "ok", "ok", "reset", "ok", "unavailable", "html")

EXPORTER = """
import random, sys, time
from datetime import UTC, datetime
from pathlib import Path
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER

orders = exact_json.loads(Path(sys.argv[1]).read_bytes())
with OnDemand(Platform(), "a-run") as service:
    connector = service.connector("demo")
    done = {entry.key for entry in connector.ledger(ORDER_LEDGER).entries("ok")}
    left = [order for order in orders if order["intakeOrderId"] not in done]
    print("ready", flush=True)
    while left:
        random.shuffle(left)
        left = [order for order in left if connector.orders.export(order, datetime.now(UTC)).status != "ok"]
        if left:
            time.sleep(0.1)
"""


@dataclass
class Crew:
    """The exporting processes, each started again after a kill."""

    command: list[str]
    environment: dict[str, str]
    orders: int
    kills: int = 0

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def work(self, sent: Callable[[], int], chance: random.Random) -> None:
        """Export until all is done; after every few orders, kill one of the exporting processes with -9."""
        deadline = time.monotonic() + 60 * MINUTES
        at_work = [self.start() for _ in range(AT_ONCE)]
        next_kill = chance.randint(1, 8)
        try:
            while at_work:
                assert time.monotonic() < deadline, "it does not come to an end"
                time.sleep(0.005)
                self._let_go_who_is_done(at_work)
                if at_work and sent() >= next_kill:
                    # While it is sent, before its reply is recorded, or at the next order.
                    time.sleep(chance.uniform(0, 0.15))
                    place = chance.randrange(len(at_work))
                    self._kill(at_work[place])
                    at_work[place] = self.start()
                    next_kill = sent() + chance.randint(1, 8)
        finally:
            for process in at_work:
                process.kill()
                process.communicate()

    def _let_go_who_is_done(self, at_work: "list[subprocess.Popen[str]]") -> None:
        for process in list(at_work):
            if process.poll() is not None:
                at_work.remove(process)
                assert (self._said(process), process.returncode) == ("ready\n", 0)

    def _kill(self, process: "subprocess.Popen[str]") -> None:
        process.kill()
        said = self._said(process)
        assert said in ("", "ready\n")
        self.kills += said == "ready\n"

    def _said(self, process: "subprocess.Popen[str]") -> str:
        return process.communicate(timeout=30)[0]


@pytest.fixture
def crew(cold_site: Site, tmp_path: Path) -> Crew:
    path = tmp_path / "orders.json"
    path.write_text(exact_json.dumps([intake(f"IO-{number}") for number in range(ORDERS)]))
    environment = os.environ | {
        "A4S_GATEWAY_URL": cold_site.gateway.url,
        "A4S_CONNECTORS": '{"demo": "Demo B.V."}',
        "A4S_DATA_DIR": str(cold_site.settings.data_dir),
        "A4S_TIMEOUT_SECONDS": "5",
        "A4S_RESEND_AFTER_SECONDS": "0.5",
    }
    return Crew([sys.executable, "-c", EXPORTER, str(path)], environment, ORDERS)


@pytest.mark.nightly  # by day api/test_exactly_once.py kills processes that send
@pytest.mark.timeout(0)
def test_every_order_is_booked_once_by_processes_that_are_killed_at_random(
    cold_site: Site, crew: Crew
) -> None:
    night = Night(share=0.1)
    kills, rounds = 0, 0
    while rounds == 0 or not night.is_over:
        rounds += 1
        assert_booked_once(cold_site, crew)
        kills, crew.kills = kills + crew.kills, 0
        cold_site.source.booked.clear()
        cold_site.gateway.clear()
        cold_site.query("DELETE FROM order_exports")
        cold_site.query("DELETE FROM order_export_attempts")
    print(f"{rounds} rounds of {ORDERS} orders, {kills} kills in {night.seconds:.0f} s")  # noqa: T201 - a report


def assert_booked_once(cold_site: Site, crew: Crew) -> None:
    seed = random.randrange(1_000_000)
    orders = crew.orders
    started_at = time.monotonic()
    cold_site.gateway.latency_ms = 50
    cold_site.gateway.faults = Faults(
        script={"export_order": list(islice(cycle(WEATHER), 20 * orders))},
        retry_after_seconds=0,
        dedupe=False,
    )
    crew.work(lambda: len(cold_site.gateway.calls("export_order")), random.Random(seed))
    assert crew.kills >= orders // 12

    wanted = {f"IO-{number}" for number in range(orders)}
    booked = Counter(order.external_id for order in cold_site.source.booked)
    assert booked == dict.fromkeys(wanted, 1), f"seed {seed}"

    entries = cold_site.ledger(ORDER_LEDGER).entries()
    at_gateway = {
        order.external_id: (order.order_id, order.order_number) for order in cold_site.source.booked
    }
    in_ledger = {entry.key: (entry.row["order_id"], entry.row["order_number"]) for entry in entries}
    assert in_ledger == at_gateway
    assert {entry.status for entry in entries} == {"ok"}

    posts = Counter(
        exact_json.loads(post.body)["externalId"] for post in cold_site.gateway.calls("export_order")
    )
    sends = dict(
        cold_site.query(
            "SELECT intake_order_id, count(*) FROM order_export_attempts WHERE kind = 'send' GROUP BY ALL"
        )
    )
    # A send that was recorded may have been killed before it went out, and none goes out unrecorded.
    assert all(posts[key] <= sends[key] for key in wanted)
    lost = sum(post.fault in ("lose_post_reply", "cut") for post in cold_site.gateway.calls("export_order"))
    assert lost >= orders // 8
    [(cut_short, looked_up)] = cold_site.query(
        "SELECT count(*) FILTER (ended_at IS NULL), count(*) FILTER (kind = 'look_up')"
        " FROM order_export_attempts"
    )
    print(  # noqa: T201 - the figures of a long night
        f"{orders} orders, {crew.kills} kills at work, {cut_short} sends cut short by one,"
        f" {posts.total()} posts, {lost} replies lost after booking, {looked_up} look-ups,"
        f" {time.monotonic() - started_at:.0f} s, seed {seed}"
    )
