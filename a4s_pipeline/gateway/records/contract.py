"""What the contract says of each record: its fields, their JSON kinds, and which are required.

It is derived from the models. These accept more than the contract: an absent list is an empty one, the stock
may be absent. What the models cannot tell is written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from a4s_pipeline.gateway.records.customer_records import Address, Customer
from a4s_pipeline.gateway.records.item_records import Item, ItemImage, ItemStock
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, WireRecord

JsonKind = Literal["text", "number", "flag", "list", "object", "nothing"]

KIND_OF_TYPE: Mapping[type, JsonKind] = {
    str: "text",
    int: "number",
    float: "number",
    Decimal: "number",
    bool: "flag",
    list: "list",
    dict: "object",
    type(None): "nothing",
}
"""The JSON kind of what a reply is parsed into."""

_KIND_OF_FIELD: Mapping[Any, JsonKind] = {**KIND_OF_TYPE, datetime: "text", date: "text"}

# The contract requires lists and the names of an item, and also these.
_FORGIVEN: Mapping[type[WireRecord], frozenset[str]] = {
    Item: frozenset({"stock"}),
    ItemStock: frozenset({"itemCode"}),
    ItemImage: frozenset({"sequence"}),
    OrderLine: frozenset({"lineNumber", "quantity"}),
}
# Kept as it comes, so the model does not say what it is.
_ADDRESS_OF_ORDER = "deliveryAddress"
_WITH_ATTRIBUTES = frozenset({Item, Customer})


@dataclass(frozen=True)
class FieldRule:
    """What the contract says of one field.

    `within` is the model of the record, or list of records, in it; `kind_of_values` is the kind of each value
    in an object with free names.
    """

    kind: JsonKind
    is_required: bool = False
    within: type[WireRecord] | None = None
    kind_of_values: JsonKind | None = None


@cache
def contract_of(model: type[WireRecord]) -> Mapping[str, FieldRule]:
    """Return what the contract says of a record's fields, by their names on the wire."""
    rules = {field.alias or name: _rule(model, field) for name, field in model.model_fields.items()}
    if model in _WITH_ATTRIBUTES:
        rules["attributes"] = FieldRule("object")
    if model is OrderHeader:
        rules[_ADDRESS_OF_ORDER] = FieldRule("object", within=Address)
    return rules


def _rule(model: type[WireRecord], field: FieldInfo) -> FieldRule:
    kind = _plain(field.annotation)
    is_required = (
        field.is_required()
        or field.default_factory is not None
        or field.alias in _FORGIVEN.get(model, frozenset())
    )
    if get_origin(kind) is list:
        return FieldRule("list", is_required, within=_plain(get_args(kind)[0]))
    if get_origin(kind) is dict:
        return FieldRule("object", is_required, kind_of_values=_KIND_OF_FIELD.get(_plain(get_args(kind)[1])))
    if issubclass(kind, WireRecord):
        return FieldRule("object", is_required, within=kind)
    return FieldRule(_KIND_OF_FIELD[kind], is_required)


def holds_record(field: FieldInfo) -> bool:
    """Tell whether the value of a field is a record."""
    kind = _plain(field.annotation)
    return isinstance(kind, type) and issubclass(kind, WireRecord)


def _plain(annotation: Any) -> Any:
    """Return the plain type, without null and what pydantic adds."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    return annotation
