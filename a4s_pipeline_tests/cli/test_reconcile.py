import json

import duckdb
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.cli.conftest import Installation, line


def _differ(site: Installation) -> None:
    """A history from which, after its import, one order was removed, one changed and one added."""
    for code, day in (("A1", "2024-03-05"), ("A2", "2024-03-06"), ("B1", "2024-05-05"), ("C1", "2024-08-05")):
        site.put(code, f"{day}T09:00:00")
    site.sync()
    site.source.remove_order("A1")
    site.put("B1", "2024-05-05T09:00:00", [line("1"), line("2")], status="changed")
    site.put("LATE", "2024-05-04T09:00:00")


def test_months_that_agree_are_listed_with_their_counts(site: Installation) -> None:
    site.put("A1")
    site.put("A2")
    site.put("C1", "2024-08-05T09:00:00")
    site.sync()
    done = site.a4s("reconcile", "--to", "2024-12-31")
    assert (done.status, done.said()) == (0, [])
    listed = [text.split() for text in done.out.splitlines()]
    assert listed[:3] == [["demo", "month", "gateway", "store"], ["2024-03", "2", "2"], ["2024-08", "1", "1"]]
    assert listed[3][:4] == ["12", "months,", "none", "differs;"]


def test_months_that_differ_are_marked_and_named_in_json_with_their_orders(site: Installation) -> None:
    _differ(site)
    done = site.a4s("reconcile")
    assert done.status == 1
    assert done.said() == ["a4s: demo: 2 months differ; `a4s reconcile --repair` reads such months again"]
    lines = [text.strip() for text in done.out.splitlines()]
    assert "2024-03          1        2  ✗ 1 gone (A1)" in lines
    assert "2024-05          2        1  ✗ 1 missing (LATE), 1 changed (B1)" in lines
    assert "2024-08          1        1" in lines
    assert site.held() == ["A1", "A2", "B1", "C1"]
    done = site.a4s("reconcile", "--json")
    assert done.status == 1
    told = done.json()["connectors"]["demo"]
    months = {month.pop("month"): month for month in told["months"]}
    assert months["2024-05"] == {
        "gateway": 2,
        "store": 1,
        "differs": True,
        "missing": 1,
        "gone": 0,
        "changed": 1,
        "waiting": 0,
        "setAside": 0,
        "examples": {"missing": ["LATE"], "changed": ["B1"]},
    }
    assert (months["2024-08"]["differs"], told["differing"], told["repairs"]) == (False, 2, [])
    assert told["calls"] > len(months)


def test_a_repair_reads_just_the_months_that_differ_and_marks_what_is_gone(site: Installation) -> None:
    _differ(site)
    site.sandbox.clear()
    done = site.a4s("reconcile", "--repair")
    assert (done.status, done.said()) == (0, [])
    assert "none differs" in done.out
    assert sorted(call.code for call in site.sandbox.calls("order_lines")) == ["A2", "B1", "LATE"]
    assert site.query("SELECT order_code FROM orders WHERE removed_at IS NOT NULL") == [("A1",)]
    assert site.query("SELECT count(*) FROM order_lines WHERE order_code = 'B1'") == [(2,)]
    assert site.query("SELECT count(*) FROM order_lines WHERE order_code = 'A1'") == [(1,)]
    assert site.query("SELECT count(*) FROM reconciled_months WHERE differs") == [(0,)]
    assert site.a4s("reconcile").status == 0


def test_a_range_leaves_other_months_alone(site: Installation) -> None:
    _differ(site)
    done = site.a4s("reconcile", "--from", "2024-05-20", "--to", "2024-06-10", "--repair", "--json")
    assert done.status == 0
    months = done.json()["connectors"]["demo"]["months"]
    assert [month["month"] for month in months] == ["2024-05", "2024-06"]
    assert site.query("SELECT order_code FROM orders WHERE removed_at IS NOT NULL") == []


def test_a_repair_that_fails_says_why_and_the_month_still_differs(site: Installation) -> None:
    _differ(site)
    # The comparison asks for the status first, then the repair does; the gateway fails it five times.
    site.sandbox.faults.script = {"status": ["ok", *["server_error"] * 5]}
    done = site.a4s("reconcile", "--repair", "--from", "2024-03-01", "--to", "2024-03-31")
    assert done.status == 1
    why, differs = done.said()
    assert "the status of 'Demo B.V.'" in why
    assert differs == "a4s: demo: 1 month differs; see above why it could not be read, and try again"
    assert site.held() == ["A1", "A2", "B1", "C1"]
    assert site.a4s("reconcile", "--repair").status == 0


def test_a_connector_without_history_says_so_and_the_others_are_compared(site: Installation) -> None:
    site.put("A1")
    site.sync()
    site.serve_both()
    done = site.a4s("reconcile", "--json")
    assert (done.status, done.err) == (0, "")
    told = done.json()["connectors"]
    assert told["demo"]["differing"] == 0
    assert "hasHistory" not in told["demo"]
    assert (told["zuid"]["hasHistory"], told["zuid"]["months"]) == (False, [])
    text = site.a4s("reconcile").out
    assert "zuid  no order history: the legacy backend has no focus connector" in text


@pytest.mark.parametrize(
    "arguments", [("--from", "2024-06-01", "--to", "2024-05-01"), ("--from", "June"), ("--connector", "x")]
)
def test_wrong_usage_is_reported_before_any_call(site: Installation, arguments: tuple[str, ...]) -> None:
    done = site.a4s("reconcile", *arguments)
    assert done.status == 2
    assert done.said()
    assert site.sandbox.requests == []


def test_comparing_does_not_import_dagster(site: Installation) -> None:
    site.put("A1")
    site.sync()
    process = site.a4s_process("reconcile", "--json", PYTHONPROFILEIMPORTTIME="1")
    assert process.status == 0
    assert json.loads(process.out)["connectors"]["demo"]["differing"] == 0
    assert " dagster" not in process.err


def test_a_repair_reads_the_lines_again_of_orders_whose_sub_total_is_off(site: Installation) -> None:
    for code, total in (("A1", 10), ("A2", 10), ("OFF", 12)):
        site.put(code, lines=[line(lineTotal=10)], subTotal=total)
    site.sync()
    with duckdb.connect(str(site.folder / "data" / "warehouse.duckdb"), config=STORAGE) as store:
        store.execute("DELETE FROM order_lines WHERE order_code = 'A1'")
    site.sandbox.clear()
    assert (site.a4s("reconcile").status, site.sandbox.calls("order_lines")) == (0, [])
    done = site.a4s("reconcile", "--repair")
    assert {call.code for call in site.sandbox.calls("order_lines")} == {"A1", "OFF"}
    assert site.query("SELECT count(*) FROM order_lines WHERE order_code = 'A1'") == [(1,)]
    # What is off at the source is no difference between it and the store.
    assert done.status == 0
    assert "is still not the sum of the lines (OFF)" in done.err
