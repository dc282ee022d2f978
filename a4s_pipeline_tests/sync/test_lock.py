import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from a4s_pipeline.errors import ChangeSite, SyncUnderWay
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.sync.stream_run import stream_lock

_HOLD = """
import sys, pathlib
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.sync.stream_run import stream_lock
with stream_lock(FileLocks(pathlib.Path(sys.argv[1])), "demo", "orders"):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold(data_dir: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_that_another_process_holds_is_refused_by_name_and_free_once_it_is_killed(
    tmp_path: Path,
) -> None:
    holder = _hold(tmp_path)
    with (
        pytest.raises(SyncUnderWay, match=f"'demo' is running \\(process {holder.pid}\\)"),
        stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=0),
    ):
        pass
    holder.kill()
    holder.communicate()
    with stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=0):
        assert (tmp_path / "demo.orders.lock").read_text() == str(os.getpid())


def test_two_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with (
        stream_lock(FileLocks(tmp_path), "demo", "orders"),
        pytest.raises(SyncUnderWay),
        stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=0.05),
    ):
        pass


def test_a_lock_is_waited_for_within_bounds(tmp_path: Path) -> None:
    held, order = threading.Event(), []

    def hold() -> None:
        with stream_lock(FileLocks(tmp_path), "demo", "orders"):
            held.set()
            time.sleep(0.15)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    with stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=5):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_other_connectors_and_streams_are_not_delayed(tmp_path: Path) -> None:
    with (
        stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=0),
        stream_lock(FileLocks(tmp_path), "demo", "items", wait_seconds=0),
        stream_lock(FileLocks(tmp_path), "noord", "orders", wait_seconds=0),
    ):
        assert len(list(tmp_path.iterdir())) == 3


def test_a_lock_is_free_again_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), stream_lock(FileLocks(tmp_path), "demo", "orders"):
        raise ZeroDivisionError
    with stream_lock(FileLocks(tmp_path), "demo", "orders", wait_seconds=0):
        pass


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ChangeSite, match=r"demo\.orders\.lock cannot be opened .*check the folder"),
        stream_lock(FileLocks(tmp_path / "file"), "demo", "orders"),
    ):
        pass
