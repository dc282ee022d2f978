from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.records.customer_records import Customer
from a4s_pipeline.gateway.records.reading import Unreadable, read_in_parts, read_record
from a4s_pipeline.sync.records.customers import customer_rows
from a4s_pipeline.sync.rows import Stamp
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES
from a4s_pipeline_tests.sync.listings import customer

STAMP = Stamp("demo", "r1", datetime(2024, 3, 5, 9, tzinfo=UTC))
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PHONE = {"type": "PhoneNumber", "value": "030 1234567"}
EMAIL = {"type": "Email", "value": "jan@bos.example"}
GLN = {"type": "Custom", "customType": "GLN", "value": "8712345000004"}


def read(raw: dict[str, Any]) -> Customer | Unreadable:
    return read_record(Customer, raw, "customerCode", AMSTERDAM)


def rows_of(**more: Any) -> dict[str, list[dict[str, Any]]]:
    record = read(customer("K1", **more))
    assert isinstance(record, Customer), record
    return {name: [dict(row) for row in rows] for name, rows in customer_rows(record, STAMP, "f").items()}


def person(last_name: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lastName": last_name, "contactDetails": list(details)} | more


def test_every_row_has_only_columns_of_its_table_and_says_whose_it_is_and_who_wrote_it() -> None:
    found = rows_of(
        addresses=[{"type": "Visit", "floor": 3}], contactPersons=[person("Bos")], contactDetails=[PHONE]
    )
    for table in CUSTOMER_TABLES.all:
        (row,) = found[table.name]
        assert row.keys() <= set(table.column_names), table.name
        assert (row["connector"], row["run_id"], row["customer_code"]) == ("demo", "r1", "K1")


def test_every_field_of_the_contract_has_its_column() -> None:
    assert set(Customer.model_fields) - {"addresses", "contact_persons", "contact_details"} <= set(
        CUSTOMER_TABLES.parent.column_names
    )


def test_a_customer_with_every_field() -> None:
    (row,) = rows_of(
        externalId="E-1",
        cocNumber=12345678,
        vatNumber="NL1",
        isBlocked=True,
        isProspect=False,
        languageCode="nl",
        currency="EUR",
        priceList="DEALER",
        paymentConditionCode=30,
        discount=Decimal("2.5"),
        website="https://bos.example",
        created="2024-01-15T08:00:00",
        modified="2024-07-01T08:00:00Z",
    )["customers"]
    assert (row["external_id"], row["coc_number"], row["payment_condition_code"]) == ("E-1", "12345678", "30")
    assert (row["is_blocked"], row["is_prospect"], row["discount"]) == (True, False, "2.5000")
    assert (row["created"], row["modified"]) == ("2024-01-15T07:00:00+00:00", "2024-07-01T08:00:00+00:00")
    assert (row["fingerprint"], row["attributes"]) == ("f", None)


def test_contact_details_are_the_customers_own_or_those_of_a_person_each_in_their_order() -> None:
    found = rows_of(
        contactDetails=[PHONE, GLN],
        contactPersons=[person("Bos", EMAIL), person("Vos"), person("Mol", GLN, PHONE, isMain=True)],
    )
    assert [(row["person_number"], row["last_name"]) for row in found["customer_contact_persons"]] == [
        (1, "Bos"),
        (2, "Vos"),
        (3, "Mol"),
    ]
    details = found["customer_contact_details"]
    assert [(row["person_number"], row["detail_number"], row["value"]) for row in details] == [
        (0, 1, PHONE["value"]),
        (0, 2, GLN["value"]),
        (1, 1, EMAIL["value"]),
        (3, 1, GLN["value"]),
        (3, 2, PHONE["value"]),
    ]
    assert [row["custom_type"] for row in details] == [None, "GLN", None, "GLN", None]


def test_addresses_keep_their_order_and_each_its_type() -> None:
    found = rows_of(
        addresses=[
            {"type": "Visit", "city": "Ede", "isMain": True},
            {"type": "Visit", "city": "Ede"},
            {"type": "Custom", "customType": "Werf", "addressLine1": "Kade 1", "addressLine3": "Loods 4"},
        ]
    )["customer_addresses"]
    assert [(row["address_number"], row["type"], row["custom_type"]) for row in found] == [
        (1, "Visit", None),
        (2, "Visit", None),
        (3, "Custom", "Werf"),
    ]
    assert [row["is_main"] for row in found] == [True, None, None]
    assert (found[2]["address_line1"], found[2]["address_line2"], found[2]["address_line3"]) == (
        "Kade 1",
        None,
        "Loods 4",
    )


def test_unknown_fields_are_attributes_on_every_level_and_the_customers_own_win() -> None:
    found = rows_of(
        accountManager="S. Bos",
        route="outer",
        attributes={"route": "Noord", "visits": 3},
        addresses=[{"type": "Visit", "contactPersons": [person("Werf", PHONE)]}],
        contactPersons=[person("Bos", {**EMAIL, "isPrivate": True}, birthday="1980-05-01")],
    )
    assert found["customers"][0]["attributes"] == '{"accountManager":"S. Bos","route":"Noord","visits":3}'
    assert found["customer_addresses"][0]["attributes"] == (
        '{"contactPersons":[{"lastName":"Werf","contactDetails":'
        '[{"type":"PhoneNumber","value":"030 1234567"}]}]}'
    )
    assert found["customer_contact_persons"][0]["attributes"] == '{"birthday":"1980-05-01"}'
    assert found["customer_contact_details"][0]["attributes"] == '{"isPrivate":true}'


@pytest.mark.parametrize("empty", [None, []])
def test_a_customer_with_a_code_and_a_name_and_nothing_else_is_one_row(empty: Any) -> None:
    lists = dict.fromkeys(("addresses", "contactPersons", "contactDetails"), empty)
    for bare in ({"customerCode": "K1", "name": "Bos"}, {"customerCode": "K1", "name": "Bos"} | lists):
        record = read(bare)
        assert isinstance(record, Customer)
        rows = customer_rows(record, STAMP, "f")
        assert {name: len(found) for name, found in rows.items() if found} == {"customers": 1}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"customerCode": ""}, "customerCode: cannot be put in a path"),
        ({"name": None}, "name: "),
        ({"name": False}, "name: "),
        ({"customerCode": []}, "customerCode: "),
    ],
)
def test_a_customer_that_cannot_be_read_says_which_field_is_at_fault(
    more: dict[str, Any], reason: str
) -> None:
    found = read(customer("K1") | more)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)


# By the part that is set aside: the customer, and the reason.
PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "addresses": ({"addresses": "Ede"}, "addresses: input should be a valid list"),
    "addresses.1": ({"addresses": [{"city": "Ede"}]}, "addresses.1.type: field required"),
    "addresses.2": ({"addresses": [{"type": "Visit"}, "Ede"]}, "addresses.2: is not a JSON object"),
    "contactPersons.1": (
        {"contactPersons": [{"firstName": "Jan"}]},
        "contactPersons.1.lastName: field required",
    ),
    "contactPersons.1.contactDetails.2": (
        {"contactPersons": [person("Bos", EMAIL, {"type": "Email"})]},
        "contactPersons.1.contactDetails.2.value: field required",
    ),
    "contactDetails.1": (
        {"contactDetails": [{"type": "Email", "value": " "}]},
        "contactDetails.1.value: is empty",
    ),
    "contactDetails.2": (
        {"contactDetails": [PHONE, {"type": "Email", "value": False}]},
        "contactDetails.2.value: input should be a valid string",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_of_no_use_is_left_out_and_the_rest_of_the_customer_comes_in(part: str) -> None:
    more, reason = PARTS[part]
    found = read_in_parts(Customer, customer("K1") | more, "customerCode", AMSTERDAM)
    (left_out,) = found.parts
    assert (left_out.key, left_out.part) == ("K1", part)
    assert left_out.reason.startswith(reason)
    assert isinstance(found.record, Customer)
    assert customer_rows(found.record, STAMP, "f")["customers"][0]["customer_code"] == "K1"


def test_what_is_left_keeps_its_place_in_the_record() -> None:
    found = rows_of(
        addresses=[{"city": "Ede"}, {"type": "Visit", "city": "Ede"}],
        contactPersons=["Jan", person("Bos", {"type": "Email"}, EMAIL)],
    )
    assert [row["address_number"] for row in found["customer_addresses"]] == [2]
    assert [row["person_number"] for row in found["customer_contact_persons"]] == [2]
    assert [(row["person_number"], row["detail_number"]) for row in found["customer_contact_details"]] == [
        (2, 2)
    ]


NOTHING: tuple[Any, ...] = ({}, "", False, [None], [{}], [False])


def test_nothing_in_other_ways_is_nothing_and_one_is_a_list_of_one() -> None:
    expected = rows_of()
    for name in ("addresses", "contactPersons", "contactDetails"):
        for nothing in NOTHING:
            assert rows_of(**{name: nothing}) == expected, (name, nothing)
    for more in ({"discount": ""}, {"isBlocked": ""}, {"created": "0000-00-00 00:00:00"}, {"website": False}):
        assert rows_of(**more) == expected, more
    address, mol = {"type": "Visit"}, person("Mol", EMAIL)
    assert rows_of(addresses=address, contactDetails=PHONE) == rows_of(
        addresses=[address], contactDetails=[PHONE]
    )
    assert rows_of(contactPersons=mol | {"contactDetails": EMAIL}) == rows_of(contactPersons=[mol])


def test_flags_are_read_in_the_ways_that_leave_no_doubt() -> None:
    for yes in (True, 1, "1", "true", "TRUE", "yes", "on"):
        assert rows_of(isBlocked=yes)["customers"][0]["is_blocked"] is True
    for no in (False, 0, "0", "false", "No", "off"):
        assert rows_of(isBlocked=no)["customers"][0]["is_blocked"] is False
    for doubt in ("J", "soms", 2, ["true"]):
        (row,) = rows_of(isBlocked=doubt)["customers"]
        assert row["is_blocked"] is None
        assert exact_json.loads(row["attributes"]) == {"isBlocked": doubt}


def test_amounts_are_read_as_numbers_or_as_texts_that_leave_no_doubt() -> None:
    for text, amount in (("12.50", "12.5000"), (" -1 ", "-1.0000"), ("1e2", "100.0000")):
        assert rows_of(discount=text)["customers"][0]["discount"] == amount
    for doubt in ("2,5", "1.000,00", "5 %", "NaN", "Infinity", True, [1], 10**15):
        (row,) = rows_of(discount=doubt)["customers"]
        assert row["discount"] is None, doubt
        assert exact_json.loads(row["attributes"]) == {"discount": doubt}
