"""The records of the wire as pydantic models: fields in snake_case, unknown fields kept."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from a4s_pipeline.gateway.dates import as_instant, optional_instant, real_date
from a4s_pipeline.gateway.routes import is_addressable
from a4s_pipeline.gateway.wire.text import UNREAD


def _timezone(info: ValidationInfo) -> ZoneInfo:
    context = info.context or {}
    timezone = context.get("timezone")
    if not isinstance(timezone, ZoneInfo):
        raise TypeError("a record is read with the time zone of its administration")
    return timezone


def _instant(value: Any, info: ValidationInfo) -> datetime:
    return as_instant(value, _timezone(info))


def _optional_instant(value: Any, info: ValidationInfo) -> datetime | None:
    return optional_instant(value, _timezone(info))


def _real_date(value: Any, info: ValidationInfo) -> date | None:
    return real_date(value, _timezone(info))


def _addressable(code: str) -> str:
    if not is_addressable(code):
        raise ValueError("cannot be put in a path")
    if UNREAD in code:
        # Two codes that differ in such a byte alone would be one record, and neither can be asked for.
        raise ValueError("holds a character that could not be read")
    return code


def _entries(value: Any) -> Any:
    return [] if value is None else value


def _short(value: Any) -> Any:
    # 1E+999999999 is ten letters of JSON, and half a gigabyte as a whole number.
    if isinstance(value, Decimal) and value.adjusted() > _LONGEST_NUMBER:
        raise ValueError("is too large a number")
    return value


_LONGEST_NUMBER = 10

E = TypeVar("E")

Code = Annotated[str, AfterValidator(_addressable)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
OptionalInstant = Annotated[datetime | None, BeforeValidator(_optional_instant)]
RealDate = Annotated[date | None, BeforeValidator(_real_date)]
LineNumber = Annotated[int, Field(ge=-(2**31), lt=2**31), BeforeValidator(_short)]
Entries = Annotated[list[E], BeforeValidator(_entries), Field(default_factory=list)]
"""A list of which null, or nothing at all, is an empty one."""


class WireRecord(BaseModel):
    """A record as the gateway sends it; fields the contract does not name are kept as extras."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        populate_by_name=False,
    )


class FocusConnector(WireRecord):
    """Whether the legacy backend keeps order history for us."""

    configured: bool
    name: str | None = None


class Status(WireRecord):
    """What an administration says of itself."""

    administration: str | None = None
    focus_connector: FocusConnector
    last_history_sync: OptionalInstant = None


class OrderHeader(WireRecord):
    """One order without its lines."""

    order_code: Code
    order_number: str | None = None
    external_id: str | None = None
    order_date: Instant
    customer_code: str
    customer_name: str | None = None
    order_type: str | None = None
    status: str | None = None
    reference: str | None = None
    your_reference: str | None = None
    notes: str | None = None
    currency: str | None = None
    sub_total: Decimal | None = None
    vat_total: Decimal | None = None
    shipping_costs: Decimal | None = None
    total: Decimal | None = None
    sales_rep: str | None = None
    modified: OptionalInstant = None
    delivery_address: dict[str, Any] | None = None


class OrderLine(WireRecord):
    """One line of an order; `price` is per unit, `line_total` after discount and before VAT."""

    line_code: str
    line_number: LineNumber
    item_code: str
    description: str | None = None
    quantity: Decimal
    unit: str | None = None
    price: Decimal | None = None
    discount: Decimal | None = None
    line_total: Decimal | None = None
    delivery_date: RealDate = None
    instruction: str | None = None
    your_reference: str | None = None
