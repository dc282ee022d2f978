import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.health.checks import CHECKS
from a4s_pipeline.health.finding import Asked, Finding
from a4s_pipeline.models import DEFAULT_ZONE
from a4s_pipeline.warehouse.rows.staging import Row, append_rows
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS
from a4s_pipeline_tests.models.promises import broken_promises


class Store:
    """A store whose tables hold exactly the given rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def put(self, table: Table, *rows: Row) -> None:
        append_rows(self._connection, table, rows)

    def sell(self, header: Row, *lines: Row) -> None:
        self.put(ORDERS, header)
        self.put(ORDER_LINES, *lines)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def finding(self, name: str) -> Finding:
        (check,) = [check for check in CHECKS if check.name == name]
        return check.ask(self._connection, Asked(["demo"], datetime.now(UTC), DEFAULT_ZONE))

    def promises_broken(self) -> list[str]:
        return broken_promises(self._connection)

    def one(self, sql: str) -> Any:
        ((value,),) = self.query(sql)
        return value


@pytest.fixture(scope="session")
def _opened(
    empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("models") / "models.duckdb"
    shutil.copyfile(empty_warehouse, path)
    with duckdb.connect(str(path)) as connection:
        yield connection


@pytest.fixture
def store(_opened: duckdb.DuckDBPyConnection) -> Iterator[Store]:
    _opened.execute("BEGIN TRANSACTION")
    yield Store(_opened)
    _opened.execute("ROLLBACK")
