import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.staging import Row, replace_rows
from a4s_pipeline.warehouse.table import Table

NOW = datetime(2024, 6, 20, 10, 30, tzinfo=UTC)
Publish = Callable[[dict[Table, list[Row]]], Path]


@pytest.fixture
def publish_rows(tmp_path: Path, empty_warehouse: Path) -> Publish:
    """Publish a copy whose tables hold the given rows."""

    def make(rows: dict[Table, list[Row]]) -> Path:
        warehouse = WarehouseFile(tmp_path / "warehouse.duckdb")
        shutil.copyfile(empty_warehouse, tmp_path / "warehouse.duckdb")
        with warehouse.transaction() as connection:
            for table, held in rows.items():
                replace_rows(connection, table, held)
        copy = tmp_path / "analytics.duckdb"
        publish(warehouse, copy)
        return copy

    return make
