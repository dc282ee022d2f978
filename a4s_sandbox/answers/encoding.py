"""JSON in which a Decimal is written exactly: 10.00 stays 10.00, and no amount becomes a float."""

import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from typing import Any


def encode(value: Any) -> bytes:
    """Return UTF-8 JSON of None, bool, int, float, Decimal, str, sequences and mappings of them."""
    return _text(value).encode("utf-8", "surrogatepass")


def decode(body: bytes) -> Any:
    """Return the content of UTF-8 JSON, fractions as Decimal; ValueError if it is not JSON."""
    return json.loads(body.decode("utf-8"), parse_float=Decimal)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{quoted(str(name))}:{_text(held)}" for name, held in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_text(held) for held in value]) + "]"
    return json.dumps(value)
