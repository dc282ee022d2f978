from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.gateway.checkup.checkup import ORDER_CHECKS, PATIENCE, STATUS_CHECKS, check_up
from a4s_pipeline.gateway.checkup.checkup_findings import Checked, Outcome
from a4s_pipeline_tests.gateway.conftest import NAME, Answer, Connect, Handler, Serve, problem, say
from a4s_sandbox import Faults, Sandbox, World, demo_world

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
OK, WARNING, FAILED, SKIPPED = (
    Outcome.OK,
    Outcome.WARNING,
    Outcome.FAILED,
    Outcome.SKIPPED,
)
NAMES = [*STATUS_CHECKS, *ORDER_CHECKS]
TWO_TRIES = RetryRule(tries=2, tries_when_told=2, first_wait=0.001)

CheckUp = Callable[..., dict[str, Checked]]


def header(code: str, day: str, **more: Any) -> dict[str, Any]:
    return {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}


def line(code: str = "1", **more: Any) -> dict[str, Any]:
    return {"lineCode": code, "lineNumber": 1, "itemCode": "A1", "quantity": 1, **more}


def checked(client: GatewayClient, name: str = NAME) -> dict[str, Checked]:
    findings = check_up(Administration(client, name, AMSTERDAM, 100))
    assert [finding.name for finding in findings] == NAMES
    for finding in findings:
        assert finding.message
        assert (finding.advice is None) == (finding.verdict in {OK, SKIPPED})
    return {finding.name: finding for finding in findings}


def not_ok(found: dict[str, Checked]) -> dict[str, Outcome]:
    return {name: finding.verdict for name, finding in found.items() if finding.verdict is not OK}


@pytest.fixture
def filled(world: World) -> World:
    """Orders on every day of half a year; every third has its own offset."""
    held = world[NAME]
    held.last_history_sync = timedelta(minutes=20)
    for number in range(180):
        day = datetime(2024, 1, 1, 9, 30) + timedelta(days=number)  # noqa: DTZ001 - local, as gateways write
        held.put_order(header(f"VO/{number}", day.isoformat()), [line()])
    return world


@pytest.fixture
def check(sandbox: Sandbox, connect: Connect) -> CheckUp:
    def run(name: str = NAME, **settings: Any) -> dict[str, Checked]:
        return checked(connect(sandbox.url, rule=TWO_TRIES, **settings), name)

    return run


def test_a_gateway_in_order_is_found_so_in_twenty_gets(
    filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    assert not_ok(check()) == {}
    assert len(sandbox.requests) <= 20
    assert {request.method for request in sandbox.requests} == {"GET"}


@pytest.mark.parametrize("connector", ["Demo B.V.", "Café Noord / Groothandel B.V."])
def test_the_demo_is_in_order(connector: str, connect: Connect) -> None:
    with Sandbox(demo_world()) as sandbox:
        assert not_ok(checked(connect(sandbox.url), connector)) == {}


def test_without_a_focus_connector_there_are_no_orders_to_ask_for(
    world: World, sandbox: Sandbox, check: CheckUp
) -> None:
    world[NAME].focus_connector = None
    found = check()
    history = ["last_history_sync", *ORDER_CHECKS]
    assert not_ok(found) == {"focus_connector": WARNING} | dict.fromkeys(history, SKIPPED)
    assert sandbox.calls("orders") == []


def test_without_orders_what_orders_tell_is_skipped(world: World, check: CheckUp) -> None:
    world[NAME].last_history_sync = timedelta(hours=1)
    found = check()
    assert not_ok(found) == dict.fromkeys(ORDER_CHECKS, SKIPPED)
    assert {found[name].message for name in ORDER_CHECKS} == {"no orders to look at"}


@pytest.mark.parametrize("orders", [1, 2, 3, 4, 5])
def test_a_few_orders_are_enough_to_look_at(orders: int, world: World, check: CheckUp) -> None:
    world[NAME].last_history_sync = timedelta(hours=1)
    for number in range(orders):
        world[NAME].put_order(header(f"VO-{number}", "2024-03-05T09:00:00"), [line()])
    assert not_ok(check()) == {}


@pytest.mark.parametrize(
    "credentials",
    [{}, {"gateway_token": "tok-WRONG-7"}, {"gateway_user": "usr-7", "gateway_password": "pwd-WRONG-7"}],
)
def test_wrong_credentials_are_said_to_be_and_never_shown(
    credentials: dict[str, str], filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.token = "tok-RIGHT-7"
    found = check(**credentials)
    assert not_ok(found) == {"credentials": FAILED} | dict.fromkeys(NAMES[2:], SKIPPED)
    assert "A4S_GATEWAY_TOKEN" in str(found["credentials"].advice)
    for finding in found.values():
        assert not any(secret in f"{finding}" for secret in ["-7", "Basic", "Bearer"])
    assert len(sandbox.requests) == 1


def test_the_right_credentials_are_taken_and_never_shown(
    filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.user, sandbox.password = "usr-7", "pwd-RIGHT-7"
    found = check(gateway_user="usr-7", gateway_password="pwd-RIGHT-7")
    assert not_ok(found) == {}
    assert "-7" not in str(found)


def test_an_administration_without_access_is_a_matter_of_credentials(filled: World, check: CheckUp) -> None:
    filled[NAME].forbidden = True
    found = check()
    assert "403" in found["credentials"].message
    assert not_ok(found) == {"credentials": FAILED} | dict.fromkeys(NAMES[2:], SKIPPED)


def test_a_name_that_the_gateway_does_not_know_is_reported(filled: World, check: CheckUp) -> None:
    found = check("demo b.v.")
    assert not_ok(found) == {"administration": FAILED} | dict.fromkeys(NAMES[3:], SKIPPED)
    assert "'demo b.v.'" in found["administration"].message
    assert "letter by letter" in str(found["administration"].advice)


def test_a_gateway_that_routes_by_another_spelling_gives_its_own(filled: World, check: CheckUp) -> None:
    filled.administrations["DEMO BV"] = filled[NAME]
    found = check("DEMO BV")
    assert not_ok(found) == {"administration": FAILED}
    assert found["administration"].message == "the status is that of 'Demo B.V.', not of 'DEMO BV'"


def test_where_nothing_listens_all_else_is_skipped(connect: Connect) -> None:
    with Sandbox(World()) as gone:
        url = gone.url
    found = checked(connect(url))
    assert not_ok(found) == {"reachable": FAILED} | dict.fromkeys(NAMES[1:], SKIPPED)
    assert "A4S_GATEWAY_URL" in str(found["reachable"].advice)


def test_a_gateway_that_does_not_answer_in_time_is_not_reachable(sandbox: Sandbox, check: CheckUp) -> None:
    sandbox.faults = Faults(hang=1.0, hang_seconds=5)
    found = check(timeout_seconds=0.1)
    assert found["reachable"].verdict is FAILED
    assert "no answer within 0.1 s" in found["reachable"].message


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html", "not JSON"),
        ("clipped", "not JSON"),
        ("cut", "cut off"),
        ("server_error", "500 InternalServerError"),
        ("bad_gateway", "502"),
        ("unavailable", "503"),
        ("too_many", "429"),
    ],
)
def test_a_wrong_answer_to_the_status_is_an_answer(
    fault: str, words: str, filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.faults = Faults(script={"status": [fault] * 2}, retry_after_seconds=0)
    found = check()
    assert not_ok(found) == {"credentials": SKIPPED, "administration": FAILED} | dict.fromkeys(
        NAMES[3:], SKIPPED
    )
    assert words in found["administration"].message


def test_a_fault_that_passes_is_not_reported(filled: World, sandbox: Sandbox, check: CheckUp) -> None:
    sandbox.faults = Faults(script={"*": ["reset", "ok", "server_error", "ok", "html"]})
    assert not_ok(check()) == {}


def test_a_busy_gateway_is_not_waited_for(filled: World, sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults = Faults(unavailable=1.0, retry_after_seconds=60)
    found = checked(connect(sandbox.url, rule=PATIENCE))
    assert "503" in found["administration"].message
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize(
    ("last", "words"),
    [(None, "no history sync"), (timedelta(days=3), "3 days ago"), (timedelta(hours=-2), "ahead")],
)
def test_a_history_sync_that_is_not_of_the_last_day_is_a_warning(
    last: timedelta | None, words: str, filled: World, check: CheckUp
) -> None:
    filled[NAME].last_history_sync = None if last is None else datetime.now(UTC) - last
    found = check()
    assert not_ok(found) == {"last_history_sync": WARNING}
    assert words in found["last_history_sync"].message


@pytest.mark.parametrize(
    ("faults", "verdict", "words"),
    [
        (Faults(clock_skew_seconds=300), WARNING, "ahead of ours"),
        (Faults(clock_skew_seconds=-90), WARNING, "behind ours"),
        (Faults(clock_skew_seconds=30), OK, "agree within"),
        (Faults(no_date_header=True), SKIPPED, "cannot be checked"),
    ],
)
def test_the_clock_is_checked_by_the_date_of_an_answer(
    faults: Faults, verdict: Outcome, words: str, filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.faults = faults
    found = check()
    assert found["clock"].verdict is verdict
    assert words in found["clock"].message
    assert set(not_ok(found)) <= {"clock"}


def test_pages_that_overlap_are_reported(filled: World, sandbox: Sandbox, check: CheckUp) -> None:
    sandbox.faults = Faults(repeat_rows=1)
    assert not_ok(check())["paging"] is FAILED


def test_orders_that_arrive_meanwhile_are_a_warning(filled: World, sandbox: Sandbox, check: CheckUp) -> None:
    def arrive(route: str, administration: str, page: int) -> None:
        if page > 1:
            return
        code = f"new-{len(filled[NAME].orders)}"
        filled[NAME].put_order(header(code, "2026-01-05T09:00:00"), [line()])

    sandbox.faults = Faults(on_page=arrive)
    found = check()
    assert not_ok(found) == {"paging": WARNING}
    assert "run the check again" in str(found["paging"].advice)


def test_an_ignored_end_does_no_harm_and_is_a_warning(
    filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.faults = Faults(ignore_order_date_to=True)
    found = check()
    assert not_ok(found) == {"boundary_of_dates": WARNING}
    assert "is ignored" in found["boundary_of_dates"].message
    assert "no harm, but costs" in str(found["boundary_of_dates"].advice)


def put_at(world: World, code: str, day: str, position: int) -> None:
    world[NAME].put_order(header(code, day), [line()])
    record = world[NAME].orders.get(code)
    assert record is not None
    world[NAME].put_encoded_order(code, position, record.body, b"[]")


def test_orders_that_are_not_in_order_are_reported(filled: World, check: CheckUp) -> None:
    put_at(filled, "late", "2025-03-05T09:00:00", 0)
    found = check()
    assert found["order_of_orders"].verdict is WARNING
    assert "'VO/0' of 2024-01-01" in found["order_of_orders"].message


def test_the_end_of_a_long_list_is_looked_at_too(filled: World, check: CheckUp) -> None:
    put_at(filled, "early", "2020-03-05T09:00:00", 2**61)
    found = check()
    assert found["order_of_orders"].verdict is WARNING
    assert "'early'" in found["order_of_orders"].message


def test_bounds_are_asked_for_with_the_offset_of_the_administration(
    filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    check()
    queries = [request.query for request in sandbox.calls("orders")]
    assert {query.get("orderDateFrom") for query in queries} == {None, "2024-02-19T09:30:00+01:00"}
    assert {query.get("orderDateTo") for query in queries} == {None, "2024-02-19T09:30:00+01:00"}


def test_orders_that_are_all_unreadable_are_reported_and_checked_no_further(
    world: World, check: CheckUp
) -> None:
    world[NAME].last_history_sync = timedelta(hours=1)
    world[NAME].put_order({"number": 1})
    found = check()
    assert not_ok(found) == {
        "order_of_orders": FAILED,
        "boundary_of_dates": SKIPPED,
        "order_lines": SKIPPED,
    }


@pytest.mark.parametrize("status", ["500", "404"])
def test_lines_of_one_order_that_fail_are_a_warning_and_of_all_a_failure(
    status: str, filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    failing: set[str] = getattr(sandbox.faults, f"lines_{status}")
    failing.add("VO/0")
    found = check()
    assert not_ok(found) == {"order_lines": WARNING}
    assert f"answered {status}" in found["order_lines"].message
    failing.update(f"VO/{number}" for number in range(180))
    assert not_ok(check()) == {"order_lines": FAILED}


@pytest.mark.parametrize(("lines", "words"), [([{"no": 1}], "cannot be read"), ({"lines": []}, "an array")])
def test_lines_of_another_shape_are_reported(lines: Any, words: str, world: World, check: CheckUp) -> None:
    world[NAME].last_history_sync = timedelta(hours=1)
    world[NAME].put_order(header("VO-1", "2024-03-05T09:00:00"), lines)
    found = check()
    assert not_ok(found) == {"order_lines": FAILED}
    assert words in found["order_lines"].message


STATUS = {"administration": NAME, "focusConnector": {"configured": True, "name": "Exact Globe"}}


def by_route(orders: Answer) -> Answer:
    def answer(handler: Handler) -> None:
        is_listing = "/items" in handler.path or "/customers" in handler.path
        others = say(200, {"totalCount": 0, "items": []} if is_listing else STATUS)
        (orders if "/orders" in handler.path else others)(handler)

    return answer


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (problem(401, "Unauthorized"), {"credentials": FAILED} | dict.fromkeys(ORDER_CHECKS, SKIPPED)),
        (
            problem(409, "FocusConnectorNotConfigured"),
            dict.fromkeys(["last_history_sync", *ORDER_CHECKS], SKIPPED) | {"focus_connector": WARNING},
        ),
        (problem(400, "BadRequest"), dict.fromkeys(ORDER_CHECKS[1:], SKIPPED) | {"paging": FAILED}),
        (
            say(200, {"totalCount": 9, "items": []}),
            dict.fromkeys(ORDER_CHECKS[1:], SKIPPED) | {"paging": FAILED},
        ),
    ],
)
def test_orders_may_tell_what_the_status_does_not(
    orders: Answer, expected: dict[str, Outcome], serve: Serve, connect: Connect
) -> None:
    found = not_ok(checked(connect(serve(by_route(orders)).url)))
    assert {"last_history_sync": WARNING} | expected == found


def test_a_redirect_to_a_portal_is_an_administration_without_a_status(serve: Serve, connect: Connect) -> None:
    server = serve(say(302, b"", Location="/login"))
    found = checked(connect(server.url))
    assert "redirect" in found["administration"].message
    assert "A4S_GATEWAY_URL" in str(found["administration"].advice)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({"page_cap": 50}, "page 0 holds 50 orders"),
        ({"total": "page"}, "totalCount of the orders is 100, that of the page, and more orders follow"),
        ({"total": "absent"}, "no totalCount that is a number"),
        ({"empty_pages": frozenset({1})}, "page 1 holds 0 orders"),
    ],
)
def test_how_a_gateway_pages_is_reported_before_an_import(
    way: dict[str, Any], words: str, filled: World, sandbox: Sandbox, check: CheckUp
) -> None:
    sandbox.faults = Faults(**way)
    found = check()
    assert (found["paging"].verdict, words in found["paging"].message) == (WARNING, True), found["paging"]
    assert "show this to whoever runs the gateway" in str(found["paging"].advice)


# What the gateway does with 250 records, of which 100 a page are asked for, and what is told of it.
WAYS_OF_RECORDS: list[tuple[dict[str, Any], str]] = [
    ({"page_cap": 40}, "page 0 of the {} holds 40, where 100 were asked for and totalCount is 250"),
    (
        {"page_cap": 40, "skips_as_asked": True, "total": "page"},
        "totalCount of the {} is 40, that of the page, 100 were asked for, and more {} follow",
    ),
    ({"total": "page"}, "totalCount of the {} is 100, that of the page, and more {} follow"),
    ({"total": "null"}, "the pages of the {} have no totalCount that is a number"),
    ({"uncounted": 20}, "page 2, the last by it, holds 50 and not 70"),
    ({"blank_pages": frozenset({1})}, "page 1 of the {} is empty, where totalCount is 250"),
    ({"blank_pages": frozenset({0})}, "page 0 of the {} holds 0, where 100 were asked for"),
    ({"repeat_rows": 1}, "page 1 of the {} repeats a record of page 0"),
    ({"left_out_every": 10}, "page 0 of the {} holds 90, where 100 were asked for"),
]


@pytest.mark.parametrize("stream", ["items", "customers"])
def test_how_items_and_customers_come_is_reported_before_an_import(
    stream: str, world: World, sandbox: Sandbox, check: CheckUp
) -> None:
    held = world[NAME]
    held.focus_connector = None
    for number in range(250 - len(held.customers if stream == "customers" else held.items)):
        if stream == "items":
            held.put_item({"itemCode": f"A{number:03}", "names": {}})
        else:
            held.put_customer({"customerCode": f"K{number:03}", "name": "Bos"})
    assert "paging" not in {name for name, verdict in not_ok(check()).items() if verdict is not SKIPPED}
    for way, words in WAYS_OF_RECORDS:
        sandbox.clear()
        sandbox.faults = Faults(**way)
        found = check()["paging"]
        assert found.verdict is WARNING, (way, found)
        assert words.format(stream, stream) in found.message, (way, found)
        assert "show this to whoever runs the gateway" in str(found.advice), way
        assert len(sandbox.requests) <= 20


def test_a_stream_that_is_not_imported_is_not_looked_at(sandbox: Sandbox, connect: Connect) -> None:
    check_up(Administration(connect(sandbox.url), NAME, AMSTERDAM, 100), records=["customers"])
    assert (sandbox.calls("items"), len(sandbox.calls("customers"))) == ([], 2)
