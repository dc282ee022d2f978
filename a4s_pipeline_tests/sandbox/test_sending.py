from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from a4s_pipeline_tests.sandbox.conftest import ADMINISTRATION, ORDERS, Client, intake
from a4s_sandbox import Administration, Faults, Sandbox


def test_an_order_is_booked_and_found_by_its_external_id(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    reply = client.post(*ORDERS, json=intake("a/b #1"), headers={"Idempotency-Key": "key-1"})
    assert reply.status_code == 201
    assert reply.json().keys() == {"orderId", "orderNumber"}
    assert client.get(*ORDERS, "a/b #1").json() == reply.json()
    [booked] = administration.booked
    assert (booked.external_id, booked.order_id) == ("a/b #1", reply.json()["orderId"])
    assert booked.body["lines"][0]["price"] == Decimal("12.5")
    assert sandbox.calls("export_order")[0].headers["Idempotency-Key"] == "key-1"


def test_the_same_external_id_is_booked_once(administration: Administration, client: Client) -> None:
    first = client.post(*ORDERS, json=intake())
    second = client.post(*ORDERS, json=intake(notes="other"))
    assert (second.status_code, second.json()["code"]) == (409, "DuplicateExternalId")
    assert second.json().items() >= first.json().items()
    assert len(administration.booked) == 1


def test_many_posts_at_once_of_one_order_book_it_once(administration: Administration, client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.post(*ORDERS, json=intake()).status_code, range(24)))
    assert sorted(replies) == [201] + [409] * 23
    assert len(administration.booked) == 1


@pytest.mark.parametrize("where", ["faults", "administration"])
def test_a_gateway_that_does_not_dedupe_books_again(
    where: str, administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    if where == "faults":
        sandbox.faults = Faults(dedupe=False)
    else:
        administration.dedupe = False
    numbers = {client.post(*ORDERS, json=intake()).json()["orderNumber"] for _ in range(2)}
    assert len(numbers) == len(administration.booked) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"customerCode": None}, "customerCode"),
        ({"externalId": " "}, "externalId"),
        ({"lines": []}, "lines"),
        ({"lines": [7]}, "lines[0]"),
        ({"lines": [{"itemCode": "A1"}]}, "lines[0].quantity"),
        ({"lines": [{"itemCode": "A1", "quantity": "2"}]}, "lines[0].quantity"),
        ({"lines": [{"itemCode": "A1", "quantity": True}]}, "lines[0].quantity"),
        ({"lines": [{"quantity": 1}]}, "lines[0].itemCode"),
        ({"lines": [{"itemCode": "A1", "quantity": 1, "price": "1,50"}]}, "lines[0].price"),
        ({"notes": 7}, "notes"),
        ({"shippingCosts": "0"}, "shippingCosts"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named(
    wrong: dict[str, Any], field: str, administration: Administration, client: Client
) -> None:
    reply = client.post(*ORDERS, json=intake(**wrong))
    assert (reply.status_code, reply.json()["code"]) == (422, "ValidationFailed")
    assert [error["field"] for error in reply.json()["errors"]] == [field]
    assert administration.booked == []


def test_an_unknown_customer_and_an_unknown_item_are_refused(
    administration: Administration, client: Client
) -> None:
    unknown = client.post(*ORDERS, json=intake(customerCode="k1"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "UnknownCustomer")
    administration.put_item({"itemCode": "B1", "names": {}, "images": []})
    reply = client.post(*ORDERS, json=intake())
    assert reply.json()["errors"] == [{"field": "lines[0].itemCode", "message": "There is no such item."}]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_a_bad_request(body: bytes, client: Client) -> None:
    assert client.post(*ORDERS, data=body).status_code == 400


def test_a_booked_order_shows_in_history_after_the_next_history_sync(
    administration: Administration, client: Client
) -> None:
    number = client.post(*ORDERS, json=intake(reference="Ref 1")).json()["orderNumber"]
    assert client.codes() == []
    assert administration.history_sync() == 1
    assert administration.history_sync() == 0
    [header] = client.get(ADMINISTRATION, "orders").json()["items"]
    assert (header["orderCode"], header["externalId"], header["customerName"]) == (
        number,
        "IO-1",
        "Kwekerij Bos",
    )
    [line] = client.get(ADMINISTRATION, "orders", number, "lines").json()
    assert (line["itemCode"], line["quantity"]) == ("A1", 2)
    assert client.get(ADMINISTRATION, "status").json()["lastHistorySync"] is not None


def test_a_new_customer_gets_an_external_id_and_is_listed(client: Client) -> None:
    address = {"type": "Visit", "city": "Utrecht"}
    reply = client.post(
        ADMINISTRATION, "customers", json={"customerCode": "K2", "name": "Bos", "addresses": [address]}
    )
    assert reply.status_code == 201
    listed = client.get(ADMINISTRATION, "customers").json()["items"][-1]
    assert (listed["customerCode"], listed["externalId"]) == ("K2", reply.json()["externalId"])
    assert listed["addresses"] == [address]


def test_a_customer_code_that_is_taken_answers_with_the_id_behind_it(client: Client) -> None:
    reply = client.post(ADMINISTRATION, "customers", json={"customerCode": "K1", "name": "Bos"})
    assert (reply.status_code, reply.json()["code"]) == (409, "DuplicateCustomerCode")
    assert reply.json()["externalId"] == "ext-1"


def test_a_customer_that_cannot_be_accepted_is_refused_field_by_field(client: Client) -> None:
    sent = {"name": "", "vatNumber": 7, "addresses": ["x"]}
    errors = client.post(ADMINISTRATION, "customers", json=sent).json()["errors"]
    assert [error["field"] for error in errors] == ["customerCode", "name", "vatNumber", "addresses"]
