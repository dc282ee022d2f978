"""The time travel page holds: its queries, run in order, show an order that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.lake.extensions import load_extension
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Sandbox, World

pytestmark = pytest.mark.cluster

PAGE = ROOT / "docs" / "time-travel.md"
QUERIES = dict(
    re.findall(r"^## (\d)\. .*?\n.*?^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
)


def lines(quantity: int) -> list[dict[str, Any]]:
    return [
        {"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": quantity},
        {"lineCode": "2", "lineNumber": 2, "itemCode": "A2", "quantity": 1},
    ]


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """An analyst's session on a lake whose order V-1001 changed once."""
    folder = tmp_path_factory.mktemp("lake")
    world = World()
    source = world.add_administration("Demo B.V.", "Exact Globe", datetime(2024, 6, 1, tzinfo=UTC))
    header = {"orderCode": "V-1001", "orderDate": "2024-03-05T09:00:00", "customerCode": "K1"}
    with Sandbox(world) as sandbox:
        settings = GivenSettings(
            gateway_url=sandbox.url,
            connectors={"demo": "Demo B.V."},
            data_dir=folder,
            warehouse=f"ducklake:sqlite:{folder}/catalog.sqlite",
        )
        platform = Platform(settings)
        source.put_order({**header, "status": "open", "total": 100}, lines(10))
        source.put_order({**header, "orderCode": "V-1000"}, lines(1))
        platform.sync("orders", "demo", run_id="the first").or_raise()
        source.put_order({**header, "status": "changed", "total": 80}, lines(8))
        platform.sync("orders", "demo", run_id="the second").or_raise()
    with duckdb.connect() as connection:
        for extension in ("sqlite_scanner", "ducklake"):
            load_extension(connection, extension)
        connection.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS lake (READ_ONLY)")
        connection.execute("USE lake")
        yield connection


def asked(analyst: duckdb.DuckDBPyConnection, number: str) -> list[tuple[Any, ...]]:
    return analyst.execute(QUERIES[number]).fetchall()


def test_the_page_describes_the_change_step_by_step(analyst: duckdb.DuckDBPyConnection) -> None:
    assert len(asked(analyst, "1")) >= 4
    [(code, status, total, _, run_id)] = asked(analyst, "2")
    assert (code, status, total, run_id) == ("V-1001", "changed", Decimal(80), "the second")
    assert asked(analyst, "3") == [("V-1001", "open", Decimal(100))]
    assert asked(analyst, "4") == [("1", Decimal(10), Decimal(8))]
    assert [row[1:] for row in asked(analyst, "5")] == [
        ("delete", "V-1001", "open", Decimal(100)),
        ("insert", "V-1001", "changed", Decimal(80)),
    ]


def test_an_analyst_changes_nothing(analyst: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        analyst.execute("DELETE FROM orders")


def test_the_views_answer_whatever_the_lake_is_called(analyst: duckdb.DuckDBPyConnection) -> None:
    found = analyst.execute("SELECT order_count FROM lake.customer_sales_by_month").fetchall()
    assert found == [(2,)]
