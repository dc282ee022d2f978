from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.gateway_order import (
    GatewayOrder,
    GatewayOrderLine,
    checked_again,
    map_order,
    payload_of,
)
from a4s_pipeline.ondemand.orders.intake import IntakeOrder
from a4s_pipeline.ondemand.orders.order_export import prepare_order, read_order
from a4s_pipeline_tests.ondemand.conftest import NOW, intake
from a4s_pipeline_tests.support.tables import row

WHOLE = intake(
    lines=[
        {
            "itemCode": "A1",
            "quantity": Decimal("2.50"),
            "price": Decimal("12.5"),
            "unit": "box",
            "discount": 5,
            "description": "Tulips",
        },
        {"itemCode": "B2", "quantity": 1},
    ],
    ourReference="Ours",
    yourReference="Yours",
    notes="Ring twice\nat the back",
    createdAt="2024-06-01T09:30:00+02:00",
    attributes={"colour": "red"},
)


def read(raw: Any) -> IntakeOrder:
    return read_order(raw, ZoneInfo("Europe/Amsterdam"))


def payload(raw: Any, received_at: datetime = NOW) -> Any:
    return exact_json.loads(prepare_order(read(raw), None, received_at)[0])


def mapped() -> GatewayOrder:
    return map_order(read(WHOLE), NOW)


def values_in(document: Any) -> Iterator[Any]:
    yield document
    inner = document.values() if isinstance(document, dict) else document
    if isinstance(document, dict | list):
        for value in inner:
            yield from values_in(value)


def test_an_intake_order_is_mapped_as_the_contract_says() -> None:
    assert payload(WHOLE) == {
        "customerCode": "K1",
        "externalId": "IO-1",
        "reference": "Ours",
        "yourReference": "Yours",
        "notes": "Ring twice\nat the back",
        "shippingCosts": 0,
        "lines": [
            {
                "itemCode": "A1",
                "quantity": Decimal("2.50"),
                "price": Decimal("12.5"),
                "unit": "box",
                "discount": 5,
                "description": "Tulips",
            },
            {"itemCode": "B2", "quantity": 1},
        ],
        "metadata": {
            "intakeOrderId": "IO-1",
            "createdAt": "2024-06-01T07:30:00+00:00",
            "lines": [{"sequence": 1, "originalPrice": Decimal("12.5")}, {"sequence": 2}],
        },
    }


def test_a_missing_creation_time_is_the_time_of_receipt() -> None:
    received_at = NOW.astimezone(timezone(timedelta(hours=5)))
    assert payload(intake(), received_at)["metadata"]["createdAt"] == "2024-06-03T10:00:00+00:00"


def test_a_payload_holds_no_nulls() -> None:
    for raw in [intake(), WHOLE, intake(notes=None, ourReference=None)]:
        assert None not in list(values_in(payload(raw))), raw


def test_shipping_costs_are_the_number_0() -> None:
    assert '"shippingCosts":0,' in payload_of(checked_again(mapped(), read(WHOLE)))


def test_letters_are_sent_as_they_are() -> None:
    assert '"notes":"Café – ☕"' in prepare_order(read(intake(notes="Café – ☕")), None, NOW)[0]  # noqa: RUF001


def test_what_comes_back_from_a_hook_is_checked_whole() -> None:
    order = mapped()
    order.customer_code = ""
    order.shipping_costs = "free"  # type: ignore[assignment]
    order.lines[1].quantity = None  # type: ignore[assignment]
    with pytest.raises(ChangeRequest) as refused:
        checked_again(order, read(WHOLE))
    assert refused.value.code == "InvalidAfterHook"
    assert [fault.field for fault in refused.value.fields] == [
        "customerCode",
        "shippingCosts",
        "lines.1.quantity",
    ]


def test_a_line_can_be_added_by_the_names_of_its_attributes() -> None:
    order = mapped()
    order.lines.append(GatewayOrderLine(item_code="SHIP", quantity=Decimal(1), price=Decimal("4.95")))
    sent = exact_json.loads(payload_of(checked_again(order, read(WHOLE))))
    assert sent["lines"][2] == {"itemCode": "SHIP", "quantity": 1, "price": Decimal("4.95")}


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def test_metadata_that_is_no_json_is_refused() -> None:
    for value in [object(), NOW, float("nan"), {1, 2}, "\ud800", circle()]:
        order = mapped()
        order.metadata["mine"] = value
        with row(value), pytest.raises(ChangeRequest) as refused:
            payload_of(checked_again(order, read(WHOLE)))
        assert [(fault.field, fault.message) for fault in refused.value.fields] == [
            ("metadata", "contains something that is not JSON")
        ], value


def test_metadata_of_a_hook_is_sent_as_it_is() -> None:
    order = mapped()
    order.metadata = {"mine": None, "rate": Decimal("0.10")}
    sent = payload_of(checked_again(order, read(WHOLE)))
    assert '"metadata":{"mine":null,"rate":0.10}' in sent
