"""What looks like an answer and is none: a head cut off, a body that never came, one of two."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from a4s_pipeline.errors import A4sError, ChangeRequest, GatewayUnavailable, Inconclusive, ReplyUnreadable
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline_tests.gateway.conftest import FAST, NAME, ONCE, ask, send, settings_for
from a4s_pipeline_tests.gateway.wire.raw_server import DATE, RawServer, Write, answer, raw_server
from a4s_pipeline_tests.gateway.wire.test_belonging import lines, of, wanted

HEAD = b"HTTP/1.1 200 OK\r\n" + DATE
UNTOLD = HEAD + b"Connection: close\r\n\r\n"
REFUSAL = answer(b'{"code": "ValidationFailed"}', b"422 Unprocessable")


def closing(write: Write, content: bytes) -> None:
    write(content)
    raise OSError


def first_then_sound(first: bytes) -> Callable[[RawServer], Callable[[str, Write], None]]:
    """The connection closes after the first answer; later ones are sound."""

    def of_server(server: RawServer) -> Callable[[str, Write], None]:
        def reply(question: str, write: Write) -> None:
            if len(server.asked) == 1:
                closing(write, first)
            write(of(question))

        return reply

    return of_server


def read_lines(client: GatewayClient, number: int) -> list[Any]:
    administration = Administration(client, NAME, settings_for(None).timezone, 2)
    return administration.order_lines(f"O-{number}").value


def test_a_head_that_is_cut_off_is_no_answer_and_no_order_without_lines() -> None:
    whole = HEAD + b"Content-Length: 500\r\n"
    for cut in (16, 17, len(HEAD) - 5, len(HEAD), len(whole) - 2, len(whole)):
        with (
            raw_server(lambda *_: None) as server,
            GatewayClient(settings_for(server.url), rule=FAST) as client,
        ):
            server.reply = first_then_sound(whole[:cut])(server)
            assert (read_lines(client, 1), client.counts.retries) == (wanted(1), 1), whole[:cut]
            server.asked.clear()
            with pytest.raises(GatewayUnavailable, match="closed before an answer came"):
                send(client)
            assert len(server.asked) == 1


def test_an_answer_without_a_body_that_did_not_say_so_is_asked_for_once_more() -> None:
    with raw_server(lambda *_: None) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        server.reply = first_then_sound(UNTOLD)(server)
        assert (read_lines(client, 1), client.counts.calls, client.counts.retries) == (wanted(1), 2, 1)
        server.reply = lambda question, write: closing(write, UNTOLD)
        assert (read_lines(client, 2), client.counts.calls) == ([], 4)
        for told in (answer(b""), b"HTTP/1.1 204 No Content\r\n\r\n"):
            server.reply = lambda question, write, told=told: write(told)  # type: ignore[misc]
            assert read_lines(client, 3) == []
        assert client.counts.calls == 6


@pytest.mark.parametrize(
    "stray", [answer(b'["of nobody"]'), answer(b'{"code": "UnknownOrder"}', b"404 Not Found")]
)
def test_of_two_answers_to_a_later_question_neither_is_believed(stray: bytes) -> None:
    def reply(question: str, write: Write) -> None:
        write((stray if len(server.asked) == 2 else b"") + of(question))

    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        assert [lines(client, number) for number in range(4)] == [wanted(number) for number in range(4)]
        assert (client.counts.calls, client.counts.retries) == (5, 1)


def test_a_refusal_behind_which_another_answer_comes_refuses_nothing() -> None:
    cases: dict[bytes, type[A4sError]] = {
        REFUSAL + answer(b'{"orderId": "1"}', b"201 Created"): Inconclusive,
        answer(b"", b"503 Busy", more=b"Retry-After: 0\r\n") + answer(b"{}"): Inconclusive,
        REFUSAL + REFUSAL: ChangeRequest,
        REFUSAL + b"\r\n": ChangeRequest,
    }
    for content, expected in cases.items():
        with (
            raw_server(lambda question, write, content=content: write(content)) as server,  # type: ignore[misc]
            GatewayClient(settings_for(server.url), rule=ONCE) as client,
        ):
            with pytest.raises(expected):
                send(client)
            assert len(server.asked) == 1
    with raw_server(lambda *_: None) as server, GatewayClient(settings_for(server.url), rule=FAST) as client:
        server.reply = first_then_sound(REFUSAL + of("GET another"))(server)
        assert (lines(client, 1), client.counts.retries) == (wanted(1), 1)


def test_a_head_that_contradicts_itself_is_no_answer_and_nobody_is_shown_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = json.dumps(["right"]).encode()
    with raw_server(lambda *_: None) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        server.reply = lambda question, write: closing(write, answer(body, more=b"Content-Length: 3\r\n"))
        for call in (ask, send):
            with pytest.raises(ReplyUnreadable, match="the answer is not HTTP"):
                call(client)
        server.reply = lambda question, write: closing(write, HEAD + b"no colon\r\n\r\n" + body)
        assert ask(client) == ["right"]
    assert not caplog.records
