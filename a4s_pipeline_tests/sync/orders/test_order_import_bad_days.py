from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from a4s_pipeline.errors import AccessDenied, GatewayUnavailable, ReplyUnreadable, UnknownAdministration
from a4s_pipeline.files import exact_json
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import EVERYTHING, Site, header, line
from a4s_sandbox import Faults

MARCH_5 = 1709629200_000000
"""The fifth of March 2024, 9:00 in UTC, in microseconds."""


# Lines that cannot be had


def test_an_order_whose_lines_cannot_be_fetched_is_stored_without_them_and_the_rest_comes_in(
    site: Site,
) -> None:
    site.put_month(5)
    site.faults.lines_404 = {"A001"}
    site.faults.lines_500 = {"A003"}
    result = site.sync()
    assert site.codes() == ["A000", "A001", "A002", "A003", "A004"]
    assert site.without_lines() == ["A001", "A003"]
    assert (result.new, result.pending, result.without_lines, result.leaves_work) == (5, 2, 2, True)
    assert site.line_codes("A001") == []
    assert site.watermark() == site.order("A004")["order_date"]


def test_what_is_left_is_worked_off_first_by_the_next_sync_even_beyond_the_look_back(site: Site) -> None:
    site.put("OLD", "2023-01-05T09:00:00")
    site.put("NEW", "2024-03-05T09:00:00")
    site.faults.lines_404 = {"OLD"}
    site.sync()
    site.faults.lines_404 = set()
    site.put("NEWER", "2024-03-06T09:00:00")
    result = site.sync_again()
    routes = [(call.route_name, call.code) for call in site.sandbox.requests if call.route_name != "status"]
    assert routes[0] == ("order_lines", "OLD")
    assert site.line_calls() == ["NEWER", "OLD"]
    assert (result.pending, result.without_lines, result.leaves_work) == (0, 0, False)
    site.assert_as_at_source()


def test_an_order_that_is_still_without_lines_is_asked_for_once_a_sync(site: Site) -> None:
    site.put("A1")
    site.faults.lines_404 = {"A1"}
    site.sync()
    result = site.sync_again()
    assert site.line_calls() == ["A1"]
    assert (result.new, result.changed, result.unchanged, result.pending) == (0, 0, 1, 1)
    assert site.without_lines() == ["A1"]


def test_more_orders_are_left_than_are_worked_off_at_once(site: Site) -> None:
    codes = [f"A{number:03d}" for number in range(510)]
    for code in codes:
        site.put(code)
    site.faults.lines_404 = set(codes)
    site.sync()
    assert len(site.without_lines()) == 510
    site.faults.lines_404 = {"A000", "A499", "A509"}
    result = site.sync_again()
    assert site.line_calls() == codes
    assert (result.pending, site.without_lines()) == (3, ["A000", "A499", "A509"])


def test_a_changed_order_whose_lines_cannot_be_fetched_keeps_no_old_lines(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2")])
    site.sync()
    site.put("A1", lines=[line("1")], status="changed")
    site.faults.lines_404 = {"A1"}
    site.sync()
    assert (site.order("A1")["status"], site.line_codes("A1")) == ("changed", [])
    assert site.without_lines() == ["A1"]
    site.faults.lines_404 = set()
    site.sync()
    site.assert_as_at_source()


def test_an_order_that_is_left_and_changes_meanwhile_comes_in_as_it_is_now(site: Site) -> None:
    site.put("A1")
    site.faults.lines_404 = {"A1"}
    site.sync()
    site.faults.lines_404 = set()
    site.put("A1", lines=[line("1"), line("2")], status="changed")
    site.sync()
    site.assert_as_at_source()


def test_an_order_that_is_left_and_found_gone_by_a_whole_reading_leaves_no_work(site: Site) -> None:
    site.put("A1")
    site.put("A2")
    site.faults.lines_404 = {"A1"}
    assert site.sync().leaves_work
    site.source.remove_order("A1")
    result = site.sync(EVERYTHING)
    assert (result.removed, result.pending, result.leaves_work) == (1, 0, False)
    assert not site.sync().leaves_work


def test_an_order_that_is_left_twice_in_one_sync_is_one_order(site: Site) -> None:
    site.put("A1")
    site.faults.lines_404 = {"A1"}
    site.sync()
    site.put("A1", status="changed")
    assert site.sync().pending == 1


def test_lines_are_tried_again_on_what_may_pass(site: Site) -> None:
    site.put_month(12)
    site.faults.script = {
        "order_lines": ["reset", "cut", "clipped", "html", "server_error", "bad_gateway", "gateway_timeout"]
    }
    result = site.sync()
    assert (result.pending, result.retries) == (0, 7)
    site.assert_as_at_source()


def test_a_gateway_that_is_busy_is_waited_for(site: Site) -> None:
    site.put_month(3)
    site.faults.retry_after_seconds = 0
    site.faults.script = {"status": ["unavailable"], "orders": ["too_many"], "order_lines": ["unavailable"]}
    assert site.sync().retries == 3
    site.assert_as_at_source()


def test_a_stormy_gateway_brings_the_same_rows_as_a_calm_one(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=7)
    site.put_month(60)
    site.sandbox.faults = Faults(
        reset=0.05, cut=0.05, clipped=0.05, html=0.05, server_error=0.05, bad_gateway=0.05, seed=7
    )
    for _ in range(6):
        try:
            if not site.sync().leaves_work:
                break
        except (GatewayUnavailable, ReplyUnreadable):
            continue
    site.sandbox.faults = Faults()
    site.sync_again()
    site.assert_as_at_source()


def test_a_page_that_cannot_be_fetched_ends_the_run_after_what_came_in_is_written(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=5)
    codes = site.put_month(15)
    site.faults.script = {"orders": ["ok", "ok", *["server_error"] * 5]}
    with pytest.raises(GatewayUnavailable, match=r"page 2 of the orders of 'Demo B\.V\.'"):
        site.sync()
    assert site.codes() == codes[:10]
    assert site.without_lines() == []
    assert site.watermark() == site.order("A009")["order_date"]
    site.sync_again()
    assert site.line_calls() == codes[10:]
    site.assert_as_at_source()


def test_credentials_that_are_refused_half_way_end_the_run_and_what_came_in_is_kept(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=5, max_connections=1, gateway_token="t0")
    site.sandbox.token = "t0"
    codes = site.put_month(100)

    def revoke(_route: str, _administration: str, page: int) -> None:
        if page == 15:
            site.sandbox.token = "t1"

    site.faults.on_page = revoke
    with pytest.raises(AccessDenied) as refusal:
        site.sync()
    assert "t0" not in str(refusal.value)
    kept = site.codes()
    assert kept == codes[: len(kept)]
    assert len(kept) >= 25
    assert site.without_lines() == []


# Records that cannot be read


BAD_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "NO-SUCH-DAY": ("orderDate: is not a real ISO 8601 date-time", {"orderDate": "2024-02-30T10:00:00"}),
    "TEXT": ("orderDate: is not a real ISO 8601 date-time", {"orderDate": "onbekend"}),
    "PLACEHOLDER": ("orderDate: is not a real ISO 8601 date-time", {"orderDate": "9999-12-31T00:00:00"}),
    "NUMBER": ("orderDate: is not an ISO 8601 date-time", {"orderDate": 20240305}),
    "NULL": ("orderDate: is not an ISO 8601 date-time", {"orderDate": None}),
    ".": ("orderCode: cannot be put in a path", {}),
    "..": ("orderCode: cannot be put in a path", {}),
    "NO-CUSTOMER": ("customerCode: ", {"customerCode": None}),
    "FALSE": ("orderDate: is not an ISO 8601 date-time", {"orderDate": False}),
}


def test_a_header_that_cannot_be_read_is_set_aside_with_its_reason_and_the_rest_comes_in(site: Site) -> None:
    codes = site.put_month(3)
    for code, (_, fields) in BAD_HEADERS.items():
        site.source.put_order(header(code) | fields, [line()])
    result = site.sync()
    assert site.codes() == codes
    found = site.set_aside()
    assert found.keys() == BAD_HEADERS.keys()
    for code, (reason, _) in BAD_HEADERS.items():
        assert found[code].startswith(reason), code
    assert (result.set_aside, result.new, result.unchanged) == (len(BAD_HEADERS), 3, 0)
    assert not result.leaves_work
    assert site.line_calls() == codes


def test_what_is_set_aside_is_kept_as_it_came(site: Site) -> None:
    sent = header("A1", "onbekend", note={"a": [1, Decimal("1.10")]})
    site.source.put_order(sent)
    site.sync(run_id="r1")
    (row,) = site.records("SELECT * FROM set_aside")
    assert row["payload"] == (
        '{"orderCode":"A1","orderDate":"onbekend","customerCode":"K1","note":{"a":[1,1.10]}}'
    )
    assert (row["connector"], row["stream"], row["run_id"]) == ("demo", "orders", "r1")


def test_a_record_that_is_set_aside_again_keeps_its_first_date_and_is_one_row(site: Site) -> None:
    site.put("A1", "onbekend")
    site.sync()
    site.source.put_order(header("A1", "nog steeds"))
    ((first,),) = site.query("SELECT first_seen_at FROM set_aside")
    site.sync()
    rows = site.query("SELECT first_seen_at, synced_at > first_seen_at, payload->>'orderDate' FROM set_aside")
    assert rows == [(first, True, "nog steeds")]


def test_a_record_that_is_mended_at_the_source_comes_in_and_is_cleared(site: Site) -> None:
    site.put("GOOD", "2024-03-05T09:00:00")
    site.put("A1", "2024-03-32T09:00:00")
    site.put("A2", customerCode=False)
    site.sync()
    assert set(site.set_aside()) == {"A1", "A2"}
    site.put("A1", "2024-03-04T09:00:00")
    site.put("A2")
    assert site.sync().new == 2
    assert site.set_aside() == {}
    site.assert_as_at_source()


def test_a_stored_order_stays_as_it_was_while_it_cannot_be_read(site: Site) -> None:
    site.put("A1", reference="R")
    site.sync()
    site.put("A1", "kapot")
    site.sync()
    assert (site.order("A1")["reference"], set(site.set_aside())) == ("R", {"A1"})
    site.put("A1", reference="R")
    site.sync_again()
    assert (site.set_aside(), site.line_calls()) == ({}, [])
    site.assert_as_at_source()


def test_a_whole_reading_does_not_take_what_cannot_be_read_for_gone(site: Site) -> None:
    site.put("A1")
    site.put("A2")
    site.sync()
    site.put("A1", "kapot")
    assert site.sync(EVERYTHING).removed == 0
    assert site.codes() == ["A1", "A2"]


@pytest.mark.parametrize("fields", [{}, {"orderDate": "onbekend"}], ids=["with a date", "without a date"])
def test_a_record_without_a_code_is_cleared_when_it_is_mended(site: Site, fields: dict[str, Any]) -> None:
    site.put("OLD", "2022-03-05T09:00:00")
    site.put("BEFORE", "2024-03-05T08:00:00")
    site.put("GOOD", "2024-03-05T09:00:00")
    broken = header("", "2024-03-05T10:00:00") | fields
    del broken["orderCode"]
    key = site.source.put_order(broken)
    site.sync()
    ((found,),) = site.query("SELECT record_key FROM set_aside")
    assert found.startswith("#")
    site.source.remove_order(key)
    site.put("A1", "2024-03-05T10:00:00")
    site.sync()
    assert (site.codes(), site.set_aside()) == (["A1", "BEFORE", "GOOD", "OLD"], {})


def test_what_is_set_aside_and_not_listed_any_more_is_forgotten(site: Site) -> None:
    site.put("GOOD")
    site.put("A1", customerCode=None)
    site.sync()
    site.source.remove_order("A1")
    site.sync()
    assert site.set_aside() == {}


def test_what_is_set_aside_beyond_what_a_sync_reads_is_kept(site: Site) -> None:
    site.put("OLD", "2022-03-05T09:00:00", customerCode=None)
    site.put("NEW", "2024-03-05T09:00:00")
    site.sync()
    site.sync()
    assert set(site.set_aside()) == {"OLD"}


def test_records_that_are_no_objects_are_set_aside_under_a_hash_of_themselves(site: Site) -> None:
    site.put("A1")
    for body in (b"null", b'"x"', b"[1]", b"7"):
        site.source.put_encoded_order(f"\0{body!r}", MARCH_5, body, b"[]")
    result = site.sync()
    assert (site.codes(), result.set_aside, result.is_complete) == (["A1"], 4, True)
    assert set(site.set_aside().values()) == {"is not a JSON object"}
    assert len(site.set_aside()) == 4


def test_a_code_that_no_text_can_hold_is_set_aside(site: Site) -> None:
    body = b'{"orderCode":"A\\ud800","orderDate":"2024-03-05T09:00:00Z","customerCode":"K"}'
    site.source.put_encoded_order("half", MARCH_5, body, b"[]")
    site.put("A1")
    for _ in range(2):
        assert site.sync().set_aside == 1
        assert site.codes() == ["A1"]
        assert site.query("SELECT record_key, reason FROM set_aside") == [
            ("A?", "orderCode: cannot be put in a path")
        ]
    site.source.remove_order("half")
    site.sync()
    assert site.set_aside() == {}


def test_text_that_no_database_likes_comes_in(site: Site) -> None:
    body = (
        b'{"orderCode":"A1","orderDate":"2024-03-05T09:00:00Z","customerCode":"K",'
        b'"notes":"a\\u0000b\\ud800","big":1e400,"bigger":123456789012345678901234567890}'
    )
    site.source.put_encoded_order("A1", MARCH_5, body, b"[]")
    site.sync()
    order = site.order("A1")
    assert order["notes"] == "a\0b?"
    assert order["attributes"] == '{"big":1E+400,"bigger":123456789012345678901234567890}'
    site.sync_again()
    assert site.line_calls() == []


# Lines that cannot be read


BAD_LINES: dict[str, tuple[str, list[Any]]] = {
    "NO-QUANTITY": ("line 1: quantity: is needed where an item is ordered", [line("1", quantity=None)]),
    "NO-NUMBER": ("line 1: quantity: input should be a valid decimal", [line("1", quantity="2,5")]),
    "NOTHING": ("no line holds anything", [None]),
    "NO-CODE": ("line 1: lineCode: ", [line("1", lineCode=None)]),
    "NO-OBJECT": ("line 1: is not a JSON object", ["x"]),
    "TOO-LARGE": ("line 1: quantity: has more than 14 digits", [line("1", quantity=Decimal(10) ** 20)]),
}


def test_an_order_of_whose_lines_none_can_be_read_is_one_without_lines(site: Site) -> None:
    site.put("GOOD")
    for code, (_, lines) in BAD_LINES.items():
        site.put(code, lines=lines)
    result = site.sync()
    assert site.without_lines() == sorted(BAD_LINES)
    assert site.query("SELECT order_code FROM order_lines") == [("GOOD",)]
    found = dict(site.query("SELECT record_key, reason FROM set_aside WHERE stream = 'order_lines'"))
    for code, (reason, _) in BAD_LINES.items():
        assert found[code].startswith(reason), code
    assert (result.set_aside, result.pending, result.new) == (len(BAD_LINES), 0, len(BAD_LINES) + 1)
    assert result.unchanged == 0
    for code in BAD_LINES:
        site.put(code, lines=[line("1"), line("2")])
    result = site.sync_again()
    assert (result.set_aside, site.set_aside()) == (0, {})
    site.assert_as_at_source()


def lines_of(site: Site, code: str) -> list[tuple[Any, ...]]:
    return site.query(
        "SELECT line_code, item_code, quantity FROM order_lines WHERE order_code = ? ORDER BY line_code", code
    )


def parts(site: Site) -> list[tuple[Any, ...]]:
    return site.query("SELECT stream, record_key, part, reason FROM set_aside ORDER BY ALL")


ONE_LINE_OF_NO_USE: dict[str, tuple[str, Any]] = {
    "NO-QUANTITY": ("quantity: is needed where an item is ordered", line("2", quantity=None)),
    "FALSE": ("quantity: is needed where an item is ordered", line("2", quantity=False)),
    "COMMA": ("quantity: input should be a valid decimal", line("2", quantity="2,5")),
    "NO-CODE": ("lineCode: input should be a valid string", line("2", lineCode=None)),
    "BLANK-CODE": ("lineCode: is empty", line("2", lineCode=" ")),
    "TWICE": ("another line has the same lineCode", line("1", quantity=9)),
    "NO-OBJECT": ("is not a JSON object", "x"),
}


def test_a_line_of_no_use_is_set_aside_by_itself_and_the_others_come_in(site: Site) -> None:
    for code, (_, useless) in ONE_LINE_OF_NO_USE.items():
        site.put(code, lines=[line("1"), useless, line("3")])
    result = site.sync()
    count = len(ONE_LINE_OF_NO_USE)
    assert (result.new, result.set_aside, result.pending, result.unchanged) == (count, count, 0, 0)
    for code in ONE_LINE_OF_NO_USE:
        assert site.line_codes(code) == ["1", "3"], code
    assert site.without_lines() == []
    assert parts(site) == [
        ("order_lines", code, "lines.2", f"line 2: {reason}")
        for code, (reason, _) in sorted(ONE_LINE_OF_NO_USE.items())
    ]


def test_an_order_with_a_line_set_aside_is_asked_for_until_the_line_is_mended(
    site: Site,
) -> None:
    site.put("OLD", "2023-01-05T09:00:00", lines=[line("1"), line("2", quantity="veel")])
    site.put("NEW")
    site.sync(run_id="r1")
    ((first_seen,),) = site.query("SELECT first_seen_at FROM set_aside")
    result = site.sync_again()
    assert site.line_calls() == ["OLD"]
    assert (result.set_aside, result.changed, result.unchanged, result.leaves_work) == (1, 0, 1, False)
    assert site.query("SELECT run_id FROM order_lines WHERE order_code = 'OLD'") == [("r1",)]
    assert site.query("SELECT first_seen_at FROM set_aside") == [(first_seen,)]
    site.put("OLD", "2023-01-05T09:00:00", lines=[line("1"), line("2", quantity=2)])
    site.sync_again()
    assert (site.line_codes("OLD"), parts(site)) == (["1", "2"], [])
    site.sync_again()
    assert site.line_calls() == []
    site.assert_as_at_source()


def test_a_line_of_text_is_kept_without_an_item(site: Site) -> None:
    texts = [
        {"lineCode": "2", "lineNumber": 2, "description": "Graag bellen"},
        line("3", itemCode=None, quantity=0),
        line("4", itemCode="", quantity=""),
        line("5", itemCode=False, quantity=False),
        line("6", itemCode=" ", quantity=2, price=5),
    ]
    site.put("A1", lines=[line("1"), *texts])
    result = site.sync()
    assert (result.set_aside, site.without_lines()) == (0, [])
    quantities = [quantity for _, _, quantity in lines_of(site, "A1")]
    assert quantities == [1, None, 0, None, None, 2]
    assert [item for _, item, _ in lines_of(site, "A1")] == ["A1", None, None, None, None, None]


def test_a_line_keeps_what_can_be_read_of_it(site: Site) -> None:
    wrong = {"lineNumber": "een", "price": Decimal(10) ** 20, "discount": "", "lineTotal": False, "unit": []}
    site.put("A1", lines=[line("1", **wrong)])
    site.sync()
    (row,) = site.records("SELECT * FROM order_lines")
    assert {row[name] for name in ("line_number", "price", "discount", "line_total", "unit")} == {None}
    assert row["attributes"] == '{"lineNumber":"een","price":100000000000000000000}'
    assert parts(site) == []


def test_a_header_keeps_what_can_be_read_and_the_rest_is_reported_as_drift(site: Site) -> None:
    empty: dict[str, Any] = {"subTotal": "", "vatTotal": False, "notes": False, "deliveryAddress": []}
    empty["modified"] = "0000-00-00"
    site.put("EMPTY", **empty)
    unreadable: dict[str, Any] = {
        "total": "veel",
        "modified": "gisteren",
        "deliveryAddress": "Kade 1",
        "notes": ["a"],
    }
    site.put("UNREADABLE", **unreadable)
    result = site.sync(run_id="r1")
    assert (result.new, result.set_aside) == (2, 0)
    for code in ("EMPTY", "UNREADABLE"):
        row = site.order(code)
        names = ("sub_total", "vat_total", "total", "notes", "modified", "delivery_address")
        assert {row[name] for name in names} == {None}, code
    assert site.order("EMPTY")["attributes"] is None
    kept = exact_json.loads(site.order("UNREADABLE")["attributes"])
    assert kept == unreadable
    found = site.query("SELECT field, drift, found, records FROM drift ORDER BY ALL")
    assert found == [
        ("deliveryAddress", "kind", "list", 1),
        ("deliveryAddress", "kind", "text", 1),
        ("modified", "value", "text", 2),
        ("notes", "kind", "flag", 1),
        ("notes", "kind", "list", 1),
        ("subTotal", "kind", "text", 1),
        ("total", "kind", "text", 1),
        ("vatTotal", "kind", "flag", 1),
    ]


def test_a_last_history_sync_that_is_none_stops_no_order(site: Site) -> None:
    for number, told in enumerate(["never", "0000-00-00", False, [], 0, "gisteren"]):
        site.put(f"A{number}")
        site.source.last_history_sync_told = told
        result = site.sync()
        assert (result.new, result.last_history_sync) == (1, None), told


def test_a_last_history_sync_that_cannot_be_read_is_reported_as_drift(site: Site) -> None:
    site.source.last_history_sync_told = "never"
    site.sync()
    assert site.query("SELECT stream, field, drift, found, example FROM drift") == [
        ("orders", "status.lastHistorySync", "value", "text", "xxxxx")
    ]


def test_lines_set_aside_do_not_spoil_the_count_of_what_is_unchanged(site: Site) -> None:
    site.put("A1", lines=["x"])
    site.put("A2")
    site.sync()
    result = site.sync()
    assert (result.seen, result.unchanged, result.set_aside) == (2, 2, 1)


def test_the_same_line_sent_twice_is_one_line(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2"), line("1")])
    site.sync()
    assert site.line_codes("A1") == ["1", "2"]


def test_a_changed_order_whose_lines_cannot_be_read_holds_none_until_they_are_mended(site: Site) -> None:
    site.put("A1", lines=[line("1")])
    site.sync()
    site.put("A1", lines=[line("1", quantity="veel")], status="changed")
    site.sync()
    assert (site.line_codes("A1"), site.without_lines()) == ([], ["A1"])
    site.put("A1", lines=[line("1", quantity=2)], status="changed")
    site.sync()
    assert site.set_aside() == {}
    site.assert_as_at_source()


def test_a_reply_of_lines_that_is_no_array_is_left_for_the_next_sync(site: Site) -> None:
    site.put("A1", lines={"lines": []})
    result = site.sync()
    assert (result.pending, site.without_lines()) == (1, ["A1"])


def test_an_order_that_is_forbidden_is_left_by_name_and_all_others_come_in(site: Site) -> None:
    codes = site.put_month(6)
    site.faults.forbidden = {"A002"}
    result = site.sync()
    assert (result.new, result.pending, result.without_lines, result.error) == (6, 1, 1, None)
    assert site.without_lines() == ["A002"]
    assert "403 Forbidden for the lines of order 'A002'" in str(result.why_pending)
    # It alone is new in this sync: it was listed, so that the credentials are taken.
    result = site.sync_again()
    assert (result.pending, site.line_calls()) == (1, ["A002"])
    site.faults.forbidden = set()
    assert site.sync().pending == 0
    assert site.codes() == codes
    site.assert_as_at_source()


REFUSALS = [
    (404, "UnknownAdministration"),
    (409, "LockedByAnotherUser"),
    *at_night(
        (403, "Forbidden"),
        (404, "UnknownOrder"),
        (409, "FocusConnectorNotConfigured"),
        (410, "Gone"),
        (422, "ValidationFailed"),
    ),
]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_whatever_one_order_is_refused_with_is_that_orders_and_all_others_come_in(
    site: Site, status: int, code: str
) -> None:
    site.put_month(6)
    site.faults.refused = {"A002": (status, code)}
    result = site.sync()
    assert (result.new, result.pending, result.error, site.without_lines()) == (6, 1, None, ["A002"])
    assert "the lines of order 'A002'" in str(result.why_pending)
    assert (site.sync_again().pending, site.line_calls()) == (1, ["A002"])
    site.faults.refused = {}
    assert site.sync().pending == 0
    site.assert_as_at_source()


def test_an_administration_that_is_unknown_for_all_lines_is_a_matter_of_the_site(site: Site) -> None:
    site.faults.refused = dict.fromkeys(site.put_month(60), (404, "UnknownAdministration"))
    with pytest.raises(UnknownAdministration, match="check the AdministrationName"):
        site.sync()


def test_an_order_that_becomes_forbidden_keeps_the_lines_it_has(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2")])
    site.put("A2")
    site.sync()
    site.faults.forbidden = {"A1"}
    assert site.sync(EVERYTHING).pending == 1
    assert site.line_codes("A1") == ["1", "2"]


def test_orders_that_are_all_forbidden_are_a_matter_of_the_credentials(site: Site) -> None:
    site.faults.forbidden = set(site.put_month(60))
    with pytest.raises(AccessDenied, match="check A4S_GATEWAY_TOKEN"):
        site.sync()
    site.source.forbidden = True
    with pytest.raises(AccessDenied, match="403 Forbidden for the status"):
        site.sync()
