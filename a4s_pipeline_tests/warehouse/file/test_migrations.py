from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.file.reader import published
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.schema.migrations import SCHEMA_VERSION, bring_forward, columns_of, version_of
from a4s_pipeline.warehouse.table import AMOUNT, FLAG, INSTANT, JSON, TEXT, WHOLE, Column, Table
from a4s_pipeline_tests.stores.made import ADMINISTRATION, fill
from a4s_sandbox import Sandbox, World


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    world = World()
    fill(world.add_administration(ADMINISTRATION))
    with Sandbox(world) as sandbox:
        settings: dict[str, Any] = {
            "gateway_url": sandbox.url,
            "connectors": {"demo": ADMINISTRATION},
            "data_dir": tmp_path,
        }
        yield Platform(Settings(**settings))


def sync_all(platform: Platform) -> dict[str, tuple[int, int, int]]:
    results = {
        "orders": platform.sync("orders", "demo", run_id=str(uuid4())).or_raise(),
        "items": platform.sync("items", "demo", run_id=str(uuid4())).or_raise(),
        "customers": platform.sync("customers", "demo", run_id=str(uuid4())).or_raise(),
    }
    return {name: (one.new, one.changed, one.set_aside) for name, one in results.items()}


def test_a_copy_that_lacks_a_column_answers_from_the_attributes(tmp_path: Path, platform: Platform) -> None:
    sync_all(platform)
    platform.publish()
    with duckdb.connect(str(platform.settings.analytics_path)) as connection:
        # As a version published it that did not know the field yet.
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        for (view,) in views:
            connection.execute(f'DROP VIEW IF EXISTS "{view}"')
        connection.execute("ALTER TABLE orders DROP COLUMN sales_rep")
        connection.execute("""UPDATE orders SET attributes = '{"salesRep":"S. Bos"}'""")
    assert OrderHistory(platform.readable, "demo").order("VO-1")["attributes"]["salesRep"] == "S. Bos"


def test_a_store_of_a_later_version_is_refused_in_a_sentence_and_left_as_it_is(
    tmp_path: Path, platform: Platform
) -> None:
    sync_all(platform)
    platform.publish()
    for path in (tmp_path / "warehouse.duckdb", platform.settings.analytics_path):
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE OR REPLACE MACRO a4s_schema_version() AS {SCHEMA_VERSION + 1}")
            connection.execute("CREATE OR REPLACE MACRO a4s_schema() AS 'of a later version'")
    before = (tmp_path / "warehouse.duckdb").read_bytes()
    newer = WarehouseFile(tmp_path / "warehouse.duckdb").session()
    with pytest.raises(ChangeSite, match="was written by a newer version of a4s-pipeline") as refused, newer:
        pass
    assert refused.value.code == "StoreNewer"
    assert (tmp_path / "warehouse.duckdb").read_bytes() == before
    with pytest.raises(ChangeSite, match="newer version"), published(platform.settings.analytics_path):
        pass


KEY = Column("connector", TEXT, "c"), Column("order_code", TEXT, "c"), Column("attributes", JSON, "c")
NEW = (
    Column("warehouse", TEXT, "c"),
    Column("weight", AMOUNT, "c"),
    Column("is_rush", FLAG, "c"),
    Column("boxes", WHOLE, "c"),
    Column("picked_at", INSTANT, "c"),
    Column("route_plan", JSON, "c"),
)


def orders_with(*columns: Column) -> Table:
    return Table("orders", "c", ("connector", "order_code"), (*KEY, *columns))


def test_a_field_that_has_a_column_now_moves_there_from_the_attributes() -> None:
    fields = '{"warehouse":"AMS1","weight":1.10,"isRush":true,"boxes":3,"pickedAt":"2024-03-01T09:00:00Z",'
    fields += '"routePlan":{"a":[1.50]},"other":1.10}'
    doubtful = '{"warehouse":["AMS1"],"weight":"veel","isRush":"J","boxes":1.5,"pickedAt":"2024-03-01T09:00"}'
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in orders_with().ddl():
            connection.execute(statement)
        connection.execute(
            "INSERT INTO orders VALUES ('demo', 'A', $1), ('demo', 'B', $2), ('demo', 'C', NULL)",
            [fields, doubtful],
        )
        before = columns_of(connection)
        for statement in orders_with(*NEW).ddl():
            connection.execute(statement)
        # No number: such a step is taken whatever the version says.
        bring_forward(connection, SCHEMA_VERSION, before, [orders_with(*NEW)])
        found = connection.execute(
            "SELECT warehouse, weight, is_rush, boxes, picked_at::VARCHAR, route_plan, attributes "
            "FROM orders ORDER BY order_code"
        ).fetchall()
        assert version_of(connection) == SCHEMA_VERSION
    assert found == [
        (
            "AMS1",
            Decimal("1.1000"),
            True,
            3,
            "2024-03-01 09:00:00+00",
            '{"a":[1.50]}',
            '{"other":1.10}',
        ),
        # What leaves a doubt stays where it was.
        (None, None, None, None, None, None, doubtful),
        (None, None, None, None, None, None, None),
    ]
