"""JSON that nobody should send: texts, numbers and shapes a gateway or integrator might write."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NASTY_TEXTS = (
    "'; DROP TABLE orders; --",
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    "$x$ \\frac $",
    "\x1b[2J\x07",
    "\x9b2J\x7f",
    "nul\x00nul",
    "\u202eright to left",
    "half \ud800",
    "../../etc/passwd",
    "..",
    ".",
    "",
    " ",
    "a\nb\r\nc\td",
    "=cmd|' /C calc'!A0",
    "NaN",
    "-Infinity",
    "1E+999999999",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
    "2024-02-30",
    "2024-03-05T09:00:00+99:99",
    "x" * 20_000,
    "\U0001f469\u200d\U0001f52c",
)
NASTY_NUMBERS = (
    "1E+400",
    "-1E+400",
    "1E-400",
    "1E+99999999999999999999",
    "9" * 60,
    "9" * 5000,
    "-0.0",
    "0.00004999999999999999999999999999999999",
    "99999999999999.99995",
    "NaN",
    "Infinity",
    "2147483648",
    "9223372036854775808",
)


class Literal(str):
    """A number written exactly so, which Python would not write."""

    __slots__ = ()


def as_json(value: Any) -> str:
    """Write JSON with exact numbers; a list of pairs becomes an object, duplicate keys included."""
    if isinstance(value, Literal):
        return str.__str__(value)
    if isinstance(value, dict):
        return as_json(tuple(value.items()))
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(held)}" for name, held in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value)


def nested(depth: int, *, objects: bool = False) -> Literal:
    """Return so many brackets, one within the other."""
    opened, closed = ('{"a":', "}") if objects else ("[", "]")
    return Literal(f"{opened * depth}1{closed * depth}")


any_text = st.sampled_from(NASTY_TEXTS) | st.text(st.characters(), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.sampled_from(NASTY_NUMBERS).map(Literal)
    | any_text
    | st.sampled_from([50, 101, 400, 930]).map(nested)
    | st.sampled_from([50, 101, 400, 930]).map(lambda depth: nested(depth, objects=True))
)
any_value = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


def mutated(record: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return records that are this one but for a few fields, some within others, and fields nobody named."""

    def change(changes: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        return {**record, **changes, **more}

    names = st.sampled_from(sorted(record))
    return st.builds(
        change,
        st.dictionaries(names, any_value | _within(record), max_size=3),
        st.dictionaries(any_text, any_value, max_size=2),
    )


def _within(record: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return what may replace a part of a record: the same part with one field changed."""
    parts = [
        part
        for held in record.values()
        for part in (held if isinstance(held, list) else [held])
        if isinstance(part, dict) and part
    ]
    if not parts:
        return any_value

    def change(part: dict[str, Any], place: int, value: Any) -> list[Any]:
        name = sorted(part)[place % len(part)]
        return [{**part, name: value}]

    return st.builds(change, st.sampled_from(parts), st.integers(0, 20), any_value)
