import fcntl
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.cli.conftest import (
    ADMINISTRATIONS,
    TOKEN,
    Ended,
    Installation,
    foreign_environment,
    line,
)
from a4s_sandbox import Faults

COUNTS = [
    "seen",
    "new",
    "changed",
    "unchanged",
    "removed",
    "setAside",
    "withoutLines",
    "calls",
    "retries",
    "seconds",
]
# A shell without job control starts its background jobs deaf to Ctrl-C, and so all that they start.
AS_IN_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SUB_TOTALS_OFF = [
    [*arguments, "--sub-totals-off"]
    for arguments in (["all"], ["items"], ["orders", "--full"], ["orders", "--from", "2024-01-01"])
]


def put_months(site: Installation) -> None:
    for month in range(1, 7):
        site.put(f"A{month}", f"2024-0{month}-15T09:00:00")


def listed(site: Installation) -> tuple[datetime, datetime | None]:
    """The order date ranges listed since the log was cleared."""
    queries = [call.query for call in site.sandbox.calls("orders")]
    to = queries[-1].get("orderDateTo")
    return datetime.fromisoformat(queries[0]["orderDateFrom"]), datetime.fromisoformat(to) if to else None


def test_a_sync_says_what_it_did_in_a_line_and_nothing_else(site: Installation) -> None:
    put_months(site)
    done = site.a4s("sync", "orders")
    assert done.status == 0
    (told,) = done.out.splitlines()
    assert told.startswith(
        "demo orders: 6 seen, 6 new, 0 changed, 0 unchanged, 0 removed, 0 set aside; 10 calls in "
    )
    assert done.err == ""
    assert site.held() == ["A1", "A2", "A3", "A4", "A5", "A6"]
    assert len(site.sandbox.requests) == 10


def test_json_is_one_document_of_the_promised_shape_and_nothing_else_is_printed(site: Installation) -> None:
    put_months(site)
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 0
    assert done.err == ""
    assert done.out.count("\n") == 1
    document = done.json()
    assert list(document) == ["connectors"]
    assert list(document["connectors"]) == ["demo"]
    assert list(document["connectors"]["demo"]) == ["orders"]
    counts = document["connectors"]["demo"]["orders"]
    assert [name for name in counts if name not in ("left", "complete")] == COUNTS
    assert {name: counts[name] for name in COUNTS if name != "seconds"} == {
        "seen": 6,
        "new": 6,
        "changed": 0,
        "unchanged": 0,
        "removed": 0,
        "setAside": 0,
        "withoutLines": 0,
        "calls": 10,
        "retries": 0,
    }
    assert isinstance(counts["seconds"], float)


def test_a_second_sync_counts_what_is_new_changed_and_unchanged(site: Installation) -> None:
    for day in range(1, 5):
        site.put(f"A{day}", f"2024-03-0{day}T09:00:00")
    site.a4s("sync", "orders")
    site.put("A2", "2024-03-02T09:00:00", status="shipped")
    site.put("A5", "2024-03-05T09:00:00")
    counts = site.a4s("sync", "orders", "--json").json()["connectors"]["demo"]["orders"]
    found = {name: counts[name] for name in ("seen", "new", "changed", "unchanged")}
    assert found == {"seen": 5, "new": 1, "changed": 1, "unchanged": 3}


@pytest.mark.cold
def test_from_and_to_widen_to_whole_months_within_the_history(site: Installation) -> None:
    put_months(site)
    for options, first, after in [
        (["--from", "2024-02-20", "--to", "2024-04-02"], 2, 5),
        (["--from", "2024-03-31", "--to", "2024-03-31"], 3, 4),
        (["--from", "2024-05-10"], 5, None),
        (["--to", "2024-02-01"], 1, 3),
        (["--from", "0001-01-01", "--to", "2024-01-01"], 1, 2),
        (["--from", "2024-06-01", "--to", "9999-12-31"], 6, None),
    ]:
        site.sandbox.clear()
        shutil.rmtree(site.folder / "data", ignore_errors=True)
        assert site.a4s("sync", "orders", *options).status == 0, options
        end = datetime(2024, after, 1, tzinfo=AMSTERDAM) if after else None
        assert listed(site) == (datetime(2024, first, 1, tzinfo=AMSTERDAM), end), options
        assert site.held() == [f"A{month}" for month in range(first, after or 7)], options


def test_months_make_no_line_call_for_unchanged_orders(site: Installation) -> None:
    put_months(site)
    site.a4s("sync", "orders")
    site.sandbox.clear()
    site.a4s("sync", "orders", "--from", "2024-01-01")
    assert site.sandbox.calls("order_lines") == []


def test_full_reads_everything_again_from_the_history_start(site: Installation) -> None:
    put_months(site)
    site.a4s("sync", "orders")
    site.put("A2", "2024-02-15T09:00:00", lines=[line("1"), line("2")])
    site.source.remove_order("A3")
    site.sandbox.clear()
    done = site.a4s("sync", "orders", "--full", "--json")
    assert listed(site)[0] == datetime(2024, 1, 1, tzinfo=AMSTERDAM)
    counts = done.json()["connectors"]["demo"]["orders"]
    assert (counts["changed"], counts["removed"], counts["unchanged"]) == (1, 1, 4)
    assert len(site.sandbox.calls("order_lines")) == 5
    assert site.query("SELECT line_code FROM order_lines WHERE order_code = 'A2' ORDER BY 1") == [
        ("1",),
        ("2",),
    ]


def test_full_with_months_reads_these_months_whole(site: Installation) -> None:
    put_months(site)
    site.a4s("sync", "orders")
    site.sandbox.clear()
    site.a4s("sync", "orders", "--full", "--from", "2024-03-10", "--to", "2024-04-10")
    assert sorted(call.code for call in site.sandbox.calls("order_lines")) == ["A3", "A4"]


def test_wrong_usage_is_status_2_before_any_call(site: Installation) -> None:
    for arguments, complaint in [
        (["orders", "--from", "2024-05-01", "--to", "2024-04-30"], "lies before --from 2024-05-01"),
        (["orders", "--from", "2024-05-02", "--to", "2024-05-01"], "--to 2024-05-01 lies before"),
        (["orders", "--to", "2023-12-31"], "from 2024-01 (A4S_HISTORY_START)"),
        (["orders", "--from", "2999-01-01"], "no month lies between --from and --to"),
        (["orders", "--from", "2024-02-30"], "Invalid value for '--from'"),
        (["orders", "--from", "yesterday"], "Invalid value for '--from'"),
        (["items", "--from", "2024-05-01"], "--from and --to work only with `a4s sync orders`"),
        (["all", "--to", "2024-05-01"], "--from and --to work only with `a4s sync orders`"),
        (["invoices"], "'invoices' is not one of"),
        (["orders", "--whole"], "No such option"),
        *((arguments, "--sub-totals-off works only with `a4s sync orders`") for arguments in SUB_TOTALS_OFF),
    ]:
        done = site.a4s("sync", *arguments)
        assert (done.status, done.out) == (2, ""), arguments
        assert complaint in done.said()[-1], arguments
    assert site.sandbox.requests == []


def test_an_unknown_connector_is_named_with_those_that_are_known(site: Installation) -> None:
    done = site.a4s("sync", "orders", "--connector", "nobody")
    assert done.status == 2
    assert done.said() == ["a4s: A4S_CONNECTORS: there is no connector 'nobody'; known: demo"]
    assert site.sandbox.requests == []


WRONG = {
    "A4S_GATEWAY_URL": "gateway.example",
    "A4S_GATEWAY_USER": "jan",
    "A4S_CONNECTORS": "demo",
    "A4S_HISTORY_START": "yesterday",
    "A4S_LOOKBACK_DAYS": "-1",
    "A4S_TIMEZONE": "Mars/Olympus",
    "A4S_PAGE_SIZE": "0",
    "A4S_MAX_CONNECTIONS": "many",
    "A4S_MAX_CALLS_PER_SECOND": "0",
    "A4S_TIMEOUT_SECONDS": "0",
    "A4S_ORDER_HOOK": "no hook",
    "A4S_RESEND_AFTER_SECONDS": "soon",
    "A4S_LINGER_SECONDS": "-5",
}


def test_a_wrong_or_missing_setting_is_one_line_that_names_it_before_any_call(site: Installation) -> None:
    right = dict(site.settings)
    for variable, value in WRONG.items():
        site.settings = right | {variable: value}
        done = site.a4s("sync", "orders")
        (told,) = done.said()
        assert (done.status, done.out, told[:5]) == (2, "", "a4s: "), variable
        assert variable in told
    for variable in ("A4S_GATEWAY_URL", "A4S_CONNECTORS"):
        site.settings = {name: value for name, value in right.items() if name != variable}
        done = site.a4s("sync", "orders")
        (told,) = done.said()
        assert done.status == 2
        assert told.startswith(f"a4s: {variable} is not set: give ")
    assert site.sandbox.requests == []
    assert list(site.folder.iterdir()) == []


def test_several_wrong_settings_are_a_line_each(site: Installation) -> None:
    site.settings |= {"A4S_PAGE_SIZE": "0", "A4S_TIMEZONE": "Mars/Olympus"}
    said = site.a4s("sync", "orders").said()
    assert len(said) == 2
    assert {"A4S_PAGE_SIZE", "A4S_TIMEZONE"} == {
        told.removeprefix("a4s: ").split(":", maxsplit=1)[0] for told in said
    }


def test_a_wrong_setting_is_an_error_document_with_json(site: Installation) -> None:
    site.settings["A4S_PAGE_SIZE"] = "0"
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 2
    document = done.json()
    assert list(document) == ["error"]
    assert document["error"]["code"] == "WrongSettings"
    assert document["error"]["message"].startswith("A4S_PAGE_SIZE: ")


def test_a_wrong_setting_costs_a_process_no_traceback(site: Installation) -> None:
    done = site.a4s_process("sync", "orders", A4S_TIMEZONE="Mars/Olympus")
    assert done.status == 2
    assert done.said() == ["a4s: A4S_TIMEZONE: must be a time zone such as Europe/Amsterdam"]
    assert site.sandbox.requests == []


def test_settings_come_from_a_dotenv_file_where_the_environment_has_none(
    site: Installation, here: Callable[..., Ended]
) -> None:
    site.put("A1")
    lines = [f"{name}='{value}'" for name, value in site.settings.items()]
    (site.folder / ".env").write_text("\n".join(lines))
    assert here("sync", "orders").status == 0
    assert site.held() == ["A1"]


def test_the_copy_and_the_warehouse_are_where_the_settings_say(site: Installation) -> None:
    site.put("A1")
    site.settings["A4S_DATA_DIR"] = "elsewhere/deep"
    assert site.a4s("sync", "orders").status == 0
    names = {path.name for path in (site.folder / "elsewhere" / "deep").iterdir()}
    assert {"warehouse.duckdb", "analytics.duckdb"} <= names
    assert {path.name for path in site.folder.iterdir()} == {"elsewhere"}


def test_a_gateway_that_is_down_is_one_line(site: Installation) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        site.settings["A4S_GATEWAY_URL"] = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = site.a4s("sync", "orders")
    assert done.status == 1
    (told,) = done.said()
    assert told.startswith("a4s: demo: the gateway gave no answer for the status of 'Demo B.V.'")
    assert "refuses connections" in told
    assert "try again later" in told
    assert done.out == "demo orders: failed\n"


def test_refused_credentials_are_one_line_that_names_the_variables_and_not_the_token(
    site: Installation,
) -> None:
    site.settings["A4S_GATEWAY_TOKEN"] = "wr0ng-Word"
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 1
    (told,) = done.said()
    assert "401" in told
    assert "A4S_GATEWAY_TOKEN" in told
    error = done.json()["connectors"]["demo"]["orders"]["error"]
    assert error["code"] == "AccessDenied"
    assert f"a4s: demo: {error['message']}" == told
    assert "wr0ng-Word" not in done.out + done.err


def test_an_order_whose_lines_cannot_be_fetched_now_leaves_status_1(site: Installation) -> None:
    put_months(site)
    site.sandbox.faults = Faults(lines_404={"A3"})
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 1
    counts = done.json()["connectors"]["demo"]["orders"]
    assert (counts["seen"], counts["new"], counts["withoutLines"]) == (6, 6, 1)
    (told,) = done.said()
    assert told.startswith("a4s: demo orders: the lines of 1 order")
    assert told.endswith("the next sync continues from there")
    site.sandbox.faults = Faults()
    done = site.a4s("sync", "orders")
    assert done.status == 0
    assert "without lines" not in done.out


def test_orders_without_lines_are_in_the_human_line_too(site: Installation) -> None:
    site.put("A1")
    site.sandbox.faults = Faults(lines_404={"A1"})
    done = site.a4s("sync", "orders")
    assert done.status == 1
    assert ", 1 without lines; " in done.out


def test_a_record_set_aside_is_no_failure(site: Installation) -> None:
    put_months(site)
    site.put("..")
    site.put("B1", "2024-02-30T09:00:00")
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 0
    assert done.said() == []
    counts = done.json()["connectors"]["demo"]["orders"]
    assert (counts["seen"], counts["new"], counts["setAside"]) == (8, 6, 2)


def test_without_a_connector_all_are_synced_and_one_that_fails_holds_up_no_other(site: Installation) -> None:
    site.put("A1")
    site.serve_both()
    site.sandbox.world[ADMINISTRATIONS["zuid"]].forbidden = True
    done = site.a4s("sync", "orders", "--json")
    assert done.status == 1
    connectors = done.json()["connectors"]
    assert connectors["demo"]["orders"]["new"] == 1
    assert "error" not in connectors["demo"]["orders"]
    assert connectors["zuid"]["orders"]["error"]["code"] == "AccessDenied"
    (told,) = done.said()
    assert told.startswith("a4s: zuid: the gateway answered 403")
    assert site.held() == ["A1"]


def test_a_connector_without_order_history_is_reported_and_is_no_failure(site: Installation) -> None:
    site.put("A1")
    site.serve_both()
    done = site.a4s("sync", "orders")
    assert (done.status, done.said()) == (0, [])
    assert "zuid orders: no order history: the legacy backend has no focus connector\n" in done.out
    again = site.a4s("sync", "orders", "--json")
    assert again.status == 0
    connectors = again.json()["connectors"]
    assert connectors["zuid"]["orders"]["hasHistory"] is False
    assert "hasHistory" not in connectors["demo"]["orders"]


def test_a_stream_that_a_connector_leaves_out_is_never_asked_for(site: Installation) -> None:
    shop = {"administration": ADMINISTRATIONS["demo"], "streams": ["items", "customers"]}
    site.settings["A4S_CONNECTORS"] = json.dumps({"shop": shop})
    done = site.a4s("sync", "--json")
    assert (done.status, done.said()) == (0, [])
    assert list(done.json()["connectors"]["shop"]) == ["items", "customers"]
    assert {call.route_name for call in site.sandbox.requests} == {"items", "customers"}
    asked = site.a4s("sync", "orders")
    assert asked.status == 2
    assert asked.said() == [
        "a4s: A4S_CONNECTORS: every connector leaves out orders: add it to its streams to import it"
    ]
    told = site.a4s("check")
    assert told.status == 0
    assert "A4S_CONNECTORS leaves orders out" in told.out
    assert site.a4s("orders").said() == [
        "a4s: the orders of 'shop' are not imported: A4S_CONNECTORS leaves them out of its streams"
    ]


def test_with_a_connector_the_others_are_left_alone(site: Installation) -> None:
    site.put("A1")
    site.serve_both()
    done = site.a4s("sync", "orders", "--connector", "demo", "--json")
    assert done.status == 0
    assert list(done.json()["connectors"]) == ["demo"]
    assert {call.administration for call in site.sandbox.requests} == {"Demo B.V."}


def test_a_sync_that_is_under_way_is_said_to_be(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.sync.stream_run.stream_lock.__wrapped__.__defaults__", (0.2,))
    lock = site.folder / "data" / "locks" / "demo.orders.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = site.a4s("sync", "orders", "--json")
    assert done.status == 1
    (told,) = done.said()
    assert told.startswith("a4s: demo: a sync of the orders of 'demo' is running")
    assert done.json()["connectors"]["demo"]["orders"]["error"]["code"] == "SyncUnderWay"
    assert site.sandbox.requests == []


def test_a_folder_that_cannot_be_used_is_reported_with_its_reason(site: Installation) -> None:
    (site.folder / "data").write_text("a file where the folder belongs")
    done = site.a4s("sync", "orders")
    assert done.status == 1
    (told,) = done.said()
    assert told.startswith(f"a4s: {site.folder / 'data'}")
    assert "check the folder" in told


def test_an_unexpected_failure_is_reported_with_its_cause_and_no_traceback(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr("a4s_pipeline.warehouse.opening.publish", broken)
    done = site.a4s("sync", "orders")
    assert done.status == 1
    (told,) = done.said()
    assert told.startswith("a4s: the copy for analysts: ZeroDivisionError: of our own making; ")


def test_no_token_is_shown_whatever_happens(site: Installation) -> None:
    site.put("A1")
    site.put("..")
    ends = [site.a4s("sync", "orders", "--json"), site.a4s("sync", "orders")]
    site.sandbox.token = "another"
    ends.append(site.a4s("sync", "orders"))
    site.sandbox.faults = Faults(script={"*": ["html"] * 20})
    ends.append(site.a4s("sync", "orders"))
    site.settings["A4S_PAGE_SIZE"] = "0"
    ends.append(site.a4s("sync", "orders", "--json"))
    assert [done.status for done in ends] == [0, 0, 1, 1, 2]
    assert TOKEN not in "".join(done.out + done.err for done in ends)
    for path in site.folder.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_with_a_dagster_home_the_run_is_recorded_there(site: Installation) -> None:
    put_months(site)
    home = site.folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    site.settings["DAGSTER_HOME"] = str(home)
    done = site.a4s("sync", "orders", "--from", "2024-02-01", "--to", "2024-03-31")
    assert (done.status, done.err) == (0, "")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        assert (run.job_name, run.status) == ("sync_orders", dg.DagsterRunStatus.SUCCESS)
        assert instance.get_materialized_partitions(dg.AssetKey("order_lines")) == {
            "demo|2024-02-01",
            "demo|2024-03-01",
        }
    assert site.query("SELECT DISTINCT run_id FROM orders") == [(run.run_id,)]
    assert all(TOKEN.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("home", ["relative", "/nowhere/at/all"])
def test_a_dagster_home_that_is_none_is_one_line_before_any_call(site: Installation, home: str) -> None:
    site.settings["DAGSTER_HOME"] = home
    done = site.a4s("sync", "orders")
    assert done.status == 2
    (told,) = done.said()
    assert told.startswith(f"a4s: DAGSTER_HOME: '{home}' is not the absolute path of a folder")
    assert site.sandbox.requests == []


def test_ctrl_c_ends_the_command_and_the_next_one_goes_on(site: Installation) -> None:
    put_months(site)
    site.serve_both()
    reached: list[float] = []
    site.sandbox.faults = Faults(on_page=lambda *_: reached.append(time.monotonic()))
    site.sandbox.latency_ms = 500
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            AS_IN_A_TERMINAL,
            str(Path(sys.executable).with_name("a4s")),
            "sync",
            "orders",
        ],
        cwd=site.folder,
        env={**foreign_environment(), **site.settings, "A4S_MAX_CONNECTIONS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not reached and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in err
    stopped, aborted = filter(None, err.splitlines())
    assert re.fullmatch(
        r"a4s: stopped: (?:no|\d+) orders of demo were imported and stay; "
        r"the next sync continues from there, and publishes them",
        stopped,
    )
    assert aborted == "Aborted!"
    assert {call.administration for call in site.sandbox.requests} == {"Demo B.V."}
    site.sandbox.latency_ms = 0
    assert site.a4s("sync", "orders", "--connector", "demo").status == 0
    assert site.held() == ["A1", "A2", "A3", "A4", "A5", "A6"]


def test_runs_that_are_told_apart_have_ids_of_their_own(site: Installation) -> None:
    site.put("A1")
    site.a4s("sync", "orders")
    site.put("A2")
    site.a4s("sync", "orders")
    ((first,), (second,)) = site.query("SELECT run_id FROM orders ORDER BY order_code")
    assert first != second


def test_the_state_of_the_stream_is_as_the_command_said(site: Installation) -> None:
    put_months(site)
    counts = site.a4s("sync", "orders", "--json").json()["connectors"]["demo"]["orders"]
    (row,) = site.query(
        "SELECT seen, new, calls, last_error, watermark FROM sync_state WHERE stream = 'orders'"
    )
    assert row == (
        counts["seen"],
        counts["new"],
        counts["calls"],
        None,
        datetime(2024, 6, 15, 7, tzinfo=UTC),
    )


def test_orders_whose_sub_total_is_off_are_read_again_by_one_command(site: Installation) -> None:
    for code, total in (("A1", 10), ("A2", 10), ("A3", 12)):
        site.put(code, lines=[line(lineTotal=10)], subTotal=total)
    site.sync()
    with duckdb.connect(str(site.folder / "data" / "warehouse.duckdb"), config=STORAGE) as store:
        store.execute("UPDATE order_lines SET line_total = 99 WHERE order_code = 'A1'")
    site.sandbox.clear()
    done = site.a4s("sync", "orders", "--sub-totals-off")
    assert done.status == 0
    assert "demo orders: 2 seen, 0 new, 1 changed, 1 unchanged, 0 removed" in done.out
    assert done.said() == [
        "a4s: demo orders: of 1 order the sub total is still not the sum of the lines (A3): "
        "compare `a4s order CODE` with the legacy backend"
    ]
    assert sorted(call.code for call in site.sandbox.calls("order_lines")) == ["A1", "A3"]
    assert site.sandbox.calls("orders") == []
    assert site.query("SELECT line_total FROM order_lines WHERE order_code = 'A1'") == [(10,)]
    told = site.a4s("sync", "orders", "--sub-totals-off", "--json").json()["connectors"]["demo"]["orders"]
    assert (told["seen"], told["subTotalsOff"]) == (1, ["A3"])
    site.sandbox.faults.lines_404 = {"A3"}
    done = site.a4s("sync", "orders", "--sub-totals-off")
    assert done.status == 1
    assert "they keep their stored lines, run this again" in done.err
