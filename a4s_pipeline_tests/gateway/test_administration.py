import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.errors import ChangeRequest, HistoryNotConfigured, NotThere, ReplyUnreadable
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.administration import Administration, require_history
from a4s_pipeline.gateway.listing.page import Page, read_page
from a4s_pipeline.settings.routes import is_addressable
from a4s_pipeline_tests.gateway.conftest import NAME, Connect, Serve, say
from a4s_sandbox import Sandbox, World

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LETTERS = st.text(min_size=1) | st.text("%2Ff.?#&+ é;\\\"'\0🚚", min_size=1)


@pytest.fixture
def administration(connect: Connect, sandbox: Sandbox) -> Administration:
    return Administration(connect(sandbox.url), NAME, AMSTERDAM, page_size=3)


@pytest.fixture
def saying(connect: Connect, serve: Serve) -> Callable[[Any], Administration]:
    """An administration whose gateway gives the same answer to everything."""
    return lambda body: Administration(
        connect(serve(say(200, json.dumps(body).encode())).url), NAME, AMSTERDAM, page_size=300
    )


def order(number: int) -> dict[str, Any]:
    return {"orderCode": f"VO-{number}", "orderDate": f"2024-03-{number:02d}T09:00:00", "customerCode": "K1"}


def fill(world: World, count: int) -> None:
    for number in range(1, count + 1):
        world[NAME].put_order(order(number), [{"lineCode": "1", "price": Decimal("12.50")}])


def codes(page: Page) -> list[str]:
    return [item["orderCode"] for item in page.items]


def test_pages_follow_each_other_to_the_last(administration: Administration, world: World) -> None:
    fill(world, 7)
    pages = [administration.orders(None, None, number).value for number in range(4)]
    assert [codes(page) for page in pages] == [
        ["VO-1", "VO-2", "VO-3"],
        ["VO-4", "VO-5", "VO-6"],
        ["VO-7"],
        [],
    ]
    assert {page.total_count for page in pages} == {7}


def test_bounds_are_sent_with_their_offsets(
    administration: Administration, sandbox: Sandbox, world: World
) -> None:
    fill(world, 5)
    start = datetime(2024, 3, 2, 9, tzinfo=AMSTERDAM)
    end = datetime(2024, 3, 4, 8, tzinfo=UTC)
    assert codes(administration.orders(start, end, 0).value) == ["VO-2", "VO-3"]
    assert sandbox.requests[-1].target == (
        "/Demo%20B.V./orders?orderDateFrom=2024-03-02T09%3A00%3A00%2B01%3A00"
        "&orderDateTo=2024-03-04T08%3A00%3A00%2B00%3A00&page=0&pageSize=3"
    )


def test_a_bound_that_is_not_given_is_not_sent(administration: Administration, sandbox: Sandbox) -> None:
    administration.orders(None, datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3))), 2)
    administration.orders(None, None, 0)
    assert [request.query for request in sandbox.requests] == [
        {"orderDateTo": "2024-01-01T00:00:00-03:00", "page": "2", "pageSize": "3"},
        {"page": "0", "pageSize": "3"},
    ]


@pytest.mark.parametrize(
    ("said", "size"),
    [(100, 100), (1, 1), (300, 300), (301, 300), (0, 300), (-5, 300), (None, 300), ("100", 300), (True, 300)],
)
def test_a_gateway_may_hold_fewer_records_a_page_than_it_was_asked_for(
    saying: Callable[[Any], Administration], said: Any, size: int
) -> None:
    administration = saying({"pageSize": said, "totalCount": 250, "items": [{}] * 100})
    page = administration.orders(None, None, 1).value
    assert (page.number, page.size) == (1, size)


TOTALS: list[tuple[Any, int | None]] = [
    (0, 0), (7, 7), ("7", 7), (" 7 ", 7), (7.0, 7), (None, None), (-1, None), (True, None), ("", None),
    ("many", None), ("7.5", None), (1.5, None), (10**12, None), ([], None), ("9" * 400, None),
]  # fmt: skip


def test_a_total_is_read_where_it_is_a_number_and_is_no_fault_of_the_page() -> None:
    for said, total in TOTALS:
        raw = exact_json.loads(json.dumps({"totalCount": said, "items": [{}]}))
        assert read_page(raw, 0, 300).total_count == total, said


EMPTY_PAGES: list[Any] = [
    None, [], {"items": []}, {"totalCount": 0}, {"items": None, "totalCount": 0}, {"page": 3},
    {"items": {}, "totalCount": 0}, {"items": False, "pageSize": 300}, {"items": "", "totalCount": None},
    {"page": 3, "links": ["/a", "/b"], "_links": {"self": {"href": "/a"}}}, {"items": [], "Items": None},
    {"items": [], "warnings": [{"code": "PastTheEnd"}]},
    {"page": 3, "totalCount": 12, "links": [{"rel": "prev", "href": "/a"}]},
    {"page": 3, "totalCount": 0, "messages": [{"text": "nothing there"}]},
    {"items": [], "error": {"code": 0, "message": ""}},
]  # fmt: skip


def test_there_are_many_ways_to_say_that_a_page_is_empty() -> None:
    for raw in EMPTY_PAGES:
        assert read_page(raw, 3, 300).items == [], raw


def test_a_page_that_has_its_records_somewhere_else_is_no_empty_page() -> None:
    record = {"itemCode": "A1"}
    for raw, name in [
        ({"page": 3, "Items": [record]}, "Items"),
        ({"page": 3, "ITEMS": record}, "ITEMS"),
        ({"items": [], "Items": [record]}, "Items"),
        ({"totalCount": 0, "Items": [record]}, "Items"),
        ({"page": 3, "totalCount": 9, "data": [record]}, "data"),
        ({"page": 3, "_embedded": {"orders": [record]}}, "_embedded"),
        ({"page": 3, "value": [None, record]}, "value"),
    ]:
        with pytest.raises(ValueError, match=f"has them in '{name}'"):
            read_page(raw, 3, 300)


def test_a_page_with_an_error_is_no_empty_page() -> None:
    errors: list[dict[str, Any]] = [{"error": "no database"}, {"errors": ["busy"]}, {"error": {"code": 7}}]
    without: list[dict[str, Any]] = [{}, {"items": None}, {"items": []}]
    for error, items in product(errors, without):
        with pytest.raises(ValueError, match="tells an error"):
            read_page({"page": 0, "totalCount": 0, **items, **error}, 0, 300)
    none: list[dict[str, Any]] = [{"error": None}, {"errors": []}, {"error": ""}]
    for said in none:
        assert read_page({"page": 0, "items": [], **said}, 0, 300).items == [], said
    assert read_page({"items": [{}], "error": "one was left out"}, 0, 300).items == [{}]


def test_lists_may_come_as_an_object_of_their_records_or_as_the_one(
    saying: Callable[[Any], Administration],
) -> None:
    one, other = {"itemCode": "A1", "names": {}}, {"itemCode": "A2", "names": {}}
    listed: list[tuple[Any, list[Any]]] = [
        ({"0": one, "2": other}, [one, other]),
        ({"A1": one}, [one]),
        (one, [one]),
    ]
    for raw, items in listed:
        assert read_page({"items": raw}, 0, 300).items == items, raw
    line = {"lineCode": "1", "quantity": 1}
    for raw in (line, {"0": line}):
        assert saying(raw).order_lines("VO-1").value == [line], raw


def test_a_total_beyond_all_bounds_is_none_and_costs_nothing() -> None:
    for told in ("1e999999999", "-1e999999999", "NaN", "Infinity", "1e-999999999"):
        assert read_page({"totalCount": Decimal(told), "items": []}, 0, 300).total_count is None, told


@pytest.mark.parametrize(("status", "body"), [(204, ""), (200, ""), (200, " \n"), (200, "null")])
def test_an_answer_without_a_body_is_an_empty_page(
    connect: Connect, serve: Serve, status: int, body: str
) -> None:
    client = connect(serve(say(status, body.encode())).url)
    assert Administration(client, NAME, AMSTERDAM, 300).customers(0).value == Page(
        0, 300, None, [], asked=300
    )
    assert client.counts.calls == 1


@pytest.mark.parametrize(("status", "body"), [(204, ""), (200, ""), (200, " \n"), (200, "null")])
def test_an_order_without_lines_may_say_so_by_an_empty_answer(
    connect: Connect, serve: Serve, status: int, body: str
) -> None:
    client = connect(serve(say(status, body.encode())).url)
    assert Administration(client, NAME, AMSTERDAM, 300).order_lines("VO-1").value == []
    assert client.counts.calls == 1


def test_one_object_for_a_list_of_one_is_the_one() -> None:
    assert read_page({"totalCount": 1, "items": {"itemCode": "A"}}, 0, 300).items == [{"itemCode": "A"}]


@pytest.mark.parametrize(
    "body",
    [{}, [1], "page", 7, {"error": "no"}, {"items": "x", "totalCount": 1}, {"items": 3, "totalCount": 1}],
)
def test_a_page_of_another_shape_is_no_page_and_is_asked_for_again(
    saying: Callable[[Any], Administration], body: Any
) -> None:
    administration = saying(body)
    with pytest.raises(ReplyUnreadable, match=r"page 0 of the orders of 'Demo B.V.' cannot be read"):
        administration.orders(None, None, 0)
    assert administration.client.counts.calls == 5


@pytest.mark.parametrize(
    "body", [{}, "lines", {"items": []}, {"success": False}, {"error": {"id": 1}}, False]
)
def test_lines_of_another_shape_are_no_lines(saying: Callable[[Any], Administration], body: Any) -> None:
    with pytest.raises(ReplyUnreadable, match=r"the lines of order 'VO-1' of 'Demo B.V.' cannot be read"):
        saying(body).order_lines("VO-1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "focusConnector: field required"),
        ([], "is not a JSON object"),
    ],
)
def test_a_status_of_another_shape_is_no_status(
    saying: Callable[[Any], Administration], body: Any, reason: str
) -> None:
    with pytest.raises(ReplyUnreadable, match=rf"the status of 'Demo B.V.' cannot be read \({reason}"):
        saying(body).status()


def test_a_history_sync_that_is_no_date_is_none_and_stops_nothing(
    saying: Callable[[Any], Administration],
) -> None:
    for told in ("ooit", "never", "", False, "0000-00-00"):
        focus: Any = {"configured": True}
        focus = [focus] if told == "ooit" else focus
        status = saying({"focusConnector": focus, "lastHistorySync": told}).status().value
        assert status.last_history_sync is None
        assert status.focus_connector.configured


def test_a_focus_connector_in_a_list_of_one_is_read_with_what_is_wrong_in_it(
    saying: Callable[[Any], Administration],
) -> None:
    names: list[Any] = [[], {}, "Exact"]
    for name in names:
        focus = [{"configured": True, "name": name}]
        found = saying({"focusConnector": focus}).status().value.focus_connector
        assert (found.configured, found.name) == (True, "Exact" if name == "Exact" else None)


def test_lines_come_raw_and_exact(administration: Administration, world: World) -> None:
    fill(world, 1)
    assert administration.order_lines("VO-1").value == [{"lineCode": "1", "price": Decimal("12.50")}]
    assert str(administration.order_lines("VO-1").value[0]["price"]) == "12.50"


def test_an_order_without_lines_has_an_empty_list_of_them(
    administration: Administration, world: World
) -> None:
    world[NAME].put_order(order(1), [])
    assert administration.order_lines("VO-1").value == []


def test_lines_that_are_not_there_are_said_not_to_be(administration: Administration) -> None:
    with pytest.raises(NotThere, match=r"404 UnknownOrder for the lines of order 'VO-9' of 'Demo B.V.'"):
        administration.order_lines("VO-9")


@pytest.mark.parametrize("code", [".", "..", ""])
def test_a_code_that_cannot_be_addressed_is_never_called(
    administration: Administration, sandbox: Sandbox, code: str
) -> None:
    with pytest.raises(ChangeRequest, match="cannot be put in a path"):
        administration.order_lines(code)
    assert sandbox.requests == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LETTERS.filter(is_addressable), LETTERS.filter(is_addressable))
def test_any_code_and_any_administration_arrive_to_the_letter(
    administration: Administration, sandbox: Sandbox, world: World, name: str, code: str
) -> None:
    world.add_administration(name).put_order(order(1) | {"orderCode": code}, [{"lineCode": code}])
    asked = Administration(administration.client, name, AMSTERDAM, 3)
    assert asked.order_lines(code).value == [{"lineCode": code}]
    assert (sandbox.requests[-1].administration, sandbox.requests[-1].code) == (name, code)


def test_the_status_tells_when_the_history_was_last_synced(
    administration: Administration, world: World
) -> None:
    world[NAME].last_history_sync = datetime(2024, 3, 1, 12, tzinfo=UTC)
    status = administration.status().value
    assert status.last_history_sync == datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert status.focus_connector.name == "Exact Globe"
    require_history(status, NAME)


def test_without_a_focus_connector_there_is_no_history_whichever_way_it_shows(
    connect: Connect, sandbox: Sandbox, world: World
) -> None:
    world.add_administration("Zuid", focus_connector=None)
    zuid = Administration(connect(sandbox.url), "Zuid", AMSTERDAM, 3)
    with pytest.raises(HistoryNotConfigured, match="'Zuid': its legacy backend has no focus connector"):
        require_history(zuid.status().value, "Zuid")
    with pytest.raises(HistoryNotConfigured, match="'Zuid': its legacy backend has no focus connector"):
        zuid.orders(None, None, 0)
    with pytest.raises(HistoryNotConfigured, match="'Zuid': its legacy backend has no focus connector"):
        zuid.order_lines("VO-1")
    assert zuid.client.counts.retries == 0
