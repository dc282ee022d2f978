from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.sync.changes import Need, Standing, need_of, standing_of
from a4s_pipeline.warehouse.rows.orders.writing import StoredOrder
from a4s_pipeline.warehouse.rows.records import StoredRecord


def held(
    *, header: str = "h", has_lines: bool = True, is_removed: bool = False, run: str = "old"
) -> StoredOrder:
    return StoredOrder(header, "l" if has_lines else None, has_lines, is_removed, run)


@pytest.mark.parametrize(
    ("known", "whole", "need"),
    [
        (None, False, Need.NEW),
        (None, True, Need.NEW),
        (held(), False, Need.NOTHING),
        (held(), True, Need.AGAIN),
        (held(run="this"), True, Need.NOTHING),
        (held(header="other"), False, Need.CHANGED),
        (held(header="other"), True, Need.CHANGED),
        (held(header="other", run="this"), True, Need.CHANGED),
        (held(header="other", has_lines=False), False, Need.CHANGED),
        (held(has_lines=False), False, Need.LINES),
        (held(has_lines=False), True, Need.LINES),
        (held(is_removed=True), False, Need.CHANGED),
        (held(is_removed=True, run="this"), True, Need.CHANGED),
        (held(is_removed=True, has_lines=False), False, Need.CHANGED),
    ],
)
def test_what_a_listed_order_needs_follows_from_what_is_stored(
    known: StoredOrder | None, whole: bool, need: Need
) -> None:
    assert need_of(known, "h", whole=whole, run_id="this") is need


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        (None, Standing.NEW),
        (StoredRecord("f", is_removed=False), Standing.UNCHANGED),
        (StoredRecord("other", is_removed=False), Standing.CHANGED),
        (StoredRecord(None, is_removed=False), Standing.CHANGED),
        (StoredRecord("f", is_removed=True), Standing.CHANGED),
        (StoredRecord("other", is_removed=True), Standing.CHANGED),
    ],
)
def test_a_record_that_differs_or_was_gone_has_changed(
    known: StoredRecord | None, standing: Standing
) -> None:
    assert standing_of(known, "f") is standing


@pytest.mark.parametrize(
    "other",
    [
        {"a": 1, "b": "2"},
        {"a": "1", "b": 2},
        {"a": 1},
        {"a": 1, "b": 2, "c": None},
        {"a": 1, "b": Decimal("2.0")},
        {"a": 1, "b": [2]},
    ],
)
def test_another_record_has_another_fingerprint(other: dict[str, Any]) -> None:
    assert fingerprint_of(other) != fingerprint_of({"a": 1, "b": 2})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals("-1e20", "1e20"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_fields_makes_no_difference_to_a_fingerprint(record: dict[str, Any]) -> None:
    assert fingerprint_of(dict(reversed(record.items()))) == fingerprint_of(record)


def test_the_order_of_lines_makes_a_difference() -> None:
    assert fingerprint_of([{"a": 1}, {"a": 2}]) != fingerprint_of([{"a": 2}, {"a": 1}])


def test_half_a_surrogate_pair_has_a_fingerprint_too() -> None:
    assert fingerprint_of({"a": "\ud800"}) == fingerprint_of({"a": "\ud800"})
