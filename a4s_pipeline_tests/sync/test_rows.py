import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine
from a4s_pipeline.sync.rows import Stamp, Unstorable, attributes_of, row_of, set_aside_of
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS
from a4s_pipeline_tests.sync.conftest import header, line

STAMP = Stamp("demo", "r1", datetime(2024, 3, 5, 9, tzinfo=UTC))
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def order_row(**fields: Any) -> dict[str, Any]:
    read = read_record(OrderHeader, header("A1", **fields), "orderCode", AMSTERDAM)
    assert isinstance(read, OrderHeader)
    return row_of(read, STAMP)


def test_a_row_holds_the_columns_of_its_table_and_who_wrote_it() -> None:
    row = order_row(total=Decimal("12.5"), orderNumber="N1", deliveryAddress={"city": "Ede"})
    assert row.keys() <= set(ORDERS.column_names)
    assert (row["connector"], row["run_id"], row["synced_at"]) == ("demo", "r1", "2024-03-05T09:00:00+00:00")
    assert (row["order_code"], row["order_number"], row["total"]) == ("A1", "N1", "12.5000")
    assert row["order_date"] == "2024-03-05T08:00:00+00:00"
    assert row["delivery_address"] == '{"city":"Ede"}'
    assert (row["notes"], row["attributes"]) == (None, None)


def test_every_field_of_the_contract_has_its_column() -> None:
    assert set(OrderHeader.model_fields) <= set(ORDERS.column_names)
    assert set(OrderLine.model_fields) <= set(ORDER_LINES.column_names)


def test_a_line_has_a_day_of_delivery() -> None:
    read = read_record(OrderLine, line("1", deliveryDate="2024-03-08T23:30:00Z"), "lineCode", AMSTERDAM)
    assert isinstance(read, OrderLine)
    row = row_of(read, STAMP)
    assert (row["delivery_date"], row["quantity"]) == ("2024-03-09", "1.0000")


def test_a_field_that_is_nested_too_deeply_is_named() -> None:
    deep: dict[str, Any] = {}
    for _ in range(101):
        deep = {"a": deep}
    with pytest.raises(Unstorable, match=r"^delivery_address: is nested too deeply$"):
        order_row(deliveryAddress=deep)


@pytest.mark.parametrize(
    ("extra", "attributes"),
    [
        ({}, None),
        ({"attributes": None}, None),
        ({"attributes": {}}, None),
        ({"route": "R"}, {"route": "R"}),
        ({"route": None}, {"route": None}),
        ({"attributes": {"route": "R"}}, {"route": "R"}),
        ({"route": "outer", "attributes": {"route": "own"}}, {"route": "own"}),
        ({"route": "outer", "attributes": {"route": None}}, {"route": None}),
        ({"route": "R", "attributes": {"zone": 1}}, {"route": "R", "zone": 1}),
        ({"route": "R", "attributes": None}, {"route": "R"}),
        ({"attributes": [1, 2]}, {"attributes": [1, 2]}),
        # PHP's empty object, and others' ways to say the same.
        ({"route": "R", "attributes": []}, {"route": "R"}),
        ({"attributes": ""}, None),
        ({"attributes": False}, None),
        ({"attributes": {"attributes": 1}}, {"attributes": 1}),
    ],
)
def test_unknown_fields_join_the_records_own_attributes_which_win_a_clash(
    extra: dict[str, Any], attributes: Any
) -> None:
    text = attributes_of(extra)
    assert (None if text is None else json.loads(text)) == attributes


def test_attributes_keep_their_numbers_exact() -> None:
    assert attributes_of({"a": Decimal("1.10"), "b": 10**20}) == '{"a":1.10,"b":100000000000000000000}'


@pytest.mark.parametrize(
    ("key", "payload", "stored"),
    [
        ("A1", {}, "A1"),
        ("A\ud800", {}, "A?"),
        (".", {}, "."),
    ],
)
def test_what_is_set_aside_is_kept_under_its_code(key: str, payload: Any, stored: str) -> None:
    assert set_aside_of("orders", Unreadable(key, "why", payload), None).key == stored


def test_what_has_no_code_is_kept_under_a_hash_that_is_the_same_for_the_same_record() -> None:
    keys = {
        set_aside_of("orders", Unreadable(None, "why", payload), None).key
        for payload in ({"a": 1}, {"a": 1}, {"a": "\ud800"}, None)
    }
    assert len(keys) == 3
    assert all(key.startswith("#") and len(key) == 17 for key in keys)
