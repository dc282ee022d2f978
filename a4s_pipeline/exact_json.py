"""JSON with exact numbers, both ways: a fraction is a `Decimal`, never a binary float."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

import simplejson

_LONGEST_INTEGER = 60


def loads(body: bytes | str) -> Any:
    """Read JSON, or raise `ValueError`.

    `NaN`, `Infinity`, absurdly long integers and absurd exponents, which are no amounts, become texts,
    so that they spoil their own record and not the page it is on.
    """
    try:
        return json.loads(body, parse_float=_fraction, parse_int=_whole_number, parse_constant=str)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON, or is cut off") from None


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """Write JSON with every `Decimal` as the number it is; what is nested too deeply is said to be."""
    try:
        text: str = simplejson.dumps(
            value, use_decimal=True, ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":")
        )
    except RecursionError:
        return '"(nested too deeply to keep)"'
    return text


def fingerprint_of(value: Any) -> str:
    """Return a hash of a value as JSON, whatever the order of its fields."""
    return blake2b(dumps(value, sort_keys=True).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _fraction(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return digits
