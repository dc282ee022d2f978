from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.intake import IntakeOrder, NewCustomer, read_request
from a4s_pipeline.ondemand.orders.order_export import fingerprint_of_order, prepare_order
from a4s_pipeline_tests.ondemand.conftest import NOW, intake
from a4s_pipeline_tests.support.tables import row

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Faults = dict[str, str]


def read(raw: Any) -> IntakeOrder:
    return read_request(IntakeOrder, raw, "the intake order", AMSTERDAM)


def read_customer(raw: Any) -> NewCustomer:
    return read_request(NewCustomer, raw, "the customer", AMSTERDAM)


def faults_of(raw: Any) -> Faults:
    with pytest.raises(ChangeRequest) as refused:
        read(raw)
    assert refused.value.code == "Invalid"
    return {fault.field: fault.message for fault in refused.value.fields}


def line(**changes: Any) -> dict[str, Any]:
    return {"itemCode": "A1", "quantity": 2, **changes}


def nested(levels: int) -> Any:
    return exact_json.loads("[" * levels + "]" * levels)


def test_a_fault_is_named_by_the_path_of_its_field() -> None:
    paths: list[tuple[dict[str, Any], str]] = [
        ({"intakeOrderId": None}, "intakeOrderId"),
        ({"intakeOrderId": ""}, "intakeOrderId"),
        ({"intakeOrderId": 7}, "intakeOrderId"),
        ({"intakeOrderId": "."}, "intakeOrderId"),
        ({"intakeOrderId": ".."}, "intakeOrderId"),
        ({"intakeOrderId": "x" * 201}, "intakeOrderId"),
        ({"customerCode": None}, "customerCode"),
        ({"customerCode": ""}, "customerCode"),
        ({"lines": None}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": {}}, "lines"),
        ({"lines": ["A1"]}, "lines.0"),
        ({"lines": [line(itemCode="")]}, "lines.0.itemCode"),
        ({"lines": [line(itemCode=5)]}, "lines.0.itemCode"),
        ({"lines": [{"itemCode": "A1"}]}, "lines.0.quantity"),
        ({"lines": [line(), line(quantity=None)]}, "lines.1.quantity"),
        ({"lines": [line(quantity="two")]}, "lines.0.quantity"),
        ({"lines": [line(quantity="1,5")]}, "lines.0.quantity"),
        ({"lines": [line(quantity=True)]}, "lines.0.quantity"),
        ({"lines": [line(quantity="NaN")]}, "lines.0.quantity"),
        ({"lines": [line(quantity=Decimal("Infinity"))]}, "lines.0.quantity"),
        ({"lines": [line(price={})]}, "lines.0.price"),
        ({"lines": [line(discount=[])]}, "lines.0.discount"),
        ({"lines": [line(unit=1)]}, "lines.0.unit"),
        ({"lines": [line(description=1)]}, "lines.0.description"),
        ({"ourReference": 1}, "ourReference"),
        ({"yourReference": 1}, "yourReference"),
        ({"notes": []}, "notes"),
        ({"createdAt": "yesterday"}, "createdAt"),
        ({"createdAt": 1717406400}, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00+14:00"}, "createdAt"),
        ({"notes": "\ud800"}, "notes"),
        ({"customerCode": "\ud800"}, "customerCode"),
        ({"lines": [line(engraving={"text": ["\udfff"]})]}, "lines.0.engraving.text.0"),
        ({"attributes": {"colour": "\ud800"}}, "attributes.colour"),
        ({"attributes": {"\ud800": 1}}, "attributes"),
        ({"attributes": nested(400)}, "attributes.0.0"),
    ]
    for change, path in paths:
        assert list(faults_of(intake() | change)) == [path], change


def test_every_fault_is_named_at_once() -> None:
    raw = {
        "customerCode": "",
        "lines": [{"quantity": "x"}, line(price="y", discount=False)],
        "createdAt": "z",
        "attributes": "\ud800",
    }
    assert faults_of(raw) == {
        "intakeOrderId": "field required",
        "customerCode": "string should have at least 1 character",
        "lines.0.itemCode": "field required",
        "lines.0.quantity": "must be a number",
        "lines.1.price": "must be a number",
        "lines.1.discount": "must be a number",
        "createdAt": "is not a real ISO 8601 date-time",
        "attributes": "contains half a character, which UTF-8 cannot encode",
    }


def test_what_is_no_object_is_refused() -> None:
    others: list[Any] = [None, [], "order", 7]
    for raw in others:
        with row(raw), pytest.raises(ChangeRequest, match="the intake order must be a JSON object"):
            read(raw)


def test_names_in_snake_case_are_not_those_of_an_intake_order() -> None:
    raw = intake() | {"lines": [{"item_code": "A1", "quantity": 1}]}
    assert faults_of(raw) == {"lines.0.itemCode": "field required"}


def test_a_missing_price_stays_away() -> None:
    for absent in [{}, {"price": None}]:
        payload, _ = prepare_order(read(intake(lines=[line(**absent)])), None, NOW)
        sent = exact_json.loads(payload)
        assert sent["lines"] == [{"itemCode": "A1", "quantity": 2}], absent
        assert sent["metadata"]["lines"] == [{"sequence": 1}], absent


def test_decimals_are_exact_to_the_letter() -> None:
    for number in [
        "1.10",
        "12345678901234.5678",
        "0.1",
        "-3",
        "0.000001",
        "123456789012345678901234567890.123456789",
        "9007199254740993",
    ]:
        price, discount = number.removeprefix("-"), "33.3333333333333333333"
        body = f'{{"itemCode": "A1", "quantity": {number}, "price": {price}, "discount": "{discount}"}}'
        order = read(intake(lines=[exact_json.loads(body)]))
        payload, _ = prepare_order(order, None, NOW)
        assert f'"quantity":{number},"price":{price},"discount":{discount}}}' in payload, number
        assert f'"originalPrice":{price}}}' in payload, number


def test_what_makes_no_sense_in_a_line_is_refused_and_what_does_is_taken() -> None:
    """A quantity may be negative (a return), a price zero (a present), a discount 100 %."""
    wrong: dict[str, list[Any]] = {
        "quantity": [0, Decimal("0.00"), "0", True, "1_000", "1e3", " 2", "٣", "", "two", [], None],
        "price": [-1, Decimal("-0.01"), "-1", False, "1,5"],
        "discount": [900, Decimal("100.01"), -1, "101"],
    }
    right: dict[str, list[Any]] = {
        "quantity": [-3, "2", "-0.5", Decimal("0.001")],
        "price": [0, "0", "12.50"],
        "discount": [0, 100],
    }
    for name, values in wrong.items():
        for value in values:
            faults = faults_of(intake(lines=[line(**{name: value})]))
            assert list(faults) == [f"lines.0.{name}"], (name, value)
    for name, values in right.items():
        for value in values:
            read(intake(lines=[line(**{name: value})]))


def test_a_field_that_is_nearly_one_of_the_contract_is_refused_by_the_name_that_was_meant() -> None:
    meant = {
        "Price": "price",
        "pirce": "price",
        "discuont": "discount",
        "item_code": "itemCode",
        "UNIT": "unit",
        "descripton": "description",
    }
    for given, name in meant.items():
        faults = faults_of(intake(lines=[line(), line(**{given: "x"})]))
        assert list(faults) == [f"lines.1.{given}"]
        assert f"if {name} is meant" in faults[f"lines.1.{given}"]
    for given in ("our_reference", "yourreference", "Notes", "adresses", "customer_code"):
        assert list(faults_of(intake(**{given: "x"}))) == [given]
    free = ["discount2", "priceList", "warehouse", "note", "quality", "Batch_No", "pieces"]
    for given in free:
        read(intake(lines=[line(**{given: "x"})]))


def test_a_tiny_number_is_the_same_number_however_it_is_written() -> None:
    order = read(intake(lines=[exact_json.loads('{"itemCode": "A1", "quantity": 0.0000000000000000010}')]))
    sent = exact_json.loads(prepare_order(order, None, NOW)[0])["lines"][0]["quantity"]
    assert str(sent) == str(Decimal("0.0000000000000000010"))


def test_what_arrives_as_a_binary_float_is_what_it_shows() -> None:
    assert read(intake(lines=[line(quantity=0.1)])).lines[0].quantity == Decimal("0.1")


def test_a_creation_time_without_an_offset_is_local_time() -> None:
    for text, instant in [
        ("2024-06-03T12:00:00+02:00", NOW),
        ("2024-06-03T10:00:00Z", NOW),
        ("2024-06-03T12:00:00", NOW),
        ("2024-06-03", datetime(2024, 6, 2, 22, tzinfo=UTC)),
        (None, None),
    ]:
        assert read(intake(createdAt=text)).created_at == instant, text


def test_fields_without_a_place_are_listed_to_the_letter() -> None:
    raw = intake(
        lines=[line(), line(engraving="x", Batch_No=1)],
        addresses=[{"type": "Delivery"}],
        contacts={"name": "Jan"},
        surcharges=[1],
        attributes={"colour": "red"},
        warehouse="Noord",
        Sales_Rep="Jan",
    )
    _, not_sent = prepare_order(read(raw), None, NOW)
    assert not_sent == [
        "addresses",
        "contacts",
        "surcharges",
        "attributes",
        "warehouse",
        "Sales_Rep",
        "lines.1.engraving",
        "lines.1.Batch_No",
    ]


def test_an_empty_field_without_a_place_is_not_listed() -> None:
    raw = intake(addresses=[], contacts=None, attributes={})
    assert prepare_order(read(raw), None, NOW)[1] == []


def test_the_same_content_written_otherwise_is_the_same() -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"quantity": 1}, {"quantity": Decimal("1.0")}),
        ({"quantity": Decimal("1E+2")}, {"quantity": 100}),
        ({"price": Decimal("0.00")}, {"price": 0}),
        ({"price": None}, {}),
        ({"size": 1}, {"size": Decimal("1.00")}),
    ]
    for one, other in pairs:
        assert fingerprint(one) == fingerprint(other), one
        turned = dict(reversed(line(**one).items()))
        assert fingerprint_of_order(read(intake(lines=[turned]))) == fingerprint(one), one


def test_other_content_is_told_apart_from_it() -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"quantity": 1}, {"quantity": -1}),
        ({"quantity": 1}, {"quantity": 10}),
        ({"price": 0}, {}),
        ({"description": "1"}, {"description": "1.0"}),
        ({"size": 1}, {"size": "1"}),
        ({"size": 1}, {"size": True}),
        (
            {"quantity": Decimal("12345678901234567890123456789.1")},
            {"quantity": Decimal("12345678901234567890123456789.2")},
        ),
    ]
    for one, other in pairs:
        assert fingerprint(one) != fingerprint(other), (one, other)


def fingerprint(changes: dict[str, Any]) -> str:
    return fingerprint_of_order(read(intake(lines=[line(**changes)])))


def test_a_fault_of_a_new_customer_is_named_by_its_path() -> None:
    paths: list[tuple[dict[str, Any], str]] = [
        ({"customerCode": None}, "customerCode"),
        ({"customerCode": ".."}, "customerCode"),
        ({"name": ""}, "name"),
        ({"cocNumber": 5}, "cocNumber"),
        ({"vatNumber": []}, "vatNumber"),
        ({"addresses": {}}, "addresses"),
        ({"addresses": [{"type": "Home"}]}, "addresses.0.type"),
        ({"addresses": [{"type": "Visit", "isMain": "off"}]}, "addresses.0.isMain"),
        ({"addresses": [{"type": "Visit", "isMain": 0}]}, "addresses.0.isMain"),
        ({"addresses": [{"type": "Visit", "street": "x"}]}, "addresses.0.street"),
        ({"contactDetails": [{"type": "Email"}]}, "contactDetails.0.value"),
        ({"contactDetails": [{"type": "Fax", "value": "1"}]}, "contactDetails.0.type"),
        ({"website": "https://bos.example"}, "website"),
    ]
    for change, path in paths:
        with row(change), pytest.raises(ChangeRequest) as refused:
            read_customer({"customerCode": "K9", "name": "Bos", **change})
        assert [fault.field for fault in refused.value.fields] == [path], change


def test_a_new_customer_has_the_six_fields_of_the_contract() -> None:
    address = {"type": "Visit", "addressLine1": "Dorpsstraat 1", "postCode": "1234 AB", "isMain": True}
    detail = {"type": "Custom", "customType": "Fax", "value": "1"}
    raw = {
        "customerCode": "K9",
        "name": "Bos",
        "cocNumber": "12",
        "vatNumber": "NL1",
        "addresses": [address],
        "contactDetails": [detail],
    }
    assert read_customer(raw).model_dump(by_alias=True, exclude_none=True) == raw
