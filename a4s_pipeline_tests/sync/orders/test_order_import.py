from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from a4s_pipeline.errors import HistoryNotConfigured, UnknownAdministration
from a4s_pipeline.sync.orders import order_pages
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.orders.writing import StoredOrder, stored_orders
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import AMSTERDAM, EVERYTHING, Site, header, line
from a4s_sandbox import World
from a4s_sandbox.data.awkward import awkward_orders


@pytest.mark.both_stores
def test_the_first_sync_brings_in_every_order_with_its_lines(site: Site) -> None:
    site.put_month(30)
    site.put("B1", lines=[line("1"), line("2", quantity=Decimal("2.5"), lineTotal=Decimal("31.25"))])
    result = site.sync()
    site.assert_as_at_source()
    assert (result.seen, result.new, result.changed, result.unchanged, result.pending) == (31, 31, 0, 0, 0)
    assert result.is_complete


def test_each_order_costs_one_line_call(site: Site) -> None:
    codes = site.put_month(30)
    result = site.sync()
    assert site.line_calls() == codes
    assert (result.calls, result.retries) == (len(site.sandbox.requests), 0)


@pytest.mark.both_stores
def test_a_second_sync_with_nothing_new_makes_no_line_call(site: Site) -> None:
    site.put_month(30)
    site.sync()
    before = site.query("SELECT * FROM orders ORDER BY order_code")
    result = site.sync_again()
    assert site.line_calls() == []
    assert (result.seen, result.new, result.changed, result.unchanged) == (30, 0, 0, 30)
    assert site.query("SELECT * FROM orders ORDER BY order_code") == before


def test_the_look_back_goes_from_the_watermark_and_includes_the_instant_itself(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(lookback_days=2)
    site.put("NEWEST", "2024-03-10T09:00:00Z")
    site.put("AT-THE-EDGE", "2024-03-08T09:00:00Z")
    site.put("BEFORE-IT", "2024-03-08T08:59:59Z")
    site.sync()
    for code in ("NEWEST", "AT-THE-EDGE", "BEFORE-IT"):
        site.put(code, site.source.order(code)[0]["orderDate"], status="changed")
    result = site.sync_again()
    assert site.listed_from() == datetime(2024, 3, 8, 9, tzinfo=UTC)
    assert site.line_calls() == ["AT-THE-EDGE", "NEWEST"]
    assert (result.seen, result.changed) == (2, 2)


def test_without_a_look_back_an_order_of_the_same_instant_as_the_watermark_is_found(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(lookback_days=0)
    site.put("A1", "2024-03-10T09:00:00Z")
    site.sync()
    site.put("A2", "2024-03-10T09:00:00Z")
    site.put("A3", "2024-03-10T10:00:00+01:00")
    result = site.sync_again()
    assert (result.new, result.unchanged) == (2, 1)
    site.assert_as_at_source()


def test_an_order_that_arrives_late_with_an_older_date_is_found_within_the_look_back(site: Site) -> None:
    site.put("A1", "2024-03-10T09:00:00")
    site.sync()
    site.put("LATE", "2024-03-04T09:00:00")
    result = site.sync_again()
    assert (result.new, site.line_calls()) == (1, ["LATE"])
    site.assert_as_at_source()


def test_a_late_order_before_the_history_start_is_never_listed(site_of: Callable[..., Site]) -> None:
    site = site_of(history_start=date(2024, 3, 1))
    site.put("OLD", "2024-02-29T23:59:59")
    site.put("FIRST", "2024-03-01T00:00:00")
    site.sync()
    assert site.codes() == ["FIRST"]
    site.sync_again()
    assert site.listed_from() == datetime(2024, 3, 1, tzinfo=AMSTERDAM)


@pytest.mark.both_stores
def test_an_order_that_changed_is_replaced_with_its_lines_and_nothing_else_is_asked_for(site: Site) -> None:
    site.put_month(5)
    site.sync()
    site.put("A002", "2024-03-01T02:00:00Z", [line("1", quantity=9), line("2")], status="shipped")
    result = site.sync_again()
    assert site.line_calls() == ["A002"]
    assert (result.new, result.changed, result.unchanged) == (0, 1, 4)
    site.assert_as_at_source()


@pytest.mark.both_stores
def test_a_line_that_is_gone_at_the_source_is_gone_here(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2"), line("3")])
    site.sync()
    site.put("A1", lines=[line("1"), line("3")], subTotal=2)
    site.sync()
    assert site.line_codes("A1") == ["1", "3"]


def test_an_order_whose_last_line_went_holds_none(site: Site) -> None:
    site.put("A1", lines=[line("1")])
    site.sync()
    site.put("A1", lines=[], status="cancelled")
    site.sync()
    assert site.line_codes("A1") == []
    assert site.without_lines() == []


def test_an_order_that_moved_to_another_date_is_stored_once(site: Site) -> None:
    site.put("A1", "2024-03-05T09:00:00")
    site.sync()
    site.put("A1", "2024-03-06T09:00:00")
    site.sync()
    site.assert_as_at_source()


def test_a_field_that_is_empty_now_is_empty_here(site: Site) -> None:
    site.put("A1", reference="R1", colour="red")
    site.sync()
    site.put("A1", reference=None)
    site.sync()
    order = site.order("A1")
    assert (order["reference"], order["attributes"]) == (None, None)


def test_a_header_whose_fields_come_in_another_order_has_not_changed(site: Site) -> None:
    order = header("A1", reference="R", total=Decimal("1.50"))
    site.source.put_order(order)
    site.sync()
    site.source.put_order(dict(reversed(order.items())))
    assert site.sync_again().unchanged == 1
    assert site.line_calls() == []


def test_an_order_with_no_lines_is_not_one_without_them(site: Site) -> None:
    site.put("A1", lines=[])
    result = site.sync()
    assert (site.without_lines(), result.without_lines) == ([], 0)
    assert site.order("A1")["lines_synced_at"] is not None
    site.sync_again()
    assert site.line_calls() == []


@pytest.mark.both_stores
def test_an_order_dated_in_the_future_is_stored_and_does_not_blind_later_syncs(site: Site) -> None:
    site.put("A1", "2024-03-05T09:00:00Z")
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=400)).isoformat())
    site.sync()
    site.assert_as_at_source()
    assert site.watermark() == datetime(2024, 3, 5, 9, tzinfo=UTC)
    site.put("A2", "2024-03-06T09:00:00Z")
    site.sync_again()
    assert site.line_calls() == ["A2"]
    assert site.watermark() == datetime(2024, 3, 6, 9, tzinfo=UTC)


def test_with_nothing_but_orders_in_the_future_there_is_no_watermark(site: Site) -> None:
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=3)).isoformat())
    site.sync()
    assert (site.codes(), site.watermark()) == (["FUTURE"], None)


def test_the_watermark_does_not_pass_the_gateways_own_clock(site: Site) -> None:
    site.faults.clock_skew_seconds = -7200
    site.put("A1", (datetime.now(UTC) - timedelta(hours=3)).isoformat())
    site.put("A2", (datetime.now(UTC) - timedelta(hours=1)).isoformat())
    result = site.sync()
    assert site.codes() == ["A1", "A2"]
    assert result.watermark == site.watermark() == site.order("A1")["order_date"]


def test_a_gateway_that_sends_no_clock_is_measured_by_ours(site: Site) -> None:
    site.faults.no_date_header = True
    site.put("A1")
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=3)).isoformat())
    site.sync()
    assert site.watermark() == site.order("A1")["order_date"]


@pytest.mark.both_stores
def test_the_run_id_and_the_time_are_on_each_row_that_a_run_wrote(site: Site) -> None:
    site.put("A1")
    site.put("A2")
    site.sync(run_id="first")
    site.put("A2", status="changed")
    before = datetime.now(UTC)
    site.sync(run_id="second")
    for table in ("orders", "order_lines"):
        rows = site.query(
            f"SELECT order_code, run_id, synced_at >= $1 FROM {table} ORDER BY order_code", before
        )
        assert rows == [("A1", "first", False), ("A2", "second", True)]
    assert site.value("SELECT run_id FROM sync_state") == "second"


def test_an_empty_history_is_a_sync_like_any_other(site: Site) -> None:
    result = site.sync()
    assert (result.seen, result.is_complete, site.watermark()) == (0, True, None)


@pytest.mark.parametrize("page_size", [1, 7, *at_night(2, 1000)])
def test_any_page_size_brings_the_same_orders(site_of: Callable[..., Site], page_size: int) -> None:
    site = site_of(page_size=page_size)
    site.put_month(7)
    result = site.sync()
    assert (result.seen, result.new) == (7, 7)
    site.assert_as_at_source()


def test_orders_of_one_instant_that_straddle_a_page_end_all_come_in(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2)
    for number in range(7):
        site.put(f"A{number}", "2024-03-05T09:00:00")
    assert site.sync().new == 7
    site.assert_as_at_source()


def test_line_calls_go_side_by_side_up_to_the_number_of_connections(site_of: Callable[..., Site]) -> None:
    site = site_of(max_connections=4)
    site.put_month(40)
    site.sandbox.latency_ms = 10
    site.sync()
    assert site.sandbox.most_in_flight == 4
    site.assert_as_at_source()


def test_the_next_page_is_fetched_while_lines_of_the_one_before_are_still_coming(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=10, max_connections=4)
    site.put_month(30)
    site.sandbox.latency_ms = 10
    site.sync()
    routes = [request.route_name for request in site.sandbox.requests]
    last_line_of_page_0 = max(
        place for place, request in enumerate(site.sandbox.requests) if request.code in {"A008", "A009"}
    )
    second_page = [place for place, route in enumerate(routes) if route == "orders"][1]
    assert second_page < last_line_of_page_0


@pytest.mark.both_stores
def test_what_came_in_is_written_while_pages_are_read_so_that_memory_stays_flat(
    site_of: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.sync.batches.LARGEST_BATCH", 1)
    site = site_of(page_size=50, max_connections=1)
    site.put_month(400)
    held: list[int] = []
    site.faults.on_page = lambda _route, _administration, _page: held.append(len(site.codes()))
    site.sync()
    # At most 40 orders a connection wait for their lines, beside the page that is read and the next, and one
    # batch, here a page, is being written meanwhile: on a busy machine DuckDB is done with it late.
    # Eight pages, the empty one that proves the end, and the listing of what is dated in the future.
    assert len(held) == 10
    assert all(count >= 50 * (page - 2) for page, count in enumerate(held))


def test_no_focus_connector_is_a_state_and_no_failure(world: World, site_of: Callable[..., Site]) -> None:
    world.add_administration("Zuid", focus_connector=None)
    site = site_of(connectors={"demo": "Demo B.V.", "zuid": "Zuid"})
    site.put("A1")
    result = site.sync(connector="zuid")
    assert (result.has_history, result.as_json()["hasHistory"], result.seen) == (False, False, 0)
    assert {call.route_name for call in site.sandbox.requests} == {"status"}
    site.sync()
    site.assert_as_at_source()
    states = site.query(
        "SELECT connector, has_history, last_success_at IS NOT NULL, last_error FROM sync_state ORDER BY ALL"
    )
    assert states[0] == ("demo", True, True, None)
    assert states[1] == ("zuid", False, False, None)


def test_orders_may_say_that_there_is_no_history_where_the_status_does_not(site: Site) -> None:
    def lose_it(_route: str, _administration: str, _page: int) -> None:
        site.source.focus_connector = None

    site.faults.on_page = lose_it
    assert not site.sync().has_history
    assert site.query("SELECT has_history, last_success_at, last_error FROM sync_state") == [
        (False, None, None)
    ]


def test_a_history_that_goes_away_is_a_failure(site: Site) -> None:
    site.sync()  # no orders yet, but there is a history
    site.source.focus_connector = None
    with pytest.raises(HistoryNotConfigured, match=r"no focus connector\. Have one configured"):
        site.sync()
    assert site.query("SELECT has_history, last_success_at IS NOT NULL FROM sync_state") == [(False, True)]


def test_a_focus_connector_that_goes_away_while_orders_come_in_is_reported_and_costs_nothing(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=5)
    site.put_month(10)

    def lose_it(_route: str, _administration: str, page: int) -> None:
        if page == 1:
            site.source.focus_connector = None

    site.faults.on_page = lose_it
    with pytest.raises(HistoryNotConfigured):
        site.sync()
    site.source.focus_connector, site.faults.on_page = "Exact Globe", None
    site.sync()
    site.assert_as_at_source()


@pytest.mark.both_stores
def test_what_came_in_before_the_run_was_stopped_is_kept(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=5, max_connections=1)
    codes = site.put_month(120)

    def lose_it(_route: str, _administration: str, page: int) -> None:
        if page == 20:
            site.source.focus_connector = None

    site.faults.on_page = lose_it
    with pytest.raises(HistoryNotConfigured):
        site.sync()
    site.source.focus_connector = "Exact Globe"
    site.faults.on_page = None
    kept = site.codes()
    assert kept == codes[: len(kept)]
    assert len(kept) >= 50
    # Lines that were refused meanwhile are those of their orders: they are asked for first.
    left = site.without_lines()
    assert left == kept[len(kept) - len(left) :]
    site.sync_again()
    assert site.line_calls() == [*left, *codes[len(kept) :]]
    site.assert_as_at_source()


def test_the_last_history_sync_is_kept_and_shown(site: Site) -> None:
    at = datetime(2024, 3, 5, 12, 30, tzinfo=UTC)
    site.source.last_history_sync = at
    assert site.sync().last_history_sync == at
    assert site.query("SELECT last_history_sync, focus_connector FROM sync_state") == [(at, "Exact Globe")]
    site.source.last_history_sync = None
    site.sync()
    assert site.value("SELECT last_history_sync FROM sync_state") is None


def test_the_counts_of_a_run_are_in_the_state_of_its_stream(site: Site) -> None:
    site.put("A1")
    site.put("A2", "2024-02-30T10:00:00")
    result = site.sync(run_id="r1")
    (state,) = site.records("SELECT * FROM sync_state")
    assert {name: state[name] for name in result.as_state()} == result.as_state()
    assert (state["seen"], state["new"], state["set_aside"], state["run_id"]) == (2, 1, 1, "r1")
    assert state["last_error"] is None
    assert state["last_run_at"] <= state["last_success_at"] <= datetime.now(UTC)


@pytest.mark.both_stores
def test_each_run_is_in_the_log_of_flow_executions(site: Site) -> None:
    site.put("A1")
    site.sync(run_id="good")
    site.source.focus_connector = None
    with pytest.raises(HistoryNotConfigured):
        site.sync(run_id="bad")
    rows = site.query(
        "SELECT run_id, flow, status, error, duration_ms > 0 FROM flow_executions ORDER BY started_at"
    )
    assert rows[0] == ("good", "sync_orders", "ok", None, True)
    assert rows[1][:3] == ("bad", "sync_orders", "failed")
    assert "focus connector" in rows[1][3]


@pytest.mark.both_stores
def test_a_failed_run_says_why_and_keeps_the_last_success(site: Site) -> None:
    site.sync()
    (success,) = site.query("SELECT last_success_at FROM sync_state")
    site.source.name = "gone"
    site.sandbox.world.administrations.clear()
    with pytest.raises(UnknownAdministration):
        site.sync()
    state = site.query("SELECT last_success_at, last_error FROM sync_state")
    assert state[0][0] == success[0]
    assert "UnknownAdministration" in state[0][1]


@pytest.mark.both_stores
def test_two_connectors_with_the_same_codes_are_kept_apart(
    world: World, site_of: Callable[..., Site]
) -> None:
    name = "Café Noord / Groothandel B.V. "
    noord = world.add_administration(name)
    site = site_of(connectors={"demo": "Demo B.V.", "noord": name})
    site.put("A1", lines=[line("1"), line("2")])
    site.put("A2", "2024-05-05T09:00:00")
    noord.put_order(header("A1", "2024-03-01T09:00:00", reference="noord"), [line("1", quantity=7)])
    site.sync()
    site.sync(connector="noord")
    site.assert_as_at_source()
    site.assert_as_at_source("noord", noord)
    assert site.watermark("noord") != site.watermark("demo")
    noord.remove_order("A1")
    noord.put_order(header("A3", "2024-03-02T09:00:00"), [])
    site.sync(EVERYTHING, connector="noord")
    site.assert_as_at_source()
    assert site.codes("noord") == ["A3"]


MARCH_5 = 1709629200_000000
"""The fifth of March 2024, 9:00 in UTC, in microseconds."""

AWKWARD_CODES = [
    "VO/2024/0113", "VO#7", "VO?a=1&b", "VO 100%", "VO%2F2024", "VO+24", "Órder-é-ß", "VO-🚚", "vo-a1",
    "VO-A1", "VO;'q'\"d\"", "VO\\24", "lines", "...", "0012", "12", " 12", "12 ", "a\nb", "e\u0301", "é",
]  # fmt: skip


@pytest.mark.both_stores
def test_awkward_codes_arrive_to_the_letter(site: Site) -> None:
    for number, code in enumerate(AWKWARD_CODES):
        site.put(code, lines=[line(code, quantity=number, itemCode=code)])
    result = site.sync()
    assert (result.new, result.set_aside) == (len(AWKWARD_CODES), 0)
    site.assert_as_at_source()
    site.sync_again()
    assert site.line_calls() == []


def test_a_code_that_is_a_number_on_the_wire_is_the_text_of_it(site: Site) -> None:
    site.source.put_encoded_order(
        "12",
        1709629200_000000,
        b'{"orderCode":12,"orderDate":"2024-03-05T09:00:00Z","customerCode":7}',
        b"[]",
    )
    site.sync()
    assert (site.codes(), site.order("12")["customer_code"]) == (["12"], "7")


AMOUNTS = {
    "1234.5678": "1234.5678",
    "0.00005": "0.0001",
    "0.00004999": "0.0000",
    "-0.00005": "-0.0001",
    "2.00015": "2.0002",
    "2.00025": "2.0003",
    "99999999999999.9999": "99999999999999.9999",
    "1e3": "1000.0000",
}


@pytest.mark.both_stores
def test_amounts_are_exact_and_rounded_half_up(site: Site) -> None:
    for code in AMOUNTS:
        body = f'{{"orderCode":"{code}","orderDate":"2024-03-05T09:00Z","customerCode":"K","total":{code}}}'
        lines = f'[{{"lineCode":"1","lineNumber":0,"itemCode":"A","quantity":{code}}}]'
        site.source.put_encoded_order(code, MARCH_5, body.encode(), lines.encode())
    site.sync()
    expected = {code: Decimal(stored) for code, stored in AMOUNTS.items()}
    assert dict(site.query("SELECT order_code, total FROM orders")) == expected
    assert dict(site.query("SELECT order_code, quantity FROM order_lines")) == expected


DATES = {
    "2024-01-15T23:30:00": "2024-01-15T22:30:00+00:00",
    "2024-07-15T23:30:00": "2024-07-15T21:30:00+00:00",
    "2024-02-29": "2024-02-28T23:00:00+00:00",
    "2023-10-29T02:30:00": "2023-10-29T00:30:00+00:00",
    "2023-10-29T02:30:00+01:00": "2023-10-29T01:30:00+00:00",
    "2023-03-26T02:30:00": "2023-03-26T01:30:00+00:00",
    "2024-03-01T03:15:00+05:30": "2024-02-29T21:45:00+00:00",
    "2023-12-31T23:30:00Z": "2023-12-31T23:30:00+00:00",
    "2024-03-31T23:59:59.999999": "2024-03-31T21:59:59.999999+00:00",
}


@pytest.mark.both_stores
def test_dates_without_an_offset_are_the_administrations_and_the_others_as_given(site: Site) -> None:
    for sent in DATES:
        site.put(sent, sent)
    site.sync()
    meant = {sent: datetime.fromisoformat(instant) for sent, instant in DATES.items()}
    assert dict(site.query("SELECT order_code, order_date FROM orders")) == meant


def test_an_administration_elsewhere_reads_its_own_clock(site_of: Callable[..., Site]) -> None:
    site = site_of(timezone="America/New_York")
    site.put("A1", "2024-01-15T23:30:00")
    site.sync()
    assert site.order("A1")["order_date"] == datetime(2024, 1, 16, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("night", ["2023-03-26", "2023-10-29"])
def test_no_order_is_lost_around_the_nights_when_the_clock_is_changed(
    site_of: Callable[..., Site], night: str
) -> None:
    site = site_of(lookback_days=0, page_size=3)
    first = datetime.fromisoformat(f"{night}T00:00:00").replace(tzinfo=AMSTERDAM).astimezone(UTC)
    for quarter in range(16):
        site.put(f"A{quarter:02d}", (first + timedelta(minutes=15 * quarter)).isoformat())
        if quarter in {7, 12}:
            site.sync()
    site.sync()
    site.assert_as_at_source()


def test_delivery_dates_are_days_and_placeholders_are_none(site: Site) -> None:
    days = {
        "1": ("2024-03-08", date(2024, 3, 8)),
        "2": ("2024-03-08T23:30:00Z", date(2024, 3, 9)),
        "3": ("0001-01-01T00:00:00", None),
        "4": ("1753-01-01", None),
        "5": ("1900-01-01T00:00:00Z", None),
        "6": ("9999-12-31T23:59:59", None),
        "7": ("in overleg", None),
        "8": ("", None),
        "9": (None, None),
    }
    site.put("A1", lines=[line(code, deliveryDate=sent) for code, (sent, _) in days.items()])
    site.sync()
    stored = site.query("SELECT line_code, delivery_date FROM order_lines ORDER BY line_code")
    assert dict(stored) == {code: day for code, (_, day) in days.items()}


@pytest.mark.both_stores
def test_fields_that_the_contract_does_not_name_are_attributes(site: Site) -> None:
    site.put("A1", lines=[line("1", batch="L7", weight=Decimal("1.10"))], route="R5", tags=["a", "b"])
    site.put("A2", route="outer", attributes={"route": "own", "zone": 3})
    site.put("A3", attributes={})
    site.put("A4", attributes="free text", route="R5")
    site.sync()
    attributes = dict(site.query("SELECT order_code, attributes::VARCHAR FROM orders"))
    assert attributes == {
        "A1": '{"route":"R5","tags":["a","b"]}',
        "A2": '{"route":"own","zone":3}',
        "A3": None,
        "A4": '{"attributes":"free text","route":"R5"}',
    }
    assert site.query("SELECT attributes::VARCHAR FROM order_lines WHERE order_code = 'A1'") == [
        ('{"batch":"L7","weight":1.10}',)
    ]


def test_a_field_named_like_a_column_of_ours_does_not_get_into_it(site: Site) -> None:
    site.put("A1", connector="other", run_id="theirs", order_code="X", removed_at="2024-01-01")
    site.sync(run_id="ours")
    assert (site.codes(), site.order("A1")["run_id"]) == (["A1"], "ours")


def test_the_delivery_address_is_kept_as_it_came(site: Site) -> None:
    site.put("A1", deliveryAddress={"type": "Delivery", "city": "'s-Hertogenbosch", "extra": [1]})
    site.sync()
    assert site.value("SELECT delivery_address->>'city' FROM orders") == "'s-Hertogenbosch"
    assert site.value("SELECT delivery_address->>'$.extra[0]' FROM orders") == "1"


@pytest.mark.both_stores
def test_awkward_orders_of_every_kind_come_in_and_the_unreadable_ones_are_set_aside(site: Site) -> None:
    for order, lines in awkward_orders({"customerCode": "K1", "name": "Kwekerij Bos"}, "A1", 0):
        site.source.put_order(order, lines)
    result = site.sync()
    assert set(site.set_aside()) >= {".", "..", "DATUM-bestaat-niet", "DATUM-tekst"}
    assert (result.set_aside, len(site.set_aside())) == (5, 5)
    for key in list(site.source.orders.keys()):
        if key in site.set_aside() or key.startswith("\0unnamed"):
            site.source.remove_order(key)
    assert len(site.codes()) > 30
    site.assert_as_at_source()


def test_a_first_import_looks_nothing_up_and_a_later_one_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[list[str]] = []

    def held(warehouse: WarehouseFile, connector: str, codes: Iterable[str]) -> dict[str, StoredOrder]:
        looked_up.append(list(codes))
        return stored_orders(warehouse, connector, looked_up[-1])

    monkeypatch.setattr(order_pages, "stored_orders", held)
    codes = site.put_month(5)
    site.sync()
    assert [page for page in looked_up if page] == []
    site.sync_again()
    assert [page for page in looked_up if page] == [codes]
    site.assert_as_at_source()
