from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    NotThere,
    ReplyUnreadable,
    UnknownAdministration,
)
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.checkup import checkup_orders, checkup_status
from a4s_pipeline.gateway.checkup.checkup_findings import (
    Checked,
    Outcome,
    advice_for,
    failure,
    in_words,
    quoted,
)
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.records import FocusConnector, OrderHeader, Status

NAME = "Demo B.V."
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 2, 12, 0, 0, 400_000, tzinfo=UTC)
OK, WARNING, FAILED, SKIPPED = (
    Outcome.OK,
    Outcome.WARNING,
    Outcome.FAILED,
    Outcome.SKIPPED,
)


def status_of(told: str | None = NAME, **focus: Any) -> Reply[Status]:
    focus_connector = FocusConnector.model_validate({"configured": True, "name": "Exact Globe"} | focus)
    status = Status.model_construct(administration=told, focus_connector=focus_connector)
    return Reply(status, NOW, NOW)


def row(code: Any, day: str = "2024-03-05T09:00:00+01:00", **more: Any) -> dict[str, Any]:
    return {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}


def line(code: str, **more: Any) -> dict[str, Any]:
    return {"lineCode": code, "lineNumber": 1, "itemCode": "A1", "quantity": 1, **more}


def page_of(number: int, size: int, total: int, *codes: Any) -> Page:
    return Page(number, size, total, [row(code) for code in codes])


def headers(*days: str) -> list[OrderHeader]:
    rows = [row(f"o{number}", day) for number, day in enumerate(days)]
    return checkup_orders.read_orders(rows, AMSTERDAM).headers


def assert_told(finding: Checked, verdict: Outcome, *words: str) -> None:
    told = f"{finding.message} → {finding.advice}"
    assert finding.verdict is verdict, told
    assert all(word in told for word in words), told
    assert (finding.advice is None) == (verdict in {OK, SKIPPED})


DENIED = AccessDenied("the gateway answered 401 Unauthorized for the status of 'X': check A4S_GATEWAY_TOKEN")
UNKNOWN = UnknownAdministration("the gateway answered 404 UnknownAdministration for the status of 'X': check")
NO_HISTORY = HistoryNotConfigured("order history does not exist for X: it has no focus connector. Have one")
BUSY = GatewayUnavailable("the gateway answered 503 for the status of 'X': try again later")
UNREADABLE = ReplyUnreadable("the gateway's answer for X cannot be read (cut off): try again later")


@pytest.mark.parametrize(
    ("answer", "reachable", "credentials", "administration"),
    [
        (status_of(), OK, OK, OK),
        (status_of(None), OK, OK, OK),
        (status_of("demo b.v."), OK, OK, FAILED),
        (UNKNOWN, OK, OK, FAILED),
        (DENIED, OK, FAILED, SKIPPED),
        (BUSY, OK, SKIPPED, FAILED),
        (UNREADABLE, OK, SKIPPED, FAILED),
        (NotThere("the gateway answered 404 for X: it is not known there"), OK, SKIPPED, FAILED),
        (ChangeRequest("the gateway answered 302 for X, a redirect: set it"), OK, SKIPPED, FAILED),
    ],
)
def test_the_status_shows_reach_credentials_and_administration(
    answer: Reply[Status] | A4sError,
    reachable: Outcome,
    credentials: Outcome,
    administration: Outcome,
) -> None:
    found = [
        checkup_status.reachable(answer),
        checkup_status.credentials(answer, None),
        checkup_status.administration(answer, NAME),
    ]
    assert [finding.verdict for finding in found] == [reachable, credentials, administration]
    assert [finding.name for finding in found] == ["reachable", "credentials", "administration"]


def test_the_gateways_own_words_stay_and_our_advice_comes_once() -> None:
    unknown = UnknownAdministration(
        "the gateway answered 404 for the status of 'X': check it, letter by letter. It says: no 'X': ask us"
    )
    found = checkup_status.administration(unknown, NAME)
    assert found.message == "the gateway answered 404 for the status of 'X'. It says: no 'X': ask us"


def test_credentials_that_the_status_does_without_and_the_orders_refuse_are_wrong() -> None:
    assert_told(checkup_status.credentials(status_of(), DENIED), FAILED, "401", "A4S_GATEWAY_TOKEN")
    assert_told(checkup_status.credentials(status_of(), BUSY), OK)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Demo B.V. ", "'Demo B.V. '"),
        ("DEMO B.V.", "'DEMO B.V.'"),
        ("Demo\x1b[2J", r"'Demo\x1b[2J'"),
        ("x" * 5000, "xx…'"),
    ],
)
def test_another_name_is_shown_to_the_letter(told: str, shown: str) -> None:
    finding = checkup_status.administration(status_of(told), NAME)
    assert_told(finding, FAILED, shown, "'Demo B.V.'", "A4S_CONNECTORS")
    assert len(finding.message) < 300


def test_names_that_look_the_same_are_shown_by_their_code_points() -> None:
    finding = checkup_status.administration(status_of("Cafe\u0301"), "Caf\u00e9")
    assert_told(finding, FAILED, r"'Cafe\u0301'", r"'Caf\xe9'")


@pytest.mark.parametrize(
    ("status", "orders_error", "verdict", "words"),
    [
        (status_of(), None, OK, "'Exact Globe' is configured"),
        (status_of(name=None), BUSY, OK, "without a name"),
        (status_of(configured=False), None, WARNING, "no focus connector"),
        (status_of(), NO_HISTORY, WARNING, "the orders answer that there is none"),
    ],
)
def test_the_focus_connector_is_judged_by_the_status_and_by_the_orders(
    status: Reply[Status], orders_error: A4sError | None, verdict: Outcome, words: str
) -> None:
    assert_told(checkup_status.focus_connector(status.value, orders_error), verdict, words)


@pytest.mark.parametrize("status", [status_of(configured=False), status_of()])
def test_a_focus_connector_that_went_away_is_a_failure(status: Reply[Status]) -> None:
    finding = checkup_status.focus_connector(status.value, NO_HISTORY, had_history=True)
    assert_told(finding, FAILED, "though orders were imported from here before")


@pytest.mark.parametrize(
    ("ago", "verdict", "words"),
    [
        (timedelta(0), OK, "0 seconds ago"),
        (timedelta(minutes=20), OK, "20 minutes ago, at 2026-03-02 11:40 UTC"),
        (timedelta(hours=24), OK, "24 hours ago"),
        (timedelta(hours=24, seconds=1), WARNING, "24 hours ago"),
        (timedelta(days=400), WARNING, "400 days ago"),
        (timedelta(minutes=-5), OK, "0 seconds ago"),
        (timedelta(minutes=-5, seconds=-1), WARNING, "5 minutes ahead"),
        (None, WARNING, "reports no history sync"),
    ],
)
def test_a_history_sync_is_of_the_last_day(ago: timedelta | None, verdict: Outcome, words: str) -> None:
    assert_told(checkup_status.last_history_sync(None if ago is None else NOW - ago, NOW), verdict, words)


@pytest.mark.parametrize(
    ("clock", "offset"),
    [
        (NOW.replace(microsecond=0), 0),
        (NOW + timedelta(seconds=2), 0),
        (NOW + timedelta(seconds=4), 1),
        (NOW - timedelta(seconds=10, microseconds=400_000), -10),
    ],
)
def test_the_clocks_agree_if_the_date_is_within_the_call(clock: datetime, offset: int) -> None:
    answered_at = NOW + timedelta(seconds=3)
    assert checkup_status.clock_offset(clock, NOW, answered_at) == timedelta(seconds=offset)


@pytest.mark.parametrize(
    ("offset", "verdict", "words"),
    [
        (0, OK, "ours agree"),
        (1, OK, "agree within 1 second"),
        (-60, OK, "agree within 60 seconds"),
        (61, WARNING, "61 seconds ahead of ours"),
        (-7300, WARNING, "2 hours behind ours"),
        (None, SKIPPED, "cannot be checked"),
    ],
)
def test_a_clock_may_be_a_minute_off(offset: int | None, verdict: Outcome, words: str) -> None:
    given = None if offset is None else timedelta(seconds=offset)
    assert_told(checkup_status.clock(given), verdict, words)


FIVE = page_of(0, 100, 5, *"abcde")
SMALL = (page_of(0, 2, 5, "a", "b"), page_of(1, 2, 5, "c", "d"))
END = page_of(102, 2, 5)


@pytest.mark.parametrize(
    ("first", "small", "beyond", "verdict", "words"),
    [
        (FIVE, SMALL, END, OK, "over 5 orders"),
        (Page(0, 100, None, [row("a")]), SMALL, END, WARNING, "no totalCount that is a number"),
        (page_of(0, 100, 1, "a"), (page_of(0, 2, 1, "a"), page_of(1, 2, 1)), END, WARNING, "from 1 to 5"),
        (page_of(0, 3, 5, *"abc"), SMALL, END, OK, ""),
        (FIVE, (page_of(0, 1, 5, "a"), page_of(1, 1, 5, "b")), END, OK, ""),
        (page_of(0, 100, 500, *range(50)), SMALL, END, WARNING, "set A4S_PAGE_SIZE to 50"),
        (page_of(0, 100, 500, *range(300)), SMALL, END, WARNING, "set A4S_PAGE_SIZE to 300"),
        (page_of(0, 100, 9999, *range(5000)), SMALL, END, WARNING, "reads it twice"),
        (page_of(0, 100, 5), SMALL, END, FAILED, "page 0 holds 0 orders"),
        (page_of(0, 100, 3, *"abcde"), SMALL, END, WARNING, "totalCount 3 make it 3"),
        (FIVE, (page_of(0, 2, 5, *"abc"), SMALL[1]), END, FAILED, "repeats"),
        (FIVE, (SMALL[0], page_of(1, 2, 5, "b", "c")), END, FAILED, "page 1 repeats an order of page 0"),
        (FIVE, (SMALL[0], page_of(1, 2, 5, "c")), END, WARNING, "page 1 holds 1 order,"),
        (FIVE, (SMALL[0], page_of(1, 2, 5, "d", "e")), END, FAILED, "list other orders"),
        (FIVE, SMALL, page_of(102, 2, 5, "e"), WARNING, "it does no harm"),
        (FIVE, SMALL, page_of(102, 2, 1_234), WARNING, "totalCount went from 5 to 1,234"),
    ],
)
def test_pages_are_as_large_as_asked_follow_on_one_another_and_end(
    first: Page, small: tuple[Page, Page], beyond: Page, verdict: Outcome, words: str
) -> None:
    assert_told(checkup_orders.paging(first, small, beyond), verdict, words)


def test_orders_without_a_code_are_told_apart_by_their_content() -> None:
    rows: list[Any] = [{"orderDate": "2024-01-01"}, {"orderDate": "2024-01-02"}, None]
    small = (Page(0, 2, 3, rows[:2]), Page(1, 2, 3, rows[2:]))
    assert_told(checkup_orders.paging(Page(0, 100, 3, rows), small, Page(101, 2, 3, [])), OK)


@pytest.mark.parametrize(
    ("rows", "verdict", "words"),
    [
        ([row("a")], OK, "1 order looked at"),
        ([row("b"), row("a")], OK, "2 orders looked at, ascending"),
        # The same moment written by two offsets, and then one that only looks later.
        ([row("a", "2024-03-05T09:00:00+01:00"), row("b", "2024-03-05T08:00:00Z")], OK, "2 orders"),
        ([row("a", "2024-03-05T09:00:00Z"), row("b", "2024-03-05T09:30:00+01:00")], WARNING, "'b' of"),
        ([row("a", "2024-03-06"), row("b", "2024-03-05")], WARNING, "no order is lost"),
        ([row("a", "2024-03-05"), row("..", "2024-03-04"), row("b", "2024-03-05")], OK, "1 more cannot"),
        ([row("a", "soon"), None], FAILED, "none of 2 orders can be read: orderDate: is not a real"),
    ],
)
def test_orders_ascend_by_the_instant_of_their_order_date(
    rows: list[Any], verdict: Outcome, words: str
) -> None:
    orders = checkup_orders.read_orders(rows, AMSTERDAM)
    assert_told(checkup_orders.order_of_orders(orders), verdict, words)


@pytest.mark.parametrize(
    ("days", "chosen"),
    [
        (["2024-03-05"], "o0"),
        (["2024-03-05", "2024-03-06"], "o0"),
        (["2024-03-05", "2024-03-06", "2024-03-06", "2024-03-07"], "o1"),
        (["2024-03-09", "2024-03-05", "2024-03-07"], "o2"),
    ],
)
def test_the_order_at_the_boundary_has_others_on_either_side(days: list[str], chosen: str) -> None:
    assert checkup_orders.order_at_boundary(headers(*days)).order_code == chosen


BEFORE, AT, AFTER = row("o0", "2024-03-04"), row("o1", "2024-03-05"), row("o2", "2024-03-06")


@pytest.mark.parametrize(
    ("from_rows", "to_rows", "verdict", "words"),
    [
        ([AT, AFTER], [BEFORE], OK, "inclusive"),
        ([AT], [], OK, "exclusive"),
        ([AFTER], [BEFORE], FAILED, "leaves out order 'o1' of that very moment"),
        ([], [], FAILED, "leaves out"),
        ([BEFORE, AT, AFTER], [BEFORE], WARNING, "from before it as well"),
        ([AT, AFTER], [BEFORE, AT], WARNING, "orders of that very moment too"),
        ([AT, AFTER], [BEFORE, AT, AFTER], WARNING, "orderDateTo 2024-03-04T23:00:00+00:00 is ignored"),
        ([AT, None], [BEFORE, None], OK, ""),
    ],
)
def test_a_date_from_is_inclusive_and_a_date_to_exclusive(
    from_rows: list[Any], to_rows: list[Any], verdict: Outcome, words: str
) -> None:
    [order] = checkup_orders.read_orders([AT], AMSTERDAM).headers
    pages = [Page(0, 100, len(rows), rows) for rows in (from_rows, to_rows)]
    finding = checkup_orders.boundary_of_dates(order, pages[0], pages[1], AMSTERDAM, is_ordered=True)
    assert_told(finding, verdict, words)
    assert ("does no harm, but costs a sync time" in str(finding.advice)) == (verdict is WARNING)


@pytest.mark.parametrize(
    ("total", "is_ordered", "verdict"), [(1, False, FAILED), (500, False, SKIPPED), (500, True, FAILED)]
)
def test_a_missing_order_proves_nothing_where_it_may_be_on_any_page(
    total: int, is_ordered: bool, verdict: Outcome
) -> None:
    [order] = checkup_orders.read_orders([AT], AMSTERDAM).headers
    finding = checkup_orders.boundary_of_dates(
        order, Page(0, 100, total, [AFTER]), Page(0, 100, 0, []), AMSTERDAM, is_ordered=is_ordered
    )
    assert finding.verdict is verdict


GONE = NotThere("the gateway answered 404 UnknownOrder for the lines of order 'a': it is not known there")


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([("a", [line("1"), line("2")])], OK, "order 'a' has 2 lines"),
        ([("a", []), ("b", [line("1")])], OK, "order 'b' has 1 line"),
        ([("a", []), ("b", [])], OK, "order 'b' has no lines"),
        ([("a", GONE), ("b", [line("1")])], WARNING, "has 1 line, but the gateway answered 404 UnknownOrder"),
        ([("a", []), ("b", GONE)], WARNING, "order 'a' has no lines, but"),
        ([("a", GONE), ("b", BUSY)], FAILED, "asks for these again"),
        ([("a", AccessDenied("the gateway answered 403 for X: check"))], FAILED, "A4S_GATEWAY_TOKEN"),
        (
            [("a", [line("1"), None])],
            WARNING,
            "1 of 2 lines of order 'a' cannot be read: is not a JSON object",
        ),
        ([("a", [{"lineCode": "1"}])], OK, "order 'a' has 1 line"),
        (
            [("a", [{"lineCode": "1", "itemCode": "A"}])],
            FAILED,
            "1 of 1 lines of order 'a' cannot be read: quantity:",
        ),
    ],
)
def test_the_lines_of_an_order_can_be_fetched_and_read(
    answers: list[checkup_orders.LinesAnswer], verdict: Outcome, words: str
) -> None:
    assert_told(checkup_orders.order_lines(answers, AMSTERDAM), verdict, words)


def test_a_failure_leaves_what_to_do_to_the_advice() -> None:
    finding = failure("paging", GatewayUnavailable("the gateway answered 503 for 'A: B': try again later"))
    assert finding.message == "the gateway answered 503 for 'A: B'"
    assert failure("paging", NO_HISTORY).message.endswith("so there is no order history")
    assert (
        failure("paging", ReplyUnreadable("it is larger than 64 MiB")).message == "it is larger than 64 MiB"
    )


def test_each_kind_of_failure_has_advice_of_its_own() -> None:
    kinds = [DENIED, UNKNOWN, NO_HISTORY, UNREADABLE, BUSY, ChangeRequest("no: no"), ChangeSite("no: no")]
    assert len({advice_for(kind) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.9, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (9e9, "104,166 days")],
)
def test_a_span_is_shown_in_the_largest_unit_that_says_enough(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def test_text_from_elsewhere_is_quoted_and_short() -> None:
    assert quoted("Demo") == "'Demo'"
    assert quoted("a\nb\x1b") == r"'a\nb\x1b'"
    assert len(quoted("x" * 101)) == 102
