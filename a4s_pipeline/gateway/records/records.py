"""The records of the wire as pydantic models: fields in snake_case, unknown fields kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from a4s_pipeline.gateway.records.dates import as_instant, optional_instant, real_date
from a4s_pipeline.gateway.wire.text import UNREAD
from a4s_pipeline.settings.routes import is_addressable


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
        # Two codes that differ only in such a byte would become one record, and neither could be asked for.
        raise ValueError("holds a character that could not be read")
    return code


def _entries(value: Any) -> Any:
    if value is None:
        return []
    if isinstance(value, list) and not all(value):
        # `{}`, `""`, `false` and the like are no entries, and do not change the position of the others.
        return [entry or None for entry in value]
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is no number")
    # 1E+999999999 is ten letters of JSON, and half a gigabyte as a whole number.
    if isinstance(value, Decimal) and value.adjusted() > _LONGEST_NUMBER:
        raise ValueError("is too large a number")
    return value


def _bounded(amount: Decimal) -> Decimal:
    if abs(amount) >= _FIRST_TOO_LARGE:
        raise ValueError("has more than 14 digits before the decimal point")
    return amount


def is_blank(value: Any) -> bool:
    """Tell whether a value is one of the ways to write "nothing".

    They are null, `""` and blanks, `false` (Odoo), `[]` for an object (PHP), and `{}`.
    """
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is False or value in ([], {})


def _nothing_if_blank(value: Any) -> Any:
    return None if is_blank(value) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


_LONGEST_NUMBER = 10
# Too large for a column: fifteen digits before the point after rounding half up to four decimals.
_FIRST_TOO_LARGE = Decimal("99999999999999.99995")

E = TypeVar("E")

Code = Annotated[str, AfterValidator(_addressable)]
OptionalCode = Annotated[str | None, BeforeValidator(_nothing_if_blank)]
Text = Annotated[str, AfterValidator(_not_blank)]
"""A text that is not blank."""
Instant = Annotated[datetime, BeforeValidator(_instant)]
OptionalInstant = Annotated[datetime | None, BeforeValidator(_optional_instant)]
RealDate = Annotated[date | None, BeforeValidator(_real_date)]
Amount = Annotated[Decimal, AfterValidator(_bounded)]
"""Money or a quantity, of at most 14 digits before its point."""
LineNumber = Annotated[int, Field(ge=-(2**31), lt=2**31), BeforeValidator(_number)]
Entries = Annotated[list[E | None], BeforeValidator(_entries), Field(default_factory=list)]
"""A list; null or no value means an empty one.

None replaces an entry that is empty or was set aside by itself; see `numbered`.
"""


def numbered(entries: Iterable[E | None]) -> list[tuple[int, E]]:
    """Return the entries that are not None, each with its position in the record, from 1."""
    return [(number, entry) for number, entry in enumerate(entries, start=1) if entry is not None]


class WireRecord(BaseModel):
    """A record as the gateway sends it; fields outside the contract are kept as extras."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        populate_by_name=False,
    )
    useless_without: ClassVar[frozenset[str]] = frozenset()
    """Fields, by their names on the wire, that may be empty but cost the record if they cannot be read."""


class FocusConnector(WireRecord):
    """Whether the legacy backend keeps order history."""

    configured: bool
    name: str | None = None


def _unconfigured_if_blank(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {"configured": False} if is_blank(value) else value


class Status(WireRecord):
    """The status of an administration."""

    administration: str | None = None
    focus_connector: Annotated[FocusConnector, BeforeValidator(_unconfigured_if_blank)]
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
    sub_total: Amount | None = None
    vat_total: Amount | None = None
    shipping_costs: Amount | None = None
    total: Amount | None = None
    sales_rep: str | None = None
    modified: OptionalInstant = None
    delivery_address: dict[str, Any] | None = None


def _quantity(value: Any, info: ValidationInfo) -> Any:
    if not is_blank(value):
        return value
    # A comment line has no quantity.
    if info.data.get("item_code") is None:
        return None
    raise ValueError("is needed where an item is ordered")


class OrderLine(WireRecord):
    """One line of an order; `price` is per unit, `line_total` after discount and before VAT.

    A line of text alone has no `item_code`, and may have no quantity.
    """

    useless_without: ClassVar[frozenset[str]] = frozenset({"quantity"})

    line_code: Text
    line_number: LineNumber | None = None
    item_code: OptionalCode = None
    description: str | None = None
    quantity: Annotated[Amount | None, BeforeValidator(_quantity)] = Field(None, validate_default=True)
    unit: str | None = None
    price: Amount | None = None
    discount: Amount | None = None
    line_total: Amount | None = None
    delivery_date: RealDate = None
    instruction: str | None = None
    your_reference: str | None = None
