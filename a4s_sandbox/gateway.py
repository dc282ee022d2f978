"""The gateway behind its socket: credentials, latency, faults and the log around the routes."""

import base64
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qsl

from a4s_sandbox.answers.replies import Reply, html_page, problem
from a4s_sandbox.answers.routes import answer, resolve
from a4s_sandbox.faults import Faults
from a4s_sandbox.serving.wire import EARLY, SURPLUS, in_latin_1, with_bad_byte
from a4s_sandbox.world import World

_INSTEAD = (
    "html",
    "too_many",
    "too_many_date",
    "server_error",
    "bad_gateway",
    "unavailable",
    "gateway_timeout",
)
"""Faults that answer in the gateway's place: no work is done."""


class Headers(dict[str, str]):
    """Request headers, looked up in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a header, or the default."""
        return super().get(name.lower(), default)


@dataclass(slots=True)
class Request:
    """A logged request; `status` is 0 until it is answered."""

    method: str
    route_name: str
    administration: str
    code: str
    query: dict[str, str]
    status: int
    at: datetime
    headers: Headers
    body: bytes
    fault: str | None = None
    target: str = field(default="", repr=False)
    """The path and query as they were sent."""


@dataclass(slots=True)
class Outcome:
    """What to write: a reply, or a connection reset.

    `cut` writes less of the body than its length says, `before` and `behind` is written around the answer.
    """

    reply: Reply | None
    cut: bool = False
    before: bytes = b""
    behind: bytes = b""
    times: int = 1


class Gateway:
    """Answers requests for a world; public attributes may change while it serves."""

    def __init__(
        self,
        world: World,
        latency_ms: float,
        faults: Faults | None,
        *,
        token: str | None,
        log: bool,
    ) -> None:
        self.world = world
        self.latency_ms = latency_ms
        self.faults = faults or Faults()
        self.token = token
        self.user: str | None = None
        self.password: str | None = None
        self.requests: list[Request] = []
        self.most_in_flight = 0
        """The largest number of requests that were being answered at one moment."""
        self.started_at = datetime.now(UTC)
        self.stopping = Event()
        self._log = log
        self._in_flight = 0
        self._counting = Lock()
        self._date: tuple[int, str] = (0, "")

    def calls(self, route_name: str) -> list[Request]:
        """Return the logged requests of one route, in order of arrival."""
        return [request for request in list(self.requests) if request.route_name == route_name]

    def clear(self) -> None:
        """Clear the log."""
        self.requests.clear()
        self.most_in_flight = 0

    def _begin(self) -> None:
        self.started_at = datetime.now(UTC)
        self.stopping.clear()

    def exchange(self, method: str, target: str, headers: Headers, body: bytes) -> Outcome:
        """Answer one request, given its raw path and query."""
        path, _, raw_query = target.partition("?")
        query = dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {}
        match = resolve(method, path)
        request = Request(
            method=method,
            route_name=match.route_name,
            administration=match.administration,
            code=match.code,
            query=query,
            status=0,
            at=datetime.now(UTC),
            headers=headers,
            body=body,
            target=target,
        )
        with self._counting:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            if self._log:
                self.requests.append(request)
        try:
            faults = self.faults
            refused = self._refused(headers)
            request.fault = None if refused else faults.next_for(match.route_name)
            if self.latency_ms:
                self.stopping.wait(self.latency_ms / 1000)

            def work() -> Reply:
                return refused or answer(
                    self.world, faults, match, query=query, body=body, started=self.started_at
                )

            outcome = self._meet(request.fault, faults, work)
            if outcome.reply is not None:
                request.status = outcome.reply.status
            return outcome
        finally:
            with self._counting:
                self._in_flight -= 1

    def date_header(self) -> str | None:
        """Return the value of the Date header, or None if replies have none."""
        faults = self.faults
        if faults.no_date_header:
            return None
        now = int(time.time() + faults.clock_skew_seconds)
        known = self._date
        if known[0] != now:
            self._date = known = (now, formatdate(now, usegmt=True))
        return known[1]

    def _meet(self, fault: str | None, faults: Faults, work: Callable[[], Reply]) -> Outcome:
        if fault in _INSTEAD:
            return Outcome(self._instead(fault, faults))
        if fault == "book_late" and self._waited(lambda: faults.book_late_seconds or faults.hang_seconds):
            return Outcome(None)
        reply = None if fault == "reset" else work()
        if reply is None or fault == "lose_post_reply":
            return Outcome(None)
        if fault == "hang":
            self._waited(lambda: faults.hang_seconds)
        elif fault == "clipped":
            reply = replace(reply, body=reply.body[: len(reply.body) // 2])
        elif fault == "bad_byte":
            reply = with_bad_byte(reply)
        elif fault == "latin_1":
            reply = in_latin_1(reply)
        return Outcome(
            reply,
            cut=fault == "cut",
            before=EARLY if fault == "interim" else b"",
            behind=SURPLUS if fault == "longer" else b"",
            times=2 if fault == "twice" else 1,
        )

    def _waited(self, seconds: Callable[[], float]) -> bool:
        """Wait this long, which may be shortened meanwhile; tell whether the end interrupted it."""
        began = time.monotonic()
        while time.monotonic() - began < seconds():
            if self.stopping.wait(0.01):
                return True
        return False

    def _instead(self, fault: str | None, faults: Faults) -> Reply:
        seconds = str(faults.retry_after_seconds)
        match fault:
            case "html":
                return html_page(200, "Maintenance")
            case "bad_gateway":
                return html_page(502, "502 Bad Gateway")
            case "gateway_timeout":
                return html_page(504, "504 Gateway Timeout")
            case "unavailable":
                reply = problem(503, "ServiceUnavailable", "The gateway is busy.")
            case "too_many" | "too_many_date":
                reply = problem(429, "TooManyRequests", "Too many requests.")
                if fault == "too_many_date":
                    at = time.time() + faults.clock_skew_seconds + faults.retry_after_seconds
                    seconds = formatdate(at, usegmt=True)
            case _:
                return problem(500, "InternalServerError", "Something went wrong.")
        reply.headers = (("Retry-After", seconds),)
        return reply

    def _refused(self, headers: Headers) -> Reply | None:
        accepted = []
        if self.token is not None:
            accepted.append(f"Bearer {self.token}")
        if self.user is not None or self.password is not None:
            pair = f"{self.user or ''}:{self.password or ''}".encode()
            accepted.append("Basic " + base64.b64encode(pair).decode())
        given = str(headers.get("Authorization", "")).encode()
        if not accepted or any(hmac.compare_digest(given, known.encode()) for known in accepted):
            return None
        reply = problem(401, "Unauthorized", "Credentials are missing or wrong.")
        reply.headers = (("WWW-Authenticate", "Basic" if self.token is None else "Bearer"),)
        return reply
