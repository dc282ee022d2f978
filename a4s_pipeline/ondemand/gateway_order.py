"""The order as the gateway's third-party order endpoint takes it, and how an intake order becomes one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from a4s_pipeline import exact_json
from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.gateway.reading import message_of, path_of
from a4s_pipeline.ondemand.intake import IntakeOrder, Quantity, Request, Text


class GatewayOrderLine(Request):
    """One line of the order that is sent."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)

    item_code: Text
    quantity: Quantity
    price: Quantity | None = None
    unit: str | None = None
    discount: Quantity | None = None
    description: str | None = None


class GatewayOrder(Request):
    """The order that is sent; a hook may change all of it but the external id."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)

    customer_code: Text
    external_id: Text
    reference: str | None = None
    your_reference: str | None = None
    notes: str | None = None
    shipping_costs: Quantity = Decimal(0)
    lines: Annotated[list[GatewayOrderLine], Field(min_length=1)]
    metadata: dict[str, Any]


def map_order(intake: IntakeOrder, received_at: datetime) -> GatewayOrder:
    """Map an intake order to the gateway's, as documented; `metadata` keeps what a hook may change."""
    created_at = (intake.created_at or received_at).astimezone(UTC)
    return GatewayOrder.model_construct(
        customer_code=intake.customer_code,
        external_id=intake.intake_order_id,
        reference=intake.our_reference,
        your_reference=intake.your_reference,
        notes=intake.notes,
        shipping_costs=Decimal(0),
        lines=[
            GatewayOrderLine.model_construct(
                item_code=line.item_code,
                quantity=line.quantity,
                price=line.price,
                unit=line.unit,
                discount=line.discount,
                description=line.description,
            )
            for line in intake.lines
        ],
        metadata={
            "intakeOrderId": intake.intake_order_id,
            "createdAt": created_at.isoformat(),
            "lines": [
                {"sequence": place, "originalPrice": line.price} for place, line in enumerate(intake.lines, 1)
            ],
        },
    )


def checked_again(order: Any, intake: IntakeOrder) -> GatewayOrder:
    """Check what a hook returned as if it came from outside; raises `ChangeRequest` with every fault."""
    if not isinstance(order, GatewayOrder):
        raise ChangeRequest("the order hook must return a GatewayOrder", code="InvalidAfterHook")
    try:
        checked = GatewayOrder.model_validate(order.model_dump(by_alias=True, warnings=False))
    except ValidationError as error:
        faults = tuple(
            FieldFault(path_of(fault["loc"]), message_of(fault["msg"]))
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise ChangeRequest(
            "the order is not valid after the hook", code="InvalidAfterHook", fields=faults
        ) from None
    if checked.external_id != intake.intake_order_id:
        fault = FieldFault("externalId", "must stay the intake order id: the order is looked up by it")
        raise ChangeRequest("the order is not valid after the hook", code="InvalidAfterHook", fields=(fault,))
    return checked


def payload_of(order: GatewayOrder) -> str:
    """Return the JSON that is sent, to the letter: exact numbers, and no field that has no value."""
    try:
        return exact_json.dumps(
            order.model_dump(by_alias=True, exclude_none=True) | {"metadata": order.metadata}
        )
    except (TypeError, ValueError):
        fault = FieldFault("metadata", "holds something that is no JSON")
        raise ChangeRequest(
            "the order is not valid after the hook", code="InvalidAfterHook", fields=(fault,)
        ) from None
