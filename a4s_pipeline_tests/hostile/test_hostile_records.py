"""Whatever a gateway lists: each record is imported or set aside, and none affects another."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.records.customer_records import Customer
from a4s_pipeline.gateway.records.item_records import Item
from a4s_pipeline.gateway.records.reading import Unreadable, read_record
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, Status, WireRecord
from a4s_pipeline.gateway.records.stock_records import Stock
from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline_tests.hostile.valid_records import CUSTOMER, HEADER, ITEM, LINE, STATUS, STOCK
from a4s_pipeline_tests.hostile.wire_values import any_value, as_json, mutated, nested
from a4s_pipeline_tests.support.nightly import Night, examples
from a4s_sandbox import Administration

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MODELS: list[tuple[type[WireRecord], dict[str, Any]]] = [
    (OrderHeader, HEADER),
    (OrderLine, LINE),
    (Item, ITEM),
    (Customer, CUSTOMER),
    (Stock, STOCK),
    (Status, STATUS),
]
Stream = Literal["items", "customers", "orders"]
STREAMS: list[Stream] = ["items", "customers", "orders"]
VALID: dict[Stream, dict[str, Any]] = {"items": ITEM, "customers": CUSTOMER, "orders": HEADER}
CODES: dict[Stream, str] = {"items": "itemCode", "customers": "customerCode", "orders": "orderCode"}
ALL_MONTHS = OrdersPlan(Months(date(2024, 1, 1), date(2100, 1, 1)))
_LISTED_AT = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
"""Where in the listing the orders stand, in microseconds, whatever their own dates say."""
GOOD = "~good"
"""The code of a record in order that is listed after all the others."""

several = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},
)


def batches(stream: Stream) -> st.SearchStrategy[list[Any]]:
    return st.lists(mutated(VALID[stream]) | any_value, min_size=1, max_size=20)


def lines() -> st.SearchStrategy[Any]:
    return st.lists(mutated(LINE) | any_value, max_size=3) | any_value


@pytest.mark.parametrize(("model", "valid"), MODELS, ids=lambda given: getattr(given, "__name__", ""))
@given(data=st.data())
@settings(max_examples=examples(25, 400), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_is_a_record_or_says_why_it_is_none(
    model: type[WireRecord], valid: dict[str, Any], data: st.DataObject
) -> None:
    written = as_json(data.draw(mutated(valid) | any_value))
    read = read_record(model, exact_json.loads(written), "itemCode", AMSTERDAM)
    assert isinstance(read, (model, Unreadable))
    if isinstance(read, Unreadable):
        assert 0 < len(read.reason) < 100_000


class Hostile:
    """A gateway that lists anything it is given, and the platform that imports it."""

    def __init__(self, source: Administration, platform: Platform) -> None:
        self._source = source
        self._platform = platform

    def serve(self, stream: Stream, records: list[Any], order_lines: list[Any] | None = None) -> None:
        """List these records, followed by a valid one; these lines belong to each of the orders."""
        good = VALID[stream] | {CODES[stream]: GOOD}
        bodies = [as_json(record).encode() for record in [*records, good]]
        if stream != "orders":
            listed = getattr(self._source, stream)
            for key in list(listed.keys()):
                listed.remove(key)
            for number, body in enumerate(bodies):
                listed.put(f"{number:03}", body)
            return
        for key in list(self._source.orders.keys()):
            self._source.remove_order(key)
        for number, body in enumerate(bodies):
            code = self._code_of(([*records, good])[number]) or f"\0{number}"
            self._source.put_encoded_order(
                code, _LISTED_AT + number, body, self._lines(number, order_lines or [], len(bodies))
            )

    @staticmethod
    def _lines(number: int, order_lines: list[Any], count: int) -> bytes:
        hostile = number < min(len(order_lines), count - 1)
        return as_json(order_lines[number] if hostile else [LINE]).encode()

    @staticmethod
    def _code_of(record: Any) -> str | None:
        code = record.get("orderCode") if isinstance(record, dict) else None
        return code if isinstance(code, str) and type(code) is str and code else None

    def sync(self, stream: Stream) -> SyncResult:
        return self._platform.sync(stream, "demo", plan=ALL_MONTHS, run_id=str(uuid4())).or_raise()

    def held(self, stream: Stream) -> list[str]:
        """Read every table and view completely, and return the codes stored."""
        with self._platform.warehouse.session() as connection:
            names = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
            ).fetchall()
            for (name,) in names:
                connection.table(name).fetchall()
            code = connection.table(stream).columns[1]
            return [
                one
                for (one,) in connection.table(stream).filter("removed_at IS NULL").project(code).fetchall()
            ]


@pytest.fixture
def hostile(source: Administration, platform: Platform) -> Hostile:
    return Hostile(source, platform)


def listed_is_held_or_set_aside(
    hostile: Hostile, stream: Stream, records: list[Any], order_lines: list[Any]
) -> None:
    hostile.serve(stream, records, order_lines)
    first = hostile.sync(stream)
    assert first.seen <= len(records) + 1
    assert GOOD in hostile.held(stream)
    again = hostile.sync(stream)
    # What came in is known again, and what was set aside is set aside again.
    assert (again.seen, again.new, again.changed) == (first.seen, 0, 0)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_sync_ends_well_whatever_is_listed(hostile: Hostile, stream: Stream) -> None:
    @several
    @given(batches(stream), st.lists(lines(), max_size=3))
    def check(records: list[Any], order_lines: list[Any]) -> None:
        listed_is_held_or_set_aside(hostile, stream, records, order_lines)

    check()


@pytest.mark.nightly
@pytest.mark.parametrize("stream", STREAMS)
def test_at_night_a_sync_ends_well_whatever_is_listed(hostile: Hostile, stream: Stream) -> None:
    night, count = Night(share=1 / 90), 0

    # Short rounds, each drawn anew: one long one would go on drawing when the night is over.
    @settings(several, max_examples=25, print_blob=True)
    @given(batches(stream), st.lists(lines(), max_size=3))
    def check(records: list[Any], order_lines: list[Any]) -> None:
        nonlocal count
        listed_is_held_or_set_aside(hostile, stream, records, order_lines)
        count += 1

    while not night.is_over:
        check()
    print(f"{stream}: {count} hostile listings in {night.seconds:.0f} s")  # noqa: T201 - its report


@pytest.mark.parametrize("stream", STREAMS)
def test_a_record_nested_too_deeply_is_set_aside_and_spoils_no_other(
    hostile: Hostile, platform: Platform, stream: Stream
) -> None:
    deep = {f"deep {depth}": nested(depth) for depth in (101, 940)}
    hostile.serve(
        stream, [VALID[stream] | {CODES[stream]: code, "more": held} for code, held in deep.items()]
    )
    result = hostile.sync(stream)
    assert (hostile.held(stream), result.set_aside) == ([GOOD], 2)
    with platform.warehouse.session() as connection:
        found = connection.execute("SELECT record_key, reason FROM set_aside ORDER BY ALL").fetchall()
    assert found == [(code, "attributes: is nested too deeply") for code in deep]


def test_what_is_nested_as_deeply_as_it_may_be_comes_in_and_is_answered_with(
    hostile: Hostile, platform: Platform
) -> None:
    # 99 brackets within the object of the record.
    hostile.serve("orders", [HEADER | {"orderCode": "deep", "more": nested(99)}])
    assert hostile.sync("orders").set_aside == 0
    platform.publish()
    answer = OrderHistory(platform.readable, "demo").order("deep")
    assert exact_json.dumps(answer["attributes"]["more"]) == str(nested(99))


NASTY_CODES = (
    "'; DROP TABLE orders; --",
    "x' OR '1'='1",
    '"; DELETE FROM items; --',
    "$connector",
    "?",
    "%s {0} {connector}",
    "a/b?c#d%2F",
    "../../x",
    "nul\0nul",
    "\x1b[2J",
    "<script>",
    "\U0001f980",
)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_code_that_looks_like_sql_survives_the_whole_round_trip(
    hostile: Hostile, platform: Platform, stream: Stream
) -> None:
    records = [VALID[stream] | {CODES[stream]: code} for code in NASTY_CODES]
    hostile.serve(stream, records)
    assert hostile.sync(stream).new == len(records) + 1
    assert sorted(hostile.held(stream)) == sorted([*NASTY_CODES, GOOD])
    hostile.serve(stream, [record | {"changed": 1} for record in records])
    assert hostile.sync(stream).changed == len(records)
    platform.publish()
    if stream == "orders":
        copy = platform.settings.analytics_path
        for code in NASTY_CODES:
            answer = OrderHistory(PublishedCopy(copy), "demo").order(code)
            assert (answer["orderCode"], answer["attributes"]["changed"]) == (code, 1)
            assert [line["lineCode"] for line in answer["lines"]] == ["1"]
