import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from a4s_pipeline.gateway.calls.masking import masked
from a4s_pipeline.gateway.records.drift import Drift
from a4s_pipeline.gateway.records.reading import read_record
from a4s_pipeline.gateway.records.records import Status
from a4s_pipeline.gateway.wire.text import UNREAD
from a4s_pipeline.sync.drift_count import THE_OTHERS, DriftCount, drifts_of_status
from a4s_pipeline.warehouse.rows.drift import FieldDrift
from a4s_pipeline_tests.sync.conftest import AMSTERDAM, header, line
from a4s_pipeline_tests.sync.listings import customer


def counted(count: DriftCount) -> dict[tuple[str, str], int]:
    return {(one.stream, one.field): one.records for one in count.so_far()}


def test_a_record_counts_once_however_often_it_drifts_within() -> None:
    count = DriftCount()
    address = {"type": "Visit", "floor": 1}
    count.add("customers", [customer("K1", addresses=[address, address]), customer("K2")])
    assert counted(count) == {("customers", "addresses[].floor"): 1}


def test_streams_kinds_and_what_was_found_are_told_apart_each_with_its_first_example() -> None:
    count = DriftCount()
    count.add("orders", [header("O1", total="12,50"), header("O2", total="7"), header("O3", total=True)])
    count.add("order_lines", [line(total=1), line(lineNumber=None)])
    assert count.so_far() == [
        FieldDrift("orders", "total", "kind", "text", "99,99", 2),
        FieldDrift("orders", "total", "kind", "flag", None, 1),
        FieldDrift("order_lines", "lineNumber", "missing", "nothing", None, 1),
        FieldDrift("order_lines", "total", "unknown", "number", "9", 1),
    ]


def test_a_listing_that_is_read_again_counts_once_and_by_the_reading_with_most() -> None:
    count = DriftCount()
    march, april = object(), object()
    for listing, readings in ((march, (2, 5, 3)), (april, (1, 4))):
        for records in readings:
            count.begin("orders", listing)
            count.add("orders", [header(f"O{number}", floor=1) for number in range(records)])
    assert counted(count) == {("orders", "floor"): 5 + 4}


def test_a_listing_in_which_nothing_drifts_adds_nothing() -> None:
    count = DriftCount()
    for records in (5, 0, 0):
        count.begin("orders", object())
        count.add("orders", [header(f"O{number}", floor=1) for number in range(records)])
    assert counted(count) == {("orders", "floor"): 5}


def test_faults_come_before_what_is_only_new_and_frequent_ones_first() -> None:
    count = DriftCount()
    count.add("orders", [header(f"O{number}", floor=1, area=1, notes=1, total="1") for number in range(9)])
    count.add("orders", [header("O9", area=1, notes=1, currency=1)])
    assert [(one.field, one.records) for one in count.so_far()] == [
        ("notes", 10),
        ("total", 9),
        ("currency", 1),
        ("area", 10),
        ("floor", 9),
    ]


def test_texts_that_were_repaired_are_counted_where_the_reply_had_some() -> None:
    records = [header("O1", notes=f"caf{UNREAD}"), header("O2", notes="café")]
    count = DriftCount()
    count.add("orders", records, is_mended=True)
    assert count.so_far() == [FieldDrift("orders", "notes", "text", "text", "xxx?", 1)]
    # Only a reply that was repaired is searched: its records cost more.
    count = DriftCount()
    count.add("orders", records)
    assert count.so_far() == []


def test_lines_are_counted_through_the_readings_of_their_orders() -> None:
    count = DriftCount()
    listing = object()
    for _ in range(3):
        count.begin("orders", listing)
        count.add("order_lines", [line(batch="B1")])
    assert counted(count) == {("order_lines", "batch"): 3}


def test_beyond_two_hundred_unknown_fields_of_a_stream_the_others_are_counted_together() -> None:
    count = DriftCount()
    count.add("orders", [header("O1") | {f"x{number}": 1 for number in range(500)}])
    # What the contract names is told all the same, and so is what is known already.
    count.add("orders", [header("O2", total="1", x7=1, y=1), header("O3", z=1, zz=1)])
    count.add("items", [{"y": 1}])
    found = counted(count)
    assert len([field for stream, field in found if stream == "orders"]) == 200 + 2
    assert found["orders", THE_OTHERS] == 3
    assert found["orders", "total"] == 1
    assert found["orders", "x7"] == 2
    assert found["items", "y"] == 1


def test_threads_that_count_side_by_side_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def masked_at_leisure(value: Any) -> str | None:
        time.sleep(0.002)  # the others go on meanwhile
        return masked(value)

    monkeypatch.setattr("a4s_pipeline.sync.drift_count.masked", masked_at_leisure)
    count = DriftCount()
    fields = [f"x{number}" for number in range(20)]
    together = Barrier(8)

    def work(_number: int) -> None:
        together.wait()
        for field in fields:
            count.add("order_lines", [line() | {field: "a value"}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert counted(count) == {("order_lines", field): 8 for field in fields}


def test_nothing_that_was_met_is_kept_but_its_form() -> None:
    count = DriftCount()
    secret: dict[str, Any] = {"note": "bel 0612345678", "custom": {"iban": "NL91ABNA0417164300"}}
    count.add("orders", [header("O1", **secret)])
    told = repr([vars(one) for one in count.so_far()])
    assert "xxx 9999999999" in told
    assert "0612345678" not in told
    assert "ABNA" not in told


@pytest.mark.parametrize(
    ("last_sync", "met"),
    [
        ("2024-03-05T09:00:00Z", {}),
        (None, {}),
        ("gisteren", {Drift("status.lastHistorySync", "value", "text"): "gisteren"}),
        (20240305, {Drift("status.lastHistorySync", "value", "number"): 20240305}),
    ],
)
def test_a_field_of_the_status_that_cannot_be_read_is_counted_with_the_orders(
    last_sync: Any, met: dict[Drift, Any]
) -> None:
    raw = {"focusConnector": {"configured": True}, "lastHistorySync": last_sync, "release": "7"}
    status = read_record(Status, raw, "administration", AMSTERDAM)
    assert isinstance(status, Status)
    assert drifts_of_status(status) == met
    count = DriftCount()
    count.note("orders", drifts_of_status(status))
    assert [(one.field, one.drift, one.found, one.records) for one in count.so_far()] == [
        (*drift, 1) for drift in met
    ]
