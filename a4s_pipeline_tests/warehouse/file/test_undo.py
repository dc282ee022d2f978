import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.undo import keep_for_undo, undo_what_was_cut_short
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile

# Makes the blocks that a checkpoint writes over known, writes them over in part, and is killed: just what a
# kill in the middle of a checkpoint leaves, at the one moment in a hundred thousand when it can be seen.
_CUT_SHORT = """
import os, signal, sys
from pathlib import Path
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.undo import keep_for_undo

path, is_kept = Path(sys.argv[1]), sys.argv[2] == "kept"
with WarehouseFile(path).opened() as file:
    file.connection.execute("INSERT INTO sync_state (connector, stream) VALUES ('demo', 'in the log')")
    if is_kept:
        keep_for_undo(file.connection, file._handle, path)
    for block, size in file.connection.execute(
        "SELECT block_id, block_size FROM pragma_metadata_info(), pragma_database_size()"
    ).fetchall():
        handle = os.open(path, os.O_WRONLY)
        os.pwrite(handle, os.urandom(4096), 3 * 4096 + block * size)
    os.kill(os.getpid(), signal.SIGKILL)
"""

STREAMS = "SELECT stream FROM sync_state ORDER BY ALL"


def _cut_short(path: Path, kept: str) -> None:
    done = subprocess.run([sys.executable, "-c", _CUT_SHORT, str(path), kept], check=False, timeout=60)
    assert done.returncode == -9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with WarehouseFile(path).transaction() as connection:
        connection.execute("INSERT INTO sync_state (connector, stream) VALUES ('demo', 'in the file')")
    return path


def _rows(path: Path) -> list[tuple[Any, ...]]:
    with WarehouseFile(path).session() as connection:
        return connection.execute(STREAMS).fetchall()


def test_without_the_blocks_that_were_kept_no_duckdb_opens_the_file_again(path: Path) -> None:
    (path.parent / ".warehouse.duckdb.undo").unlink()
    _cut_short(path, "not kept")
    with pytest.raises(duckdb.Error, match="checksum"):
        duckdb.connect(str(path))


def test_a_damaged_file_that_cannot_be_put_right_says_from_which_copy_and_how_to_go_on(path: Path) -> None:
    publish(WarehouseFile(path), path.with_name("analytics.duckdb"))
    path.with_name(".warehouse.duckdb.undo").unlink()
    _cut_short(path, "not kept")
    with pytest.raises(ChangeSite, match=r"is damaged .*analytics\.duckdb is intact, as published") as told:
        _rows(path)
    assert told.value.code == "StoreDamaged"
    (command,) = re.findall("`(.*) && a4s sync`", str(told.value))
    subprocess.run(command, shell=True, check=True)
    assert _rows(path) == [("in the file",)]


def test_a_damaged_file_without_a_whole_copy_says_so(path: Path) -> None:
    path.with_name("analytics.duckdb").write_bytes(b"no database")
    path.write_bytes(b"nor is this")
    with pytest.raises(ChangeSite, match=r"no intact copy is beside it.*`a4s restore FOLDER --replace"):
        _rows(path)


def test_a_checkpoint_that_was_cut_short_is_undone_and_nothing_is_lost(path: Path) -> None:
    _cut_short(path, "kept")
    assert _rows(path) == [("in the file",), ("in the log",)]
    assert not path.with_name("warehouse.duckdb.wal").exists()
    # It is whole again for every other reader too.
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute(STREAMS).fetchall() == [("in the file",), ("in the log",)]


def test_it_is_undone_once(path: Path) -> None:
    _cut_short(path, "kept")
    assert undo_what_was_cut_short(path)
    assert not undo_what_was_cut_short(path)
    assert _rows(path) == [("in the file",), ("in the log",)]


def test_a_checkpoint_that_came_to_its_end_is_not_undone(path: Path) -> None:
    before = path.with_name(".warehouse.duckdb.undo").read_bytes()
    with WarehouseFile(path).transaction() as connection:
        connection.execute("INSERT INTO sync_state (connector, stream) VALUES ('demo', 'later')")
    path.with_name(".warehouse.duckdb.undo").write_bytes(before)
    assert not undo_what_was_cut_short(path)
    assert _rows(path) == [("in the file",), ("later",)]


def test_a_file_that_another_process_has_open_is_left_alone(path: Path) -> None:
    _cut_short(path, "kept")
    torn = path.read_bytes()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX);"
            "print('held', flush=True); sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert not undo_what_was_cut_short(path)
    assert path.read_bytes() == torn
    holder.communicate()
    assert undo_what_was_cut_short(path)


@pytest.mark.parametrize(
    "spoil", [lambda kept: kept[:-1], lambda kept: kept[:9000] + b"x" + kept[9001:], lambda _: b""]
)
def test_blocks_that_were_not_kept_whole_are_not_put_back(
    path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    _cut_short(path, "kept")
    torn = path.read_bytes()
    undo = path.with_name(".warehouse.duckdb.undo")
    undo.write_bytes(spoil(undo.read_bytes()))
    assert not undo_what_was_cut_short(path)
    assert path.read_bytes() == torn


def test_without_room_for_the_blocks_there_is_no_checkpoint_and_nothing_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("a4s_pipeline.warehouse.file.opened.keep_for_undo", full)
        with WarehouseFile(path).transaction() as connection:
            connection.execute("INSERT INTO sync_state (connector, stream) VALUES ('demo', 'in the log')")
    assert path.with_name("warehouse.duckdb.wal").stat().st_size > 0
    assert _rows(path) == [("in the file",), ("in the log",)]


def test_large_commits_wait_for_our_checkpoint_too(path: Path) -> None:
    headers = path.read_bytes()[4096:12288]
    with WarehouseFile(path).opened() as file:
        file.connection.execute(
            "INSERT INTO flow_executions (connector, error) "
            "SELECT 'demo', repeat('x', 100) || number FROM range(400000) AS t (number)"
        )
        assert path.read_bytes()[4096:12288] == headers
    assert path.read_bytes()[4096:12288] != headers
    shutil.copyfile(path, path.with_name("copy.duckdb"))
    with duckdb.connect(str(path.with_name("copy.duckdb")), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM flow_executions").fetchall() == [(400000,)]


def test_what_is_kept_is_what_the_file_holds(path: Path) -> None:
    with WarehouseFile(path).opened() as file:
        handle = os.open(path, os.O_RDONLY)
        keep_for_undo(file.connection, handle, path)
    kept = path.with_name(".warehouse.duckdb.undo").read_bytes()
    assert kept[:8192] == path.read_bytes()[4096:12288]
    assert len(kept) > 262144
