"""The order for the gateway's third-party order endpoint, and the mapping of an intake order to it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.intake import CamelModel, IntakeOrder, Number, Text, faults_of


class GatewayOrderLine(CamelModel):
    """One line of the order that is sent."""

    # A hook that adds a line uses the attributes' names in snake_case.
    model_config = ConfigDict(extra="forbid", validate_assignment=False, populate_by_name=True)

    item_code: Text
    quantity: Number
    price: Number | None = None
    unit: str | None = None
    discount: Number | None = None
    description: str | None = None


class GatewayOrder(CamelModel):
    """The order that is sent; a hook may change all of it but the external id."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False, populate_by_name=True)

    customer_code: Text
    external_id: Text
    reference: str | None = None
    your_reference: str | None = None
    notes: str | None = None
    shipping_costs: Number = Decimal(0)
    lines: Annotated[list[GatewayOrderLine], Field(min_length=1)]
    metadata: dict[str, Any]


def map_order(intake: IntakeOrder, received_at: datetime) -> GatewayOrder:
    """Map an intake order to the gateway's, as documented; `metadata` keeps the original of what a hook may
    change.
    """
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
            "lines": [_as_ordered(position, line.price) for position, line in enumerate(intake.lines, 1)],
        },
    )


def _as_ordered(sequence: int, price: Decimal | None) -> dict[str, Any]:
    # A missing price stays away here too.
    return {"sequence": sequence} | ({} if price is None else {"originalPrice": price})


def checked_again(order: Any, intake: IntakeOrder) -> GatewayOrder:
    """Validate a hook's result like outside input; raises `ChangeRequest` with every fault."""
    if not isinstance(order, GatewayOrder):
        raise ChangeRequest("the order hook must return a GatewayOrder", code="InvalidAfterHook")
    try:
        checked = GatewayOrder.model_validate(order.model_dump(by_alias=True, warnings=False))
    except ValidationError as error:
        raise _invalid(*faults_of(error)) from None
    except ValueError:
        # Values that pydantic cannot traverse, such as a list that contains itself.
        raise _no_json() from None
    if checked.external_id != intake.intake_order_id:
        raise _invalid(
            FieldFault("externalId", "must stay the intake order id: the order is looked up by it")
        )
    return checked


def payload_of(order: GatewayOrder) -> str:
    """Return exactly the JSON that is sent: exact numbers, and no field without a value."""
    try:
        payload = exact_json.dumps_to_keep(
            order.model_dump(by_alias=True, exclude_none=True) | {"metadata": order.metadata}
        )
        payload.encode()
    except (TypeError, ValueError):
        raise _no_json() from None
    return payload


def _no_json() -> ChangeRequest:
    return _invalid(FieldFault("metadata", "contains something that is not JSON"))


def _invalid(*faults: FieldFault) -> ChangeRequest:
    return ChangeRequest("the order is not valid after the hook", code="InvalidAfterHook", fields=faults)
