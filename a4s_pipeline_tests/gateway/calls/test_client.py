import gzip
import logging
import threading
import time
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSettings,
    ChangeSite,
    Forbidden,
    GatewayUnavailable,
    HistoryNotConfigured,
    Inconclusive,
    NotThere,
    ReplyUnreadable,
    TryAgain,
    UnknownAdministration,
)
from a4s_pipeline.gateway.calls.client import GatewayCall, GatewayClient
from a4s_pipeline.gateway.calls.deadline import answered_until
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.gateway.wire import transport
from a4s_pipeline_tests.gateway.conftest import (
    FAST,
    NAME,
    ONCE,
    Answer,
    Connect,
    Handler,
    Serve,
    ask,
    drip,
    eventually,
    in_turn,
    problem,
    say,
    send,
    settings_for,
    silence,
    stall,
)
from a4s_sandbox import Sandbox
from a4s_sandbox.faults import DRAWN

TOKEN = "t0ken-Geheim"
PASSWORD = "pässwörd€-Geheim"
USER = "jürgen"
PASSES = [fault for fault in DRAWN if fault != "hang"]


def in_background(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Do work in another thread; return the thread, and where its exception will be."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except A4sError as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failures


# What is tried again, and what is not


@pytest.mark.parametrize("fault", PASSES)
def test_a_get_is_tried_again_on_what_may_pass(connect: Connect, sandbox: Sandbox, fault: str) -> None:
    sandbox.faults.script = {"status": [fault, fault]}
    client = connect(sandbox.url)
    assert ask(client)["administration"] == NAME
    assert [request.fault for request in sandbox.requests] == [fault, fault, None]
    assert (client.counts.calls, client.counts.retries) == (3, 2)


def test_a_get_that_was_not_answered_in_time_is_tried_again(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"status": ["hang"]}
    client = connect(sandbox.url, timeout_seconds=0.5)
    assert ask(client)["administration"] == NAME
    assert (client.counts.calls, client.counts.retries) == (2, 1)


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 507])
def test_a_status_that_may_pass_is_given_up_after_so_many_tries(
    connect: Connect, serve: Serve, status: int
) -> None:
    server = serve(say(status, b"<html>"))
    client = connect(server.url, rule=RetryRule(tries=3, first_wait=0.001))
    with pytest.raises(GatewayUnavailable, match=f"answered {status} for the thing asked for: try again"):
        ask(client)
    assert (len(server.asked), client.counts.calls, client.counts.retries) == (3, 3, 2)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BadRequest", ChangeRequest),
        (401, "Unauthorized", AccessDenied),
        (403, "Forbidden", Forbidden),
        (404, "UnknownAdministration", UnknownAdministration),
        (404, "UnknownOrder", NotThere),
        (409, "FocusConnectorNotConfigured", HistoryNotConfigured),
        (409, "DuplicateExternalId", ChangeRequest),
        (422, "ValidationFailed", ChangeRequest),
        (301, "Moved", ChangeRequest),
    ],
)
def test_an_answer_that_stays_the_same_is_not_asked_for_again(
    connect: Connect, serve: Serve, status: int, code: str, kind: type[A4sError]
) -> None:
    # A pause that is asked for changes nothing about that.
    server = serve(problem(status, code) if status != 409 else say(status, {"code": code}, Retry_After="0"))
    client = connect(server.url)
    with pytest.raises(kind) as caught:
        ask(client)
    assert type(caught.value) is kind
    assert (len(server.asked), client.counts.calls, client.counts.retries) == (1, 1, 0)


@pytest.mark.parametrize("body", [b"", b"<html><h1>Maintenance</h1></html>", b'{"items": [', b"\xff\xfe\xfa"])
def test_a_body_that_is_no_json_is_asked_for_again(connect: Connect, serve: Serve, body: bytes) -> None:
    server = serve(in_turn(say(200, body), say(200, b"[1]")))
    assert ask(connect(server.url)) == [1]
    server.answer = say(200, body)
    with pytest.raises(ReplyUnreadable, match=r"cannot be read \(the body is not JSON, or is cut off"):
        ask(connect(server.url))
    assert len(server.asked) == 2 + FAST.tries


def cut(handler: Handler) -> None:
    handler.begin(200, Content_Length="10")
    handler.wfile.write(b"[1]")
    handler.close_connection = True


def cut_between_chunks(handler: Handler) -> None:
    handler.begin(200, Transfer_Encoding="chunked")
    handler.wfile.write(b"3\r\n[1]\r\n")
    handler.close_connection = True


def no_gzip(handler: Handler) -> None:
    handler.begin(200, Content_Length="3", Content_Encoding="gzip")
    handler.wfile.write(b"[1]")


def half_gzip(handler: Handler) -> None:
    whole = gzip.compress(bytes(range(256)) * 4)
    handler.begin(200, Content_Length=str(len(whole)), Content_Encoding="gzip")
    handler.wfile.write(whole[:-20])
    handler.close_connection = True


# What arrives of the first two is JSON all the same: only the framing tells that it is not all.
@pytest.mark.parametrize("broken", [cut, cut_between_chunks, no_gzip, half_gzip])
def test_a_body_that_is_cut_off_is_asked_for_again(connect: Connect, serve: Serve, broken: Answer) -> None:
    server = serve(in_turn(broken, say(200, b"[2]")))
    assert ask(connect(server.url)) == [2]
    server.answer = broken
    with pytest.raises(ReplyUnreadable, match="the body is cut off"):
        ask(connect(server.url, rule=ONCE))


def test_what_is_read_of_a_wrong_shape_is_asked_for_again(connect: Connect, serve: Serve) -> None:
    server = serve(in_turn(say(200, b"1"), say(200, b"2")))

    def even(raw: Any) -> int:
        if raw % 2:
            raise ValueError("it is odd")
        return int(raw)

    assert connect(server.url).get(GatewayCall("status", NAME, "a number"), even).value == 2
    server.answer = say(200, b"1")
    with pytest.raises(
        ReplyUnreadable, match=r"the gateway's answer for a number cannot be read \(it is odd\)"
    ):
        connect(server.url, rule=ONCE).get(GatewayCall("status", NAME, "a number"), even)


@pytest.mark.parametrize("location", ["http://[", "http://a..b/", "//", "ftp://x", "/again", ""])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_wherever_it_leads(
    connect: Connect, serve: Serve, status: int, location: str
) -> None:
    server = serve(say(status, b"", Location=location))
    with pytest.raises(ChangeRequest, match="set A4S_GATEWAY_URL to its final address"):
        ask(connect(server.url))
    assert len(server.asked) == 1


@pytest.mark.parametrize("call", [ask, send])
def test_a_redirect_is_not_followed_and_shows_the_other_host_no_credentials(
    connect: Connect, serve: Serve, call: Callable[[GatewayClient], Any]
) -> None:
    other = serve(say(200, b"{}"))
    first = serve(say(307, b"", Location=f"{other.url}/Demo/status"))
    # A POST may have been done all the same: some gateways lead on to what they made.
    kind = ChangeRequest if call is ask else Inconclusive
    with pytest.raises(kind, match="redirect"):
        call(connect(first.url, gateway_token=TOKEN))
    assert first.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"
    assert (other.asked, other.connections) == ([], 0)


# POST


@pytest.mark.parametrize("fault", [*DRAWN, "lose_post_reply", "book_late"])
def test_a_post_is_never_sent_twice_whatever_happens(connect: Connect, sandbox: Sandbox, fault: str) -> None:
    sandbox.faults.script = {"export_order": [fault]}
    client = connect(sandbox.url, timeout_seconds=0.2)
    with pytest.raises(TryAgain):
        send(client)
    # The sandbox may still be at it when the client has given up; a second send would come right away.
    deadline = time.monotonic() + 10
    while not sandbox.calls("export_order") and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.02)
    assert len(sandbox.calls("export_order")) == 1
    assert (client.counts.calls, client.counts.retries) == (1, 0)


@pytest.mark.parametrize("broken", [silence, stall, drip, cut, no_gzip, say(500), say(200, b"{")])
def test_a_post_without_a_readable_answer_is_not_repeated(
    connect: Connect, serve: Serve, broken: Answer
) -> None:
    server = serve(broken)
    with pytest.raises(TryAgain):
        send(connect(server.url, timeout_seconds=0.2))
    assert len(server.asked) == 1


def test_a_post_over_a_connection_that_has_gone_stale_is_sent_once(connect: Connect, serve: Serve) -> None:
    def answer_and_hang_up(handler: Handler) -> None:
        say(200, b"{}")(handler)
        handler.close_connection = True

    server = serve(answer_and_hang_up)
    client = connect(server.url)
    ask(client)
    time.sleep(0.05)
    assert send(client) == {}
    assert [asked[0] for asked in server.asked] == ["GET", "POST"]


def test_a_post_carries_its_body_to_the_byte_and_its_key(connect: Connect, serve: Serve) -> None:
    server = serve(say(201, b'{"orderId": 1.50}'))
    body = '{"notes": "é", "price": 12.50}'.encode()
    assert str(send(connect(server.url), body)["orderId"]) == "1.50"
    method, path, headers, sent = server.asked[0]
    assert (method, path, sent) == ("POST", "/Demo%20B.V./third-party/orders", body)
    assert headers["Idempotency-Key"] == "k1"
    assert headers["Content-Type"] == "application/json"


# Time


@pytest.mark.parametrize("slow", [silence, stall, drip])
def test_a_call_ends_when_its_time_is_up(connect: Connect, serve: Serve, slow: Answer) -> None:
    server = serve(slow)
    began = time.monotonic()
    with pytest.raises(
        GatewayUnavailable, match=r"no answer for the thing asked for \(no answer within 0.3 s\)"
    ):
        ask(connect(server.url, rule=ONCE, timeout_seconds=0.3))
    assert time.monotonic() - began >= 0.3


def test_a_body_that_drips_in_chunks_times_out_too(connect: Connect, serve: Serve) -> None:
    def drip_chunks(handler: Handler) -> None:
        handler.begin(200, Transfer_Encoding="chunked")
        while True:
            handler.wfile.write(b"1\r\n \r\n")
            time.sleep(0.01)

    with pytest.raises(GatewayUnavailable, match=r"no answer within 0.3 s"):
        ask(connect(serve(drip_chunks).url, rule=ONCE, timeout_seconds=0.3))


def test_a_body_that_comes_slowly_but_in_time_is_read(connect: Connect, serve: Serve) -> None:
    def slowly(handler: Handler) -> None:
        handler.begin(200, Content_Length="7")
        for letter in (b"[1", b",2", b",3]"):
            handler.wfile.write(letter)
            time.sleep(0.05)

    assert ask(connect(serve(slowly).url, rule=ONCE)) == [1, 2, 3]


def test_a_gateway_that_is_not_there_is_unavailable(connect: Connect, serve: Serve) -> None:
    server = serve(say())
    server.server_close()
    client = connect(server.url)
    with pytest.raises(GatewayUnavailable, match=r"\(the gateway at 127\S+ refuses connections\): try again"):
        ask(client)
    assert client.counts.calls == FAST.tries


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test"])
def test_a_host_that_cannot_be_is_a_wrong_setting(connect: Connect, host: str) -> None:
    with pytest.raises(ChangeSite, match="check A4S_GATEWAY_URL"):
        ask(connect(f"http://{host}"))


def test_without_a_gateway_there_is_no_client() -> None:
    with pytest.raises(ChangeSettings, match="A4S_GATEWAY_URL is not set"):
        GatewayClient(settings_for(None))


# Busy


def test_a_gateway_that_is_busy_is_waited_for_as_long_as_it_asks(connect: Connect, serve: Serve) -> None:
    # By a clock that is an hour ahead of ours.
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    date = format_datetime(now + timedelta(seconds=1), usegmt=True)

    def seconds_waited(status: int, retry_after: str) -> float:
        busy = say(status, b"", Date=format_datetime(now, usegmt=True), Retry_After=retry_after)
        client = connect(serve(in_turn(busy, say(200, b"[1]"))).url)
        began = time.monotonic()
        assert ask(client) == [1]
        assert client.counts.retries == 1
        return time.monotonic() - began

    with ThreadPoolExecutor(4) as threads:
        waits = list(threads.map(seconds_waited, [429, 503, 429, 503], ["1", "1", date, date]))
    assert min(waits) >= 1


def test_a_gateway_that_stays_busy_is_asked_oftener_than_one_that_fails(
    connect: Connect, serve: Serve
) -> None:
    client = connect(serve(say(503, b"", Retry_After="0")).url)
    with pytest.raises(GatewayUnavailable):
        ask(client)
    assert client.counts.calls == FAST.tries_when_told > FAST.tries


def test_a_gateway_that_asks_for_too_long_a_pause_is_given_up_at_once(connect: Connect, serve: Serve) -> None:
    client = connect(serve(say(429, b"", Retry_After="3600")).url)
    with pytest.raises(GatewayUnavailable) as caught:
        ask(client)
    assert caught.value.wait_seconds == 3600
    assert client.counts.calls == 1


def test_while_the_gateway_is_busy_all_threads_pause(connect: Connect, serve: Serve) -> None:
    came: list[float] = []

    def answer(handler: Handler) -> None:
        came.append(time.monotonic())
        say(429, b"", Retry_After="1")(handler) if len(came) == 1 else say(200, b"[1]")(handler)

    client = connect(serve(answer).url)
    thread, failures = in_background(lambda: ask(client))
    eventually(lambda: client._pace._pauses == 1)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ask(client), range(8)))
    thread.join()
    assert failures == []
    assert len(came) == 10
    assert min(came[1:]) - came[0] >= 1


# By a deadline


def test_with_a_deadline_a_gateway_that_asks_for_a_longer_pause_is_given_up_at_once_for_all(
    connect: Connect, serve: Serve
) -> None:
    server = serve(say(429, b"", Retry_After="30"))
    client = connect(server.url)
    with answered_until(time.monotonic() + 5):
        for _ in range(3):
            with pytest.raises(GatewayUnavailable, match=r"try again in [23]\d s") as caught:
                ask(client)
            assert 20 < (caught.value.wait_seconds or 0) <= 31
            assert caught.value.is_untaken
    # The others need not ask: the gateway has said when.
    assert client.counts.calls == 1


def test_a_gateway_that_never_answers_is_given_up_by_the_deadline(connect: Connect, serve: Serve) -> None:
    over = threading.Event()
    client = connect(serve(lambda _: over.wait(20)).url, timeout_seconds=20)
    began = time.monotonic()
    within = r"no answer within (0\.\d+|1) s"
    with answered_until(began + 1), pytest.raises(GatewayUnavailable, match=within):
        ask(client)
    assert time.monotonic() - began >= 0.9
    with answered_until(began), pytest.raises(GatewayUnavailable, match="in time"):
        ask(client)
    over.set()
    assert client.counts.calls == 1


def test_a_call_that_cannot_start_in_time_delays_no_other(connect: Connect, serve: Serve) -> None:
    client = connect(serve(say(200, b"[1]")).url, max_calls_per_second=0.02)
    ask(client)
    with answered_until(time.monotonic() + 20):
        for _ in range(20):
            with pytest.raises(GatewayUnavailable, match=r"try again in \d+ s") as caught:
                ask(client)
            assert 0 < (caught.value.wait_seconds or 0) < 51


# Down


def test_a_gateway_that_is_down_is_tried_once_a_call_until_it_answers(connect: Connect, serve: Serve) -> None:
    server = serve(say(500))
    client = connect(server.url, max_connections=1, rule=RetryRule(tries=3, first_wait=0.001))

    def tries() -> int:
        before = len(server.asked)
        with pytest.raises(A4sError):
            ask(client)
        return len(server.asked) - before

    assert [tries() for _ in range(4)] == [3, 3, 1, 1]
    server.answer = say(200, b"[1]")
    assert ask(client) == [1]
    server.answer = say(500)
    assert [tries() for _ in range(3)] == [3, 3, 1]
    server.answer = problem(404, "UnknownOrder")
    assert tries() == 1
    server.answer = say(500)
    assert [tries() for _ in range(3)] == [3, 3, 1]


def test_failures_that_are_not_in_a_row_do_not_make_a_gateway_down(connect: Connect, serve: Serve) -> None:
    server = serve(say(500))
    client = connect(server.url, max_connections=1, rule=RetryRule(tries=2, first_wait=0.001))
    for _ in range(4):
        server.answer = say(500)
        with pytest.raises(GatewayUnavailable):
            ask(client)
        server.answer = say(200, b"[1]")
        ask(client)
    assert client.counts.retries == 4


# Threads


def test_calls_and_retries_are_counted_right_under_threads(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.server_error = 0.3
    client = connect(sandbox.url, rule=RetryRule(tries=50, first_wait=0.0001, longest_wait=0.001))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(client), range(200)))
    failed = [request for request in sandbox.requests if request.fault]
    assert len(failed) > 20
    assert client.counts.calls == len(sandbox.requests) == 200 + len(failed)
    assert client.counts.retries == len(failed)


def test_no_more_calls_a_second_start_than_the_ceiling_allows(connect: Connect, sandbox: Sandbox) -> None:
    client = connect(sandbox.url, max_calls_per_second=100)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(client), range(41)))
    assert time.monotonic() - began >= 40 / 100


def test_retries_count_against_the_ceiling(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.script = {"status": ["server_error"] * 4}
    client = connect(sandbox.url, max_calls_per_second=20)
    began = time.monotonic()
    ask(client)
    assert time.monotonic() - began >= 4 / 20


def test_connections_are_kept_and_shared(connect: Connect, serve: Serve) -> None:
    chunked = in_turn(say(200, b"[1]"), say(404, b"{}"), say(200, b"[1]"), say(500), say(200, b"[1]"))
    server = serve(chunked)
    client = connect(server.url)
    for _ in range(10):
        try:
            ask(client)
        except NotThere:
            continue
    assert (len(server.asked), server.connections) == (11, 1)


@pytest.mark.parametrize(("size", "opened"), [(24, 24), (4, 24 + 20)])
def test_the_pool_is_as_large_as_the_connections(
    connect: Connect, serve: Serve, size: int, opened: int
) -> None:
    all_are_here = threading.Barrier(24)

    def answer(handler: Handler) -> None:
        all_are_here.wait(timeout=5)
        say(200, b"[1]")(handler)

    server = serve(answer)
    client = connect(server.url, max_connections=size)
    for _ in range(2):
        with ThreadPoolExecutor(24) as threads:
            list(threads.map(lambda _: ask(client), range(24)))
    assert (client.counts.calls, server.connections) == (48, opened)


@pytest.mark.parametrize("call", [ask, send])
def test_closing_ends_the_waits_of_other_threads(
    connect: Connect, serve: Serve, call: Callable[[GatewayClient], Any]
) -> None:
    server = serve(say(429, b"", Retry_After="120"))
    client = connect(server.url)
    first, told = in_background(lambda: ask(client))
    eventually(lambda: client._pace._pauses == 1)
    second, held = in_background(lambda: call(client))
    time.sleep(0.05)
    client.close()
    for thread in (first, second):
        thread.join(60)
        assert not thread.is_alive()
    for failures in (told, held):
        assert isinstance(failures[0], GatewayUnavailable)
        assert "stopped before" in str(failures[0])
    assert len(server.asked) == 1


def test_a_client_that_is_closed_calls_nothing(serve: Serve) -> None:
    server = serve(say())
    with GatewayClient(settings_for(server.url), rule=FAST) as client:
        ask(client)
    for call in (ask, send):
        with pytest.raises(GatewayUnavailable, match="stopped before"):
            call(client)
    assert len(server.asked) == 1


# Bodies


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_a_body_larger_than_the_largest_is_refused(
    connect: Connect, serve: Serve, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 100_000)

    def answer(handler: Handler) -> None:
        body = b'"' + b"x" * (size - 2) + b'"'
        if framing == "chunked":
            handler.begin(200, Transfer_Encoding="chunked")
            handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (size, body))
        elif framing == "gzip":
            say(200, gzip.compress(body), Content_Encoding="gzip")(handler)
        else:
            say(200, body)(handler)

    server = serve(answer)
    size = 100_000
    assert len(ask(connect(server.url, rule=ONCE))) == 99_998
    size = 100_001
    with pytest.raises(ReplyUnreadable, match="the gateway's answer for the thing asked for is larger than"):
        ask(connect(server.url, rule=ONCE))


def test_a_body_that_is_no_json_can_be_asked_for_as_bytes(connect: Connect, serve: Serve) -> None:
    picture = bytes(range(256)) * 1000
    client = connect(serve(say(200, picture)).url)
    assert client.get_bytes(GatewayCall("image", NAME, "a picture", "0f0f"), bytes).value == picture


# Credentials


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({}, None),
        ({"gateway_token": TOKEN}, f"Bearer {TOKEN}"),
        (
            {"gateway_user": USER, "gateway_password": PASSWORD},
            f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}",
        ),
    ],
)
@pytest.mark.parametrize("call", [ask, send])
def test_credentials_are_sent_as_the_settings_say(
    connect: Connect,
    serve: Serve,
    credentials: dict[str, str],
    header: str | None,
    call: Callable[[GatewayClient], Any],
) -> None:
    server = serve(say())
    call(connect(server.url, **credentials))
    assert server.asked[0][2].get("Authorization") == header


def test_basic_credentials_beyond_ascii_arrive_to_the_letter(connect: Connect, serve: Serve) -> None:
    server = serve(say())
    ask(connect(server.url, gateway_user=USER, gateway_password=PASSWORD))
    sent = server.asked[0][2]["Authorization"].removeprefix("Basic ")
    assert b64decode(sent).decode("utf-8") == f"{USER}:{PASSWORD}"


def test_nothing_of_the_machine_decides_whom_a_call_reaches_or_who_we_are(
    connect: Connect, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server = serve(say())
    ask(connect(server.url, rule=ONCE))
    assert "Authorization" not in server.asked[0][2]


SECRETS = {
    "token": {"gateway_token": TOKEN},
    "basic": {"gateway_user": USER, "gateway_password": PASSWORD},
}
HIDDEN = [
    TOKEN,
    PASSWORD,
    USER,
    repr(PASSWORD.encode())[2:-1],
    b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    "Geheim",
    "Authorization",
]


def echo(handler: Handler) -> None:
    """Answer with the request itself, as a careless gateway does in its errors."""
    sent = handler.headers["Authorization"]
    problem(422, "ValidationFailed", detail=sent, title=sent)(handler)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    "answer",
    [
        say(),
        say(401),
        say(403),
        say(404),
        say(500),
        say(200, b"<html>"),
        say(301, Location="http://["),
        echo,
        silence,
        stall,
        drip,
        cut,
        no_gzip,
        None,
    ],
)
@pytest.mark.parametrize("call", [ask, send])
def test_credentials_show_in_no_log_error_or_text_form(
    connect: Connect,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    answer: Answer | None,
    call: Callable[[GatewayClient], Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(answer or say())
    if answer is None:
        server.server_close()
    client = connect(
        server.url, rule=RetryRule(tries=2, first_wait=0.001), timeout_seconds=0.05, **SECRETS[kind]
    )
    shown = [repr(client), repr(client._transport), repr(vars(client._transport)["_pool"])]
    try:
        call(client)
    except A4sError as error:
        shown += [str(error), repr(error), *traceback.format_exception(error)]
        # Nor does what the libraries wrote, which repeats what they were given.
        assert "HTTPConnectionPool" not in "".join(shown)
    else:
        assert server.asked[0][2]["Authorization"]
    shown += [caplog.text, *capfd.readouterr()]
    assert "127.0.0.1" in caplog.text
    for secret in HIDDEN:
        assert secret not in "\n".join(shown)


# TLS


def test_a_certificate_that_does_not_verify_is_an_error_and_not_tried_again(
    connect: Connect, serve: Serve, certificate: Path
) -> None:
    server = serve(say(200, b"[1]"), certificate)
    client = connect(server.url, gateway_token=TOKEN)
    for call in (ask, send):
        with pytest.raises(
            ChangeSite, match=r"does not verify \(its authority is not trusted here\): set A4S_GATEWAY_CA"
        ) as caught:
            call(client)
        assert caught.value.code == "CertificateInvalid"
    assert (client.counts.calls, client.counts.retries, server.connections, server.asked) == (2, 0, 2, [])


def test_the_same_certificate_is_good_once_it_is_trusted_and_only_for_its_host(
    connect: Connect, serve: Serve, certificate: Path
) -> None:
    server = serve(say(200, b"[1]"), certificate)
    assert ask(connect(server.url, gateway_ca=certificate)) == [1]
    elsewhere = connect(server.url.replace("127.0.0.1", "localhost"), gateway_ca=certificate)
    with pytest.raises(ChangeSite, match=r"does not verify \(it is not for localhost\)"):
        ask(elsewhere)
    assert len(server.asked) == 1


def test_a_gateway_that_speaks_no_tls_is_a_wrong_setting(connect: Connect, serve: Serve) -> None:
    server = serve(say())
    with pytest.raises(ChangeSite, match="answers without TLS: write http:// in A4S_GATEWAY_URL"):
        ask(connect(server.url.replace("http:", "https:"), rule=ONCE))
    assert server.asked == []


# What a reply brings


def test_a_reply_tells_when_the_gateway_gave_it(connect: Connect, serve: Serve) -> None:
    server = serve(say(200, b"[1]", Date="Sun, 31 Mar 2024 12:00:00 GMT"))
    reply = connect(server.url).get(GatewayCall("status", NAME, "x"), list)
    assert reply.answered_at == reply.clock == datetime(2024, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 31 Dec 9999 23:59:59 -0100"])
def test_a_reply_without_a_date_has_no_clock_and_our_time(
    connect: Connect, serve: Serve, date: str | None
) -> None:
    before = datetime.now(UTC)
    reply = connect(serve(say(200, b"[1]", Date=date)).url).get(GatewayCall("status", NAME, "x"), list)
    assert reply.clock is None
    assert before <= reply.answered_at <= datetime.now(UTC)


def test_the_base_url_may_have_a_path_and_routes_may_be_others(serve: Serve) -> None:
    server = serve(say())
    settings = settings_for(f"{server.url}/a4s/api/", gateway_routes={"status": "/v2/{a}/health"})
    with GatewayClient(settings, rule=FAST) as client:
        ask(client, params={"at": "2024-01-01T00:00:00+01:00", "page": 0})
    method, path, headers, _ = server.asked[0]
    assert (method, path) == (
        "GET",
        "/a4s/api/v2/Demo%20B.V./health?at=2024-01-01T00%3A00%3A00%2B01%3A00&page=0",
    )
    assert headers["Accept"] == "application/json"
    assert headers["User-Agent"].startswith("a4s-pipeline/")
