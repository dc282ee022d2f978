from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, Status

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HEADER = {"orderCode": "VO-1", "orderDate": "2024-07-15T10:00:00", "customerCode": "K1"}
LINE = {"lineCode": "10", "lineNumber": 1, "itemCode": "A1", "quantity": 2}


def read_header(**more: Any) -> OrderHeader | Unreadable:
    return read_record(OrderHeader, HEADER | more, "orderCode", AMSTERDAM)


def good_header(**more: Any) -> OrderHeader:
    header = read_header(**more)
    assert isinstance(header, OrderHeader)
    return header


def bad_header(**more: Any) -> Unreadable:
    header = read_header(**more)
    assert isinstance(header, Unreadable)
    return header


def read_line(**more: Any) -> OrderLine | Unreadable:
    return read_record(OrderLine, LINE | more, "lineCode", AMSTERDAM)


def good_line(**more: Any) -> OrderLine:
    line = read_line(**more)
    assert isinstance(line, OrderLine)
    return line


def test_the_least_that_makes_an_order_is_an_order() -> None:
    header = good_header()
    assert (header.order_code, header.customer_code) == ("VO-1", "K1")
    assert header.order_date == datetime(2024, 7, 15, 8, tzinfo=UTC)
    assert (header.sub_total, header.modified, header.notes, header.model_extra) == (None, None, None, {})


def test_fields_that_the_contract_does_not_name_are_kept_as_they_came() -> None:
    extra = {"warehouse": "WH1", "order_code": "not ours", "nested": {"a": [Decimal("1.50")]}}
    header = good_header(**extra)
    assert header.model_extra == extra
    assert header.order_code == "VO-1"


def test_amounts_are_exact() -> None:
    header = good_header(subTotal=Decimal("12.50"), total="0.12345678", vatTotal=3)
    assert [str(header.sub_total), str(header.total), str(header.vat_total)] == ["12.50", "0.12345678", "3"]


def test_codes_that_come_as_numbers_are_texts_to_the_letter() -> None:
    header = good_header(orderCode=12, customerCode=Decimal("1.50"))
    assert (header.order_code, header.customer_code) == ("12", "1.50")


@pytest.mark.parametrize("modified", [None, ""])
def test_an_optional_instant_may_be_missing_null_or_empty(modified: str | None) -> None:
    assert good_header(modified=modified).modified is None


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"orderDate": "2024-02-30"}, "orderDate: is not a real ISO 8601 date-time"),
        ({"orderDate": "0001-01-01T00:00:00"}, "orderDate: is not a real ISO 8601 date-time"),
        ({"orderDate": None}, "orderDate: is not an ISO 8601 date-time"),
        ({"orderDate": 20240101}, "orderDate: is not an ISO 8601 date-time"),
        ({"orderCode": "."}, "orderCode: cannot be put in a path"),
        ({"orderCode": ".."}, "orderCode: cannot be put in a path"),
        ({"orderCode": ""}, "orderCode: cannot be put in a path"),
        ({"orderCode": "\ud800"}, "orderCode: cannot be put in a path"),
        ({"orderCode": None}, "orderCode: input should be a valid string"),
        ({"orderCode": True}, "orderCode: input should be a valid string"),
        ({"orderCode": ["VO-1"]}, "orderCode: input should be a valid string"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_its_reason(wrong: dict[str, Any], reason: str) -> None:
    unreadable = bad_header(**wrong)
    assert unreadable.reason == reason
    assert unreadable.payload == HEADER | wrong


@pytest.mark.parametrize("missing", ["orderCode", "orderDate", "customerCode"])
def test_a_field_that_is_missing_is_named(missing: str) -> None:
    raw = {name: value for name, value in HEADER.items() if name != missing}
    unreadable = read_record(OrderHeader, raw, "orderCode", AMSTERDAM)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.reason == f"{missing}: field required"


def test_several_faults_make_one_sentence_that_repeats_no_value() -> None:
    reason = bad_header(orderDate="secret-1", customerCode=["secret-2"], subTotal="secret-3").reason
    assert (
        reason == "orderDate: is not a real ISO 8601 date-time; customerCode: input should be a valid string"
    )


@pytest.mark.parametrize(
    ("code", "key"),
    [("VO-1", "VO-1"), (12, "12"), ("..", ".."), ("", None), (None, None), (True, None), ([1], None)],
)
def test_what_cannot_be_read_is_known_by_its_code_where_it_has_one(code: Any, key: str | None) -> None:
    assert bad_header(orderCode=code, orderDate="onbekend").key == key


@pytest.mark.parametrize("raw", [None, "VO-1", 12, ["VO-1"], True])
def test_what_is_no_object_cannot_be_read(raw: Any) -> None:
    assert read_record(OrderHeader, raw, "orderCode", AMSTERDAM) == Unreadable(
        None, "is not a JSON object", raw
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec=None))
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys([*HEADER, "modified", "total", "extra"], json_values))
)
def test_any_json_object_is_a_record_or_says_why_not(raw: dict[str, Any]) -> None:
    read = read_record(OrderHeader, raw, "orderCode", AMSTERDAM)
    if isinstance(read, Unreadable):
        assert read.reason
        assert read.payload is raw
    else:
        assert read.order_code == str(raw["orderCode"])


@pytest.mark.parametrize("first", [0, 1])
def test_lines_count_from_zero_or_from_one(first: int) -> None:
    assert good_line(lineNumber=first).line_number == first


def test_a_line_without_a_real_delivery_date_is_a_line() -> None:
    assert good_line(deliveryDate="nader te bepalen").delivery_date is None
    assert good_line(deliveryDate="1753-01-01T00:00:00").delivery_date is None
    assert good_line(deliveryDate="2024-01-15T23:30:00Z").delivery_date == date(2024, 1, 16)


@pytest.mark.parametrize(
    "number",
    [2**31, -(2**31) - 1, *map(Decimal, ["1E+20", "1E+999999999999", "1.5"]), "een", None, "9" * 61, True],
)
def test_a_line_number_that_is_no_sensible_whole_number_is_none(number: Any) -> None:
    assert good_line(lineNumber=number).line_number is None


@pytest.mark.parametrize("number", [2**31 - 1, Decimal("10.0"), "7"])
def test_a_line_number_may_be_written_in_any_way(number: Any) -> None:
    assert good_line(lineNumber=number).line_number == int(number)


def test_a_status_names_the_focus_connector_and_its_last_sync() -> None:
    raw = {"focusConnector": {"configured": True, "name": "Exact"}, "lastHistorySync": "2024-07-15T10:00:00"}
    status = read_record(Status, raw, "administration", AMSTERDAM)
    assert isinstance(status, Status)
    assert status.focus_connector.configured
    assert status.last_history_sync == datetime(2024, 7, 15, 8, tzinfo=UTC)


def test_a_record_is_not_read_without_a_time_zone() -> None:
    with pytest.raises(TypeError, match="time zone of its administration"):
        OrderHeader.model_validate(HEADER)


def test_a_line_that_orders_an_item_without_any_quantity_is_unreadable_and_says_so() -> None:
    without = {name: value for name, value in LINE.items() if name != "quantity"}
    for raw in (without, LINE | {"quantity": None}, LINE | {"quantity": ""}):
        line = read_record(OrderLine, raw, "lineCode", AMSTERDAM)
        assert isinstance(line, Unreadable)
        assert line.reason.startswith("quantity: ")
        assert line.payload == raw
