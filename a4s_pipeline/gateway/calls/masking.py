"""Reduces an outside value to what may be shown: its form, without its content."""

from __future__ import annotations

from decimal import Decimal
from string import punctuation
from typing import Any

_LONGEST = 40
_SHOWN = frozenset(punctuation + " ")


def masked(value: Any) -> str | None:
    """Return the form of a JSON value; letters as x or X, digits as 9, a list or an object by its size.

    Returns None for null and for a flag, whose form would reveal the value.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, str):
        return _masked(value)
    return _masked(str(value)) if isinstance(value, int | float | Decimal) else None


def _masked(text: str) -> str:
    # Cut first: the text may be megabytes long.
    form = "".join(map(_mask, text[:_LONGEST]))
    return form if len(text) <= _LONGEST else form[:-1] + "…"


def _mask(character: str) -> str:
    if character in _SHOWN:
        return character
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return "9" if character.isnumeric() else "?"
