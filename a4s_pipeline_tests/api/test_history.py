"""Order history over HTTP, and the page that shows all four jobs with curl."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline_tests.api.conftest import DEMO, Serve, Served
from a4s_pipeline_tests.support.project import ROOT

EVERYTHING = OrdersPlan(Months(date(2024, 1, 1), date(2100, 1, 1)), whole=True)
PAGE = ROOT / "docs" / "http.md"


def put(served: Served, code: str, day: str, customer: str = "K1") -> None:
    header = {"orderCode": code, "orderDate": day, "customerCode": customer, "total": 10.5}
    line = {"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": 2.5}
    served.site.source.put_order(header, [line])


def sync(served: Served) -> None:
    platform = Platform(served.site.settings)
    platform.sync("orders", "demo", plan=EVERYTHING, run_id="sync").or_raise()
    platform.publish()


@pytest.fixture
def synced(serve: Serve) -> Iterator[Served]:
    with serve(connectors={"demo": "Demo B.V.", "zuid": "Zuid B.V."}) as served:
        put(served, "B/1", "2024-03-05T09:00:00")
        put(served, "B2", "2024-03-06T09:00:00", "K2")
        put(served, "B3", "2024-03-07T09:00:00")
        sync(served)
        yield served


def codes(served: Served, query: str = "", path: str = "/orders") -> list[str]:
    reply = served.get(f"{DEMO}{path}{query}")
    assert reply.status == 200, reply
    return [order["orderCode"] for order in reply.json["orders"]]


def test_a_list_is_filtered_by_its_parameters_and_cut_into_pages(synced: Served) -> None:
    for query, found in {
        "": ["B3", "B2", "B/1"],
        "?customer=K2": ["B2"],
        "?from=2024-03-06": ["B3", "B2"],
        "?to=2024-03-06": ["B2", "B/1"],
        "?to=2024-03-06T09:00:00": ["B/1"],
        "?from=2024-03-06&to=2024-03-06": ["B2"],
        "?limit=1&offset=1": ["B2"],
    }.items():
        assert codes(synced, query) == found, query
    assert codes(synced, path="/customers/K1/orders") == ["B3", "B/1"]
    assert synced.get(f"{DEMO}/orders?limit=1").json["total"] == 3


def test_one_order_has_its_lines_and_one_that_is_not_there_is_404(synced: Served) -> None:
    reply = synced.get(f"{DEMO}/orders/B%2F1")
    assert (reply.status, reply.json["orderCode"]) == (200, "B/1")
    assert reply.json["lines"][0]["attributes"]["quantity"] == "2.5"
    missing = synced.get(f"{DEMO}/orders/B9")
    assert (missing.status, missing.json["code"]) == (404, "UnknownOrder")


def test_a_filter_that_is_empty_or_misspelt_brings_nobody_elses_orders(synced: Served) -> None:
    for query, fields in {
        "?customer=": {"customer"},
        "?customerCode=K1": {"customerCode"},
        "?Customer=K1": {"Customer"},
        "?from=": {"from"},
        "?to=soon": {"to"},
        "?limit=": {"limit"},
        "?limit=0&offset=-1": {"limit", "offset"},
        "?customer=K1&customer=K2": {"customer"},
    }.items():
        reply = synced.get(f"{DEMO}/orders{query}")
        assert (reply.status, set(reply.faults)) == (422, fields), query
    assert synced.get(f"{DEMO}/customers//orders").status == 422
    assert synced.get(f"{DEMO}/customers/K1/orders?customer=K2").status == 422


def test_the_next_copy_is_read_as_soon_as_it_is_published(synced: Served) -> None:
    put(synced, "B4", "2024-03-08T09:00:00")
    sync(synced)
    assert codes(synced, "?limit=1") == ["B4"]


def test_where_there_is_no_history_yet_it_may_be_tried_again(served: Served) -> None:
    reply = served.get(f"{DEMO}/orders")
    assert (reply.status, reply.json["code"]) == (503, "NotPublished")
    assert int(reply.headers["retry-after"]) >= 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page is written for curl")
def test_each_command_of_the_page_works(serve: Serve, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    (order,) = re.findall(r"```json\n(\{\"intakeOrderId.*?)```", text, re.DOTALL)
    (tmp_path / "order.json").write_text(order)
    with serve() as served:
        served.site.put_items("BE4010-3x16")
        served.site.source.put_customer({"customerCode": "K00001", "name": "Kwekerij Bos"})
        put(served, "B1", "2026-03-05T09:00:00", "K00001")
        sync(served)
        script = commands.replace(":8321", f":{served.port}").replace(
            "curl -s", "curl -s -o /dev/null -w '%{http_code}\\n'"
        )
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert len(served.site.source.booked) == 1
    assert done.stdout.split() == [
        *["200"] * 3,
        *["200", "201", "200", "200", "200"],
        *["201", "200"],
        *["200", "200", "404"],
    ]


def test_pages_by_a_cursor_hold_each_order_once_whatever_is_published_between_them(synced: Served) -> None:
    first = synced.get(f"{DEMO}/orders?limit=2").json
    put(synced, "B4", "2024-03-08T09:00:00")
    put(synced, "B0", "2024-03-05T09:00:00")
    sync(synced)
    assert [order["orderCode"] for order in first["orders"]] == ["B3", "B2"]
    assert codes(synced, "?limit=2&offset=2") == ["B2", "B0"]
    assert codes(synced, f"?limit=1&after={first['next']}") == ["B0"]
    rest = synced.get(f"{DEMO}/orders?limit=2&after={first['next']}").json
    assert ([order["orderCode"] for order in rest["orders"]], rest.get("next"), rest["total"]) == (
        ["B0", "B/1"],
        None,
        5,
    )
    assert synced.get(f"{DEMO}/customers/K1/orders?limit=1").json["next"]
    for query in ("after=", "after=x", f"after={first['next']}&offset=1", f"after={first['next']}x"):
        refused = synced.get(f"{DEMO}/orders?{query}")
        assert (refused.status, list(refused.faults)) == (422, ["after"]), query


def test_a_page_asked_for_again_is_the_same_until_the_copy_is_replaced(synced: Served) -> None:
    pages = [synced.get(f"{DEMO}/orders?limit=3").raw for _ in range(3)]
    assert len(set(pages)) == 1
    put(synced, "B4", "2024-03-08T09:00:00")
    sync(synced)
    assert codes(synced, "?limit=3") == ["B4", "B3", "B2"]
    assert codes(synced, "?limit=3&customer=K2") == ["B2"]
