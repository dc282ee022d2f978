"""Reads and writes JSON with exact numbers: a fraction is a `Decimal`, never a binary float."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

import simplejson

_LONGEST_INTEGER = 60
_MOST_OF_A_NAME = 60
# Far more than any record needs, and far less than Python's own limit, which includes the callers: so
# anything that was read can be written everywhere.
_DEEPEST = 100
_TOO_DEEP = '"(nested too deeply to keep)"'


class Written(simplejson.RawJSON):
    """Finished JSON to insert unchanged into a larger document."""

    def __len__(self) -> int:
        return len(self.encoded_json)


class NestedTooDeeply(ValueError):
    """A document that is nested too deeply to store."""

    def __init__(self) -> None:
        super().__init__("is nested too deeply")


class NamedTwice(ValueError):
    """An object that has one name twice: either of the two values may be meant."""

    def __init__(self, name: str) -> None:
        super().__init__(f"names {name[:_MOST_OF_A_NAME]!r} twice in one object")


def loads(body: bytes | str, *, strict: bool = True, names_once: bool = False) -> Any:
    """Read JSON, or raise `ValueError`; `NestedTooDeeply` if it is nested too deeply.

    Unless `strict`, texts may contain raw control characters. If an object has a name twice, the last value
    counts, or with `names_once` it raises `NamedTwice`.

    `NaN`, `Infinity`, absurdly long integers and absurd exponents, which are not amounts, become texts, so
    that they spoil only their own record and not its page.
    """
    try:
        return json.loads(
            body,
            parse_float=_fraction,
            parse_int=_whole_number,
            parse_constant=str,
            strict=strict,
            object_pairs_hook=_named_once if names_once else None,
        )
    except RecursionError:
        raise NestedTooDeeply from None
    except NamedTwice:
        raise
    except json.JSONDecodeError as fault:
        where = f"at character {min(fault.pos + 1, len(fault.doc)):,} of {len(fault.doc):,}"
        raise ValueError(f"the body is not JSON, or is cut off, {where}") from None
    except ValueError:
        raise ValueError("the body is not JSON, or is cut off") from None


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """Write JSON with every `Decimal` as an exact number; replace parts nested too deeply by a note."""
    try:
        text: str = simplejson.dumps(
            value, use_decimal=True, ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":")
        )
    except RecursionError:
        return _TOO_DEEP
    return text


def dumps_to_keep(value: Any) -> str:
    """Write JSON that is stored or sent as data, like `dumps`; raises `NestedTooDeeply`."""
    text = dumps(value)
    # Most values have fewer brackets than the limit, and counting those is fast.
    if text == _TOO_DEEP or (text.count("[") + text.count("{") > _DEEPEST and _is_too_deep(value)):
        raise NestedTooDeeply
    return text


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def fingerprint_of(value: Any) -> str:
    """Return a hash of a value as JSON, regardless of the order of its fields."""
    return blake2b(dumps(value, sort_keys=True).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise NamedTwice(counted.most_common(1)[0][0])
    return named


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _fraction(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return digits
