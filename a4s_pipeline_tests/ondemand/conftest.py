import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.gateway.administration import Administration as GatewayAdministration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.customer_creation import CustomerCreation
from a4s_pipeline.ondemand.orders.hook import OrderHook
from a4s_pipeline.ondemand.orders.order_export import OrderExport
from a4s_pipeline.ondemand.sending.send_once import SendOnce, SendRules
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.settings.store_location import FileLocation
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Ledger, LedgerKind
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline_tests.cli.conftest import Ended, here
from a4s_sandbox import Administration, Sandbox, World
from a4s_sandbox.answers.replies import Reply
from a4s_sandbox.gateway import Headers, Outcome

__all__ = ["Ended", "here"]

ADMINISTRATION = "Demo B.V."
NOW = datetime(2024, 6, 3, 10, 0, tzinfo=UTC)
RESEND_AFTER = 600.0
PATIENCE = 30.0
"""How long an answer is waited for, in seconds: none is late because the machine is busy."""


def intake(order_id: str = "IO-1", **more: Any) -> dict[str, Any]:
    line = {"itemCode": "A1", "quantity": 2, "price": Decimal("12.50")}
    return {"intakeOrderId": order_id, "customerCode": "K1", "lines": [line], **more}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Killed(BaseException):
    """Stands for the end of the process: nothing happens after it."""


class Gateway(Sandbox):
    """The sandbox, with answers to a POST that tests can dictate."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.after_booking: list[Reply] = []
        self.instead_of_booking: list[Reply] = []
        self.not_booked = 0

    def exchange(self, method: str, target: str, headers: Headers, body: bytes) -> Outcome:
        if method == "POST" and self.instead_of_booking:
            self.not_booked += 1
            return Outcome(self.instead_of_booking.pop(0))
        outcome = super().exchange(method, target, headers, body)
        return Outcome(self.after_booking.pop(0)) if method == "POST" and self.after_booking else outcome


class Site:
    """One connector on the sandbox, and what exports its orders and creates its customers."""

    def __init__(
        self,
        gateway: Gateway,
        source: Administration,
        settings: Settings,
        *,
        store_wait_seconds: float = 0.3,
        lock_wait_seconds: float = 2,
    ) -> None:
        self.gateway = gateway
        self.source = source
        self.settings = settings
        self.clock = Clock()
        location = settings.warehouse_location
        self.warehouse: Warehouse = (
            WarehouseFile(location.path, store_wait_seconds)
            if isinstance(location, FileLocation)
            else Lake(location, FileLocks(settings.data_dir / "locks"), store_wait_seconds)
        )
        self.lock_wait_seconds = lock_wait_seconds
        self.client = GatewayClient(settings)

    def ledger(self, kind: LedgerKind) -> Ledger:
        return Ledger(self.warehouse, kind, "demo", "a-run")

    def _send_once(self, kind: LedgerKind) -> SendOnce:
        rules = SendRules(
            FileLocks(self.settings.data_dir / "locks"),
            timedelta(seconds=self.settings.resend_after_seconds),
            lock_wait_seconds=self.lock_wait_seconds,
        )
        return SendOnce(self.ledger(kind), rules, self.clock)

    def _administration(self) -> GatewayAdministration:
        return GatewayAdministration(
            self.client, ADMINISTRATION, self.settings.timezone, self.settings.page_size
        )

    def orders(self, hook: OrderHook | None = None) -> OrderExport:
        return OrderExport(
            self._administration(), self._send_once(ORDER_LEDGER), hook, self.settings.timezone
        )

    def customers(self) -> CustomerCreation:
        return CustomerCreation(
            self._administration(), self._send_once(CUSTOMER_LEDGER), self.settings.timezone
        )

    def export(self, order: Any, hook: OrderHook | None = None) -> Answered:
        return self.orders(hook).export(order, self.clock())

    def create(self, customer: Any) -> Answered:
        return self.customers().create(customer, self.clock())

    def wait_for_answers(self, seconds: float) -> None:
        """Give up on an answer this many seconds from now."""
        self.client.close()
        self.settings = self.settings.model_copy(update={"timeout_seconds": seconds})
        self.client = GatewayClient(self.settings)

    def client_with(self, **routes: str) -> GatewayClient:
        """A client whose routes this gateway lacks."""
        return GatewayClient(self.settings.model_copy(update={"gateway_routes": routes}))

    def posts(self) -> int:
        return sum(request.method == "POST" for request in list(self.gateway.requests))

    def calls(self) -> int:
        return len(self.gateway.requests)

    def booked(self) -> dict[str, int]:
        """How often each order is booked in the back office, by its external id."""
        return dict(Counter(order.external_id for order in self.source.booked))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.session() as connection:
            return connection.execute(sql).fetchall()

    def attempts(self, order_id: str = "IO-1") -> list[tuple[str, str]]:
        """The kind and outcome of each attempt at an order, in order."""
        rows = self.query(
            "SELECT intake_order_id, kind, status FROM order_export_attempts ORDER BY attempt_number"
        )
        return [(kind, status) for key, kind, status in rows if key == order_id]

    def row(self, order_id: str = "IO-1") -> dict[str, Any]:
        entry = self.ledger(ORDER_LEDGER).entry(order_id)
        assert entry is not None
        return dict(entry.row)


@pytest.fixture(autouse=True)
def _stores_stay_open(stores_stay_open: None) -> None:
    """Open each store once a test."""


@pytest.fixture(autouse=True)
def _swift_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the number of tries but shorten the waits between them."""
    monkeypatch.setattr("a4s_pipeline.gateway.calls.client.RetryRule", partial(RetryRule, first_wait=0.001))


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    world = World()
    world.add_administration(ADMINISTRATION).put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    with Gateway(world) as served:
        yield served


def _settings(gateway: Gateway, empty_warehouse: Path, data_dir: Path) -> Settings:
    settings = Settings(
        gateway_url=gateway.url,
        connectors={"demo": ADMINISTRATION},
        data_dir=data_dir,
        timeout_seconds=PATIENCE,
        resend_after_seconds=RESEND_AFTER,
    )
    data_dir.mkdir()
    shutil.copyfile(empty_warehouse, settings.warehouse_path)
    return settings


@pytest.fixture
def patient_site(gateway: Gateway, empty_warehouse: Path, tmp_path: Path) -> Iterator[Site]:
    """A site that waits for its store without a limit, for tests in which several threads meet."""
    settings = _settings(gateway, empty_warehouse, tmp_path / "data")
    made = Site(gateway, gateway.world[ADMINISTRATION], settings, store_wait_seconds=30, lock_wait_seconds=30)
    yield made
    made.client.close()


@pytest.fixture
def cold_site(gateway: Gateway, empty_warehouse: Path, tmp_path: Path) -> Iterator[Site]:
    """A site that closes its warehouse between sessions, for tests with other processes."""
    settings = _settings(gateway, empty_warehouse, tmp_path / "data")
    made = Site(gateway, gateway.world[ADMINISTRATION], settings)
    yield made
    made.client.close()


@pytest.fixture
def site(cold_site: Site) -> Iterator[Site]:
    """A site whose warehouse stays open in this process: 15 ms less per session, about five an order."""
    with duckdb.connect(str(cold_site.settings.warehouse_path), config=STORAGE):
        yield cold_site


Command = Callable[..., Ended]


@pytest.fixture
def a4s(here: Command, cold_site: Site) -> Command:
    """Run a command in this process, with settings that lead to the sandbox."""
    return partial(
        here,
        A4S_GATEWAY_URL=cold_site.gateway.url,
        A4S_CONNECTORS='{"demo": "Demo B.V."}',
        A4S_DATA_DIR=str(cold_site.settings.data_dir),
        A4S_TIMEOUT_SECONDS=str(PATIENCE),
    )
