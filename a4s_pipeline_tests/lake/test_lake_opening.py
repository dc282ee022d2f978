"""Opening a lake: the first time, by many at once, after a move, and where it fails."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSettings, ChangeSite, StoreUnreachable
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.settings.store_location import LakeLocation, PostgresLake, SqliteLake
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline_tests.lake.conftest import OpenLake, on_either, on_postgres
from a4s_pipeline_tests.lake.openers import open_at_once
from a4s_pipeline_tests.lake.rows import add, held
from a4s_pipeline_tests.support.nightly import at_night

pytestmark = pytest.mark.cluster


@pytest.mark.from_nothing
@pytest.mark.parametrize("processes", [2, *at_night(6)])
def test_a_new_lake_is_opened_by_many_processes_at_once(place: LakeLocation, processes: int) -> None:
    """If two found the catalog empty, DuckLake let both create its tables, and one failed."""
    assert open_at_once(place, processes) == []


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_the_lake_for_itself(lake: Lake) -> None:
    """It waited for ever to close its parent's connections, for threads that did not exist."""
    add(lake, "A1")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if held(lake) == ["A1"] else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 60
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    add(lake, "A2")
    assert held(lake) == ["A1", "A2"]


@on_either
def test_an_older_lake_gets_the_columns_that_it_lacks(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1")

    def make_older(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("ALTER TABLE orders DROP COLUMN reference")
        connection.execute("DROP VIEW orders_without_lines")
        connection.execute("CREATE OR REPLACE MACRO a4s_schema() AS 'of an older version'")

    lake.transact(make_older)
    newer = open_lake()
    with newer.session() as connection:
        assert connection.execute("SELECT order_code, reference FROM orders").fetchall() == [("A1", None)]
        assert connection.execute("SELECT order_code FROM orders_without_lines").fetchall() == [("A1",)]


def test_a_file_that_is_no_catalog_is_named_with_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "catalog").write_bytes(b"no database" * 1000)
    lake = Lake(SqliteLake(tmp_path / "catalog", f"{tmp_path}/files/"), FileLocks(tmp_path))
    told = rf"the lake with its catalog in {tmp_path}/catalog cannot be used .*check A4S_WAREHOUSE"
    with pytest.raises(ChangeSite, match=told), lake.session():
        pass


@pytest.mark.from_nothing
def test_a_catalog_is_made_only_where_its_files_can_be(tmp_path: Path) -> None:
    """DuckDB remembers their folder for ever."""
    (tmp_path / "no folder").touch()
    catalog, locks = tmp_path / "catalog", FileLocks(tmp_path)
    with (
        pytest.raises(ChangeSite, match="no folder"),
        Lake(SqliteLake(catalog, f"{tmp_path}/no folder/"), locks).session(),
    ):
        pass
    add(Lake(SqliteLake(catalog, f"{tmp_path}/files/"), locks), "A1")
    elsewhere = Lake(SqliteLake(catalog, f"{tmp_path}/others/"), locks)
    with pytest.raises(ChangeSettings, match="A4S_LAKE_FILES is not where"), elsewhere.session():
        pass


def test_a_moved_lake_opens_once_its_catalog_names_the_new_place(tmp_path: Path) -> None:
    """As written in docs/deployment.md."""
    codes = [f"A{number:03d}" for number in range(100)]
    catalog, locks = tmp_path / "catalog", FileLocks(tmp_path)
    add(Lake(SqliteLake(catalog, f"{tmp_path}/files/"), locks), *codes)
    (tmp_path / "files").rename(tmp_path / "moved")
    (tmp_path / "catalog").rename(tmp_path / "catalog moved")
    with closing(sqlite3.connect(tmp_path / "catalog moved")) as connection:
        connection.execute(
            "UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [f"{tmp_path}/moved/"]
        )
        connection.commit()
    assert held(Lake(SqliteLake(tmp_path / "catalog moved", f"{tmp_path}/moved/"), locks)) == codes


def test_a_catalog_that_does_not_answer_is_reported_without_its_password(tmp_path: Path) -> None:
    from a4s_pipeline.locks.postgres_locks import PostgresLocks  # noqa: PLC0415

    connection = "host=127.0.0.1 port=1 user=a4s password=s3cret-Word dbname=lake connect_timeout=2"
    lake = Lake(PostgresLake(connection, f"{tmp_path}/files/"), PostgresLocks(connection))
    for _ in range(2):
        with pytest.raises(StoreUnreachable) as told, lake.session():
            pass
        assert "s3cret-Word" not in str(told.value)
        assert "A4S_WAREHOUSE leads to it" in str(told.value)
    with pytest.raises(StoreUnreachable):
        add(lake, "A1")
    assert "s3cret" not in repr(lake)


def test_whatever_duckdb_says_of_a_connection_holds_no_password(tmp_path: Path) -> None:
    for connection in (
        "host=127.0.0.1 port=1 user=a4s password=s3cret-Word dbname=lake",
        "host=127.0.0.1   port=1 user=a4s password='s3cret-Word two' dbname=lake",
        "postgresql://a4s:s3cret-Word@127.0.0.1:1/lake",
        "postgresql://a4s:s3cret%2DWord@127.0.0.1:1/lake",
    ):
        # With locks that need no database, DuckDB is the first to connect.
        lake = Lake(PostgresLake(connection, f"{tmp_path}/files/"), FileLocks(tmp_path / "locks"))
        with pytest.raises(StoreUnreachable, match="A4S_WAREHOUSE leads to it") as told, lake.session():
            pass
        assert "s3cret" not in str(told.value)
        assert "Word" not in str(told.value)


@on_postgres  # a file does not go away
def test_a_catalog_that_comes_back_is_used_again(lake: Lake) -> None:
    assert isinstance(lake.location, PostgresLake)
    add(lake, "A1")
    cut_off(lake.location.connection)
    for _ in range(3):
        # The first to notice says so; the next finds it again.
        try:
            add(lake, "A2")
        except StoreUnreachable:
            continue
        break
    assert held(lake) == ["A1", "A2"]


def cut_off(connection: str) -> None:
    """End every other connection to the database, as a restart of the server does."""
    import psycopg2  # noqa: PLC0415

    session = psycopg2.connect(connection)
    with session.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    session.close()
