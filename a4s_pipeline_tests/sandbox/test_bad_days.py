import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
import requests

from a4s_pipeline_tests.sandbox.conftest import ADMINISTRATION, ORDERS, Client, header, intake, line
from a4s_sandbox import Administration, Faults, Sandbox
from a4s_sandbox.faults import DRAWN


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_scripted_faults_are_consumed_in_order_and_then_all_is_well(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.script = {
        "orders": ["server_error", "unavailable", "ok", "bad_gateway", "gateway_timeout"]
    }
    statuses = [client.get(ADMINISTRATION, "orders").status_code for _ in range(6)]
    assert statuses == [500, 503, 200, 502, 504, 200]
    assert client.get(ADMINISTRATION, "status").status_code == 200
    assert [request.fault for request in sandbox.requests][:3] == ["server_error", "unavailable", None]


def test_a_script_for_any_route_is_met_by_the_next_request(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"*": ["server_error"]}
    assert client.get(ADMINISTRATION, "items").status_code == 500
    assert client.get(ADMINISTRATION, "items").status_code == 200


def test_a_script_with_a_fault_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: 'rest'"):
        Faults(script={"orders": ["rest"]})


def test_a_reset_connection_is_a_connection_error_and_the_next_request_works(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults.script = {"status": ["reset"]}
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.get(ADMINISTRATION, "status")
    assert client.get(ADMINISTRATION, "status").status_code == 200
    assert [request.status for request in sandbox.requests] == [0, 200]


def test_a_body_that_is_cut_off_is_shorter_than_its_length_says(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"items": ["cut"]}
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(ADMINISTRATION, "items")


def test_a_clipped_body_is_complete_and_not_json(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"items": ["clipped"]}
    reply = client.get(ADMINISTRATION, "items")
    assert reply.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        reply.json()


def test_a_page_of_html_comes_with_status_200(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"items": ["html"]}
    reply = client.get(ADMINISTRATION, "items")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_busy_gateway_says_when_to_come_back_in_seconds_or_with_a_date(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(
        retry_after_seconds=90, script={"*": ["too_many", "unavailable", "too_many_date"]}
    )
    replies = [client.get(ADMINISTRATION, "status") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 503, 429]
    assert [reply.headers["Retry-After"] for reply in replies[:2]] == ["90", "90"]
    ahead = parsedate_to_datetime(replies[2].headers["Retry-After"]) - datetime.now(UTC)
    assert timedelta(seconds=80) < ahead < timedelta(seconds=92)


def test_a_gateway_can_die_while_it_lists(client: Client, sandbox: Sandbox) -> None:
    is_closed = threading.Event()

    def die(*_: object) -> None:
        sandbox.close()
        is_closed.set()

    sandbox.faults.on_page = die
    with pytest.raises(requests.ConnectionError):
        client.get(ADMINISTRATION, "orders")
    wait_until(is_closed.is_set)
    with pytest.raises(RuntimeError):
        _ = sandbox.url


def test_a_hanging_request_outlasts_the_client_and_is_let_go_when_the_sandbox_closes(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(script={"status": ["hang"]}, hang_seconds=3600)
    with pytest.raises(requests.ReadTimeout):
        client.session.get(client.url(ADMINISTRATION, "status"), timeout=0.1)
    sandbox.close()


def test_rates_are_the_same_faults_for_the_same_seed(client: Client, sandbox: Sandbox) -> None:
    def statuses(seed: int) -> list[int]:
        sandbox.faults = Faults(server_error=0.3, seed=seed)
        return [client.get(ADMINISTRATION, "status").status_code for _ in range(40)]

    first = statuses(1)
    assert set(first) == {200, 500}
    assert statuses(1) == first
    assert statuses(2) != first


def test_faults_keep_to_their_routes_and_their_number(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(server_error=1, routes=frozenset({"items"}), times=2)
    assert client.get(ADMINISTRATION, "status").status_code == 200
    assert [client.get(ADMINISTRATION, "items").status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("name", DRAWN)
def test_every_rate_can_be_drawn(name: str) -> None:
    assert Faults(**{name: 1.0}).next_for("items") == name  # type: ignore[arg-type]


def test_lines_of_a_listed_order_can_answer_404_and_500(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    for code in ("A", "B", "C"):
        administration.put_order(header(code), [line()])
    sandbox.faults = Faults(lines_404={"A"}, lines_500={"B"})
    statuses = [client.get(ADMINISTRATION, "orders", code, "lines").status_code for code in "ABC"]
    assert statuses == [404, 500, 200]


def test_orders_can_arrive_between_pages(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    for number in range(4):
        administration.put_order(header(f"B{number}"))

    def arrive(route_name: str, name: str, page: int) -> None:
        if (route_name, name, page) == ("orders", ADMINISTRATION, 0):
            administration.put_order(header("A0"))

    sandbox.faults.on_page = arrive
    assert client.codes(page=0, pageSize=2) == ["B0", "B1"]
    assert client.codes(page=1, pageSize=2) == ["B1", "B2"]


def test_rows_can_be_repeated_on_the_next_page(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    for number in range(5):
        administration.put_order(header(f"O{number}"))
    sandbox.faults = Faults(repeat_rows=1)
    pages = [client.codes(page=page, pageSize=2) for page in range(4)]
    assert pages == [["O0", "O1"], ["O1", "O2", "O3"], ["O3", "O4"], []]


def test_a_gateway_can_ignore_the_end_of_a_window(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    administration.put_order(header("A", "2024-01-01"))
    administration.put_order(header("B", "2025-01-01"))
    sandbox.faults = Faults(ignore_order_date_to=True)
    assert client.codes(orderDateTo="2024-06-01T00:00:00Z") == ["A", "B"]


def test_the_clock_can_be_ahead_and_can_be_silent(client: Client, sandbox: Sandbox) -> None:
    right = parsedate_to_datetime(client.get(ADMINISTRATION, "status").headers["Date"])
    assert abs(right - datetime.now(UTC)) < timedelta(seconds=3)
    sandbox.faults = Faults(clock_skew_seconds=3600)
    ahead = parsedate_to_datetime(client.get(ADMINISTRATION, "status").headers["Date"])
    assert timedelta(minutes=59) < ahead - datetime.now(UTC) < timedelta(minutes=61)
    sandbox.faults = Faults(no_date_header=True)
    assert "Date" not in client.get(ADMINISTRATION, "status").headers


def test_a_lost_reply_leaves_a_booked_order(
    administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(lose_post_reply=1, times=1)
    with pytest.raises(requests.ConnectionError):
        client.post(*ORDERS, json=intake())
    assert [order.external_id for order in administration.booked] == ["IO-1"]
    assert client.get(*ORDERS, "IO-1").json()["orderId"] == administration.booked[0].order_id


@pytest.mark.parametrize("fault", ["reset", "html", "too_many", "server_error", "unavailable", "bad_gateway"])
def test_a_fault_before_the_booking_books_nothing(
    fault: str, administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults.script = {"export_order": [fault]}
    try:
        client.post(*ORDERS, json=intake())
    except requests.ConnectionError:
        assert fault == "reset"
    assert administration.booked == []


@pytest.mark.parametrize("fault", ["cut", "clipped", "hang", "lose_post_reply"])
def test_a_fault_after_the_booking_leaves_it_booked(
    fault: str, administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(hang_seconds=0.05, script={"export_order": [fault]})
    try:
        client.post(*ORDERS, json=intake())
    except requests.RequestException:
        assert fault in {"cut", "lose_post_reply"}
    assert len(administration.booked) == 1


def test_an_order_is_booked_late_though_the_client_has_gone(
    administration: Administration, client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_late = threading.Event()
    monkeypatch.setattr(sandbox.stopping, "wait", lambda _: not is_late.wait(60))
    sandbox.faults = Faults(book_late_seconds=1, times=1)
    with pytest.raises(requests.ReadTimeout):
        client.session.post(client.url(*ORDERS), json=intake(), timeout=0.05)
    assert administration.booked == []
    assert client.get(*ORDERS, "IO-1").status_code == 404
    is_late.set()
    wait_until(lambda: len(administration.booked) == 1)


def test_latency_delays_each_answer_and_lets_others_through(
    slow_client: Client, administration: Administration
) -> None:
    sandbox = slow_client.sandbox
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: slow_client.get(ADMINISTRATION, "status"), range(8)))
    assert time.monotonic() - began >= 0.1
    assert sandbox.most_in_flight > 1


@pytest.fixture
def slow_client(client: Client, sandbox: Sandbox) -> Client:
    sandbox.latency_ms = 100
    return client


def test_faults_of_the_wire_stand_around_the_right_answer(
    administration: Administration, sandbox: Sandbox
) -> None:
    def bytes_of(fault: str) -> bytes:
        sandbox.faults = Faults(script={"status": [fault]})
        port = int(sandbox.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            path = f"/{quote(ADMINISTRATION, safe='')}/status"
            connection.sendall(f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as reader:
                return reader.read()

    assert bytes_of("interim").startswith(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n")
    assert bytes_of("interim").count(b"HTTP/1.1 200 OK\r\n") == 1
    assert bytes_of("twice").count(b"HTTP/1.1 200 OK\r\n") == 2
    assert bytes_of("longer").endswith(b'"over"}')
    assert b"charset=ISO-8859-1" in bytes_of("latin_1")
    assert b"\xe9" in bytes_of("bad_byte")
