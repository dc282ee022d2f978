import subprocess
import sys
from pathlib import Path

import pytest

from a4s_pipeline.errors import ChangeSite, SyncUnderWay
from a4s_pipeline.locks.file_locks import file_lock, file_presence, is_present

HOLDS = """
import sys, time
from pathlib import Path
from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.file_locks import file_lock, file_presence

path = Path(sys.argv[2])
with file_lock(path, 0, SyncUnderWay) if sys.argv[1] == "lock" else file_presence(path):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(kind: str, path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, kind, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_keeps_others_out_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one.lock"
    with holder("lock", path) as process:
        with (
            pytest.raises(SyncUnderWay, match=f"process {process.pid}"),
            file_lock(path, 0.1, SyncUnderWay),
        ):
            raise AssertionError("two hold the lock")
        process.kill()
    with file_lock(path, 0, SyncUnderWay):
        pass


def test_a_lock_is_let_go_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), file_lock(tmp_path / "one.lock", 0, SyncUnderWay):
        raise ZeroDivisionError
    with file_lock(tmp_path / "one.lock", 0, SyncUnderWay):
        pass


def test_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with file_lock(path, 0, SyncUnderWay), pytest.raises(SyncUnderWay), file_lock(path, 0, SyncUnderWay):
        raise AssertionError("two hold the lock")


def test_a_folder_that_cannot_be_made_is_a_matter_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ChangeSite, match="check the folder") as failed,
        file_lock(tmp_path / "file" / "one.lock", 0, SyncUnderWay),
    ):
        raise AssertionError("there is no such folder")
    assert failed.value.code == "StoreUnusable"


def test_a_sign_is_shown_by_any_number_and_goes_with_the_last(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "serving"
    assert not is_present(path)
    with holder("sign", path) as process:
        with file_presence(path):
            assert is_present(path)
        assert is_present(path)
        process.kill()
    assert not is_present(path)
