"""Orders sent at the same time through one ledger, whose store sometimes fails."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import duckdb

from a4s_pipeline.errors import A4sError, StoreHeld
from a4s_pipeline.gateway.sending import Numbers
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce, SendRules
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER, Ledger
from a4s_pipeline.warehouse.store import T, Work
from a4s_pipeline_tests.ondemand.conftest import NOW
from a4s_pipeline_tests.support.installed_site import wait_until

ORDERS = 12


class Failing(WarehouseFile):
    """A store that loses every third transaction."""

    begun = 0

    def transact(self, work: Work[T]) -> T:
        def done(connection: duckdb.DuckDBPyConnection) -> T:
            result = work(connection)
            self.begun += 1
            if self.begun % 3 == 2:
                raise StoreHeld("held")
            return result

        return super().transact(done)


class Office:
    """A gateway that never deduplicates, and checks the ledger before it books."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self.booked: Counter[str] = Counter()
        self.unrecorded: list[str] = []

    def book(self, key: str) -> Numbers:
        entry = self._ledger.entry(key)
        with self._lock:
            if entry is None or entry.status != "sending":
                self.unrecorded.append(key)
            self.booked[key] += 1
        return {"orderId": key, "orderNumber": f"TP-{key}"}


class Sender:
    def __init__(self, office: Office, key: str) -> None:
        self._office = office
        self._key = key

    def send(self, payload: str, idempotency_key: str) -> Numbers:
        return self._office.book(self._key)

    def get_ready(self) -> None:
        pass

    def look_up(self) -> Numbers | None:
        is_there = self._office.booked[self._key]
        return {"orderId": self._key, "orderNumber": f"TP-{self._key}"} if is_there else None


def test_orders_sent_at_the_same_time_are_recorded_first_and_booked_once_each(tmp_path: Path) -> None:
    store = Failing(tmp_path / "warehouse.duckdb")
    ledger = Ledger(store, ORDER_LEDGER, "demo", "r1")
    assert ledger.entries() == []
    office = Office(ledger)
    once = SendOnce(ledger, SendRules(FileLocks(tmp_path / "locks"), timedelta(0)))
    start = threading.Barrier(ORDERS)

    def send(number: int) -> int:
        key, sender = f"IO-{number}", Sender(office, f"IO-{number}")
        start.wait(30)
        for failures in range(100):
            with suppress(A4sError):
                entry = once.send(key, "f", lambda _: Prepared('{"a":1}'), sender, received_at=NOW)
                if entry.status == "ok":
                    return failures
        raise AssertionError(f"{key} is not sent")

    with ThreadPoolExecutor(ORDERS) as threads:
        failures = sum(threads.map(send, range(ORDERS)))
    keys = {f"IO-{number}" for number in range(ORDERS)}
    assert office.unrecorded == []
    assert office.booked == dict.fromkeys(keys, 1)
    entries = {entry.key: (entry.status, entry.row["order_number"]) for entry in ledger.entries()}
    assert entries == {key: ("ok", f"TP-{key}") for key in keys}
    assert failures > 0
    assert all(ledger.attempts(key) for key in keys)


class Line:
    """Admits two at once, and counts those waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places = threading.Semaphore(2)
        self.asked = 0

    def __enter__(self) -> None:
        with self._lock:
            self.asked += 1
        self._places.acquire()

    def __exit__(self, *_: object) -> None:
        self._places.release()


def test_no_more_are_recorded_as_about_to_be_sent_than_the_gateway_is_to_have_at_once(tmp_path: Path) -> None:
    ledger = Ledger(WarehouseFile(tmp_path / "warehouse.duckdb"), ORDER_LEDGER, "demo", "r1")
    line = Line()
    sending: list[int] = []

    class Slow(Office):
        def book(self, key: str) -> Numbers:
            wait_until(lambda: line.asked == ORDERS, what="all before the line")
            sending.append(len(ledger.entries("sending")))
            return super().book(key)

    office = Slow(ledger)
    once = SendOnce(ledger, SendRules(FileLocks(tmp_path / "locks"), timedelta(0), line=line))

    def send(number: int) -> str:
        key = f"IO-{number}"
        prepared = Prepared('{"a":1}')
        return once.send(key, "f", lambda _: prepared, Sender(office, key), received_at=NOW).status

    with ThreadPoolExecutor(ORDERS) as threads:
        assert set(threads.map(send, range(ORDERS))) == {"ok"}
    # One that was sent leaves the line before it is recorded as done.
    assert sending[0] <= 2
    assert office.booked == {f"IO-{number}": 1 for number in range(ORDERS)}
