"""The sandbox behind the client's transport, without sockets, with random faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import urllib3

from a4s_pipeline.gateway.wire.faults import End, broken_off, unanswered
from a4s_pipeline.gateway.wire.transport import Answer, WireRequest
from a4s_pipeline_tests.simulation.runtime import BEGIN, SimulatedRuntime, true_time
from a4s_pipeline_tests.simulation.scheduler import Process
from a4s_sandbox import Faults, World
from a4s_sandbox.answers.replies import Reply, html_page, problem
from a4s_sandbox.answers.routes import Match, answer, resolve

READ_FAULTS = ("lost", "lost reply", "cut", "slow", "html", "500", "502", "503", "429")
SEND_FAULTS = (*READ_FAULTS, "late", "booked 500", "conflict")
"""What may become of a call. On those that send, "late" books it after its sender has left, "booked 500"
books and answers 500, "conflict" answers 409 without a word on what is there."""
_END = End("the gateway", "gateway", 80, "A4S_GATEWAY_URL", is_tls=False)


@dataclass
class Weather:
    """The probability of each fault, and how long a gateway may take to book a request."""

    read_rates: dict[str, float] = field(default_factory=dict)
    send_rates: dict[str, float] = field(default_factory=dict)
    books_within: float = 4.0
    wait: float = 0.05
    """The longest that a call takes on its way, and back, in seconds."""


class SimulatedGateway:
    """A world and the weather on the way to it; `on_page` is called after each page is made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.process = Process("gateway")
        self.weather = Weather()
        self.on_page: Callable[[], object] = lambda: None

    def work(self, match: Match, question: WireRequest) -> Reply:
        """Make a call and return its answer."""
        query = dict(parse_qsl(question.target.partition("?")[2], keep_blank_values=True))
        faults = Faults(on_page=lambda *_: self.on_page())
        body = question.body or b""
        return answer(self.world, faults, match, query=query, body=body, started=BEGIN)


class SimulatedTransport:
    """Carries the calls of one process to the gateway."""

    def __init__(self, gateway: SimulatedGateway, runtime: SimulatedRuntime) -> None:
        self._gateway = gateway
        self._runtime = runtime

    def send(self, question: WireRequest) -> Answer:
        """Send a call through the current weather."""
        scheduler = self._runtime.scheduler
        weather = self._gateway.weather
        match = resolve(question.method, question.target.partition("?")[0])
        fault = self._fault(question.method == "POST")
        what = f"{question.method} {question.target}"
        began = scheduler.now
        scheduler.suspend(seconds=scheduler.chance.uniform(0, weather.wait))
        reply: Reply | None = None
        if fault == "late":
            self._book_later(match, question)
        elif fault not in ("lost", "html", "500", "502", "503", "429", "conflict"):
            reply = self._gateway.work(match, question)
        if fault in ("slow", "late"):
            scheduler.suspend(seconds=max(0.0, began + question.timeout - scheduler.now))
        else:
            scheduler.suspend(seconds=scheduler.chance.uniform(0, weather.wait))
        is_late = scheduler.now - began >= question.timeout
        scheduler.note(f"{what} -> {fault or ('too late' if is_late else reply and reply.status)}")
        if fault in ("slow", "late") or is_late:
            late = urllib3.exceptions.ReadTimeoutError(cast("Any", None), "", "timed out")
            raise unanswered(late, question.subject, question.timeout, _END)
        if fault in ("lost", "lost reply"):
            reset = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError())
            raise unanswered(reset, question.subject, question.timeout, _END)
        if fault == "cut":
            raise broken_off(
                urllib3.exceptions.ProtocolError("IncompleteRead"), question.subject, question.timeout
            )
        if fault is not None:
            reply = self._instead(fault)
        assert reply is not None
        return self._answer(reply)

    def close(self) -> None:
        """Close nothing."""

    def _fault(self, is_post: bool) -> str | None:
        chance = self._runtime.scheduler.chance
        weather = self._gateway.weather
        drawn = chance.random()
        for name, rate in (weather.send_rates if is_post else weather.read_rates).items():
            drawn -= rate
            if drawn < 0:
                return name
        return None

    def _book_later(self, match: Match, question: WireRequest) -> None:
        scheduler, weather = self._runtime.scheduler, self._gateway.weather
        seconds = question.timeout + scheduler.chance.uniform(0, weather.books_within)

        def book() -> None:
            scheduler.suspend(seconds=seconds)
            scheduler.note(f"late {question.target} -> {self._gateway.work(match, question).status}")

        scheduler.start(self._gateway.process, "late", book)

    def _instead(self, fault: str) -> Reply:
        match fault:
            case "html":
                return html_page(200, "Maintenance")
            case "502":
                return html_page(502, "502 Bad Gateway")
            case "conflict":
                return problem(409, "Conflict", "It is at work on it.")
            case "500" | "booked 500":
                return problem(500, "InternalServerError", "Something went wrong.")
        code = {"503": "ServiceUnavailable", "429": "TooManyRequests"}[fault]
        reply = problem(int(fault), code, "The gateway is busy.")
        reply.headers = (("Retry-After", str(self._runtime.scheduler.chance.choice((0, 1, 2)))),)
        return reply

    def _answer(self, reply: Reply) -> Answer:
        headers = urllib3.HTTPHeaderDict(reply.headers)
        headers["Content-Type"] = reply.content_type
        headers["Content-Length"] = str(len(reply.body))
        headers["Date"] = format_datetime(true_time(self._runtime.scheduler), usegmt=True)
        return Answer(
            reply.status,
            headers,
            reply.body,
            0,
            is_doubtful=False,
            is_contradicted=False,
            connection=cast("Any", SimpleNamespace(has_leftover=False)),
        )
