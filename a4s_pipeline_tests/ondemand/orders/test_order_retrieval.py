"""Order retrieval as a request; the commands' tests cover the orders themselves."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.requests.retrieve_orders import RETRIEVE_CUSTOMER_ORDERS, RETRIEVE_ORDERS
from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.rows.orders.retrieval import OrderFilter
from a4s_pipeline_tests.support.installed_site import Site, installed

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EVERYTHING = OrdersPlan(Months(date(2024, 1, 1), date(2100, 1, 1)), whole=True)
HISTORY_AS_OF = datetime(2024, 6, 1, 7, 30, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, connectors={"demo": "Demo B.V.", "zuid": "Zuid B.V."}) as site:
        site.source.last_history_sync = HISTORY_AS_OF
        site.sandbox.world.add_administration("Zuid B.V.", None)
        yield site


def put(site: Site, code: str, day: str, customer: str = "K1") -> None:
    header = {"orderCode": code, "orderDate": day, "customerCode": customer, "total": 10.50}
    line = {"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": 2.5, "colour": "red"}
    site.source.put_order(header, [line])


def sync(site: Site, connector: str = "demo") -> None:
    platform = Platform(site.settings)
    platform.sync("orders", connector, plan=EVERYTHING, run_id="sync").or_raise()
    platform.publish()


def ask(site: Site, kind: str, **body: Any) -> Any:
    site.drop("one", {"kind": kind, "connector": "demo", **body})
    site.serve_what_waits()
    answer = site.answer("one")
    assert answer["kind"] == kind
    return answer


def test_a_list_is_what_was_promised_and_the_gateway_is_asked_nothing(site: Site) -> None:
    put(site, "B1", "2024-03-05T09:00:00")
    put(site, "B2", "2024-03-06T09:00:00")
    sync(site)
    site.sandbox.clear()
    answer = ask(site, "retrieve_orders")
    assert answer["status"] == "ok"
    assert site.sandbox.requests == []
    assert answer["answer"].keys() == {"orders", "total", "asOf"}
    assert answer["answer"]["total"] == 2
    assert datetime.fromisoformat(answer["answer"]["asOf"]) == HISTORY_AS_OF
    newest, _ = answer["answer"]["orders"]
    assert newest["orderCode"] == "B2"
    assert newest["attributes"]["total"] == "10.5"
    (line,) = newest["lines"]
    assert line["lineCode"] == "1"
    assert (line["attributes"]["quantity"], line["attributes"]["colour"]) == ("2.5", "red")


@pytest.mark.both_stores
def test_a_list_holds_the_orders_asked_for_and_their_total(site: Site) -> None:
    put(site, "B1", "2024-03-05T23:59:59")
    put(site, "B2", "2024-03-06T00:00:00", "K2")
    put(site, "B3", "2024-03-07T09:00:00")
    sync(site)
    cases: list[tuple[dict[str, Any], list[str], int]] = [
        ({}, ["B3", "B2", "B1"], 3),
        ({"limit": 1}, ["B3"], 3),
        ({"limit": 1, "offset": 1}, ["B2"], 3),
        ({"offset": 9}, [], 3),
        ({"customerCode": "K2"}, ["B2"], 1),
        ({"customerCode": "K9"}, [], 0),
        # From inclusive, to exclusive, as at the gateway; without an offset in Amsterdam.
        ({"orderDateFrom": "2024-03-06"}, ["B3", "B2"], 2),
        ({"orderDateTo": "2024-03-06"}, ["B1"], 1),
        ({"orderDateFrom": "2024-03-06T00:00:00", "orderDateTo": "2024-03-06T00:00:01"}, ["B2"], 1),
        ({"orderDateFrom": "2024-03-05T23:00:00Z"}, ["B3", "B2"], 2),
        ({"orderDateFrom": "2024-03-05T23:00:01Z"}, ["B3"], 1),
    ]
    for number, (wanted, _, _) in enumerate(cases):
        site.drop(f"r{number}", {"kind": "retrieve_orders", "connector": "demo", **wanted})
    site.serve_what_waits()
    for number, (wanted, codes, total) in enumerate(cases):
        answer = site.answer(f"r{number}")["answer"]
        assert [order["orderCode"] for order in answer["orders"]] == codes, wanted
        assert answer["total"] == total, wanted


@pytest.mark.both_stores
def test_one_order_is_retrieved_by_its_code_and_one_that_is_not_stored_is_refused(site: Site) -> None:
    put(site, "B/1 #", "2024-03-05T09:00:00")
    sync(site)
    answer = ask(site, "retrieve_order", orderCode="B/1 #")
    assert answer["status"] == "ok"
    assert answer["answer"]["orderCode"] == "B/1 #"
    assert answer["answer"].keys() >= {"orderCode", "attributes", "lines", "asOf"}
    site.drop("two", {"kind": "retrieve_order", "connector": "demo", "orderCode": "B2"})
    site.serve_what_waits()
    refused = site.answer("two")
    assert (refused["status"], refused["error"]["code"]) == ("refused", "UnknownOrder")


def test_a_request_that_names_no_order_is_refused(site: Site) -> None:
    codes: list[Any] = [None, "", 7, ["B1"]]
    for number, code in enumerate(codes):
        site.drop(f"r{number}", {"kind": "retrieve_order", "connector": "demo", "orderCode": code})
    site.serve_what_waits()
    for number in range(len(codes)):
        answer = site.answer(f"r{number}")
        assert answer["status"] == "refused"
        assert [fault["field"] for fault in answer["error"]["fields"]] == ["orderCode"]


KINDS: dict[str, dict[str, Any]] = {"retrieve_orders": {}, "retrieve_order": {"orderCode": "B1"}}


@pytest.mark.both_stores
def test_where_history_does_not_exist_the_request_is_refused_clearly(site: Site) -> None:
    put(site, "B1", "2024-03-05T09:00:00")
    sync(site)
    sync(site, "zuid")
    for kind, body in KINDS.items():
        site.drop(kind, {"kind": kind, "connector": "zuid", **body})
    site.serve_what_waits()
    for kind in KINDS:
        answer = site.answer(kind)
        assert (answer["status"], answer["error"]["code"]) == ("refused", "FocusConnectorNotConfigured")
        assert "'zuid'" in answer["error"]["message"]


@pytest.mark.both_stores
def test_before_the_first_sync_a_request_fails_and_may_be_tried_again(site: Site) -> None:
    for kind, body in KINDS.items():
        site.drop(kind, {"kind": kind, "connector": "demo", **body})
    site.serve_what_waits()
    for kind in KINDS:
        answer = site.answer(kind)
        assert (answer["status"], answer["error"]["code"]) == ("failed", "NotPublished")


def test_a_copy_that_cannot_be_read_fails_and_says_what_to_do(site: Site) -> None:
    site.settings.analytics_path.write_bytes(b"no database" * 1000)
    answer = ask(site, "retrieve_orders")
    assert answer["status"] == "failed"
    assert "a4s sync" in answer["error"]["message"]


def test_the_orders_of_one_customer_are_never_those_of_everybody(site: Site) -> None:
    put(site, "B1", "2024-03-05T09:00:00", "K1")
    put(site, "B2", "2024-03-06T09:00:00", "K2")
    sync(site)
    answer = ask(site, "retrieve_customer_orders", customerCode="K2")["answer"]
    assert ([order["orderCode"] for order in answer["orders"]], answer["total"]) == (["B2"], 1)
    wrong_ones: list[dict[str, Any]] = [{}, {"customerCode": None}, {"customerCode": ""}, {"customer": "K2"}]
    for number, wrong in enumerate(wrong_ones):
        site.drop(f"wrong-{number}", {"kind": "retrieve_customer_orders", "connector": "demo", **wrong})
        site.serve_what_waits()
        refused = site.answer(f"wrong-{number}")
        assert (refused["status"], refused["answer"]) == ("refused", None)
        assert refused["error"]["fields"]


def test_a_misspelt_filter_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ChangeRequest) as refused:
        RETRIEVE_CUSTOMER_ORDERS.read({"customerCod": "K1"}, AMSTERDAM)
    assert [(fault.field, fault.message) for fault in refused.value.fields] == [
        ("customerCode", "is missing"),
        ("customerCod", "is no field of retrieve_customer_orders; did you mean customerCode?"),
    ]


def test_what_is_left_out_has_its_default_and_a_limit_may_be_from_1_to_1000() -> None:
    read = RETRIEVE_ORDERS.read({}, AMSTERDAM)
    assert (read.customer_code, read.order_date_from, read.order_date_to) == (None, None, None)
    assert (read.limit, read.offset) == (50, 0)
    for limit in (1, 1000):
        assert RETRIEVE_ORDERS.read({"limit": limit}, AMSTERDAM).limit == limit


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"limit": 0}, ["limit"]),
    ({"limit": 1001}, ["limit"]),
    ({"limit": -1}, ["limit"]),
    ({"limit": "10"}, ["limit"]),
    ({"limit": True}, ["limit"]),
    ({"limit": None}, ["limit"]),
    ({"offset": -1}, ["offset"]),
    ({"offset": 1.5}, ["offset"]),
    ({"offset": False}, ["offset"]),
    ({"customerCode": 7}, ["customerCode"]),
    ({"customerCode": ""}, ["customerCode"]),
    ({"customerCode": None}, ["customerCode"]),
    ({"orderDateFrom": None}, ["orderDateFrom"]),
    ({"orderDateTo": ""}, ["orderDateTo"]),
    ({"customer": "K1"}, ["customer"]),
    ({"customercode": "K1"}, ["customercode"]),
    ({"from": "2024-01-01", "id": "1"}, ["from", "id"]),
    ({"orderDateFrom": "soon"}, ["orderDateFrom"]),
    ({"orderDateTo": "1900-01-01"}, ["orderDateTo"]),
    ({"orderDateTo": 20240305}, ["orderDateTo"]),
    (
        {"customerCode": [], "orderDateFrom": "", "orderDateTo": "2024-02-30", "limit": 0, "offset": -1},
        ["customerCode", "orderDateFrom", "orderDateTo", "limit", "offset"],
    ),
]


def test_every_fault_of_a_list_is_named_by_its_field() -> None:
    for body, faults in FAULTS:
        with pytest.raises(ChangeRequest) as refused:
            RETRIEVE_ORDERS.read(body, AMSTERDAM)
        assert [fault.field for fault in refused.value.fields] == faults, body


@pytest.mark.both_stores
def test_what_the_store_writes_as_json_is_exact_to_the_letter(site: Site) -> None:
    header = {
        "orderCode": 'B"1\\',
        "orderDate": "2024-03-05T09:00:00.25+01:00",
        "customerCode": "K1",
        "notes": 'two\nlines, "quoted" \u2028 \x07 and an \U0001f69a',
        "subTotal": 0,
        "vatTotal": -0.5,
        "shippingCosts": 100,
        "total": 345678901234.5678,
        "modified": "2024-03-05T23:59:59+00:00",
        "deliveryAddress": {"type": "Delivery", "dock": 1234567890.12345678901234567890},
        "weight": 0.12345678901234567890123,
        # A field of the contract is itself, whatever the record's own attributes call so.
        "attributes": {"total": "else", "lanes": [1, 2.50]},
    }
    lines = [
        {"lineCode": "2", "lineNumber": 2, "itemCode": None, "quantity": -1.25, "deliveryDate": "2024-04-01"},
        {"lineCode": "1", "lineNumber": 1, "itemCode": "A/1", "quantity": 1000, "price": 0.0001},
    ]
    raw = json.dumps(header).replace(repr(1234567890.12345678901234567890), "1234567890.12345678901234567890")
    site.source.put_order(exact_json.loads(raw), lines)
    sync(site)
    store = Platform(site.settings).readable
    (order,) = exact_json.loads(exact_json.dumps(OrderHistory(store, "demo").orders(OrderFilter())))["orders"]
    assert {**OrderHistory(store, "demo").order('B"1\\'), "asOf": None} == {**order, "asOf": None}
    fields = order["attributes"]
    assert (order["orderCode"], fields["notes"]) == (header["orderCode"], header["notes"])
    amounts = [fields[name] for name in ("subTotal", "vatTotal", "shippingCosts", "total")]
    assert amounts == ["0", "-0.5", "100", "345678901234.5678"]
    assert (fields["orderDate"], fields["modified"]) == (
        "2024-03-05T08:00:00.250000+00:00",
        "2024-03-05T23:59:59+00:00",
    )
    assert (fields["lanes"], fields["salesRep"]) == ([1, Decimal("2.50")], None)
    assert fields["deliveryAddress"]["dock"] == Decimal("1234567890.12345678901234567890")
    shown = [(line["lineCode"], line["attributes"]) for line in order["lines"]]
    assert [(code, line["lineNumber"], line["quantity"], line["price"]) for code, line in shown] == [
        ("1", 1, "1000", "0.0001"),
        ("2", 2, "-1.25", None),
    ]
    assert [line["deliveryDate"] for _, line in shown] == [None, "2024-04-01"]
