from typing import Any

import pytest

from a4s_pipeline_tests.sandbox.conftest import ADMINISTRATION, Client, header
from a4s_sandbox import Administration, World


def test_orders_are_listed_ascending_by_date_and_then_code(
    administration: Administration, client: Client
) -> None:
    administration.put_order(header("C", "2024-03-01T10:00:00"))
    administration.put_order(header("B", "2024-03-01T10:00:00"))
    administration.put_order(header("A", "2024-03-01T08:59:59Z"))
    administration.put_order(header("Z", "2024-02-29"))
    assert client.codes() == ["Z", "A", "B", "C"]


def test_the_first_bound_is_inclusive_and_the_second_exclusive(
    administration: Administration, client: Client
) -> None:
    for day in (1, 2, 3):
        administration.put_order(header(f"D{day}", f"2024-07-0{day}T00:00:00"))
    found = client.codes(orderDateFrom="2024-07-01T00:00:00+02:00", orderDateTo="2024-07-03T00:00:00+02:00")
    assert found == ["D1", "D2"]
    assert client.codes(orderDateFrom="2024-06-30T22:00:00Z", orderDateTo="2024-06-30T22:00:00Z") == []
    assert client.codes(orderDateFrom="2024-06-30T22:00:00.000001Z") == ["D2", "D3"]


def test_a_date_without_offset_is_amsterdam_time_on_both_nights_of_the_clock(
    administration: Administration, client: Client
) -> None:
    administration.put_order(header("gap", "2023-03-26T02:30:00"))
    administration.put_order(header("twice", "2023-10-29T02:30:00"))
    administration.put_order(header("second", "2023-10-29T02:30:00+01:00"))
    assert client.codes(orderDateFrom="2023-03-26T01:30:00Z", orderDateTo="2023-03-26T01:30:01Z") == ["gap"]
    assert client.codes(orderDateFrom="2023-10-29T00:30:00Z", orderDateTo="2023-10-29T01:30:00Z") == ["twice"]
    assert client.codes(orderDateFrom="2023-10-29T01:30:00Z") == ["second"]


def test_pages_hold_every_order_once_and_past_the_end_nothing(
    administration: Administration, client: Client
) -> None:
    for number in range(7):
        administration.put_order(header(f"O{number}"))
    pages = [
        client.get(ADMINISTRATION, "orders", params={"page": page, "pageSize": 3}).json() for page in range(4)
    ]
    assert [[row["orderCode"] for row in page["items"]] for page in pages] == [
        ["O0", "O1", "O2"],
        ["O3", "O4", "O5"],
        ["O6"],
        [],
    ]
    assert {(page["pageSize"], page["totalCount"]) for page in pages} == {(3, 7)}
    assert [page["page"] for page in pages] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "params",
    [
        {"page": "-1"},
        {"page": "x"},
        {"page": "²"},
        {"pageSize": "0"},
        {"pageSize": "1001"},
        {"pageSize": ""},
        {"orderDateFrom": "yesterday"},
        {"orderDateTo": "2024-02-30T00:00:00Z"},
    ],
)
def test_a_parameter_that_is_none_is_a_bad_request(params: dict[str, str], client: Client) -> None:
    reply = client.get(ADMINISTRATION, "orders", params=params)
    assert reply.status_code == 400
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.json()["code"] == "BadRequest"
    assert next(iter(params)) in reply.json()["detail"]


def test_an_offset_whose_plus_was_not_encoded_is_a_bad_request(client: Client) -> None:
    reply = client.session.get(
        client.url(ADMINISTRATION, "orders") + "?orderDateFrom=2024-01-01T00:00:00+01:00", timeout=5
    )
    assert reply.status_code == 400


@pytest.mark.parametrize(
    "malformed",
    [
        {"orderDate": "2024-03-05T10:00:00"},
        {"orderCode": None, "orderDate": "2024-03-05T10:00:00"},
        {"orderCode": "", "orderDate": "2024-03-05T10:00:00"},
        {"orderCode": "bad", "orderDate": "2024-03-77"},
        {"orderCode": "bad", "orderDate": "never", "modified": "2024-03-06T10:00:00"},
        {"orderCode": "bad"},
        {"orderCode": {"a": 1}, "orderDate": 7},
        "not even an object",
        None,
    ],
)
def test_a_malformed_record_is_served_among_the_good_ones_of_its_month(
    malformed: Any, administration: Administration, client: Client
) -> None:
    administration.put_order(header("good", "2024-03-05T09:00:00"))
    administration.put_order(malformed)
    params = {"orderDateFrom": "2024-03-01T00:00:00+01:00", "orderDateTo": "2024-04-01T00:00:00+02:00"}
    page = client.get(ADMINISTRATION, "orders", params=params).json()
    assert page["totalCount"] == 2
    assert malformed in page["items"]


def test_a_malformed_record_can_be_taken_out_by_the_key_it_was_given(
    administration: Administration, client: Client
) -> None:
    key = administration.put_order({"orderDate": "2024-03-05"})
    administration.remove_order(key)
    assert client.codes() == []


def test_an_order_that_is_put_again_moves_to_its_new_date_and_is_there_once(
    administration: Administration, client: Client
) -> None:
    administration.put_order(header("A", "2024-01-01"))
    administration.put_order(header("B", "2024-02-01"))
    administration.put_order(header("A", "2024-03-01"))
    assert client.codes() == ["B", "A"]
    administration.remove_order("B")
    assert client.codes() == ["A"]


def test_items_and_customers_are_listed_by_code(administration: Administration, client: Client) -> None:
    for code in ("b", "B", "a/1", "10", "9"):
        administration.put_item({"itemCode": code, "names": {}, "images": []})
        administration.put_customer({"customerCode": code, "name": code, "addresses": []})
    items = client.get(ADMINISTRATION, "items").json()["items"]
    customers = client.get(ADMINISTRATION, "customers").json()["items"]
    assert [item["itemCode"] for item in items] == ["10", "9", "B", "a/1", "b"]
    assert [customer["customerCode"] for customer in customers] == ["10", "9", "B", "K1", "a/1", "b"]


def test_without_a_focus_connector_there_is_no_order_history_but_there_are_items(
    world: World, client: Client
) -> None:
    world.add_administration("Kantoor", focus_connector=None)
    for segments in (("orders",), ("orders", "A", "lines")):
        reply = client.get("Kantoor", *segments)
        assert (reply.status_code, reply.json()["code"]) == (409, "FocusConnectorNotConfigured")
    assert client.get("Kantoor", "items").json()["items"] == []
    status = client.get("Kantoor", "status").json()
    assert status["focusConnector"] == {"configured": False, "name": None}
    assert status["lastHistorySync"] is None
