"""Counts openings, statements and transactions of a DuckDB connection, for the tests of costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.file import opened
from a4s_sandbox import Sandbox
from a4s_sandbox.data.big import generated_world

ADMINISTRATION = "Demo B.V."


class CountedConnection:
    """A connection that counts its statements by their first three words."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, counts: Counter[str]) -> None:
        self._connection = connection
        self._counts = counts

    def execute(self, statement: str, *parameters: Any) -> Any:
        self._counts["statements"] += 1
        self._counts[" ".join(statement.split(maxsplit=3)[:3])] += 1
        return self._connection.execute(statement, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Importer:
    """A gateway with a history of this many orders, and the warehouse that imports it."""

    def __init__(self, folder: Path, sandbox: Sandbox, counts: Counter[str]) -> None:
        self.source = sandbox.world[ADMINISTRATION]
        self.settings = GivenSettings(
            gateway_url=sandbox.url, connectors={"demo": ADMINISTRATION}, data_dir=folder, page_size=100
        )
        self.counts = counts
        self.sandbox = sandbox

    def calls(self) -> dict[str, int]:
        """How many calls the last sync made, by route."""
        return dict(Counter(request.route_name for request in self.sandbox.requests))

    def sync(self, plan: OrdersPlan | None = None) -> SyncResult:
        """Run one sync as its own process would, and count its costs."""
        self.sandbox.clear()
        self.counts.clear()
        return Platform(self.settings).sync("orders", "demo", plan=plan, run_id=str(uuid4())).or_raise()

    def change(self, code: str, **fields: Any) -> None:
        """Change an order's header at the source."""
        header, lines = self.source.order(code)
        self.source.put_order({**header, **fields}, lines)


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Importer]]:
    counts: Counter[str] = Counter()
    connect = duckdb.connect

    class CountedDuckdb:
        """The duckdb module, except for its connections."""

        def connect(self, *arguments: Any, **options: Any) -> CountedConnection:
            counts["openings"] += 1
            return CountedConnection(connect(*arguments, **options), counts)

        def __getattr__(self, name: str) -> Any:
            return getattr(duckdb, name)

    monkeypatch.setattr(opened, "duckdb", CountedDuckdb())

    def make(orders: int) -> Importer:
        sandbox = open_sandboxes.enter_context(Sandbox(generated_world(orders)))
        return Importer(tmp_path / f"data-{orders}", sandbox, counts)

    with ExitStack() as open_sandboxes:
        yield make
