import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.cli.demo import QUERIES
from a4s_pipeline.cli.demo_folder import empty_demo_folder
from a4s_pipeline_tests.cli.conftest import Ended, foreign_environment
from a4s_sandbox import demo_world

FOREIGN = {"warehouse.duckdb": b"somebody's orders", "analytics.duckdb": b"and their copy"}


@dataclass
class Demo:
    """A demo that was run where every setting is wrong and A4S_DATA_DIR leads to somebody's warehouse."""

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
    for name in ("foreign", "home", "dagster"):
        (folder / name).mkdir()
    for name, content in FOREIGN.items():
        (folder / "foreign" / name).write_bytes(content)
    (folder / ".env").write_text("A4S_PAGE_SIZE=none\nA4S_GATEWAY_TOKEN=unused-T0ken\n")
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("a4s")), "demo"],
        cwd=folder,
        env={
            **foreign_environment(),
            "A4S_GATEWAY_URL": "no url",
            "A4S_CONNECTORS": "[",
            "A4S_TIMEZONE": "Mars/Olympus",
            "A4S_DATA_DIR": str(folder / "foreign"),
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


def test_the_demo_needs_no_settings_and_heeds_no_wrong_ones(demo: Demo) -> None:
    assert demo.err == ""
    assert demo.status == 0


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


def test_the_demo_says_what_came_in_how_long_it_took_and_where_it_is(demo: Demo) -> None:
    assert "\nDone in " in demo.out
    for connector, count in demo.query("SELECT connector, count(*) FROM orders GROUP BY ALL"):
        assert f"\n{connector}: {count:,} orders with their lines in " in demo.out
    assert f"For your SQL tool:  {demo.folder / 'demo-data' / 'analytics.duckdb'}\n" in demo.out
    assert "a4s dev` opens the Dagster UI" in demo.out
    assert "make " not in demo.out  # which an installed package lacks


def test_the_demo_shows_three_queries_that_answer_something(demo: Demo) -> None:
    assert len(QUERIES) == 3
    for title, query in QUERIES.items():
        assert f"-- {title}\n{query};" in demo.out
        assert demo.query(query), title


def test_the_demo_never_touches_a_folder_that_holds_another_warehouse(demo: Demo) -> None:
    assert {path.name: path.read_bytes() for path in (demo.folder / "foreign").iterdir()} == FOREIGN


def test_the_demo_leaves_its_data_and_nothing_else(demo: Demo) -> None:
    assert {path.name for path in demo.folder.iterdir()} == {
        ".env",
        "dagster",
        "demo-data",
        "foreign",
        "home",
    }
    left_at_home = {path.name for path in (demo.folder / "home").iterdir()}
    assert left_at_home <= {".cache", ".config"}  # the fonts that Matplotlib found; no telemetry of Dagster's
    assert list((demo.folder / "dagster").iterdir()) == []  # no runs among those of a real installation


def test_the_demo_stops_what_it_started(demo: Demo) -> None:
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
