"""Each answer belongs to its question, whatever comes before, after or in between."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import GatewayUnavailable, NotThere, ReplyUnreadable
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayCall, GatewayClient
from a4s_pipeline_tests.gateway.conftest import FAST, NAME, ONCE, ask, send, settings_for
from a4s_pipeline_tests.gateway.wire.raw_server import (
    CONTINUE,
    EARLY_HINTS,
    PROCESSING,
    Write,
    answer,
    later,
    raw_server,
)

Interim = Callable[[Write], None]


def of(question: str, **more: Any) -> bytes:
    """An answer that names the question it answers."""
    return answer(json.dumps([question]).encode(), **more)


def wanted(number: int) -> list[str]:
    return [f"GET /Demo%20B.V./orders/O-{number}/lines"]


def lines(client: GatewayClient, number: int) -> Any:
    return ask(client, "order_lines", code=f"O-{number}")


def at_once(write: Write) -> None:
    write(EARLY_HINTS)


def some_while_before(write: Write) -> None:
    write(EARLY_HINTS)
    later()


def several(write: Write) -> None:
    write(CONTINUE + PROCESSING)
    later(0.005)
    write(PROCESSING + EARLY_HINTS)


@pytest.mark.parametrize("interim", [at_once, some_while_before, several])
def test_what_comes_before_an_answer_is_read_past_on_every_verb(interim: Interim) -> None:
    def reply(question: str, write: Write) -> None:
        interim(write)
        write(of(question, status=b"201 Created" if question.startswith("POST") else b"200 OK"))

    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda number: lines(client, number), range(40))) == [
                wanted(number) for number in range(40)
            ]
        assert send(client) == ["POST /Demo%20B.V./third-party/orders"]
        assert client.counts.calls == len(server.asked) == 41
        assert client.counts.interim_answers >= 41


def test_interim_answers_without_end_are_given_up_when_the_time_is_up() -> None:
    def reply(question: str, write: Write) -> None:
        del question
        while True:
            write(PROCESSING)
            later(0.01)

    with (
        raw_server(reply) as server,
        GatewayClient(settings_for(server.url, timeout_seconds=0.3), rule=ONCE) as client,
    ):
        for call in (ask, send):
            with pytest.raises(GatewayUnavailable, match=r"no answer within 0.3 s"):
                call(client)
        assert len(server.asked) == 2


def test_a_head_that_drips_is_given_up_when_the_time_is_up() -> None:
    def reply(question: str, write: Write) -> None:
        del question
        for letter in b"HTTP/1.1 200 OK" + b" " * 500:
            write(bytes([letter]))
            later(0.01)

    with (
        raw_server(reply) as server,
        GatewayClient(settings_for(server.url, timeout_seconds=0.3), rule=ONCE) as client,
        pytest.raises(GatewayUnavailable, match=r"no answer within 0.3 s"),
    ):
        ask(client)


def test_an_answer_that_changes_the_protocol_is_no_answer_and_a_post_is_not_sent_again() -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"

    with (
        raw_server(lambda question, write: write(upgrade + of(question))) as server,
        GatewayClient(settings_for(server.url), rule=FAST) as client,
    ):
        for call, times in ((ask, FAST.tries), (send, 1)):
            server.asked.clear()
            with pytest.raises(ReplyUnreadable, match="it answers 101"):
                call(client)
            assert len(server.asked) == times
        assert server.connections == FAST.tries + 1


def twice_in_one(question: str, write: Write) -> None:
    write(of(question) * 2)


def twice_in_two(question: str, write: Write) -> None:
    write(of(question))
    write(of(question))


def twice_with_a_pause(question: str, write: Write) -> None:
    write(of(question))
    later()
    write(of(question))


def longer_than_its_length(question: str, write: Write) -> None:
    body = json.dumps([question]).encode()
    write(answer(body + b'["more"]', length=len(body)))


def more_a_while_later(question: str, write: Write) -> None:
    body = json.dumps([question]).encode()
    write(answer(body))
    later()
    write(b'["more"]')


def longer_and_like_an_answer(question: str, write: Write) -> None:
    body = json.dumps([question]).encode()
    write(answer(body + answer(b'["of nobody"]'), length=len(body)))


def chunks_and_more(question: str, write: Write) -> None:
    body = json.dumps([question]).encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) + answer(b'["of nobody"]'))


@pytest.mark.parametrize(
    "reply",
    [
        twice_in_one,
        twice_in_two,
        twice_with_a_pause,
        longer_than_its_length,
        more_a_while_later,
        longer_and_like_an_answer,
        chunks_and_more,
    ],
)
@pytest.mark.parametrize("threads", [1, 8])
def test_what_is_left_on_a_connection_never_reaches_the_next_call(
    reply: Callable[[str, Write], None], threads: int
) -> None:
    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=FAST) as client:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda number: lines(client, number), range(24)))
        assert found == [wanted(number) for number in range(24)]
        assert send(client) == ["POST /Demo%20B.V./third-party/orders"]
        assert client.counts.calls == 25 + client.counts.retries


def test_what_comes_while_a_connection_waits_is_not_the_answer_to_the_next_question() -> None:
    late = threading.Event()

    def reply(question: str, write: Write) -> None:
        write(of(question))
        if not late.is_set():
            later(0.03)
            write(answer(b'["of nobody"]'))
            late.set()

    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        assert lines(client, 1) == wanted(1)
        assert late.wait(5)
        later()
        assert lines(client, 2) == wanted(2)
        assert (server.connections, client.counts.retries) == (2, 0)


def test_a_post_has_a_connection_to_itself_so_that_nothing_late_can_answer_it() -> None:
    with (
        raw_server(lambda question, write: write(of(question))) as server,
        GatewayClient(settings_for(server.url), rule=ONCE) as client,
    ):
        for number in range(3):
            lines(client, number)
            send(client)
            client.get(GatewayCall("third_party_order", NAME, "an order", "IO-1", alone=True), list)
        assert server.connections == 1 + 3 + 3


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_records_that_are_alike_cost_no_call_more(status: bytes) -> None:
    body = b"[]" if status.startswith(b"200") else b'{"code": "UnknownOrder"}'
    with (
        raw_server(lambda _question, write: write(answer(body, status))) as server,
        GatewayClient(settings_for(server.url), rule=ONCE) as client,
    ):
        for number in range(10):
            with nullcontext() if status.startswith(b"200") else pytest.raises(NotThere):
                assert lines(client, number) == []
        assert (client.counts.calls, client.counts.retries, len(server.asked), server.connections) == (
            10,
            0,
            10,
            1,
        )


@pytest.mark.parametrize("ends", [False, True])
def test_an_answer_that_came_twice_is_recognized_by_what_follows_it(ends: bool) -> None:
    def reply(question: str, write: Write) -> None:
        number = len(server.asked)
        if number == 2:
            # The answer to the first question once more, and the own one after some work.
            write(of(server.asked[0]))
            later(0.05)
            if ends:
                raise OSError
        write(of(question))

    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=ONCE) as client:
        assert [lines(client, number) for number in range(4)] == [wanted(number) for number in range(4)]
        assert (client.counts.calls, client.counts.retries, server.asked[1]) == (5, 1, server.asked[2])


def test_the_same_question_may_have_the_same_answer() -> None:
    with (
        raw_server(lambda _question, write: write(answer(b"[]"))) as server,
        GatewayClient(settings_for(server.url), rule=ONCE) as client,
    ):
        for _ in range(5):
            assert lines(client, 1) == []
        assert (client.counts.calls, server.connections) == (5, 1)


def test_what_names_another_page_is_asked_for_over_a_new_connection_and_its_own_is_not_used_again() -> None:
    behind: dict[Any, int] = {}

    def reply(question: str, write: Write) -> None:
        number = int(question.partition("page=")[2].partition("&")[0])
        line = getattr(write, "__self__", None)
        if not behind:
            behind[line] = number
        # Over the first connection, each answer but the first is that to the question before.
        told = behind.get(line, number)
        if line in behind:
            behind[line] = number
        page = {"page": told, "pageSize": 2, "totalCount": 6, "items": [f"{len(server.asked)}a", "b"]}
        write(answer(json.dumps(page).encode()))

    with raw_server(reply) as server, GatewayClient(settings_for(server.url), rule=FAST) as client:
        administration = Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), 2)
        assert [administration.customers(number).value.number for number in range(3)] == [0, 1, 2]
        asked = [question.rpartition("page=")[2][0] for question in server.asked]
        assert (asked, client.counts.retries, server.connections) == (["0", "1", "1", "2"], 1, 3)
