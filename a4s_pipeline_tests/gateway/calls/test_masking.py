import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a4s_pipeline.gateway.calls.masking import masked


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("J. de Vries", "X. xx Xxxxx"),
        ("info@example.com", "xxxx@xxxxxxx.xxx"),
        ("+31 (0)20-1234567", "+99 (9)99-9999999"),
        ("Órder é ß 数", "Xxxxx x x x"),
        ("٣½", "99"),
        ("a\tb\nc\x00🚚\ud800", "x?x?x???"),
        ("", ""),
        ("x" * 40, "x" * 40),
        ("7" * 41, "9" * 39 + "…"),
        (-1250, "-9999"),
        (Decimal("-12.50"), "-99.99"),
        (Decimal("1E+999999999"), "9X+999999999"),
        ([1, "two", None], "a list of 3"),
        ({"name": "J. de Vries"}, "an object of 1"),
        (True, None),
        (False, None),
        (None, None),
    ],
)
def test_of_a_value_its_form_is_shown(value: Any, form: str | None) -> None:
    assert masked(value) == form


@settings(deadline=None)
@given(st.text() | st.integers() | st.decimals(allow_nan=False))
def test_no_letter_and_no_digit_of_a_value_is_shown_and_no_more_than_forty(value: Any) -> None:
    form = masked(value)
    assert form is not None
    assert len(form) <= 40
    assert re.fullmatch(r"[xX9 !-/:-@\[-`{-~?…]*", form)
    assert form.isprintable()
