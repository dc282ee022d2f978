"""`a4s lake export`: what it moves, what it reports, and what it leaves alone."""

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.cli import main
from a4s_pipeline.errors import TryAgain
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.sync.stream_run import stream_lock
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.lake.lake_export import LakeAhead
from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.tables import ORDER_EXPORTS, SYNC_STATE, TABLES
from a4s_pipeline_tests.lake.moves import Move, all_rows

pytestmark = pytest.mark.cluster


@pytest.fixture
def a4s(
    move: Move, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command with the lake's settings; return its status and output."""

    def run(*arguments: str, **more: str) -> tuple[int, str, str]:
        for name, value in {**move.after, **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["a4s", *arguments])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out, said.err

    return run


def test_every_row_of_every_table_is_in_the_lake_exactly_as_in_the_file(
    move: Move, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    move.put_hostile()
    before = all_rows(move.of_file.warehouse)
    status, out, err = a4s("lake", "export")
    assert (status, err) == (0, "")
    move.assert_moved()
    assert all_rows(move.of_file.warehouse) == before
    assert all(before[table.name] for table in TABLES)
    quantities = {row[4] for row in all_rows(move.lake)["item_deliveries"]}
    assert {Decimal("99999999999999.9999"), Decimal("0.0001"), None} <= quantities
    assert "keep warehouse.duckdb as a backup" in out


def test_so_they_are_where_the_catalog_is_in_postgresql(
    move: Move, database: str, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    move.to(f"ducklake:postgres:{database}")
    move.put_hostile()
    assert a4s("lake", "export")[0] == 0
    move.assert_moved()


def test_afterwards_a_sync_of_the_lake_goes_on_and_asks_for_no_lines(
    move: Move, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    assert a4s("lake", "export")[0] == 0
    move.sandbox.clear()
    result = move.of_lake.sync("orders", "demo", run_id="next").or_raise()
    assert move.sandbox.calls("order_lines") == []
    first = move.sandbox.calls("orders")[0].query["orderDateFrom"]
    assert (result.new, result.changed, result.calls) == (0, 0, len(move.sandbox.requests))
    move.sandbox.clear()
    # From the same instant on as the file's own next sync.
    move.of_file.sync("orders", "demo", run_id="next").or_raise()
    assert move.sandbox.calls("orders")[0].query["orderDateFrom"] == first


def test_a_second_export_does_nothing_and_says_so(
    move: Move, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    document = json.loads(a4s("lake", "export", "--json")[1])
    assert document["tables"] == {name: len(rows) for name, rows in all_rows(move.lake).items()}
    assert document["connectors"] == ["demo", "noord"]
    assert document["seconds"] > 0
    with move.lake.session() as connection:
        snapshots = connection.execute("FROM ducklake_snapshots('lake')").fetchall()
    status, out, _ = a4s("lake", "export")
    assert status == 0
    assert "already: nothing was done" in out
    with move.lake.session() as connection:
        assert connection.execute("FROM ducklake_snapshots('lake')").fetchall() == snapshots


@pytest.mark.nightly  # by day one does that broke off
def test_a_file_that_was_synced_after_its_export_is_brought_up_to_date(move: Move) -> None:
    move.export()
    move.put(*range(10, 40), version=2)
    move.sync(move.of_file)
    move.export()
    move.assert_moved()


def test_what_was_synced_into_the_lake_is_not_replaced_unasked(
    move: Move, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    a4s("lake", "export")
    move.put(50)
    move.of_lake.sync("orders", "noord", run_id="lake").or_raise()
    there = all_rows(move.lake)
    status, out, err = a4s("lake", "export")
    assert (status, out) == (1, "")
    assert "1 of orders of 'noord'" in err
    assert "--replace" in err
    assert all_rows(move.lake) == there
    assert a4s("lake", "export", "--connector", "demo")[0] == 0
    assert a4s("lake", "export", "--replace")[0] == 0
    move.assert_moved()


def test_what_was_sent_from_the_lake_is_not_replaced(move: Move) -> None:
    sent = {
        "connector": "demo",
        "intake_order_id": "IO-1",
        "status": "ok",
        "synced_at": "2024-01-01T00:00:00Z",
    }
    move.lake.transact(lambda connection: append_rows(connection, ORDER_EXPORTS, [sent]))
    with pytest.raises(LakeAhead, match="1 of order_exports of 'demo'"):
        move.export()
    assert [len(rows) for rows in all_rows(move.lake).values() if rows] == [1]


def test_what_was_sent_during_the_export_is_not_replaced(move: Move) -> None:
    sent = {"connector": "noord", "intake_order_id": "IO-1", "synced_at": "2024-01-01T00:00:00Z"}
    looks = iter([1])

    def advance(_more: int, _total: int) -> None:
        if next(looks, None):
            move.lake.transact(lambda connection: append_rows(connection, ORDER_EXPORTS, [sent]))

    with pytest.raises(TryAgain, match="order_exports of 'noord'"):
        move.export(advance=advance)
    assert all_rows(move.lake)["sync_state"] == []
    assert len(all_rows(move.lake)["order_exports"]) == 1


def test_connectors_that_only_the_lake_has_are_left_alone(move: Move) -> None:
    state = {"connector": "zuid", "stream": "orders", "synced_at": "2024-01-01T00:00:00Z"}
    move.lake.transact(lambda connection: append_rows(connection, SYNC_STATE, [state]))
    move.export(is_replacing=True)
    assert [row[0] for row in all_rows(move.lake)["sync_state"] if row[0] == "zuid"] == ["zuid"]


def test_the_file_cannot_be_written_meanwhile_and_is_let_go_of_afterwards(move: Move) -> None:
    opened: list[int] = []

    def look(_more: int, _total: int) -> None:
        if not opened:
            script = f"import duckdb; duckdb.connect({str(move.path)!r})"
            done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
            opened.append(done.returncode)

    move.export(advance=look)
    assert opened == [1]
    move.put(60)
    move.sync(move.of_file)


def test_a_sync_that_is_under_way_on_either_side_is_left_to_finish(
    move: Move, a4s: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.cli.upkeep.lake.stream_lock", partial(stream_lock, wait_seconds=0))
    for locks in (FileLocks(move.data / "locks"), move.of_lake.locks):
        with stream_lock(locks, "noord", "customers"):
            status, _, err = a4s("lake", "export")
        assert status == 1
        assert "a sync of the customers of 'noord' is running" in err
        assert not any(all_rows(move.lake).values())


def test_one_that_is_interrupted_says_so_in_a_word(
    a4s: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        # What DuckDB makes of Ctrl-C in the middle of a query.
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("a4s_pipeline.cli.upkeep.lake.export_to_lake", interrupted)
    assert a4s("lake", "export") == (1, "", "Aborted!\n")


def test_an_older_file_that_lacks_a_column_is_moved_too(
    move: Move, a4s: Callable[..., tuple[int, str, str]]
) -> None:
    with duckdb.connect(str(move.path)) as connection:
        for (view,) in connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall():
            connection.execute(f"DROP VIEW {view}")
        connection.execute("ALTER TABLE orders DROP COLUMN delivery_address")
        connection.execute("DROP TABLE reconciled_months")
        connection.execute("DROP MACRO a4s_schema")
    moved = move.path.rename(move.path.with_name("it's old.duckdb"))
    assert a4s("lake", "export", "--from", str(moved))[0] == 0
    ours = all_rows(WarehouseFile(moved))
    assert all_rows(move.lake) == ours
    assert ours["orders"]


def test_wrong_usage_is_reported_before_anything_happens(
    move: Move, a4s: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    status, _, err = a4s("lake", "export", "--from", str(tmp_path / "none.duckdb"))
    assert (status, "there is no" in err) == (2, True)
    status, _, err = a4s("lake", "export", "--connector", "zuid")
    assert (status, "known: demo, noord" in err) == (2, True)
    status, _, err = a4s("lake", "export", A4S_WAREHOUSE="")
    assert (status, "A4S_WAREHOUSE names no lake" in err) == (2, True)
    no_database = tmp_path / "text.duckdb"
    no_database.write_text("no database" * 1000)
    status, _, err = a4s("lake", "export", "--from", str(no_database))
    assert (status, "is damaged" in err) == (1, True)
    assert not any(all_rows(move.lake).values())


def test_a_column_that_is_empty_for_long_does_not_spoil_what_the_lake_answers(move: Move) -> None:
    """DuckLake 1.0 loses a column's bounds in a file with a row group that is all null."""
    spans = (
        "SELECT 'a', -1000000000 * number FROM range(2) AS t (number)",
        "SELECT 'b', CASE WHEN number > 250000 THEN number END FROM range(250042) AS t (number)",
        "SELECT 'c', number % 3 FROM range(100) AS t (number)",
    )

    def write(connection: duckdb.DuckDBPyConnection) -> None:
        for span in spans:
            connection.execute(f"INSERT INTO order_lines (connector, line_number) {span}")

    move.of_file.warehouse.transact(write)
    move.export()
    files = f"{move.files}/main/order_lines/*/*.parquet"
    groups = "SELECT count(DISTINCT row_group_id) FROM parquet_metadata($1) GROUP BY file_name"
    assert set(duckdb.execute(groups, [files]).fetchall()) == {(1,)}
    for question in (
        "SELECT line_number FROM order_lines WHERE line_number IS NOT NULL ORDER BY ALL",
        "SELECT count(*) FROM order_lines WHERE line_number > 100",
        "SELECT count(*) FROM order_lines WHERE line_number < 0",
    ):
        with move.lake.session() as lake, WarehouseFile(move.path).session() as file:
            assert lake.execute(question).fetchall() == file.execute(question).fetchall()
