import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.cli.conftest import Ended, Installation

DELIVERIES = [
    {"date": "2026-03-09", "quantity": 1},
    {"date": "2026-03-12", "quantity": 2.5},
    {"date": "2026-03-14T23:30:00Z", "quantity": -40},
    {"date": "1900-01-01", "quantity": 1000},
]


@pytest.fixture
def stocked(site: Installation) -> Installation:
    put(site, "A1", shelf=10, sold=4, deliveries=DELIVERIES)
    put(site, "A2", shelf=3)
    return site


def put(site: Installation, code: str, shelf: Any = 0, sold: Any = 0, deliveries: Any = ()) -> None:
    stock = {"itemCode": code, "shelfStock": shelf, "toBeDelivered": sold, "deliveryDates": list(deliveries)}
    site.source.put_item({"itemCode": code, "names": {}, "stock": stock})


def figures(done: Ended) -> list[tuple[str, str, str]]:
    return [(entry["itemCode"], entry["date"], entry["projected"]) for entry in done.json()["items"]]


def test_each_item_is_a_line_that_says_what_the_figure_is_made_of(stocked: Installation) -> None:
    done = stocked.a4s("stock", "A1", "A2", "--on", "2026-03-10")
    assert done.status == 0
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "A1 2026-03-10 7 (10 on the shelf, 4 to be delivered, 1 coming in, 1 without a date not counted)",
        "A2 2026-03-10 3 (3 on the shelf, 0 to be delivered, 0 coming in)",
    ]
    assert done.err == ""


def test_without_a_day_it_is_today_in_amsterdam(
    stocked: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LateInTheEvening(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "LateInTheEvening":
            return cls(2026, 3, 10, 23, 30, tzinfo=UTC)

    monkeypatch.setattr("a4s_pipeline.cli.ondemand.stock.datetime", LateInTheEvening)
    done = stocked.a4s("stock", "A2", "--json")
    assert figures(done) == [("A2", "2026-03-11", "3")]


def test_the_day_asked_for_counts_itself(stocked: Installation) -> None:
    for day, expected in [
        ("2026-03-08", "6"),
        ("2026-03-09", "7"),
        ("2026-03-12", "9.5"),
        ("2026-03-14", "9.5"),
        ("2026-03-15", "-30.5"),
    ]:
        assert figures(stocked.a4s("stock", "A1", "--on", day, "--json")) == [("A1", day, expected)]


def test_until_lists_the_days_on_which_the_figure_changes(stocked: Installation) -> None:
    done = stocked.a4s("stock", "A1", "A2", "--on", "2026-03-10", "--until", "2026-12-31", "--json")
    assert figures(done) == [
        ("A1", "2026-03-10", "7"),
        ("A1", "2026-03-12", "9.5"),
        ("A1", "2026-03-15", "-30.5"),
        ("A2", "2026-03-10", "3"),
    ]
    assert len(stocked.sandbox.calls("stock")) == 2


def test_until_for_people_is_a_line_a_day(stocked: Installation) -> None:
    done = stocked.a4s("stock", "A1", "--on", "2026-03-10", "--until", "2026-03-15")
    assert [line.split()[:3] for line in done.out.splitlines()] == [
        ["A1", "2026-03-10", "7"],
        ["A1", "2026-03-12", "9.5"],
        ["A1", "2026-03-15", "-30.5"],
    ]


def test_the_json_is_the_answer_of_a_request(stocked: Installation) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    done = stocked.a4s("stock", "A1", "--on", "2026-03-12", "--json")
    assert done.err == ""
    document = done.json()
    as_of = datetime.fromisoformat(document["items"][0].pop("asOf"))
    assert before <= as_of <= datetime.now(UTC)
    assert document == {
        "items": [
            {
                "itemCode": "A1",
                "date": "2026-03-12",
                "projected": "9.5",
                "shelfStock": "10",
                "toBeDelivered": "4",
                "incoming": "3.5",
                "entriesWithoutDate": 1,
            }
        ]
    }


def test_an_item_that_could_not_be_answered_is_status_1_and_the_others_are_printed(
    stocked: Installation,
) -> None:
    done = stocked.a4s("stock", "A1", "A9", "A2", "--on", "2026-03-10")
    assert done.status == 1
    assert [line.split()[:3] for line in done.out.splitlines()] == [
        ["A1", "2026-03-10", "7"],
        ["A2", "2026-03-10", "3"],
    ]
    (said,) = done.said()
    assert said.startswith("a4s: ")
    assert "'A9'" in said


def test_in_json_it_is_an_entry_with_an_error(stocked: Installation) -> None:
    done = stocked.a4s("stock", "A9", "A2", "--on", "2026-03-10", "--json")
    assert done.status == 1
    unknown, known = done.json()["items"]
    assert unknown.keys() == {"itemCode", "date", "error"}
    assert unknown["error"].keys() == {"code", "message", "fields"}
    assert unknown["error"]["code"] == "UnknownItem"
    assert known["projected"] == "3"


def test_a_gateway_that_answers_nothing_is_status_1_with_the_reason(stocked: Installation) -> None:
    stocked.sandbox.faults.server_error = 1
    done = stocked.a4s("stock", "A1", "--json")
    assert done.status == 1
    assert done.json()["items"][0]["error"]["code"] == "GatewayUnavailable"


def test_wrong_usage_is_status_2_and_asks_nothing(stocked: Installation) -> None:
    for options in [
        [],
        ["A1", "--on", "soon"],
        ["A1", "--on", "2026-02-30"],
        ["A1", "--on", "2026-03-10", "--until", "2026-03-09"],
        ["A1", "--until", "2001-01-01"],
        ["A1", "--nonsense"],
    ]:
        done = stocked.a4s("stock", *options)
        assert (done.status, done.out) == (2, ""), options
        assert done.said(), options
    assert stocked.sandbox.requests == []


def test_with_several_connectors_one_must_be_named(stocked: Installation) -> None:
    stocked.serve_both()
    done = stocked.a4s("stock", "A1")
    assert done.status == 2
    assert "--connector" in done.err
    named = stocked.a4s("stock", "A1", "--on", "2026-03-10", "--connector", "demo", "--json")
    assert figures(named) == [("A1", "2026-03-10", "7")]


def test_a_missing_setting_is_status_2_and_named(stocked: Installation) -> None:
    given = dict(stocked.settings)
    for missing in ("A4S_GATEWAY_URL", "A4S_CONNECTORS"):
        stocked.settings = {name: value for name, value in given.items() if name != missing}
        done = stocked.a4s("stock", "A1")
        assert done.status == 2
        assert missing in done.err


def test_a_code_is_asked_for_to_the_letter(stocked: Installation) -> None:
    for code in ("A/1", "A#1", "A?1", "A%1", "A 1", "é"):
        put(stocked, code, shelf=8)
        done = stocked.a4s("stock", code, "--on", "2026-03-10", "--json")
        assert figures(done) == [(code, "2026-03-10", "8")]


def test_a_code_that_no_path_can_hold_is_unknown(stocked: Installation) -> None:
    for code in (".", ".."):
        done = stocked.a4s("stock", code, "--json")
        assert done.status == 1
        assert done.json()["items"][0]["error"]["code"] == "UnknownItem"
    assert stocked.sandbox.requests == []


def test_the_answer_waits_for_no_warehouse(stocked: Installation) -> None:
    data = stocked.folder / "data"
    data.mkdir()
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    path = data / "warehouse.duckdb"
    duckdb.connect(str(path), config=STORAGE).close()
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        # A failure is always logged; here it cannot be, and nobody waits for the one who holds it.
        done = stocked.a4s("stock", "A9", "A2", "--on", "2026-03-10", "--json")
        assert holder.poll() is None
        holder.communicate()
    assert done.status == 1
    assert done.json()["items"][1]["projected"] == "3"


def test_a_failure_is_in_the_log_of_flow_executions(stocked: Installation) -> None:
    stocked.a4s("stock", "A9")
    with duckdb.connect(str(stocked.folder / "data" / "warehouse.duckdb"), config=STORAGE) as connection:
        rows = connection.execute("SELECT connector, flow, status, error FROM flow_executions").fetchall()
    ((connector, flow, status, error),) = rows
    assert (connector, flow, status) == ("demo", "projected_stock", "failed")
    assert "'A9'" in error


def test_the_command_does_not_import_dagster(stocked: Installation) -> None:
    program = """
import sys
from a4s_pipeline.cli import main
sys.argv = ["a4s", "stock", "A1", "--on", "2026-03-10", "--json"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = {name.partition(".")[0] for name in sys.modules} & {"dagster", "pandas", "matplotlib", "hypothesis"}
sys.stderr.write(",".join(sorted(heavy)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=stocked.folder,
        env=stocked.settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["items"][0]["projected"] == "7"
    assert done.stderr == ""


def test_what_is_printed_can_be_cut_short(stocked: Installation) -> None:
    # More than a pipe holds.
    for number in range(1500):
        put(stocked, f"B{number}", shelf=number)
    codes = " ".join(f"B{number}" for number in range(1500))
    a4s = Path(sys.executable).with_name("a4s")
    done = subprocess.run(
        ["/bin/sh", "-c", f"{a4s} stock {codes} | head -1"],
        cwd=stocked.folder,
        env={"PATH": "/usr/bin:/bin", **stocked.settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("B0 ")
    assert "Traceback" not in done.stderr
