"""A lake's files: where they lie, what upkeep does to them, and that no answer lacks their rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.errors import StoreHeld
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.settings.store_location import LakeLocation, SqliteLake
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.lake.lake_upkeep import maintain, standing
from a4s_pipeline_tests.lake.conftest import on_either, on_sqlite
from a4s_pipeline_tests.lake.rows import add, held

pytestmark = pytest.mark.cluster


@on_either
def test_upkeep_deletes_no_file_of_another_catalog_in_the_same_folder(lake: Lake, tmp_path: Path) -> None:
    other = Lake(
        SqliteLake(tmp_path / "other.sqlite", lake.location.files), FileLocks(tmp_path / "other.locks")
    )
    codes = [f"A{number:03d}" for number in range(100)]
    add(other, *codes)
    add(lake, *codes)
    for path in Path(lake.location.files).rglob("*.parquet"):
        os.utime(path, (0, 0))
    maintain(lake, timedelta(0), datetime.now(UTC) + timedelta(days=3))
    assert held(other) == held(lake) == codes


@on_either
def test_upkeep_that_fails_in_one_step_does_all_others(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        add(lake, *(f"{number}-{one:03d}" for one in range(100)))
    before = standing(lake)

    def transact(work: Callable[[duckdb.DuckDBPyConnection], object]) -> object:
        if not steps:
            steps.append(1)
            raise StoreHeld("others kept the lake busy")
        return Lake.transact(lake, work)

    steps: list[int] = []
    monkeypatch.setattr(lake, "transact", transact)
    with pytest.raises(StoreHeld, match="kept the lake busy"):
        maintain(lake, timedelta(0), datetime.now(UTC))
    assert standing(lake).files < before.files
    assert standing(lake).snapshots == 1


@on_either
def test_upkeep_merges_files_and_lets_snapshots_go_and_changes_no_row(lake: Lake) -> None:
    for number in range(5):
        # More rows than the catalog holds by itself.
        add(lake, *(f"{number}-{one:03d}" for one in range(100)))
    add(lake, *(f"0-{one:03d}" for one in range(50)), reference="anew")
    before = held(lake)
    small = standing(lake)
    maintained = maintain(lake, timedelta(days=30), datetime.now(UTC))
    assert held(lake) == before
    assert maintained.before == small
    assert maintained.after.files < small.files
    assert maintained.after.snapshots >= small.snapshots
    shorter = maintain(lake, timedelta(0), datetime.now(UTC))
    assert shorter.after.snapshots == 1
    assert held(lake) == before
    gone = maintain(lake, timedelta(0), datetime.now(UTC) + timedelta(days=3))
    assert gone.files_deleted > 0
    assert held(lake) == before


@on_either
def test_rows_of_two_connectors_lie_in_files_of_their_own(lake: Lake) -> None:
    add(lake, *(f"A{one}" for one in range(50)), connector="demo")
    add(lake, *(f"A{one}" for one in range(50)), connector="noord")
    files = [path for path in Path(lake.location.files).rglob("*.parquet") if "orders" in path.parts]
    assert {path.parent.name for path in files} == {"connector=demo", "connector=noord"}


@on_either
def test_a_column_that_is_empty_for_long_in_a_large_batch_spoils_no_answer(lake: Lake) -> None:
    """DuckLake 1.0 loses a column's bounds in a file with a row group that is all null."""
    batches = (
        "SELECT 'a', -1000000000 * number FROM range(2) AS t (number)",
        "SELECT 'b', CASE WHEN number > 250000 THEN number END FROM range(250042) AS t (number)",
        "SELECT 'c', number % 3 FROM range(100) AS t (number)",
    )

    def answers() -> list[int]:
        questions = ("line_number > 100", "line_number < 0", "line_number IS NOT NULL")
        with lake.session() as connection:
            return [
                connection.execute(f"SELECT count(*) FROM order_lines WHERE {question}").fetchall()[0][0]
                for question in questions
            ]

    for batch in batches:
        lake.transact(_inserting(batch))
    assert answers() == [41, 1, 143]
    maintain(lake, timedelta(0), datetime.now(UTC))
    lake.transact(_inserting(batches[-1]))
    assert answers() == [41, 1, 243]


def _inserting(query: str) -> Callable[[duckdb.DuckDBPyConnection], None]:
    def insert(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO order_lines (connector, line_number) {query}")

    return insert


@on_sqlite  # the bytes of a catalog in PostgreSQL are its vacuum's
def test_a_rewritten_lake_contains_no_byte_of_deleted_rows(
    open_lake: Callable[..., Lake], place: LakeLocation
) -> None:
    assert isinstance(place, SqliteLake)
    lake = open_lake()
    codes = [f"A{number:03d}" for number in range(200)]
    add(lake, *codes)
    add(lake, "Zebra")
    lake.transact(lambda connection: connection.execute("DELETE FROM orders WHERE order_code = 'Zebra'"))
    assert b"Zebra" in place.catalog.read_bytes()
    lake.rewrite()
    files = [place.catalog, *Path(place.files).rglob("*.parquet")]
    assert len(files) > 1
    assert [path.name for path in files if b"Zebra" in path.read_bytes()] == []
    assert held(lake) == codes
