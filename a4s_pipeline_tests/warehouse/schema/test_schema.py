from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.schema.views import Conventions, views_by
from a4s_pipeline.warehouse.table import TEXT, Column, Table, View
from a4s_pipeline.warehouse.tables import ORDERS, REFERENCE_TABLES, SET_ASIDE, TABLES

Query = Callable[..., list[tuple[Any, ...]]]
VIEWS = views_by(Conventions())
ALL_TABLES = (*TABLES, *REFERENCE_TABLES)
RELATIONS: tuple[Table | View, ...] = (*ALL_TABLES, *VIEWS)


def test_every_table_and_view_of_the_description_is_there_and_no_other(query: Query) -> None:
    tables = query("SELECT table_name FROM duckdb_tables()")
    views = query("SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert {name for (name,) in tables} == {table.name for table in ALL_TABLES}
    assert {name for (name,) in views} == {view.name for view in VIEWS}


def test_every_table_and_view_has_a_comment(query: Query) -> None:
    found = query(
        """
        SELECT table_name, comment FROM duckdb_tables()
        UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal
        """
    )
    assert dict(found) == {relation.name: relation.comment for relation in RELATIONS}
    assert all(comment for _, comment in found)


def test_the_columns_are_as_described_each_with_a_comment(empty: duckdb.DuckDBPyConnection) -> None:
    for relation in RELATIONS:
        found = empty.execute(
            """
            SELECT column_name, data_type, comment FROM duckdb_columns()
            WHERE table_name = $1 ORDER BY column_index
            """,
            [relation.name],
        ).fetchall()
        written = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
        assert found == [
            (column.name, written.get(column.type, column.type), column.comment)
            for column in relation.columns
        ], relation
        assert all(comment for _, _, comment in found), relation


def test_the_first_column_is_the_connector() -> None:
    for relation in [
        relation for relation in RELATIONS if relation not in REFERENCE_TABLES and relation.name != "dim_date"
    ]:
        assert relation.columns[0].name == "connector", relation


def test_the_key_of_a_table_is_among_its_columns_and_no_column_comes_twice() -> None:
    for table in ALL_TABLES:
        assert set(table.key) <= set(table.column_names), table
        assert len(set(table.column_names)) == len(table.column_names), table


def test_each_row_carries_who_wrote_it_and_when() -> None:
    for table in TABLES:
        types = {column.name: column.type for column in table.columns}
        assert (types["synced_at"], types["run_id"]) == ("TIMESTAMPTZ", TEXT), table


def test_instants_amounts_and_days_have_the_types_that_analysts_were_promised() -> None:
    types = {(table.name, column.name): column.type for table in TABLES for column in table.columns}
    assert types["orders", "order_date"] == "TIMESTAMPTZ"
    assert types["orders", "total"] == types["order_lines", "quantity"] == "DECIMAL(18,4)"
    assert types["order_lines", "delivery_date"] == "DATE"
    assert types["orders", "attributes"] == "JSON"


def test_a_file_of_an_older_version_gains_new_columns_and_keeps_its_rows(path: Path) -> None:
    path.parent.mkdir()
    with duckdb.connect(str(path), config=STORAGE) as old:
        old.execute("CREATE TABLE orders (connector VARCHAR, order_code VARCHAR, sub_total DECIMAL(18,4))")
        old.execute("INSERT INTO orders VALUES ('demo', 'A1', 12.5)")
        old.execute("CREATE VIEW orders_without_lines AS SELECT order_code FROM orders")
        old.execute("CREATE MACRO a4s_schema() AS 'older'")
    with WarehouseFile(path).session() as connection:
        rows = connection.execute("SELECT order_code, sub_total::VARCHAR, removed_at FROM orders").fetchall()
        assert rows == [("A1", "12.5000", None)]
        columns = connection.execute("SELECT column_name FROM (DESCRIBE orders)").fetchall()
        assert {name for (name,) in columns} == set(ORDERS.column_names)
        assert connection.execute("SELECT connector FROM orders_without_lines").fetchall() == [("demo",)]


def test_a_file_of_an_older_version_takes_rows_by_name_and_not_by_place(path: Path) -> None:
    path.parent.mkdir()
    with duckdb.connect(str(path), config=STORAGE) as old:
        old.execute("CREATE TABLE set_aside (reason VARCHAR, record_key VARCHAR, connector VARCHAR)")
    with WarehouseFile(path).session() as connection:
        append_rows(connection, SET_ASIDE, [{"connector": "demo", "record_key": "A1", "reason": "why"}])
        rows = connection.execute("SELECT connector, record_key, reason, stream FROM set_aside").fetchall()
    assert rows == [("demo", "A1", "why", None)]


def test_a_file_that_is_current_is_not_written_to(path: Path) -> None:
    with WarehouseFile(path).session():
        pass
    before = path.stat()
    with WarehouseFile(path).session() as connection:
        (schema,) = connection.execute("SELECT a4s_schema()").fetchone() or ()
    after = path.stat()
    assert schema
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)


def test_a_quote_in_a_comment_does_not_end_it() -> None:
    table = Table("t", "the customer's", (), (Column("c", TEXT, "isn't it"),))
    with duckdb.connect() as connection:
        for statement in table.ddl():
            connection.execute(statement)
        found = connection.execute(
            "SELECT t.comment, c.comment FROM duckdb_tables() t JOIN duckdb_columns() c USING (table_name)"
        ).fetchall()
    assert found == [("the customer's", "isn't it")]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with WarehouseFile(tmp_path_factory.mktemp("empty") / "warehouse.duckdb").session() as connection:
        yield connection
