"""What reaches the disk in which order, recorded with strace, which sees every library's calls."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from a4s_pipeline.files.whole_files import sync_what_others_wrote, write_whole
from a4s_pipeline.ondemand.inbox.inbox import name_of_kept

_CALL = re.compile(
    r"(?P<name>fsync|fdatasync|rename|renameat|renameat2|unlink|unlinkat)\((?P<arguments>.*)\)\s+= 0"
)
_UNFINISHED = " <unfinished ...>"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def calls_of(program: str, folder: Path) -> list[str]:
    """Return a program's syncs and renames in order, by the files' names below a folder."""
    log = folder.parent / "strace.log"
    command = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", str(log)]
    command += ["-e", "trace=fsync,fdatasync,rename,renameat,renameat2"]
    done = subprocess.run([*command, sys.executable, "-c", program, str(folder)], check=False)
    if done.returncode != 0:
        pytest.skip("strace may not follow a process here")
    return [told for line in _whole_calls(log.read_text()) if (told := _told(line, folder))]


def _whole_calls(log: str) -> Iterator[str]:
    """The calls in the order in which they ended; strace splits a call if another comes in between."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        process, _, call = line.partition(" ")
        if call.endswith(_UNFINISHED):
            begun[process] = line.removesuffix(_UNFINISHED)
        elif resumed := re.search(r"<\.\.\. \w+ resumed>(.*)", call):
            yield begun.pop(process, "") + resumed[1]
        else:
            yield line


def _told(line: str, folder: Path) -> str | None:
    found = _CALL.search(line)
    if found is None or str(folder) not in line:
        return None
    names = re.findall(rf'[<"]{re.escape(str(folder))}/?([^>"]*)[>"]', found["arguments"])
    plain = [re.sub(r"^(.*/)?\.(.+?)\.\d.*tmp$", r"\1(\2)", name) or "." for name in names]
    kind = "sync" if "sync" in found["name"] else "rename"
    return " ".join([kind, *plain])


def test_a_call_that_was_cut_in_two_is_one() -> None:
    log = '7  fsync(3</d/a> <unfinished ...>\n8  rename("/d/x", "/d/y") = 0\n7  <... fsync resumed>)  = 0\n'
    assert [_told(line, Path("/d")) for line in _whole_calls(log)] == ["rename x y", "sync a"]


@needs_strace
def test_a_file_is_on_the_disk_before_its_name_and_its_name_before_anybody_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    program = """
import sys
from pathlib import Path
from a4s_pipeline.files.whole_files import write_whole
write_whole(Path(sys.argv[1]) / "one.json", b"{}")
"""
    assert calls_of(program, folder) == ["sync (one.json)", "rename (one.json) one.json", "sync ."]


@needs_strace
def test_an_answer_is_on_the_disk_before_its_request_is_moved_away(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "inbox").mkdir(parents=True)
    (folder / "inbox" / "one.json").write_text('{"kind": "projected_stock"}')
    program = """
import sys
from pathlib import Path
from a4s_pipeline.ondemand.inbox.inbox import Inbox
inbox = Inbox(Path(sys.argv[1]))
inbox.prepare()
for path in inbox.waiting():
    with inbox.claimed(path) as waiting:
        inbox.answer(path, waiting, b"{}", "ok", keep=True)
"""
    kept = name_of_kept("one", (folder / "inbox" / "one.json").read_bytes())
    assert calls_of(program, folder) == [
        "sync inbox/one.json",
        "sync inbox/.answers/(one)",
        f"rename inbox/.answers/(one) inbox/.answers/{kept}",
        "rename inbox/done/(one.json) inbox/done/one.json",
        "sync outbox/(one.json)",
        "rename outbox/(one.json) outbox/one.json",
        "sync outbox",
    ]
    assert list((folder / "inbox").glob("*.json")) == []


@needs_strace
def test_a_published_copy_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    program = """
import sys
from pathlib import Path
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
publish(WarehouseFile(Path(sys.argv[1]) / "warehouse.duckdb"), Path(sys.argv[1]) / "analytics.duckdb")
"""
    calls = [call for call in calls_of(program, folder) if "analytics" in call or call == "sync ."]
    assert calls[-3:] == [
        "sync (analytics.duckdb)",
        "rename (analytics.duckdb) analytics.duckdb",
        "sync .",
    ]


@needs_strace
def test_a_commit_is_on_the_disk_before_anything_goes_on_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    program = """
import sys
from pathlib import Path
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.files.whole_files import write_whole
folder = Path(sys.argv[1])
warehouse = WarehouseFile(folder / "warehouse.duckdb")
with warehouse.session():
    pass
write_whole(folder / "before", b"")
with warehouse.transaction() as connection:
    connection.execute("INSERT INTO created_customers (connector, customer_code) VALUES ('demo', 'K1')")
write_whole(folder / "after", b"")
"""
    calls = calls_of(program, folder)
    of_commit = calls[calls.index("rename (before) before") : calls.index("sync (after)")]
    # The log is made anew by the first commit of a session: without its name nothing of it is there.
    assert of_commit[of_commit.index("sync warehouse.duckdb.wal") + 1] == "sync ."


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "one.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "one.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


def test_whatever_others_left_may_be_synced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "nothing"):
        sync_what_others_wrote(tmp_path / name)


@pytest.mark.parametrize(("can_sync_whole", "synced"), [(True, ["whole"]), (False, ["whole", "fsync"])])
def test_on_macos_the_drive_is_emptied_too_where_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_sync_whole: bool, synced: list[str]
) -> None:
    done: list[str] = []

    def full_sync(handle: int, command: int) -> None:
        assert command == 51
        done.append("whole")
        if not can_sync_whole:
            raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("fsync"))
    write_whole(tmp_path / "answer.json", b"{}", is_name_synced=False)
    assert done == synced
