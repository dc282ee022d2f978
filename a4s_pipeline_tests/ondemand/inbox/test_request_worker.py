import json
import logging
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from a4s_pipeline.ondemand.flow_log import FlowLog
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker, is_unknown_still, until_next_look
from a4s_pipeline.ondemand.worker.upkeep import Soon, Unknown, Upkeep
from a4s_pipeline.runtime import Runtime
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER
from a4s_pipeline_tests.ondemand.inbox.test_inbox import ready
from a4s_pipeline_tests.support.installed_site import Site, asks, exports, installed, wait_until
from a4s_pipeline_tests.support.worker_process import ClosingRuntime


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as site:
        site.put_items("A1", "A2", "A3")
        yield site


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._SETTLE_FIRST_AFTER", 0.2)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._TRY_AGAIN_AFTER", 0.2)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._WRITE_LOG_EVERY", 0.05)


def test_everything_that_waits_is_answered_side_by_side(tmp_path: Path) -> None:
    with installed(tmp_path, latency_ms=100, max_connections=8) as site:
        ids = [f"r{number}" for number in range(40)]
        site.put_items(*ids)
        for request_id in ids:
            site.drop(request_id, asks(request_id))
        worker = site.serve_what_waits()
        assert site.answered() == set(ids)
        assert site.sandbox.most_in_flight == 8
        assert worker.counts.by_status == {"ok": 40}
        assert site.names_in("done") == sorted(f"{request_id}.json" for request_id in ids)


def test_every_answer_is_counted_however_many_at_once(site: Site) -> None:
    for number in range(300):
        site.drop(f"r{number}", {"kind": "prices", "connector": "demo"})
    assert site.serve_what_waits().counts.by_status == {"refused": 300}


def test_a_request_that_hangs_holds_up_no_other(site: Site) -> None:
    site.sandbox.faults.script = {"stock": ["hang"]}
    site.sandbox.faults.hang_seconds = 60
    others = [f"r{number}" for number in range(30)]
    with site.worker():
        site.drop("slow", asks("A1"))
        wait_until(lambda: len(site.sandbox.calls("stock")) == 1)
        for request_id in others:
            site.drop(request_id, asks("A2"))
        site.wait_for(*others)
        assert "slow" not in site.answered()
        site.sandbox.faults.hang_seconds = 0
        assert site.wait_for("slow")["status"] == "ok"


class Clock(Runtime):
    """A clock that sleeping moves: waiting a minute is over at once."""

    def __init__(self, *then: tuple[float, Callable[[], object]]) -> None:
        self.seconds = 0.0
        self._then = list(then)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(0.001)
        self.seconds += seconds
        while self._then and self._then[0][0] <= self.seconds:
            self._then.pop(0)[1]()


def serve_by(clock: Clock, site: Site, linger: float) -> None:
    """Serve until the worker ends by itself."""
    site.choose(linger_seconds=linger)
    with site.service(runtime=clock) as service:
        RequestWorker(service).serve(lambda: False)


def test_it_stays_for_its_linger_time_and_each_request_restarts_that_time(site: Site) -> None:
    drops = [(20.0 * number, partial(site.drop, f"r{number}", asks("A1"))) for number in range(1, 6)]
    clock = Clock(*drops)
    serve_by(clock, site, 30)
    assert len(site.answered()) == 5
    assert clock.seconds >= 100 + 30


def test_without_lingering_it_answers_what_waits_and_ends(site: Site) -> None:
    for number in range(10):
        site.drop(f"r{number}", asks("A1"))
    serve_by(Clock(), site, 0)
    assert len(site.answered()) == 10


def test_it_does_not_end_before_what_it_began_is_answered(site: Site) -> None:
    faults = site.sandbox.faults
    faults.script, faults.hang_seconds = {"stock": ["hang"]}, 60
    site.drop("slow", asks("A1"))
    serve_by(Clock((10, lambda: setattr(faults, "hang_seconds", 0))), site, 1)
    assert site.answer("slow")["status"] == "ok"


def test_even_a_run_that_is_over_when_it_begins_answers_what_it_finds(site: Site) -> None:
    """Two daemons on one folder kept ending each other's runs."""
    site.drop("one", asks("A1"))
    with site.service() as service:
        RequestWorker(service).serve(lambda: True)
    assert site.answer("one")["status"] == "ok"


def test_when_it_is_over_what_was_begun_is_finished_and_the_rest_waits(tmp_path: Path) -> None:
    with installed(tmp_path, max_connections=4) as site:
        site.put_items(*(f"A{number}" for number in range(20)))
        site.sandbox.faults.script = {"stock": ["hang"] * 4}
        site.sandbox.faults.hang_seconds = 60
        for number in range(20):
            site.drop(f"r{number}", asks(f"A{number}"))

        def answer() -> None:
            assert site.answered() == set()
            site.sandbox.faults.hang_seconds = 0

        # The gateway answers once nothing more can begin, or a fifth could take the place of a first.
        with site.service(runtime=ClosingRuntime(answer)) as service:
            RequestWorker(service).serve(lambda: len(site.sandbox.calls("stock")) == 4)
        assert len(site.answered()) == 4
        assert len(site.names_in("done")) == 4
        assert len(site.names_in()) == 16
        assert {site.answer(request_id)["status"] for request_id in site.answered()} == {"ok"}
        site.serve_what_waits()
        assert len(site.answered()) == 20


def test_a_process_that_is_asked_to_stop_finishes_what_it_began_and_leaves_the_rest(tmp_path: Path) -> None:
    with installed(tmp_path, max_connections=4) as site:
        site.put_items(*(f"A{number}" for number in range(20)))
        site.sandbox.faults.script = {"stock": ["hang"] * 4}
        site.sandbox.faults.hang_seconds = 60
        for number in range(20):
            site.drop(f"r{number}", asks(f"A{number}"))
        with site.worker_process() as process:
            try:
                ready(process)
                wait_until(lambda: len(site.sandbox.calls("stock")) == 4)
                assert site.answered() == set()
                process.send_signal(signal.SIGTERM)
                assert process.stdout is not None
                assert process.stdout.readline() == "begins nothing more\n"
                site.sandbox.faults.hang_seconds = 0
                out, _ = process.communicate(timeout=30)
            finally:
                process.kill()
        assert process.returncode == 0
        assert json.loads(out) == {"ok": 4}
        assert len(site.answered()) == len(site.names_in("done")) == 4
        assert len(site.names_in()) == 16
        assert len(site.sandbox.calls("stock")) == 4
        site.serve_what_waits()
        assert len(site.answered()) == 20
        assert len(site.sandbox.calls("stock")) == 20


# What is unknown.


def test_an_unknown_export_is_answered_so_and_the_answer_rewritten_once_it_is_settled(site: Site) -> None:
    faults = site.sandbox.faults
    faults.script = {"export_order": ["lose_post_reply"]}
    faults.routes = frozenset({"exported_order"})
    faults.server_error = 1
    with site.worker() as worker:
        site.drop("one", exports("IO-1"))
        unknown = site.wait_for("one")
        assert unknown["status"] == "unknown"
        assert unknown["error"]["code"]
        wait_until(lambda: site.names_in(".unsettled") == ["one.json"])
        # Whoever has taken the answer is not told the same again while nothing is known.
        (site.outbox / "one.json").unlink()
        asked = len(site.sandbox.calls("exported_order"))
        wait_until(lambda: len(site.sandbox.calls("exported_order")) >= asked + 10)
        assert site.answered() == set()
        faults.server_error = 0
        settled = site.wait_for("one")
    assert settled["status"] == "ok"
    assert settled["answer"]["orderNumber"] == "TP000001"
    assert settled["receivedAt"] == unknown["receivedAt"]
    assert settled["answeredAt"] > unknown["answeredAt"]
    assert len(site.source.booked) == 1
    assert len(site.sandbox.calls("export_order")) == 1
    assert site.names_in("done") == ["one.json"]
    assert site.names_in(".unsettled") == []
    assert worker.counts.by_status == {"unknown": 1, "ok": 1}


def test_it_stays_while_something_is_not_settled_and_the_next_takes_it_up(site: Site) -> None:
    faults = site.sandbox.faults
    faults.script = {"export_order": ["lose_post_reply"]}
    faults.routes = frozenset({"exported_order"})
    faults.server_error = 1
    site.choose(linger_seconds=0)
    site.drop("one", exports("IO-1"))
    with site.worker():
        assert site.wait_for("one")["status"] == "unknown"
        asked = len(site.sandbox.calls("exported_order"))
        wait_until(lambda: len(site.sandbox.calls("exported_order")) >= asked + 10)
    assert site.names_in(".unsettled") == ["one.json"]
    faults.server_error = 0
    with site.worker():
        assert site.wait_for_status("one", "ok")["kind"] == "export_order"
    assert len(site.source.booked) == 1


def test_what_another_way_left_unknown_is_settled_while_somebody_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_EVERY", 0.2)
    with site.worker():
        # As the command does it: there is no file that waits for the outcome.
        site.sandbox.faults.script = {"export_order": ["lose_post_reply"]}
        with site.service() as service:
            orders = service.connector("demo").orders
            assert orders.export(exports("IO-1")["order"], datetime.now(UTC)).status == "unknown"
            ledger = service.connector("demo").ledger(ORDER_LEDGER)
            wait_until(lambda: ledger.left_open() == [])
            entry = ledger.entry("IO-1")
    assert entry is not None
    assert entry.status == "ok"
    assert len(site.source.booked) == 1


def test_upkeep_outlives_what_goes_wrong_in_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_EVERY", 0.01)
    tried = threading.Semaphore(0)

    def settle_all(is_over: object) -> int:
        tried.release()
        raise RuntimeError("a defect")

    with site.service() as service:
        monkeypatch.setattr(service, "settle_all", settle_all)
        with Upkeep(service):
            for _ in range(3):
                assert tried.acquire(timeout=10)


def test_what_has_just_become_unknown_is_asked_for_soon_and_nothing_else_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_EVERY", 3600.0)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_FIRST_AFTER", 0.05)
    site.sandbox.faults.script = {"export_order": ["lose_post_reply"] * 2}
    beats = threading.Semaphore(0)

    def settle_all(is_over: object) -> int:
        beats.release()
        return 1

    with site.service() as service:
        monkeypatch.setattr(service, "settle_all", settle_all)
        answers = service.connector("demo")
        for order_id in ("OLD", "NEW"):
            exported = answers.orders.export(exports(order_id)["order"], datetime.now(UTC))
            assert exported.status == "unknown"
        ledger = answers.ledger(ORDER_LEDGER)
        with Upkeep(service) as upkeep:
            assert beats.acquire(timeout=20)
            upkeep.settle_soon(Unknown("demo", ORDER_LEDGER, "NEW"))
            wait_until(lambda: ledger.left_open() == ["OLD"])
        assert [order.external_id for order in site.source.booked] == ["OLD", "NEW"]
        assert [request.code for request in site.sandbox.calls("exported_order")] == ["NEW"]
        assert not beats.acquire(blocking=False)


def test_what_stays_unknown_is_asked_for_less_and_less_often_until_the_beat_has_it() -> None:
    one, other = (Unknown("demo", ORDER_LEDGER, key) for key in ("IO-1", "IO-2"))
    soon = Soon(first_pause=1, beat=10)
    assert soon.next_at == math.inf
    soon.add(one, 100)
    soon.add(other, 100.5)
    assert (soon.next_at, soon.due(100.9)) == (101, [])
    asked = []
    for now in (101, 101.5, 102, 103, 104, 107, 108, 115, 200):
        for unknown in soon.due(now):
            asked.append((now, unknown.key))
            if unknown == one:
                soon.again(unknown, now)
    assert asked == [(101, "IO-1"), (101.5, "IO-2"), (103, "IO-1"), (107, "IO-1"), (115, "IO-1")]
    assert soon.next_at == math.inf


def test_more_than_can_be_asked_for_soon_is_left_to_the_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._MOST_SOON", 2)
    soon = Soon(first_pause=1, beat=10)
    for number in range(5):
        soon.add(Unknown("demo", ORDER_LEDGER, f"IO-{number}"), 0)
    assert [unknown.key for unknown in soon.due(1)] == ["IO-0", "IO-1"]


def test_settling_ends_soon_when_it_is_over(site: Site) -> None:
    site.sandbox.faults.script = {"export_order": ["lose_post_reply"] * 5}
    with site.service() as service:
        orders = service.connector("demo").orders
        for number in range(5):
            orders.export(exports(f"IO-{number}")["order"], datetime.now(UTC))
        site.sandbox.clear()
        assert service.settle_all(lambda: bool(site.sandbox.calls("exported_order"))) == 4
        assert len(site.sandbox.calls("exported_order")) == 1
        assert service.settle_all() == 0


def test_a_hook_that_cannot_be_loaded_does_not_stop_settling(site: Site) -> None:
    site.sandbox.faults.script = {"export_order": ["lose_post_reply"]}
    with site.service() as service:
        orders = service.connector("demo").orders
        assert orders.export(exports("IO-1")["order"], datetime.now(UTC)).status == "unknown"
    site.choose(order_hook="no_such_module:hook")
    with site.service() as service:
        assert service.settle_all() == 0
        entry = service.connector("demo").ledger(ORDER_LEDGER).entry("IO-1")
    assert entry is not None
    assert entry.status == "ok"


@pytest.mark.cold
def test_a_ledger_that_cannot_be_opened_stops_no_connector_from_being_settled_later(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.sandbox.faults.script = {"export_order": ["lose_post_reply"]}
    with site.service(store_wait_seconds=0.2) as service:
        orders = service.connector("demo").orders
        assert orders.export(exports("IO-1")["order"], datetime.now(UTC)).status == "unknown"
        with site.warehouse_held(), caplog.at_level(logging.WARNING):
            service.settle_all()
            assert "cannot be settled now" in caplog.text
            assert site.sandbox.calls("exported_order") == []
        assert service.settle_all() == 0
        assert len(site.sandbox.calls("exported_order")) == 1


def test_an_outcome_is_unknown_as_long_as_nobody_could_ask_for_it() -> None:
    for status, code, is_unknown in [
        ("unknown", "GatewayUnavailable", True),
        ("failed", "StoreHeld", True),
        ("failed", "StoreUnreachable", True),
        ("failed", "StoreUnusable", True),
        ("failed", "UnderWay", True),
        ("failed", "GatewayUnavailable", False),
        ("refused", "Refused", False),
        ("ok", None, False),
    ]:
        answer = {"status": status, "error": code and {"code": code}}
        assert is_unknown_still(answer) is is_unknown, answer


@pytest.mark.cold
def test_what_prevents_a_look_up_is_not_mistaken_for_its_outcome(site: Site) -> None:
    faults = site.sandbox.faults
    faults.script = {"export_order": ["lose_post_reply"]}
    faults.routes = frozenset({"exported_order"})
    faults.server_error = 1
    with site.worker(store_wait_seconds=0.2):
        site.drop("one", exports("IO-1"))
        assert site.wait_for("one")["status"] == "unknown"
        with site.warehouse_held():
            faults.server_error = 0
            time.sleep(0.8)
            assert site.answer("one")["status"] == "unknown"
            assert site.names_in(".unsettled") == ["one.json"]
        assert site.wait_for_status("one", "ok")["answer"]["orderNumber"] == "TP000001"
    assert len(site.source.booked) == 1


# The disk, and the warehouse.


def test_a_request_whose_answer_cannot_be_written_stays_and_is_tried_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with site.worker() as worker:
        wait_until(site.outbox.is_dir)
        site.outbox.rmdir()
        site.outbox.write_text("in the way")
        site.drop("one", asks("A1"))
        wait_until(lambda: caplog.text.count("it is tried again") >= 3)
        assert site.names_in() == ["one.json"]
        site.outbox.unlink()
        site.outbox.mkdir()
        assert site.wait_for("one")["status"] == "ok"
        wait_until(lambda: site.names_in("done") == ["one.json"])
        assert site.names_in() == []
    assert worker.counts.by_status["ok"] >= 1


def test_an_export_whose_answer_could_not_be_written_is_not_sent_again(site: Site) -> None:
    with site.worker():
        wait_until(site.outbox.is_dir)
        site.outbox.rmdir()
        site.outbox.write_text("in the way")
        site.drop("one", exports("IO-1"))
        wait_until(lambda: len(site.source.booked) == 1)
        time.sleep(0.6)
        site.outbox.unlink()
        site.outbox.mkdir()
        assert site.wait_for("one")["status"] == "ok"
    assert len(site.sandbox.calls("export_order")) == 1


@pytest.mark.cold
def test_stock_is_answered_while_another_process_holds_the_warehouse(tmp_path: Path) -> None:
    with installed(tmp_path, max_connections=4) as site:
        site.put_items("A1")
        with site.worker():
            with site.warehouse_held():
                # More orders than there are threads, and enough time for the log to be written often.
                orders = [f"order-{number}" for number in range(20)]
                for request_id in orders:
                    site.drop(request_id, exports(request_id))
                time.sleep(0.3)
                for number in range(5):
                    site.drop(f"stock-{number}", asks("A1"))
                    assert site.wait_for(f"stock-{number}")["status"] == "ok"
                assert not site.answered() & set(orders)
                assert site.source.booked == []
            assert site.wait_for(*orders)["status"] == "ok"
        assert len(site.source.booked) == 20
        assert site.flows().count(("export_order", "ok")) == 20


@pytest.mark.cold
def test_at_its_end_stock_that_was_asked_for_waits_for_no_log(site: Site) -> None:
    """If the worker stops before the log is written, the next run may take the request."""
    # Longer than the test may last.
    with site.service(store_wait_seconds=3600) as service, site.warehouse_held():
        for number in range(11):
            site.drop(f"r{number}", asks("A1"))
        RequestWorker(service).serve(lambda: not site.names_in())
    # By the time the service is closed the warehouse is free again, and the log is written.
    assert [flow for flow, _ in site.flows()] == ["projected_stock"] * len(site.flows())
    assert 1 <= len(site.flows()) <= 2


def test_an_export_that_cannot_have_its_ledger_in_time_fails_with_nothing_sent(site: Site) -> None:
    with site.service(store_wait_seconds=0.2) as service, site.warehouse_held():
        site.drop("one", exports("IO-1"))
        RequestWorker(service).serve(lambda: not site.names_in())
        answer = site.answer("one")
    assert (answer["status"], answer["error"]["code"]) == ("failed", "StoreHeld")
    assert site.sandbox.requests == []


# The log of flow executions.


@pytest.mark.parametrize("flow", [asks("A1"), {"kind": "retrieve_orders", "connector": "demo", "limit": 0}])
def test_of_what_is_many_and_cheap_one_in_ten_is_logged(site: Site, flow: dict[str, object]) -> None:
    for number in range(100):
        site.drop(f"r{number}", flow)
    site.serve_what_waits()
    assert len(site.answered()) == 100
    status = "ok" if flow["kind"] == "projected_stock" else "refused"
    assert site.flows() == [(flow["kind"], status)] * 10


def test_failures_are_always_logged_with_why(site: Site) -> None:
    site.sandbox.faults.unavailable = 0
    site.sandbox.faults.server_error = 1
    for number in range(7):
        site.drop(f"stock-{number}", asks("A1"))
        site.drop(f"orders-{number}", {"kind": "retrieve_orders", "connector": "demo"})
    site.serve_what_waits()
    assert Counter(site.flows()) == {("projected_stock", "failed"): 7, ("retrieve_orders", "failed"): 7}


def test_exports_and_creations_are_always_logged(site: Site) -> None:
    for number in range(12):
        site.drop(f"order-{number}", exports(f"IO-{number}"))
        customer = {"customerCode": f"N{number}", "name": "Nieuw"}
        site.drop(f"new-{number}", {"kind": "create_customer", "connector": "demo", "customer": customer})
        site.drop(f"bad-{number}", exports(f"IO-{number}", lines=[]))
    site.serve_what_waits()
    assert Counter(site.flows()) == {
        ("export_order", "ok"): 12,
        ("create_customer", "ok"): 12,
        ("export_order", "refused"): 12,
    }


def note(log: FlowLog, flow: str, status: str = "ok") -> None:
    now = datetime.now(UTC)
    execution = FlowExecution("demo", flow, status, now, now, "run", None)
    log.note(execution, always=flow in ("export_order", "create_customer"))


def test_a_command_that_answers_once_is_logged_one_time_in_ten(site: Site) -> None:
    logged = 0
    for _ in range(2000):
        log = FlowLog(WarehouseFile(site.settings.warehouse_path))
        note(log, "projected_stock")
        logged += len(log._waiting)
    assert 120 < logged < 280


def test_what_could_not_be_logged_is_logged_later_and_once(site: Site) -> None:
    log = FlowLog(WarehouseFile(site.settings.warehouse_path, wait_seconds=0.1))
    with site.warehouse_held():
        note(log, "export_order")
        assert log.write() is False
        note(log, "create_customer")
    assert log.write() is True
    assert log.write() is True
    assert site.flows() == [("create_customer", "ok"), ("export_order", "ok")]


def test_two_that_write_the_log_at_once_write_each_execution_once(site: Site) -> None:
    log = FlowLog(WarehouseFile(site.settings.warehouse_path))
    for _ in range(200):
        note(log, "export_order")
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(log.write) for _ in range(8)]
        for _ in range(200):
            note(log, "create_customer")
    assert all(future.result() for future in written)
    assert log.write()
    assert Counter(site.flows()) == {("export_order", "ok"): 200, ("create_customer", "ok"): 200}


def test_an_inbox_is_looked_at_again_soon_while_requests_keep_coming() -> None:
    looks = [
        until_next_look(usual, quiet) for usual, quiet in ((1, 0), (1, 9), (1, 11), (0.02, 0), (0.02, 11))
    ]
    assert looks == [0.1, 0.1, 1, 0.02, 0.02]
