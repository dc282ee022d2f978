import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.writing import OrderBatch, write_orders
from a4s_pipeline_tests.warehouse.conftest import line_row, order_row, progress

_READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in sys.stdin:
    print(connection.execute("SELECT count(*) FROM orders JOIN order_lines USING (order_code)").fetchone()[0],
          flush=True)
"""


@pytest.fixture
def target(path: Path) -> Path:
    return path.with_name("analytics.duckdb")


def _write(warehouse: WarehouseFile, *codes: str) -> None:
    batch = OrderBatch({code: order_row(code) for code in codes}, {code: [line_row(code)] for code in codes})
    write_orders(warehouse, batch, progress())


def _count(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM orders").fetchone() or (-1,)
    return int(count)


def test_the_copy_holds_all_that_the_warehouse_holds(warehouse: WarehouseFile, target: Path) -> None:
    _write(warehouse, *[f"A{number}" for number in range(50)])
    published = publish(warehouse, target)
    assert (published.path, published.was_replaced) == (target, True)
    assert published.size == target.stat().st_size == warehouse.path.stat().st_size
    assert _count(target) == 50
    with duckdb.connect(str(target), read_only=True) as connection:
        comments = connection.execute("SELECT comment FROM duckdb_columns() WHERE NOT internal").fetchall()
        assert all(comment for (comment,) in comments)


def test_the_copy_keeps_the_mode_and_the_group_that_its_owner_gave_it(
    warehouse: WarehouseFile, target: Path
) -> None:
    publish(warehouse, target)
    group = max([*os.getgroups(), os.getgid()])
    os.chown(target, -1, group)
    for mode in (0o640, 0o664, 0o600):
        target.chmod(mode)
        _write(warehouse, f"A{mode}")
        assert publish(warehouse, target).was_replaced
        assert (stat.S_IMODE(target.stat().st_mode), target.stat().st_gid) == (mode, group)


def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(warehouse: WarehouseFile, target: Path) -> None:
    elsewhere = target.parent / "share"
    elsewhere.mkdir(parents=True)
    real = elsewhere / "sales.duckdb"
    target.symlink_to(Path("share") / "sales.duckdb")
    for count in (1, 2):
        _write(warehouse, f"A{count}")
        published = publish(warehouse, target)
        assert (published.path, published.was_replaced) == (target, True)
        assert (target.is_symlink(), real.is_symlink(), _count(real), _count(target)) == (
            True,
            False,
            count,
            count,
        )
    assert not publish(warehouse, target).was_replaced
    assert [path.name for path in elsewhere.iterdir()] == ["sales.duckdb"]


def test_a_copy_that_is_current_is_left_alone(warehouse: WarehouseFile, target: Path) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    before = target.stat()
    published = publish(warehouse, target)
    assert (published.was_replaced, published.size) == (False, before.st_size)
    assert target.stat().st_ino == before.st_ino


def test_a_copy_is_replaced_after_anything_was_written(warehouse: WarehouseFile, target: Path) -> None:
    for number in range(3):
        _write(warehouse, f"A{number}")
        assert publish(warehouse, target).was_replaced
        assert _count(target) == number + 1


def test_a_copy_that_somebody_deleted_is_made_again(warehouse: WarehouseFile, target: Path) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    target.unlink()
    assert publish(warehouse, target).was_replaced
    assert _count(target) == 1


def test_a_reader_that_has_the_old_copy_open_is_undisturbed_and_a_new_one_sees_the_new(
    warehouse: WarehouseFile, target: Path
) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None

    def ask() -> int:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
        return int(reader.stdout.readline())

    try:
        assert ask() == 1
        for number in range(2, 4):
            _write(warehouse, f"A{number}")
            publish(warehouse, target)
            assert ask() == 1
            assert _count(target) == number
    finally:
        reader.communicate()
    assert reader.returncode == 0


@pytest.mark.parametrize("something_new", [True, False])
def test_a_write_ahead_log_left_beside_the_copy_blocks_no_reader(
    warehouse: WarehouseFile, target: Path, something_new: bool
) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    stale = target.with_name(target.name + ".wal")
    script = (
        "import duckdb, os, signal, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "connection.execute('CREATE TABLE scratch (a INTEGER)')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert stale.exists()
    if something_new:
        _write(warehouse, "A2")
    publish(warehouse, target)
    assert not stale.exists()
    assert _count(target) == 1 + something_new


def test_temporaries_of_a_publish_that_was_killed_are_cleaned_up(
    warehouse: WarehouseFile, target: Path
) -> None:
    _write(warehouse, "A1")
    abandoned = target.with_name(".analytics.duckdb.4242.tmp")
    abandoned.write_text("half a copy")
    mine = target.with_name("my-notes.tmp")
    mine.write_text("an analyst's")
    publish(warehouse, target)
    assert not abandoned.exists()
    assert mine.exists()
    assert sorted(file.name for file in target.parent.iterdir()) == [
        ".warehouse.duckdb.undo",
        "analytics.duckdb",
        "my-notes.tmp",
        "warehouse.duckdb",
    ]


def test_a_copy_that_cannot_be_made_leaves_the_last_one_and_says_what_to_do(
    warehouse: WarehouseFile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    _write(warehouse, "A2")
    monkeypatch.setattr(
        "a4s_pipeline.warehouse.file.publish._COPY", "raise OSError(28, 'No space left on device')"
    )
    with pytest.raises(ChangeSite, match=r"No space left on device.*the last copy stays.*free disk space"):
        publish(warehouse, target)
    assert _count(target) == 1
    monkeypatch.undo()
    assert publish(warehouse, target).was_replaced
    assert _count(target) == 2


def test_the_copy_is_readable_by_duckdb_1_4(warehouse: WarehouseFile, target: Path) -> None:
    _write(warehouse, "A1")
    publish(warehouse, target)
    with duckdb.connect(str(target), read_only=True) as connection:
        found = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'analytics'")
        assert found.fetchone() == ({"storage_version": "v1.4.0+"},)


def test_publishing_keeps_the_lock_on_the_warehouse_while_it_copies(
    warehouse: WarehouseFile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(warehouse, "A1")
    attempt = (
        "import duckdb, shutil, sys\n"
        "try:\n    duckdb.connect(sys.argv[1])\n"
        "except duckdb.IOException: shutil.copyfile(sys.argv[1], sys.argv[2])\n"
        "else: raise SystemExit('the warehouse was open to another writer')\n"
    )
    site = str(Path(duckdb.__file__).parent.parent)
    monkeypatch.setattr(
        "a4s_pipeline.warehouse.file.publish._COPY", f"import sys; sys.path.append({site!r})\n{attempt}"
    )
    publish(warehouse, target)
    assert _count(target) == 1
