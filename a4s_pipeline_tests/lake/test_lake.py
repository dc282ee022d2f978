"""The store as a lake: what is written whole, what is read at once, and what happens where writers meet."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSettings, ChangeSite, StoreHeld, StoreUnreachable
from a4s_pipeline.locks import FileLocks
from a4s_pipeline.warehouse.lake import TRIES_SIDE_BY_SIDE, Lake
from a4s_pipeline.warehouse.lake_upkeep import standing, tend
from a4s_pipeline.warehouse.place import LakePlace, PostgresLake, SqliteLake
from a4s_pipeline.warehouse.staging import append_rows, replace_rows
from a4s_pipeline.warehouse.tables import ORDERS, SYNC_STATE, TABLES
from a4s_pipeline.warehouse.views import DEFAULT_ZONE, views_in
from a4s_pipeline_tests.lake.conftest import OpenLake
from a4s_pipeline_tests.lake.openers import open_at_once

pytestmark = pytest.mark.cluster


def add(lake: Lake, *codes: str, connector: str = "demo", **more: Any) -> None:
    rows = [{"connector": connector, "order_code": code, **more} for code in codes]
    lake.transact(lambda connection: replace_rows(connection, ORDERS, rows))


def held(lake: Lake) -> list[str]:
    with lake.moment() as connection:
        return [code for (code,) in connection.execute("SELECT order_code FROM orders ORDER BY 1").fetchall()]


def test_what_a_transaction_writes_is_there_for_everybody_afterwards(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1", "A2")
    assert held(open_lake()) == ["A1", "A2"]


def test_a_new_lake_is_opened_by_many_processes_at_once(place: LakePlace) -> None:
    """Of two that found the catalog empty, DuckLake let both make its tables, and one failed."""
    assert open_at_once(place, 4) == []


@pytest.mark.parametrize("what", [ZeroDivisionError, KeyboardInterrupt])
def test_a_transaction_that_fails_leaves_nothing_and_is_not_done_again(
    lake: Lake, what: type[BaseException]
) -> None:
    tries = []

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        tries.append(1)
        append_rows(connection, ORDERS, [{"connector": "demo", "order_code": "A1"}])
        raise what

    with pytest.raises(what):
        lake.transact(work)
    assert held(lake) == []
    assert len(tries) == 1


def test_every_table_column_and_view_has_its_comment(lake: Lake) -> None:
    with lake.moment() as connection:
        tables = dict(
            connection.execute(
                "SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'"
            ).fetchall()
        )
        columns = {
            (table, column): (kind, comment)
            for table, column, kind, comment in connection.execute(
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
                "WHERE database_name = 'lake' AND NOT internal"
            ).fetchall()
        }
        views = dict(
            connection.execute(
                "SELECT view_name, comment FROM duckdb_views() WHERE database_name = 'lake'"
            ).fetchall()
        )
    assert tables == {table.name: table.comment for table in TABLES}
    for table in TABLES:
        for column in table.columns:
            assert columns[table.name, column.name] == (
                column.type.replace("TIMESTAMPTZ", INSTANT),
                column.comment,
            )
    for view in views_in(DEFAULT_ZONE):
        assert views[view.name].startswith(view.comment)
        for column in view.columns:
            assert f"\n{column.name}: {column.comment}" in views[view.name]


INSTANT = "TIMESTAMP WITH TIME ZONE"


def test_a_moment_reads_one_snapshot_whatever_is_written_meanwhile(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1")
    with lake.moment() as connection:
        before = connection.execute("SELECT count(*) FROM orders").fetchall()
        add(open_lake(), "A2", "A3")
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == before == [(1,)]
    assert held(lake) == ["A1", "A2", "A3"]


def test_work_that_met_another_writer_is_done_again_on_what_that_one_wrote(
    lake: Lake, open_lake: OpenLake
) -> None:
    if isinstance(lake.place, SqliteLake):
        pytest.skip("an SQLite catalog has one writer at a time")
    other = open_lake()
    add(lake, "A1", reference="none")
    seen = []

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        [(reference,)] = connection.execute("SELECT reference FROM orders").fetchall()
        seen.append(reference)
        if len(seen) == 1:
            add(other, "A1", reference="theirs")
        connection.execute("UPDATE orders SET reference = $1", [f"{reference} and ours"])

    lake.transact(work)
    assert seen == ["none", "theirs"]
    with lake.moment() as connection:
        assert connection.execute("SELECT reference FROM orders").fetchall() == [("theirs and ours",)]


def test_a_long_transaction_comes_to_its_end_among_many_short_ones(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1", reference="0")
    is_over = threading.Event()
    others = open_lake()
    count = 0

    def write_often() -> None:
        nonlocal count
        while not is_over.is_set():
            others.transact(
                lambda connection: connection.execute(
                    "UPDATE orders SET reference = CAST(CAST(reference AS INTEGER) + 1 AS VARCHAR)"
                )
            )
            count += 1

    tries = []

    def slowly(connection: duckdb.DuckDBPyConnection) -> None:
        tries.append(1)
        connection.execute("UPDATE orders SET order_type = 'slow'")
        time.sleep(0.3)

    writer = threading.Thread(target=write_often)
    writer.start()
    try:
        lake.transact(slowly)
    finally:
        is_over.set()
        writer.join()
    assert len(tries) <= TRIES_SIDE_BY_SIDE + 1
    with lake.moment() as connection:
        assert connection.execute("SELECT reference, order_type FROM orders").fetchall() == [
            (str(count), "slow")
        ]


def test_counters_that_ten_writers_raise_at_once_miss_no_step(lake: Lake, open_lake: OpenLake) -> None:
    lake.transact(
        lambda connection: append_rows(
            connection, SYNC_STATE, [{"connector": "demo", "stream": "orders", "seen": 0}]
        )
    )

    def raise_it() -> None:
        mine = open_lake()
        for _ in range(5):
            mine.transact(lambda connection: connection.execute("UPDATE sync_state SET seen = seen + 1"))

    writers = [threading.Thread(target=raise_it) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with lake.moment() as connection:
        assert connection.execute("SELECT seen FROM sync_state").fetchall() == [(20,)]


def test_a_writer_that_never_lets_go_is_waited_for_within_bounds(
    lake: Lake, open_lake: OpenLake, tmp_path: Path
) -> None:
    add(lake, "A1")
    impatient = open_lake(0.3)
    # Somebody who writes to the lake without us, and so takes no turns.
    outsider = Lake(lake.place, FileLocks(tmp_path / "locks of an outsider"))
    began = time.monotonic()

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE orders SET reference = 'ours'")
        if isinstance(lake.place, PostgresLake):
            # Whenever the impatient one is about to be done, another was first.
            add(outsider, "A1")
        else:
            add(impatient, "A2")

    def hold(connection: duckdb.DuckDBPyConnection) -> None:
        with pytest.raises(StoreHeld, match="try again later"):
            add(impatient, "A2")
        connection.execute("UPDATE orders SET reference = 'ours'")

    if isinstance(lake.place, SqliteLake):
        lake.transact(hold)
    else:
        with pytest.raises(StoreHeld, match="try again later"):
            impatient.transact(work)
    assert time.monotonic() - began < 10


def test_work_that_takes_longer_than_anybody_waits_has_its_turn_alone(
    lake: Lake, open_lake: OpenLake
) -> None:
    if isinstance(lake.place, SqliteLake):
        pytest.skip("an SQLite catalog has one writer at a time")
    patience = 0.5
    slow, quick = open_lake(wait_seconds=patience), open_lake()
    add(lake, "A0")
    tries = []

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        tries.append(1)
        append_rows(connection, ORDERS, [{"connector": "demo", "order_code": "slow"}])
        time.sleep(2 * patience)
        connection.execute("DELETE FROM orders WHERE order_code = 'A0'")
        if len(tries) <= TRIES_SIDE_BY_SIDE:
            # Another is first each time that it may be.
            quick.transact(lambda other: other.execute("DELETE FROM orders WHERE order_code = 'A0'") and None)
            add(quick, "A0")

    slow.transact(work)
    assert len(tries) == TRIES_SIDE_BY_SIDE + 1
    assert held(lake) == ["slow"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_the_lake_for_itself(lake: Lake) -> None:
    """To close what its parent had open, it waited for threads that were not there, for ever."""
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


def test_upkeep_deletes_no_file_of_another_catalog_in_the_same_folder(lake: Lake, tmp_path: Path) -> None:
    other = Lake(SqliteLake(tmp_path / "other.sqlite", lake.place.files), FileLocks(tmp_path / "other.locks"))
    codes = [f"A{number:03d}" for number in range(100)]
    add(other, *codes)
    add(lake, *codes)
    for path in Path(lake.place.files).rglob("*.parquet"):
        os.utime(path, (0, 0))
    tend(lake, timedelta(0), datetime.now(UTC) + timedelta(days=3))
    assert held(other) == held(lake) == codes


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
        tend(lake, timedelta(0), datetime.now(UTC))
    assert standing(lake).files < before.files
    assert standing(lake).snapshots == 1


def test_an_older_lake_gets_the_columns_that_it_lacks(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1")

    def make_older(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("ALTER TABLE orders DROP COLUMN reference")
        connection.execute("DROP VIEW orders_without_lines")
        connection.execute("CREATE OR REPLACE MACRO a4s_schema() AS 'of an older version'")

    lake.transact(make_older)
    newer = open_lake()
    with newer.moment() as connection:
        assert connection.execute("SELECT order_code, reference FROM orders").fetchall() == [("A1", None)]
        assert connection.execute("SELECT order_code FROM orders_without_lines").fetchall() == [("A1",)]


def test_an_order_can_be_read_as_it_was(lake: Lake) -> None:
    add(lake, "A1", status="open")
    with lake.moment() as connection:
        [(snapshot,)] = connection.execute(
            "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')"
        ).fetchall()
    add(lake, "A1", status="shipped")
    with lake.moment() as connection:
        was = connection.execute(f"SELECT status FROM orders AT (VERSION => {snapshot})").fetchall()
        assert was == [("open",)]
        assert connection.execute("SELECT status FROM orders").fetchall() == [("shipped",)]


def test_upkeep_merges_files_and_lets_snapshots_go_and_changes_no_row(lake: Lake) -> None:
    for number in range(5):
        # More rows than the catalog holds by itself.
        add(lake, *(f"{number}-{one:03d}" for one in range(100)))
    add(lake, *(f"0-{one:03d}" for one in range(50)), reference="anew")
    before = held(lake)
    small = standing(lake)
    tended = tend(lake, timedelta(days=30), datetime.now(UTC))
    assert held(lake) == before
    assert tended.before == small
    assert tended.after.files < small.files
    assert tended.after.snapshots >= small.snapshots
    shorter = tend(lake, timedelta(0), datetime.now(UTC))
    assert shorter.after.snapshots == 1
    assert held(lake) == before
    gone = tend(lake, timedelta(0), datetime.now(UTC) + timedelta(days=3))
    assert gone.files_deleted > 0
    assert held(lake) == before


def test_rows_of_two_connectors_lie_in_files_of_their_own(lake: Lake) -> None:
    add(lake, *(f"A{one}" for one in range(50)), connector="demo")
    add(lake, *(f"A{one}" for one in range(50)), connector="noord")
    folders = {path.parent.name for path in Path(lake.place.files).rglob("*.parquet")}
    assert folders == {"connector=demo", "connector=noord"}


def test_a_column_that_is_empty_for_long_in_a_large_batch_spoils_no_answer(lake: Lake) -> None:
    """DuckLake 1.0 loses a column's bounds by a file in which one row group is null throughout."""
    batches = (
        "SELECT 'a', -1000000000 * number FROM range(2) AS t (number)",
        "SELECT 'b', CASE WHEN number > 250000 THEN number END FROM range(250042) AS t (number)",
        "SELECT 'c', number % 3 FROM range(100) AS t (number)",
    )

    def answers() -> list[int]:
        questions = ("line_number > 100", "line_number < 0", "line_number IS NOT NULL")
        with lake.moment() as connection:
            return [
                connection.execute(f"SELECT count(*) FROM order_lines WHERE {question}").fetchall()[0][0]
                for question in questions
            ]

    for batch in batches:
        lake.transact(_inserting(batch))
    assert answers() == [41, 1, 143]
    tend(lake, timedelta(0), datetime.now(UTC))
    lake.transact(_inserting(batches[-1]))
    assert answers() == [41, 1, 243]


def _inserting(query: str) -> Callable[[duckdb.DuckDBPyConnection], None]:
    def insert(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO order_lines (connector, line_number) {query}")

    return insert


def test_a_file_that_is_no_catalog_is_named_with_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "catalog").write_bytes(b"no database" * 1000)
    lake = Lake(SqliteLake(tmp_path / "catalog", f"{tmp_path}/files/"), FileLocks(tmp_path))
    told = rf"the lake with its catalog in {tmp_path}/catalog cannot be used .*check A4S_WAREHOUSE"
    with pytest.raises(ChangeSite, match=told), lake.moment():
        pass


def test_a_catalog_is_made_only_where_its_files_can_be(tmp_path: Path) -> None:
    """It remembers their folder for ever."""
    (tmp_path / "no folder").touch()
    catalog, locks = tmp_path / "catalog", FileLocks(tmp_path)
    with (
        pytest.raises(ChangeSite, match="no folder"),
        Lake(SqliteLake(catalog, f"{tmp_path}/no folder/"), locks).moment(),
    ):
        pass
    add(Lake(SqliteLake(catalog, f"{tmp_path}/files/"), locks), "A1")
    elsewhere = Lake(SqliteLake(catalog, f"{tmp_path}/others/"), locks)
    with pytest.raises(ChangeSettings, match="A4S_LAKE_FILES leads elsewhere"), elsewhere.moment():
        pass


def test_a_lake_that_was_moved_is_told_so_in_its_catalog(tmp_path: Path) -> None:
    """As docs/deployment.md has it."""
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


def test_a_catalog_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    from a4s_pipeline.postgres_locks import PostgresLocks  # noqa: PLC0415

    connection = "host=127.0.0.1 port=1 user=a4s password=s3cret-Word dbname=lake connect_timeout=2"
    lake = Lake(PostgresLake(connection, f"{tmp_path}/files/"), PostgresLocks(connection))
    for _ in range(2):
        with pytest.raises(StoreUnreachable) as told, lake.moment():
            pass
        assert "s3cret-Word" not in str(told.value)
        assert "A4S_WAREHOUSE leads to it" in str(told.value)
    with pytest.raises(StoreUnreachable):
        add(lake, "A1")
    assert "s3cret" not in repr(lake)


@pytest.mark.parametrize(
    "connection",
    [
        "host=127.0.0.1 port=1 user=a4s password=s3cret-Word dbname=lake",
        "host=127.0.0.1   port=1 user=a4s password='s3cret-Word two' dbname=lake",
        "postgresql://a4s:s3cret-Word@127.0.0.1:1/lake",
        "postgresql://a4s:s3cret%2DWord@127.0.0.1:1/lake",
    ],
)
def test_whatever_duckdb_says_of_a_connection_holds_no_password(connection: str, tmp_path: Path) -> None:
    # With locks that need no database, DuckDB is the first to connect.
    lake = Lake(PostgresLake(connection, f"{tmp_path}/files/"), FileLocks(tmp_path / "locks"))
    with pytest.raises(StoreUnreachable, match="A4S_WAREHOUSE leads to it") as told, lake.moment():
        pass
    assert "s3cret" not in str(told.value)
    assert "Word" not in str(told.value)


def test_a_catalog_that_comes_back_is_used_again(lake: Lake) -> None:
    if isinstance(lake.place, SqliteLake):
        pytest.skip("a file does not go away")
    add(lake, "A1")
    cut_off(lake.place.connection)
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
