import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.files import exact_json

decimals = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda d: "." in str(d) or "E" in str(d))
integers = st.integers(-(10**58), 10**59)
values = st.recursive(
    st.none() | st.booleans() | integers | decimals | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back_to_the_letter(value: Any) -> None:
    read = exact_json.loads(exact_json.dumps(value))
    assert read == value
    # `==` takes 1.50 for 1.5, and True for 1.
    assert repr(read) == repr(value)


@given(values)
def test_text_and_bytes_are_read_alike(value: Any) -> None:
    text = exact_json.dumps(value)
    assert repr(exact_json.loads(text.encode())) == repr(exact_json.loads(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Decimal("0.1")),
        ("12.50", Decimal("12.50")),
        ("-0.0", Decimal("-0.0")),
        ("1e3", Decimal("1E+3")),
        ("0.12345678901234567890123456789", Decimal("0.12345678901234567890123456789")),
        ("12345678901234567890", 12345678901234567890),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("9" * 60, int("9" * 60)),
        ("9" * 61, "9" * 61),
        ("9" * 5000, "9" * 5000),
        ("1e400", Decimal("1E+400")),
        ("1e999999999999999999999", "1e999999999999999999999"),
    ],
)
def test_a_number_is_read_exactly_and_an_absurd_one_as_text(text: str, value: Any) -> None:
    read = exact_json.loads(f"[{text}]")[0]
    assert repr(read) == repr(value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"a": 1', b"[1,]", b"<html></html>", b'"\xff"', b"01", b"{'a': 1}"],
)
def test_what_is_no_json_is_a_value_error_that_repeats_nothing(body: bytes) -> None:
    with pytest.raises(
        ValueError, match=r"^the body is not JSON, or is cut off(, at character \d+ of \d+)?$"
    ):
        exact_json.loads(body)


@given(st.binary() | st.text() | st.from_regex(r"\A-?[0-9]{0,70}\.?[0-9]*([eE][+-]?[0-9]{1,25})?\Z"))
def test_reading_fails_with_a_value_error_or_not_at_all(body: bytes | str) -> None:
    with suppress(ValueError):
        exact_json.loads(body)


def test_keys_are_written_in_order_where_that_is_asked_for() -> None:
    held = {"b": 1, "a": {"d": Decimal("1.10"), "c": "é"}}
    assert exact_json.dumps(held) == '{"b":1,"a":{"d":1.10,"c":"é"}}'
    assert exact_json.dumps(held, sort_keys=True) == '{"a":{"c":"é","d":1.10},"b":1}'


def test_what_is_nested_too_deeply_is_said_to_be_and_stays_json() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert json.loads(exact_json.dumps(deep)) == "(nested too deeply to keep)"


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_what_is_nested_beyond_reading_says_so(body: bytes) -> None:
    with pytest.raises(exact_json.NestedTooDeeply, match=r"^is nested too deeply$"):
        exact_json.loads(body)


def nested(depth: int, innermost: Any) -> Any:
    for place in range(depth):
        innermost = [innermost] if place % 2 else {"a": innermost}
    return innermost


def test_what_is_kept_is_nested_within_bounds() -> None:
    kinds: tuple[Any, ...] = (1, "x", [], {}, None)
    for innermost in kinds:
        at_most = nested(100, innermost)
        assert exact_json.loads(exact_json.dumps_to_keep(at_most)) == at_most
    for depth in (101, 500, 2_000, 100_000):
        with pytest.raises(exact_json.NestedTooDeeply):
            exact_json.dumps_to_keep(nested(depth, 1))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    wide: dict[str, Any] = {"a": [[] for _ in range(500)]}
    assert exact_json.loads(exact_json.dumps_to_keep(wide)) == wide
