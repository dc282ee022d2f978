"""Whatever a gateway answers: a one-sentence error, soon, within bounds, and no call to another host."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.errors import A4sError, ChangeRequest, Inconclusive, ReplyBeyondBounds
from a4s_pipeline.gateway.administration import Administration as Asked
from a4s_pipeline.gateway.calls.client import GatewayCall, GatewayClient, Reply
from a4s_pipeline.gateway.sending import export_order
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.gateway.conftest import (
    FAST,
    Answer,
    Handler,
    Scripted,
    Serve,
    in_turn,
    say,
    settings_for,
)
from a4s_pipeline_tests.gateway.conftest import serve as serve  # noqa: PLC0414 - a fixture of theirs
from a4s_pipeline_tests.hostile.conftest import ADMINISTRATION, PlatformOf
from a4s_pipeline_tests.hostile.valid_records import HEADER, LINE, STATUS
from a4s_pipeline_tests.hostile.wire_values import any_text, any_value, as_json
from a4s_pipeline_tests.support.nightly import examples
from a4s_sandbox import Administration, Sandbox

MIB = 1024 * 1024
TOKEN = "marked-Token-93"
Ask = Callable[[Asked], object]
CALLS: dict[str, Ask] = {
    "status": lambda asked: asked.status(),
    "items": lambda asked: asked.items(0),
    "lines": lambda asked: asked.order_lines("O1"),
    "stock": lambda asked: asked.stock("A1"),
    "image": lambda asked: asked.image("0f"),
    "export": lambda asked: export_order(asked, "O1", "{}", "k"),
}


def outcome(platform: Platform, call: Ask) -> object:
    """The result of a call: its value, or the error that ended it."""
    # A pause that a gateway asks for is none that a test has time for.
    with GatewayClient(platform.settings, rule=replace(FAST, longest_told_wait=0)) as client:
        asked = Asked(client, ADMINISTRATION, platform.settings.timezone, 300)
        try:
            return call(asked)
        except A4sError as error:
            return error


def endless(handler: Handler) -> None:
    """Promise a hundred mebibytes, and send them as long as somebody reads."""
    handler.begin(200, Content_Length=str(100 * MIB))
    try:
        for _ in range(1600):
            handler.wfile.write(b" " * 65_536)
    except OSError:
        handler.server.hung_up = True  # type: ignore[attr-defined]
    handler.close_connection = True


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_says_it_is_too_large_is_not_read_and_not_asked_for_again(
    platform_of: PlatformOf, serve: Serve, call: str
) -> None:
    gateway = serve(endless)
    error = outcome(platform_of(gateway.url), CALLS[call])
    assert isinstance(error, ReplyBeyondBounds)
    assert "is larger than 64 MiB, and is not read" in str(error)
    # A page is read in smaller ones, down to one record.
    assert len(gateway.asked) == (len([300, 150, 75, 25, 5, 1]) if "pageSize" in gateway.asked[0][1] else 1)


def bombs() -> dict[str, Answer]:
    once = gzip.compress(b" " * (100 * MIB), 1)
    deflate = zlib.compress(b" " * (100 * MIB), 1)
    twice = gzip.compress(gzip.compress(b" " * (150 * MIB), 1))
    return {
        "gzip": say(200, once, Content_Encoding="gzip"),
        "deflate": say(200, deflate, Content_Encoding="deflate"),
        "gzip in gzip": say(200, twice, Content_Encoding="gzip, gzip"),
    }


def test_a_body_that_unpacks_to_a_hundred_times_its_size_is_given_up_within_bounds(
    platform_of: PlatformOf, serve: Serve
) -> None:
    for name, bomb in bombs().items():
        gateway = serve(bomb)
        platform = platform_of(gateway.url, timeout_seconds=60)
        tracemalloc.start()
        try:
            error = outcome(platform, CALLS["status"])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert isinstance(error, ReplyBeyondBounds), name
        assert peak < 80 * MIB, name
        assert len(gateway.asked) == 1, name


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"items":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
    ids=["open", "closed", "objects"],
)
@pytest.mark.parametrize("call", [name for name in CALLS if name != "image"])
def test_an_answer_that_is_nested_too_deeply_is_refused_at_once(
    platform_of: PlatformOf, serve: Serve, call: str, body: bytes
) -> None:
    gateway = serve(say(200, body))
    error = outcome(platform_of(gateway.url), CALLS[call])
    assert isinstance(error, ReplyBeyondBounds)
    assert "is nested too deeply to be read" in str(error)
    assert len(gateway.asked) == 1


def test_lines_beyond_all_bounds_are_left_and_the_other_orders_come_in(
    source: Administration, sandbox: Sandbox, platform: Platform
) -> None:
    source.put_order(HEADER | {"orderCode": "good"}, [LINE])
    source.put_encoded_order(
        "bad", 1_709_625_600_000_000, as_json(HEADER | {"orderCode": "bad"}).encode(), b"[" * 100_000
    )
    result = platform.sync("orders", "demo", run_id="r").or_raise()
    assert (result.new, result.pending, result.without_lines) == (2, 1, 1)
    assert [call.code for call in sandbox.calls("order_lines")].count("bad") == 1


# Anything else

HEADERS = (
    "Date",
    "Retry-After",
    "Content-Encoding",
    "Content-Type",
    "Location",
    "WWW-Authenticate",
    "Set-Cookie",
)
latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60)


@given(
    call=st.sampled_from(sorted(CALLS)),
    status=st.sampled_from(
        [200, 201, 204, 206, 300, 302, 400, 401, 404, 409, 418, 422, 429, 500, 503, 599, 999]
    ),
    body=any_value.map(lambda value: as_json(value).encode())
    | st.binary(max_size=200)
    | st.builds(
        lambda code, errors: as_json({"code": code, "errors": errors, "orderId": code}).encode(),
        any_text,
        any_value,
    ),
    headers=st.dictionaries(st.sampled_from(HEADERS), latin, max_size=3),
)
@settings(max_examples=examples(30, 400), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_answer_is_a_value_or_an_error_in_one_line(
    call: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    gateway = Scripted(answering(status, body, headers))
    try:
        platform = Platform(settings_for(gateway.url, connectors={"demo": ADMINISTRATION}))
        told = outcome(platform, CALLS[call])
    finally:
        gateway.stop()
    if isinstance(told, A4sError):
        assert str(told).isprintable()
        assert len(str(told)) < 400


def answering(status: int, body: bytes, headers: dict[str, str]) -> Answer:
    def answer(handler: Handler) -> None:
        head = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        handler.wfile.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        handler.close_connection = True

    return answer


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 0100 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200", "0", "é"]
)
def test_a_gateway_with_any_clock_can_be_synced_from(
    platform_of: PlatformOf, serve: Serve, date: str
) -> None:
    page: dict[str, Any] = {"page": 0, "pageSize": 300, "totalCount": 1, "items": [HEADER]}
    beyond = {**page, "page": 1, "items": []}

    def answer(handler: Handler) -> None:
        listed = page if "page=0" in handler.path else beyond
        body = STATUS if handler.path.endswith("/status") else [LINE] if "/lines" in handler.path else listed
        say(200, as_json(body).encode(), Date=date)(handler)

    result = platform_of(serve(answer).url).sync("orders", "demo", run_id="r").or_raise()
    assert (result.new, result.error) == (1, None)


def test_a_total_of_more_records_than_there_can_be_is_no_total(platform_of: PlatformOf, serve: Serve) -> None:
    page = {"page": 0, "pageSize": 300, "totalCount": 10**18, "items": [HEADER]}
    reply = outcome(platform_of(serve(say(200, as_json(page).encode())).url), CALLS["items"])
    assert isinstance(reply, Reply)
    assert (reply.value.total_count, len(reply.value.items)) == (None, 1)


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_no_redirect_is_followed_and_the_other_host_learns_nothing(
    platform_of: PlatformOf, serve: Serve, call: str, status: int
) -> None:
    other = serve(say(200, b"{}"))
    gateway = serve(say(status, b"", Location=f"{other.url}/elsewhere"))
    error = outcome(platform_of(gateway.url, gateway_token=TOKEN), CALLS[call])
    # What a POST brought about is looked up before anything is said of it.
    assert isinstance(error, Inconclusive if call == "export" else ChangeRequest)
    assert "a redirect, which is not followed" in str(error)
    assert [headers["Authorization"] for _, _, headers, _ in gateway.asked] == [f"Bearer {TOKEN}"]
    assert (other.connections, other.asked) == (0, [])


def test_the_other_host_would_have_been_asked(serve: Serve) -> None:
    """The test above would notice a call."""
    other = serve(say(200, b"{}"))
    with GatewayClient(settings_for(other.url, gateway_token=TOKEN)) as client:
        client.get(GatewayCall("status", ADMINISTRATION, "it"), lambda raw: raw)
    assert other.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_does_not_turn_a_retry_into_a_call_elsewhere(
    platform_of: PlatformOf, serve: Serve
) -> None:
    other = serve(say(200, as_json(STATUS).encode()))
    gateway = serve(in_turn(say(500, b"{}"), say(302, b"", Location=other.url)))
    assert isinstance(outcome(platform_of(gateway.url), CALLS["status"]), ChangeRequest)
    assert other.asked == []
