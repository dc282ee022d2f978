import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import duckdb
import pytest

from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.settings.loading import GivenSettings, Settings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.support.watched_platform import WatchedPlatform
from a4s_sandbox import Administration, Faults, Sandbox, World

ADMINISTRATION = "Demo B.V."
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EVERYTHING = OrdersPlan(Months(date(2015, 1, 1), date(2100, 1, 1)), whole=True)

_HEADER_TEXTS = {
    "order_number": "orderNumber",
    "external_id": "externalId",
    "customer_code": "customerCode",
    "customer_name": "customerName",
    "order_type": "orderType",
    "status": "status",
    "reference": "reference",
    "your_reference": "yourReference",
    "notes": "notes",
    "currency": "currency",
    "sales_rep": "salesRep",
}
_HEADER_AMOUNTS = {
    "sub_total": "subTotal",
    "vat_total": "vatTotal",
    "shipping_costs": "shippingCosts",
    "total": "total",
}
_LINE_VALUES = {
    "line_code": "lineCode",
    "line_number": "lineNumber",
    "item_code": "itemCode",
    "description": "description",
    "unit": "unit",
    "instruction": "instruction",
    "your_reference": "yourReference",
}
_LINE_AMOUNTS = {"quantity": "quantity", "price": "price", "discount": "discount", "line_total": "lineTotal"}


def header(code: str, day: str = "2024-03-05T09:00:00", **more: Any) -> dict[str, Any]:
    return {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}


def line(code: str = "1", **more: Any) -> dict[str, Any]:
    return {"lineCode": code, "lineNumber": 1, "itemCode": "A1", "quantity": 1, **more}


def instant(text: str) -> datetime:
    """What a date-time means by the contract: its offset if it has one, else Amsterdam's."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=AMSTERDAM)).astimezone(UTC)


def stored_amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def expected_order(order: Any) -> dict[str, Any]:
    return (
        {"order_code": order["orderCode"], "order_date": instant(order["orderDate"])}
        | {column: order.get(name) for column, name in _HEADER_TEXTS.items()}
        | {column: stored_amount(order.get(name)) for column, name in _HEADER_AMOUNTS.items()}
    )


def expected_lines(code: str, lines: Any) -> list[dict[str, Any]]:
    rows = [
        {"order_code": code}
        | {column: one.get(name) for column, name in _LINE_VALUES.items()}
        | {column: stored_amount(one.get(name)) for column, name in _LINE_AMOUNTS.items()}
        for one in lines
    ]
    return sorted(rows, key=lambda row: str(row["line_code"]))


class Site:
    """A sandbox gateway with one administration, and a platform that imports from it."""

    def __init__(self, sandbox: Sandbox, administration: Administration, settings: Settings) -> None:
        self.sandbox = sandbox
        self.source = administration
        self.settings = settings
        self.platform = WatchedPlatform(settings)

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def put(self, code: str, day: str = "2024-03-05T09:00:00", lines: Any = None, **more: Any) -> None:
        self.source.put_order(header(code, day, **more), [line()] if lines is None else lines)

    def put_month(self, count: int, prefix: str = "A") -> list[str]:
        """Put orders an hour apart in March 2024; return their codes in order of date."""
        codes = [f"{prefix}{number:03d}" for number in range(count)]
        for number, code in enumerate(codes):
            self.put(code, f"2024-03-{1 + number // 24:02d}T{number % 24:02d}:00:00Z")
        return codes

    def with_settings(self, **changes: Any) -> "Site":
        return Site(self.sandbox, self.source, GivenSettings(**{**dict(self.settings), **changes}))

    def sync(
        self, plan: OrdersPlan | None = None, *, run_id: str | None = None, connector: str = "demo"
    ) -> SyncResult:
        """Run one sync, as a run of its own."""
        return self.platform.sync("orders", connector, plan=plan, run_id=run_id or str(uuid4())).or_raise()

    def sync_again(self, plan: OrdersPlan | None = None) -> SyncResult:
        """Forget the calls made before, and run one sync."""
        self.sandbox.clear()
        return self.sync(plan)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.platform.warehouse.session() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def records(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.platform.warehouse.session() as connection:
            found = connection.execute(sql, list(parameters))
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def value(self, sql: str, *parameters: Any) -> Any:
        ((value,),) = self.query(sql, *parameters)
        return value

    def order(self, code: str) -> dict[str, Any]:
        (row,) = self.records("SELECT * FROM orders WHERE connector = 'demo' AND order_code = ?", code)
        return row

    def codes(self, connector: str = "demo") -> list[str]:
        return [
            code
            for (code,) in self.query(
                "SELECT order_code FROM orders WHERE connector = ? AND removed_at IS NULL ORDER BY ALL",
                connector,
            )
        ]

    def line_codes(self, code: str, connector: str = "demo") -> list[str]:
        found = self.query(
            "SELECT line_code FROM order_lines WHERE connector = ? AND order_code = ? ORDER BY line_code",
            connector,
            code,
        )
        return [line_code for (line_code,) in found]

    def without_lines(self) -> list[str]:
        return [
            code for (code,) in self.query("SELECT order_code FROM orders_without_lines ORDER BY order_code")
        ]

    def set_aside(self) -> dict[str, str]:
        return dict(self.query("SELECT record_key, reason FROM set_aside"))

    def watermark(self, connector: str = "demo") -> datetime | None:
        rows = self.query(
            "SELECT watermark FROM sync_state WHERE connector = ? AND stream = 'orders'", connector
        )
        watermark: datetime | None = rows[0][0] if rows else None
        return watermark

    def line_calls(self) -> list[str]:
        """The codes whose lines were requested since the log was cleared."""
        return sorted(call.code for call in self.sandbox.calls("order_lines"))

    def listed_from(self) -> datetime:
        """The order date from which the first listing since the log was cleared started."""
        return datetime.fromisoformat(self.sandbox.calls("orders")[0].query["orderDateFrom"])

    def assert_as_at_source(self, connector: str = "demo", source: Administration | None = None) -> None:
        """Compare every readable order and line with the source, and check that none is stored twice."""
        administration = source or self.source
        orders, lines = [], []
        for code in sorted(administration.orders.keys()):
            order, order_lines = administration.order(code)
            orders.append(expected_order(order))
            lines += expected_lines(code, order_lines)
        columns = ", ".join(["order_code", "order_date", *_HEADER_TEXTS, *_HEADER_AMOUNTS])
        there = "FROM orders WHERE connector = $1 AND removed_at IS NULL"
        assert self.records(f"SELECT {columns} {there} ORDER BY order_code", connector) == orders
        columns = ", ".join(["order_code", *_LINE_VALUES, *_LINE_AMOUNTS])
        assert (
            self.records(
                f"SELECT {columns} FROM order_lines"
                f" WHERE connector = $1 AND order_code IN (SELECT order_code {there})"
                " ORDER BY order_code, line_code",
                connector,
            )
            == lines
        )
        assert self.without_lines() == []


@pytest.fixture(autouse=True)
def _swift_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the number of tries but shorten the waits between them."""
    monkeypatch.setattr("a4s_pipeline.gateway.calls.client.RetryRule", partial(RetryRule, first_wait=0.001))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as served:
        yield served


@pytest.fixture
def cold_site_of(world: World, sandbox: Sandbox, tmp_path: Path) -> Callable[..., Site]:
    """A site that closes its warehouse between sessions, for tests with other processes."""

    def make(**settings: Any) -> Site:
        administration = world.administrations.get(ADMINISTRATION) or world.add_administration(ADMINISTRATION)
        chosen: dict[str, Any] = {
            "gateway_url": sandbox.url,
            "connectors": {"demo": ADMINISTRATION},
            "data_dir": tmp_path / "data",
            **settings,
        }
        return Site(sandbox, administration, GivenSettings(**chosen))

    return make


@pytest.fixture
def site_of(
    cold_site_of: Callable[..., Site], empty_warehouse: Path, tmp_path: Path
) -> Iterator[Callable[..., Site]]:
    """A site whose warehouse stays open in this process: 20 ms less per session, about ten a sync."""
    path = tmp_path / "data" / "warehouse.duckdb"
    path.parent.mkdir()
    shutil.copyfile(empty_warehouse, path)
    with duckdb.connect(str(path), config=STORAGE):
        yield cold_site_of


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of()
