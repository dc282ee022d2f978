import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSite, StoreHeld
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile

_HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
sys.stdin.read()
"""


def _hold(path: Path, how: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def _fill(warehouse: WarehouseFile, fingerprint: str) -> None:
    with warehouse.transaction() as connection:
        connection.execute("INSERT INTO flow_executions (flow, started_at) VALUES ($1, now())", [fingerprint])


def _has(warehouse: WarehouseFile, fingerprint: str) -> bool:
    with warehouse.session() as connection:
        found = connection.execute("SELECT 1 FROM flow_executions WHERE flow = $1", [fingerprint])
        return found.fetchone() is not None


def test_the_name_of_the_log_is_on_the_disk_with_the_first_commit_whoever_made_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "warehouse.duckdb", list[Path]()
    monkeypatch.setattr("a4s_pipeline.warehouse.file.warehouse_file.sync", synced.append)
    _fill(WarehouseFile(path), "on a new file")
    # Once when the file was made, and once for the log, which begins with the tables in the same session.
    assert synced[1:] == [tmp_path, tmp_path]
    synced.clear()

    def stopped(_: Path) -> None:
        raise OSError("stopped before the sync")

    monkeypatch.setattr("a4s_pipeline.warehouse.file.warehouse_file.sync", stopped)
    with pytest.raises(ChangeSite):
        _fill(WarehouseFile(path), "left in the log")
    assert path.with_name("warehouse.duckdb.wal").stat().st_size > 0
    monkeypatch.setattr("a4s_pipeline.warehouse.file.warehouse_file.sync", synced.append)
    _fill(WarehouseFile(path), "behind it")
    assert synced == [tmp_path]
    assert _has(WarehouseFile(path), "left in the log")


@pytest.mark.parametrize("how", ["read", "write"])
def test_a_file_that_another_process_holds_is_named_with_that_process(
    warehouse: WarehouseFile, path: Path, how: str
) -> None:
    _fill(warehouse, "before")
    holder = _hold(path, how)
    try:
        with pytest.raises(StoreHeld) as held, warehouse.session():
            pass
        assert str(held.value) == (
            f"{path} is held by process {holder.pid}, waited 0.2 s: close it there and try again. "
            "To query, open analytics.duckdb, which is never locked"
        )
    finally:
        holder.communicate()
    assert _has(warehouse, "before")


def test_a_file_that_is_let_go_in_time_is_waited_for(path: Path) -> None:
    warehouse = WarehouseFile(path, wait_seconds=10)
    _fill(warehouse, "before")
    holder = _hold(path, "read")
    letting_go = threading.Timer(0.3, holder.communicate)
    letting_go.start()
    assert _has(warehouse, "before")
    letting_go.join()


def test_a_holder_that_was_killed_holds_nothing(warehouse: WarehouseFile, path: Path) -> None:
    _fill(warehouse, "before")
    holder = _hold(path, "write")
    holder.kill()
    holder.communicate()
    assert _has(warehouse, "before")


def test_between_sessions_the_file_is_free_for_other_processes(warehouse: WarehouseFile, path: Path) -> None:
    _fill(warehouse, "before")
    _hold(path, "write").communicate()


def test_threads_of_one_process_take_turns(path: Path) -> None:
    warehouses = [WarehouseFile(path, wait_seconds=30) for _ in range(3)]

    def fill(number: int) -> None:
        for turn in range(3):
            _fill(warehouses[number], f"{number}-{turn}")

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warehouses[0].session() as connection:
        found = connection.execute("SELECT count(*) FROM flow_executions WHERE flow LIKE '_-_'")
        assert found.fetchone() == (9,)


def test_a_thread_that_waits_too_long_is_reported(path: Path) -> None:
    failures: list[str] = []

    def wait() -> None:
        try:
            _has(WarehouseFile(path, wait_seconds=0.1), "x")
        except StoreHeld as held:
            failures.append(str(held))

    with WarehouseFile(path).session():
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert failures == [f"{path} is in use by another thread of this process: try again later"]


def test_what_a_transaction_wrote_before_it_failed_is_not_kept(warehouse: WarehouseFile) -> None:
    with pytest.raises(duckdb.CatalogException), warehouse.transaction() as connection:
        connection.execute("INSERT INTO flow_executions (flow, started_at) VALUES ('lost', now())").execute(
            "FROM unknown"
        )
    assert not _has(warehouse, "lost")
    _fill(warehouse, "kept")
    assert _has(warehouse, "kept")


def test_a_failed_session_releases_the_file(warehouse: WarehouseFile, path: Path) -> None:
    with pytest.raises(duckdb.CatalogException), warehouse.session() as connection:
        connection.execute("SELECT * FROM unknown")
    _hold(path, "write").communicate()


def test_a_process_that_is_killed_within_a_transaction_leaves_nothing_of_it(
    warehouse: WarehouseFile, path: Path
) -> None:
    _fill(warehouse, "before")
    script = (
        "import sys, pathlib, os, signal\n"
        "from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile\n"
        "with WarehouseFile(pathlib.Path(sys.argv[1])).transaction() as connection:\n"
        "    connection.execute(\"INSERT INTO flow_executions (flow, started_at) VALUES ('lost', now())\")\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -9
    assert _has(warehouse, "before")
    assert not _has(warehouse, "lost")


def test_a_file_that_is_no_database_is_named_at_once(warehouse: WarehouseFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(ChangeSite, match=f"^{path} is damaged .*`a4s restore"), warehouse.session():
        pass


def test_a_folder_with_lock_in_its_name_is_not_mistaken_for_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "blocked" / "warehouse.duckdb"
    path.mkdir(parents=True)
    # Longer than the test may last.
    with pytest.raises(ChangeSite, match="cannot be used"), WarehouseFile(path, wait_seconds=3600).session():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "warehouse.duckdb"
    with pytest.raises(ChangeSite, match=f"{path} cannot be used"), WarehouseFile(path).session():
        pass


def test_instants_are_shown_in_utc_wherever_the_process_runs(warehouse: WarehouseFile) -> None:
    with warehouse.session() as connection:
        found = connection.execute("SELECT TIMESTAMPTZ '2024-07-01 12:00:00+02:00'::VARCHAR").fetchone()
    assert found == ("2024-07-01 10:00:00+00",)


def test_the_file_is_readable_by_duckdb_1_4(warehouse: WarehouseFile, path: Path) -> None:
    _fill(warehouse, "x")
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'warehouse'")
        assert found.fetchone() == ({"storage_version": "v1.4.0+"},)


def test_the_name_of_the_file_is_all_that_a_warehouse_shows(warehouse: WarehouseFile, path: Path) -> None:
    assert repr(warehouse) == f"WarehouseFile({str(path)!r})"


@pytest.mark.from_nothing
def test_what_a_process_left_half_made_when_it_was_killed_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with WarehouseFile(path).session():
        pass
    # Killed between the two: the file is in its place, and has its first name still.
    abandoned = tmp_path / ".warehouse.duckdb.4242.4242.tmp"
    abandoned.hardlink_to(path)
    with WarehouseFile(path).session() as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
    assert not abandoned.exists()
