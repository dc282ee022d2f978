"""The store as a lake: whole writes, consistent reads, and writers that meet."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.errors import StoreHeld
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.settings.store_location import SqliteLake
from a4s_pipeline.warehouse.lake.lake import TRIES_SIDE_BY_SIDE, Lake
from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.schema.views import Conventions, views_by
from a4s_pipeline.warehouse.tables import ORDERS, REFERENCE_TABLES, SYNC_STATE, TABLES
from a4s_pipeline_tests.lake.conftest import OpenLake, on_either, on_postgres
from a4s_pipeline_tests.lake.rows import add, held

pytestmark = pytest.mark.cluster


def test_what_a_transaction_writes_is_there_for_everybody_afterwards(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1", "A2")
    assert held(open_lake()) == ["A1", "A2"]


def test_a_transaction_that_fails_leaves_nothing_and_is_not_done_again(lake: Lake) -> None:
    tries: list[type[BaseException]] = []

    def work(connection: duckdb.DuckDBPyConnection, what: type[BaseException]) -> None:
        tries.append(what)
        append_rows(connection, ORDERS, [{"connector": "demo", "order_code": "A1"}])
        raise what

    reasons = [ZeroDivisionError, KeyboardInterrupt]
    for what in reasons:
        with pytest.raises(what):
            lake.transact(partial(work, what=what))
        assert held(lake) == []
    assert tries == reasons


@on_either
def test_every_table_column_and_view_has_its_comment(lake: Lake) -> None:
    with lake.session() as connection:
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
    assert tables == {table.name: table.comment for table in (*TABLES, *REFERENCE_TABLES)}
    for table in TABLES:
        for column in table.columns:
            assert columns[table.name, column.name] == (
                column.type.replace("TIMESTAMPTZ", INSTANT),
                column.comment,
            )
    for view in views_by(Conventions()):
        assert views[view.name].startswith(view.comment)
        for column in view.columns:
            assert f"\n{column.name}: {column.comment}" in views[view.name]


INSTANT = "TIMESTAMP WITH TIME ZONE"


def test_a_session_reads_one_snapshot_whatever_is_written_meanwhile(lake: Lake, open_lake: OpenLake) -> None:
    add(lake, "A1")
    with lake.session() as connection:
        before = connection.execute("SELECT count(*) FROM orders").fetchall()
        add(open_lake(), "A2", "A3")
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == before == [(1,)]
    assert held(lake) == ["A1", "A2", "A3"]


@on_postgres  # an SQLite catalog has one writer at a time
def test_work_that_met_another_writer_is_done_again_on_what_that_one_wrote(
    lake: Lake, open_lake: OpenLake
) -> None:
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
    with lake.session() as connection:
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
    with lake.session() as connection:
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
    with lake.session() as connection:
        assert connection.execute("SELECT seen FROM sync_state").fetchall() == [(20,)]


def test_a_writer_that_never_lets_go_is_waited_for_within_bounds(
    lake: Lake, open_lake: OpenLake, tmp_path: Path
) -> None:
    add(lake, "A1")
    impatient = open_lake(0.3)
    # Somebody who writes to the lake without us, and so takes no turns.
    outsider = Lake(lake.location, FileLocks(tmp_path / "locks of an outsider"))
    tries = []

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        tries.append(1)
        connection.execute("UPDATE orders SET reference = 'ours'")
        # Whenever the impatient one is about to be done, another was first.
        add(outsider, "A1")

    def hold(connection: duckdb.DuckDBPyConnection) -> None:
        with pytest.raises(StoreHeld, match="try again later"):
            add(impatient, "A2")
        connection.execute("UPDATE orders SET reference = 'ours'")

    if isinstance(lake.location, SqliteLake):
        lake.transact(hold)
    else:
        with pytest.raises(StoreHeld, match="try again later"):
            impatient.transact(work)
        assert len(tries) > TRIES_SIDE_BY_SIDE


@on_postgres  # an SQLite catalog has one writer at a time
def test_work_that_takes_longer_than_anybody_waits_runs_alone(lake: Lake, open_lake: OpenLake) -> None:
    patience = 0.2
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


@on_either
def test_an_order_can_be_read_as_it_was(lake: Lake) -> None:
    add(lake, "A1", status="open")
    with lake.session() as connection:
        [(snapshot,)] = connection.execute(
            "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')"
        ).fetchall()
    add(lake, "A1", status="shipped")
    with lake.session() as connection:
        was = connection.execute(f"SELECT status FROM orders AT (VERSION => {snapshot})").fetchall()
        assert was == [("open",)]
        assert connection.execute("SELECT status FROM orders").fetchall() == [("shipped",)]
