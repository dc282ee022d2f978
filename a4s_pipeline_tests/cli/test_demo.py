import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.cli.demo import QUERIES
from a4s_pipeline.cli.demo_folder import empty_demo_folder
from a4s_pipeline_tests.cli.conftest import Ended, foreign_environment, line
from a4s_sandbox import DEMO_CONNECTORS, Sandbox, World, demo_world

WRONG = {"A4S_GATEWAY_URL": "no url", "A4S_CONNECTORS": "[", "A4S_TIMEZONE": "Mars/Olympus"}
FOREIGN = {"warehouse.duckdb": b"somebody's orders", "analytics.duckdb": b"and their copy"}


@dataclass
class Demo:
    """A demo run in an environment where every setting is wrong."""

    folder: Path
    group: int
    """The process group of the command and of all that it starts."""
    status: int
    out: str
    err: str

    def query(self, sql: str) -> list[tuple[object, ...]]:
        copy = self.folder / "demo-data" / "analytics.duckdb"
        with duckdb.connect(str(copy), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    for name in ("home", "dagster"):
        (folder / name).mkdir()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("a4s")), "demo"],
        cwd=folder,
        env={
            **foreign_environment(),
            **WRONG,
            "HOME": str(folder / "home"),
            "DAGSTER_HOME": str(folder / "dagster"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=280)
        yield Demo(folder, process.pid, process.returncode, out, err)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.nightly
def test_the_demo_needs_no_settings_and_heeds_no_wrong_ones(demo: Demo) -> None:
    assert demo.err == ""
    assert demo.status == 0


@pytest.mark.nightly
def test_the_demo_fills_the_copy_with_the_history_of_the_sandbox(demo: Demo) -> None:
    world = demo_world()
    unreadable = 5  # two codes that cannot be addressed, one that is missing, two dates that are none
    expected = [
        ("demo", len(world["Demo B.V."].orders) - unreadable),
        ("noord", len(world["Café Noord / Groothandel B.V."].orders) - unreadable),
    ]
    assert demo.query("SELECT connector, count(*) FROM orders GROUP BY ALL ORDER BY ALL") == expected
    assert demo.query("SELECT count(*) FROM orders WHERE lines_synced_at IS NULL") == [(0,)]
    ((lines,),) = demo.query("SELECT count(*) FROM order_lines")
    assert isinstance(lines, int)
    assert lines > 10_000
    assert demo.query("SELECT connector, count(*) FROM set_aside GROUP BY ALL ORDER BY ALL") == [
        ("demo", unreadable),
        ("noord", unreadable),
    ]


def test_the_demo_imports_without_settings_and_says_what_came_in_and_where_it_is(
    here: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By day on a small world; at night in its own process, on the whole world."""
    foreign, home = tmp_path / "foreign", tmp_path / "dagster"
    for folder in (foreign, home):
        folder.mkdir()
    for name, content in FOREIGN.items():
        (foreign / name).write_bytes(content)
    (tmp_path / ".env").write_text("A4S_PAGE_SIZE=none\nA4S_GATEWAY_TOKEN=unused-T0ken\n")
    connectors = {name: DEMO_CONNECTORS[name] for name in ("demo", "zuid")}
    world = World()
    source = world.add_administration(connectors["demo"], "Exact Globe", timedelta(minutes=20))
    world.add_administration(connectors["zuid"], None)
    source.put_item({"itemCode": "A1", "names": {"nl": "Spade"}, "images": []})
    source.put_customer({"customerCode": "K1", "name": "Bos", "addresses": []})
    for code in ("O1", "O2", ".."):
        header = {"orderCode": code, "orderDate": "2024-03-05T09:00:00", "customerCode": "K1"}
        source.put_order(header, [line(lineTotal=10)])
    with Sandbox(world) as sandbox:
        monkeypatch.setattr("a4s_pipeline.cli.demo.sandbox_process", lambda: nullcontext(sandbox.url))
        monkeypatch.setattr("a4s_pipeline.cli.demo.DEMO_CONNECTORS", connectors)
        done = here("demo", **WRONG, A4S_DATA_DIR=str(foreign), DAGSTER_HOME=str(home))
    assert (done.status, done.err) == (0, "")
    copy = tmp_path / "demo-data" / "analytics.duckdb"
    assert "\nDone in " in done.out
    for told in ("demo: 1 items in ", "demo: 1 customers in ", "demo: 2 orders with their lines in "):
        assert f"\n{told}" in done.out
    assert "1 set aside as unreadable\n" in done.out
    assert "\nzuid: no order history, because there is no focus connector\n" in done.out
    assert f"For your browser:   {copy.with_name('report.html')}\n" in done.out
    assert f"For your SQL tool:  {copy}\n" in done.out
    assert "a4s dev` opens the Dagster UI" in done.out
    assert "make " not in done.out  # which an installed package lacks
    with duckdb.connect(str(copy), read_only=True) as connection:
        for title, query in QUERIES.items():
            assert f"-- {title}\n{query};" in done.out
            assert connection.execute(query).fetchall(), title
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == FOREIGN
    assert {path.name for path in tmp_path.iterdir()} == {".env", "dagster", "demo-data", "foreign"}
    assert list(home.iterdir()) == []  # no runs among those of a real installation


@pytest.mark.nightly
def test_the_demo_stops_what_it_started_and_leaves_its_data_and_nothing_else(demo: Demo) -> None:
    left_at_home = {path.name for path in (demo.folder / "home").iterdir()}
    assert left_at_home <= {".cache", ".config"}  # the fonts that Matplotlib found; no telemetry of Dagster's
    assert {path.name for path in demo.folder.iterdir()} == {"dagster", "demo-data", "home"}
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.group, 0)


def test_a_port_that_is_taken_is_one_line_before_anything_starts(here: Callable[..., Ended]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = here("dev", "--port", str(port))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == f"a4s: --port {port}: Address already in use; choose another\n"


def test_a_folder_that_was_asked_for_is_used_while_it_holds_no_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A4S_DATA_DIR", str(tmp_path / "asked"))
    assert empty_demo_folder() == tmp_path / "asked"
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "notes.txt").touch()
    assert empty_demo_folder() == tmp_path / "asked"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_with_either_file_of_a_warehouse_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / name).write_bytes(FOREIGN[name])
    monkeypatch.setenv("A4S_DATA_DIR", str(tmp_path / "asked"))
    assert empty_demo_folder() == Path("demo-data")
    assert (tmp_path / "asked" / name).read_bytes() == FOREIGN[name]


def test_the_demo_begins_from_nothing_each_time(tmp_path: Path) -> None:
    (tmp_path / "demo-data" / "locks").mkdir(parents=True)
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal", "analytics.duckdb", "notes.txt"):
        (tmp_path / "demo-data" / name).touch()
    assert empty_demo_folder() == Path("demo-data")
    assert os.listdir("demo-data") == ["notes.txt"]
