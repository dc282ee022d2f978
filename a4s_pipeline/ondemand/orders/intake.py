"""The intake order and the new customer as an integrator sends them, checked completely."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.files.texts import has_utf8
from a4s_pipeline.gateway.records.dates import as_instant
from a4s_pipeline.gateway.records.faults import message_of, path_of
from a4s_pipeline.settings.routes import is_addressable

# Fields of an intake order that the gateway's order does not have: a hook may map them.
WITHOUT_PLACE = ("addresses", "contacts", "surcharges", "attributes")
# Copying and writing a request recurses into it, and Python limits recursion.
_DEEPEST = 100
# A number may be a text, as in answers; only Python reads "1_000" as a number.
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _exact(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not _DECIMAL.fullmatch(value)):
        raise ValueError("must be a number")
    if isinstance(value, float):
        # A float has already lost its decimals: its shortest form is what was meant.
        return Decimal(repr(value))
    return value


def _moment(value: Any, info: ValidationInfo) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    timezone = (info.context or {}).get("timezone")
    return as_instant(value, timezone if isinstance(timezone, ZoneInfo) else ZoneInfo("Europe/Amsterdam"))


def _in_a_path(text: str) -> str:
    if not is_addressable(text):
        raise ValueError("cannot be put in a path, so it could not be looked up")
    return text


def _not_nothing(quantity: Decimal) -> Decimal:
    if not quantity:
        raise ValueError("must not be 0: leave out a line with nothing ordered")
    return quantity


def _schema(number: dict[str, Any], text: str) -> WithJsonSchema:
    """Return the schema of an exact number, which may come as a number or as a text of this pattern."""
    return WithJsonSchema({"anyOf": [{"type": "number", **number}, {"type": "string", "pattern": text}]})


Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
Quantity = Annotated[
    Number,
    AfterValidator(_not_nothing),
    _schema({"not": {"const": 0}}, r"^-?(?=[0-9.]*[1-9])[0-9]+(\.[0-9]+)?$"),
]
"""A negative one is a return."""
Price = Annotated[Number, Field(ge=0), _schema({"minimum": 0}, r"^[0-9]+(\.[0-9]+)?$")]
Percentage = Annotated[
    Number,
    Field(ge=0, le=100),
    _schema({"minimum": 0, "maximum": 100}, r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)$"),
]
Text = Annotated[str, Field(min_length=1)]
OrderId = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"not": {"enum": [".", ".."]}}),
    AfterValidator(_in_a_path),
]


class CamelModel(BaseModel):
    """A document sent to us, in camelCase; attributes are in snake_case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False)


class IntakeLine(CamelModel):
    """One line of an intake order."""

    model_config = ConfigDict(extra="allow")

    item_code: Text
    quantity: Quantity
    price: Price | None = None
    unit: str | None = None
    discount: Percentage | None = None
    description: str | None = None


class IntakeOrder(CamelModel):
    """An order as an integrator sends it.

    Unknown fields are kept, so that a hook may use them and the answer can say they were not sent. One that
    is a typo away from a field's name is refused as misspelt: without its price, for example, an order would
    be wrong.
    """

    model_config = ConfigDict(extra="allow")

    intake_order_id: OrderId
    customer_code: Text
    lines: Annotated[list[IntakeLine], Field(min_length=1)]
    our_reference: str | None = None
    your_reference: str | None = None
    notes: str | None = None
    created_at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    addresses: Any = None
    contacts: Any = None
    surcharges: Any = None
    attributes: Any = None

    def fields_without_place(self) -> list[str]:
        """Return the paths of the given fields that the gateway's order does not have."""
        given = [name for name in WITHOUT_PLACE if getattr(self, name) not in (None, [], {})]
        given += list(self.model_extra or {})
        for position, line in enumerate(self.lines):
            given += [f"lines.{position}.{name}" for name in line.model_extra or {}]
        return given


class NewAddress(CamelModel):
    """An address of a new customer."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["Delivery", "Invoice", "Visit", "Other", "Custom"]
    custom_type: str | None = None
    name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    post_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    is_main: StrictBool | None = None


class NewContactDetail(CamelModel):
    """A contact detail of a new customer."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["PhoneNumber", "MobileNumber", "Email", "Custom"]
    custom_type: str | None = None
    value: Text


class NewCustomer(CamelModel):
    """A customer to be created at the gateway, with only the six fields that it accepts."""

    model_config = ConfigDict(extra="forbid")

    customer_code: OrderId
    name: Text
    coc_number: str | None = None
    vat_number: str | None = None
    addresses: list[NewAddress] | None = None
    contact_details: list[NewContactDetail] | None = None


M = TypeVar("M", bound=BaseModel)


def read_request(model: type[M], raw: Any, what: str, timezone: ZoneInfo) -> M:
    """Read a request whole, or raise `ChangeRequest` that names every fault by its field path."""
    if not isinstance(raw, dict):
        raise ChangeRequest(f"{what} must be a JSON object", code="Invalid")
    faults = list(_cannot_be_sent(raw, ()))
    try:
        read = model.model_validate(raw, context={"timezone": timezone})
    except ValidationError as error:
        found = faults_of(error)
        named = {fault.field for fault in found}
        faults = found + [fault for fault in faults if fault.field not in named]
    else:
        faults += _misspelt(read, ())
        if not faults:
            return read
    count = f"{len(faults)} faults" if len(faults) > 1 else "a fault"
    raise ChangeRequest(
        f"{what} has {count}: correct it and send it again", code="Invalid", fields=tuple(faults)
    )


def _misspelt(model: BaseModel, path: tuple[int | str, ...]) -> Iterator[FieldFault]:
    """Name the unknown fields that nearly match a field of the model or its nested models."""
    names = {name: field.alias or name for name, field in type(model).model_fields.items()}
    for given in model.model_extra or {}:
        meant = _nearest(given, names.values())
        if meant is not None:
            said = f"is not a field: if {meant} is meant, write it so, or choose another name"
            yield FieldFault(path_of((*path, given)), said)
    for name, alias in names.items():
        value = getattr(model, name)
        for position, inner in enumerate(value if isinstance(value, list) else []):
            if isinstance(inner, BaseModel):
                yield from _misspelt(inner, (*path, alias, position))


def _nearest(given: str, names: Iterable[str]) -> str | None:
    """Return the field that was meant; a longer name, such as `discount2`, is another field."""
    plain = _plain(given)
    return next((name for name in names if _is_a_slip_away(plain, name.lower())), None)


def _is_a_slip_away(one: str, other: str) -> bool:
    """Tell whether two names differ by one wrong or missing letter, or two swapped ones."""
    if len(one) == len(other):
        differ = [position for position, letter in enumerate(one) if letter != other[position]]
        first, last = (differ[0], differ[-1]) if differ else (0, 0)
        is_swapped = last == first + 1 and one[first] == other[last] and one[last] == other[first]
        return len(differ) <= 1 or (len(differ) == 2 and is_swapped)
    return len(one) + 1 == len(other) and any(
        other[:position] + other[position + 1 :] == one for position in range(len(other))
    )


def _plain(name: str) -> str:
    return name[:100].lower().replace("_", "").replace("-", "").replace(" ", "")


def faults_of(error: ValidationError) -> list[FieldFault]:
    """Return the faults that pydantic found, each by its field path and without the value."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [FieldFault(path_of(fault["loc"]), message_of(fault["msg"])) for fault in found]


def _cannot_be_sent(value: Any, path: tuple[int | str, ...]) -> Iterator[FieldFault]:
    """Name values that can be neither recorded nor sent, including those in free-form fields."""
    if len(path) > _DEEPEST:
        yield FieldFault(path_of(path[:3]), "is nested too deeply")
    elif isinstance(value, str) and not has_utf8(value):
        yield FieldFault(path_of(path), "contains half a character, which UTF-8 cannot encode")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _cannot_be_sent(inner, (*path, position))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if has_utf8(name):
                yield from _cannot_be_sent(inner, (*path, name))
            else:
                yield FieldFault(path_of(path), "has a name that contains half a character")
