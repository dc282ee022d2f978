"""Records as other back offices write them: other forms of "nothing", and useless parts."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from a4s_sandbox.answers.encoding import decode, encode
from a4s_sandbox.faults import Faults

Record = dict[str, Any]

_NO_NUMBER: tuple[Any, ...] = ("", False, " ", [])
_NO_TEXT: tuple[Any, ...] = (False, [], {})
_NO_FLAG: tuple[Any, ...] = ("", [], " ")
_NO_INSTANT: tuple[Any, ...] = ("0000-00-00", "0000-00-00 00:00:00", False, "")
_NO_OBJECT: tuple[Any, ...] = ([], "", False)
_NO_LIST: tuple[Any, ...] = ({}, "", False, None)

_OPTIONAL: dict[str, dict[str, tuple[Any, ...]]] = {
    "orders": {
        "vatTotal": _NO_NUMBER,
        "shippingCosts": _NO_NUMBER,
        "yourReference": _NO_TEXT,
        "notes": _NO_TEXT,
        "modified": _NO_INSTANT,
        "deliveryAddress": _NO_OBJECT,
    },
    "order_lines": {
        "price": _NO_NUMBER,
        "discount": _NO_NUMBER,
        "lineTotal": _NO_NUMBER,
        "unit": _NO_TEXT,
        "instruction": _NO_TEXT,
    },
    "customers": {
        "discount": _NO_NUMBER,
        "isBlocked": _NO_FLAG,
        "website": _NO_TEXT,
        "created": _NO_INSTANT,
        "attributes": _NO_OBJECT,
    },
    "items": {"familyCode": _NO_TEXT, "modified": _NO_INSTANT, "unitOfMeasure": _NO_OBJECT},
}
_LISTS = {
    "customers": ("addresses", "contactPersons", "contactDetails"),
    "items": ("images",),
}


def _useless_customer(customer: Record) -> None:
    customer["contactDetails"] = [*customer["contactDetails"], {"type": "Email", "value": ""}]
    customer["contactPersons"] = [*customer["contactPersons"], "N. N."]
    customer["addresses"] = [*customer["addresses"], {"city": "Ede"}]


def _useless_item(item: Record) -> None:
    item["images"] = [*item["images"], {"fileName": "nothing.png"}]
    if item.get("stock"):
        entries = item["stock"]["deliveryDates"]
        item["stock"] = {**item["stock"], "deliveryDates": [*entries, {"date": "2026-06-01"}]}


_USELESS: dict[str, Callable[[Record], None]] = {"customers": _useless_customer, "items": _useless_item}
_USELESS_LINE = {"lineCode": "useless", "lineNumber": 99, "itemCode": "A1", "quantity": None}


def written_otherwise(route: str, body: bytes, faults: Faults) -> bytes:
    """Return the JSON of a record, or an order's lines, as another back office might write it.

    Only the record itself decides whether it is written otherwise, so each answer gives it in the same way.
    """
    number = crc32(body)
    is_empty = number % 100 < faults.empty_otherwise * 100
    is_useless = number // 100 % 100 < faults.useless_parts * 100
    if not (is_empty or is_useless):
        return body
    content = decode(body)
    if isinstance(content, list):
        lines = [_emptied(route, line, number) if is_empty else line for line in content]
        return encode([*lines, _USELESS_LINE] if is_useless and lines else lines)
    if not isinstance(content, dict):
        return body
    if is_useless and route in _USELESS:
        _USELESS[route](content)
    return encode(_emptied(route, content, number) if is_empty else content)


def _emptied(route: str, record: Any, number: int) -> Any:
    if not isinstance(record, dict):
        return record
    changed = dict(record)
    for place, (name, ways) in enumerate(_OPTIONAL[route].items()):
        if record.get(name) in (None, {}):
            changed[name] = ways[(number + place) % len(ways)]
    for place, name in enumerate(_LISTS.get(route, ())):
        held = record.get(name)
        if not held:
            changed[name] = _NO_LIST[(number + place) % len(_NO_LIST)]
        elif isinstance(held, list) and len(held) == 1 and isinstance(held[0], dict):
            changed[name] = held[0]
    return changed
