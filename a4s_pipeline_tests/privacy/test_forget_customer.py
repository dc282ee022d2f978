"""Forgetting a customer: every remaining byte is searched for what identified the person."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.warehouse.table import JSON, TEXT
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS
from a4s_pipeline_tests.cli.conftest import (
    ADMINISTRATIONS,
    LAST_HISTORY_SYNC,
    TOKEN,
    Ended,
    Installation,
    line,
)
from a4s_sandbox import Sandbox, World

MARK = "Zebrastreep"
OTHER = "Andersom"


def person(code: str, mark: str) -> dict[str, Any]:
    return {
        "customerCode": code,
        "name": f"{mark} B.V.",
        "addresses": [{"type": "Visit", "addressLine1": f"{mark}weg 1", "city": "Delft"}],
        "contactPersons": [
            {
                "firstName": "Jan",
                "lastName": f"{mark}mans",
                "contactDetails": [{"type": "Email", "value": f"jan@{mark.lower()}.example"}],
            }
        ],
        "contactDetails": [{"type": "PhoneNumber", "value": f"06-{mark}"}],
        "attributes": {"nickname": f"{mark}je"},
    }


def put_orders(site: Installation, customer: str, mark: str, *codes: str) -> None:
    for code in codes:
        site.put(
            code,
            customerCode=customer,
            customerName=f"{mark} B.V.",
            notes=f"for {mark}",
            yourReference=f"{mark}-7",
            deliveryAddress={"type": "Delivery", "name": mark},
            whoCalled=mark,
            subTotal="12.50",
            lines=[
                line("1", instruction=f"ring at {mark}", lineTotal="12.50"),
                line("2", description="An item", engraving=mark),
            ],
        )


KEPT = {
    "orders": {
        "connector", "order_code", "order_number", "external_id", "customer_code", "order_type", "status",
        "currency", "sales_rep", "header_fingerprint", "lines_fingerprint", "run_id",
    },
    "order_lines": {"connector", "order_code", "line_code", "item_code", "description", "unit", "run_id"},
}  # fmt: skip


def test_each_text_of_an_order_is_said_to_be_personal_or_to_be_kept_for_the_books() -> None:
    for table in (ORDERS, ORDER_LINES):
        texts = {column.name: column for column in table.columns if column.type in {TEXT, JSON}}
        kept = {name for name, column in texts.items() if not column.is_personal}
        assert kept == KEPT[table.name], "mark a new column as personal, or name it here"


def fill(site: Installation) -> None:
    """An installation with two customers in every place that can hold a customer."""
    for code, mark in (("K1", MARK), ("K2", OTHER)):
        site.source.put_customer(person(code, mark))
        put_orders(site, code, mark, f"O-{code}-1", f"O-{code}-2")
    site.source.put_order({"orderCode": "O-bad", "orderDate": "soon", "customerCode": "K1", "notes": MARK})
    assert site.a4s("sync").status == 0
    # What an order was before it changed is kept too.
    for code, mark in (("K1", MARK), ("K2", OTHER)):
        put_orders(site, code, mark, f"O-{code}-1")
        site.put(f"O-{code}-2", customerCode=code, customerName=mark, notes="new", subTotal="0")
    assert site.a4s("sync", "orders").status == 0
    for code, mark in (("K1", MARK), ("K2", OTHER)):
        order = site.folder / f"order-{code}.json"
        order.write_text(
            json.dumps(
                {
                    "intakeOrderId": f"IO-{code}",
                    "customerCode": code,
                    "notes": f"for {mark}",
                    "lines": [{"itemCode": "A1", "quantity": 1, "description": mark}],
                    "contacts": [{"name": mark}],
                }
            )
        )
        assert site.a4s("export-order", str(order)).status == 0
        order.unlink()
        leave_requests(site, code, mark)
    (site.folder / "data" / "failures.log").write_text(f"one of {MARK} B.V.\none of nobody\n")


def leave_requests(site: Installation, code: str, mark: str) -> None:
    """Answered requests, in the folders where the worker puts them."""
    data = site.folder / "data"
    request = {"kind": "create_customer", "connector": "demo", "customer": person(code, mark)}
    answer = {"id": code, "kind": "create_customer", "status": "refused", "error": {"message": f"no {mark}"}}
    listed = {"orderCode": "O", "attributes": {"customerCode": code, "customerName": mark}, "lines": []}
    texts = {
        f"inbox/done/a.{code}.json": request,
        f"inbox/failed/{code}.json": request,
        f"inbox/.answers/a.{code}.json": answer,
        f"outbox/{code}.json": answer,
        "outbox/everybody.json": {"answer": {"orders": [listed]}},
    }
    for path, document in texts.items():
        target = data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        there = (
            json.loads(target.read_text())["answer"]["orders"]
            if path.endswith("y.json") and target.exists()
            else []
        )
        if there:
            document["answer"]["orders"] += there  # type: ignore[index]
        target.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    world = World()
    world.add_administration(ADMINISTRATIONS["demo"], "Exact Globe", LAST_HISTORY_SYNC)
    with Sandbox(world, token=TOKEN) as served:
        yield served


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for an installation that is filled once and copied for each test."""
    return tmp_path_factory.mktemp("filled") / "folder"


@pytest.fixture
def site(tmp_path: Path, gateway: Sandbox, here: Callable[..., Ended], filled: Path) -> Installation:
    made = Installation(tmp_path, gateway, here)
    if not filled.exists():
        fill(made)
        shutil.copytree(tmp_path, filled)
    else:
        shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return made


def files_that_hold(folder: Path, mark: str) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and mark.lower().encode() in path.read_bytes().lower():
            yield path.relative_to(folder).as_posix()


def test_no_byte_below_the_data_folder_reveals_a_forgotten_customer(site: Installation) -> None:
    before = set(files_that_hold(site.folder, MARK))
    assert {"data/warehouse.duckdb", "data/analytics.duckdb", "data/failures.log"} < before
    others = set(files_that_hold(site.folder, OTHER))

    done = site.a4s("forget-customer", "K1", "--asked-by", "the inspector", "--json")

    assert (done.status, done.said()) == (0, [])
    assert set(files_that_hold(site.folder, MARK)) == set()
    assert set(files_that_hold(site.folder, OTHER)) == others
    counts = done.json()
    assert counts["rows"]["orders"] == 2
    assert counts["rows"]["order_lines"] == 2
    assert counts["rows"]["order_versions"] == 1
    assert counts["rows"]["order_line_versions"] == 2
    assert counts["files"] == {"inbox/done": 1, "inbox/failed": 1, "inbox/.answers": 1, "outbox": 2}
    assert counts["logLines"] == 1


def test_what_the_books_need_stays_and_the_record_says_who_asked(site: Installation) -> None:
    amounts = "SELECT order_code, customer_code, order_date, sub_total, line_code, line_total, item_code "
    amounts += "FROM orders JOIN order_lines USING (connector, order_code) ORDER BY ALL"
    before = site.query(amounts)

    site.a4s("forget-customer", "K1", "--asked-by", "the inspector")

    assert site.query(amounts) == before
    assert site.query(
        "SELECT description FROM order_lines WHERE order_code = 'O-K1-1' AND line_code = '2'"
    ) == [("An item",)]
    assert site.query("SELECT intake_order_id, status, customer_code FROM order_exports ORDER BY 1") == [
        ("IO-K1", "ok", "K1"),
        ("IO-K2", "ok", "K2"),
    ]
    assert site.query("SELECT customer_code, asked_by, touched->>'$.orders' FROM forgotten_customers") == [
        ("K1", "the inspector", "2")
    ]


def test_no_sync_brings_a_forgotten_customer_back(site: Installation) -> None:
    site.a4s("forget-customer", "K1")
    put_orders(site, "K1", MARK, "O-K1-1", "O-K1-3")
    site.put("O-K1-4", customerCode="K1", customerName=MARK, orderDate=f"when {MARK} called")
    site.source.put_order(
        {"orderCode": "O-K1-5", "orderDate": "2024-03-05T09:00:00", "customerCode": "K1"},
        [line("1", quantity=f"as many as {MARK} wants")],
    )

    for options in ([], ["--full"]):
        synced = site.a4s("sync", *options, "--json")
        assert synced.status == 0
        assert set(files_that_hold(site.folder / "data", MARK)) == set()
    assert site.query("SELECT customer_code FROM customers") == [("K2",)]
    assert {code for (code,) in site.query("SELECT order_code FROM orders WHERE customer_code = 'K1'")} >= {
        "O-K1-1",
        "O-K1-3",
    }
    assert synced.json()["connectors"]["demo"]["customers"]["new"] == 0


def test_a_dry_run_counts_the_same_and_changes_nothing(site: Installation) -> None:
    everything = {path: path.read_bytes() for path in site.folder.rglob("*.json")}
    counted = site.a4s("forget-customer", "K1", "--dry-run", "--json").json()
    assert {path: path.read_bytes() for path in site.folder.rglob("*.json")} == everything
    assert site.query("FROM forgotten_customers") == []
    done = site.a4s("forget-customer", "K1", "--json").json()
    assert {**counted, "dryRun": False} == done


def test_nothing_is_forgotten_while_something_is_on_its_way(site: Installation) -> None:
    waiting = site.folder / "data" / "inbox" / "now.json"
    waiting.write_text(json.dumps({"kind": "create_customer", "customer": person("K1", MARK)}))
    refused = site.a4s("forget-customer", "K1")
    assert refused.status == 1
    assert "now.json" in refused.said()[0]
    waiting.unlink()
    assert site.a4s("forget-customer", "K1").status == 0


def test_a_code_without_stored_data_is_reported_and_a_second_time_is_no_failure(site: Installation) -> None:
    unknown = site.a4s("forget-customer", "k1")
    assert (unknown.status, "nothing is stored" in unknown.err) == (1, True)
    assert site.a4s("forget-customer", "K1").status == 0
    again = site.a4s("forget-customer", "K1")
    assert (again.status, again.err) == (0, "")
