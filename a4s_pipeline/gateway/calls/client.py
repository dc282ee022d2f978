"""One HTTP client for a run: shared connections, time-outs, and retries (of GETs only)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode

from a4s_pipeline.errors import A4sError, GatewayUnavailable, ReplyUnreadable, TryAgain
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.calls.answers import (
    accepted_only,
    contradicted,
    error_for,
    nested_too_deeply,
    no_time_left,
)
from a4s_pipeline.gateway.calls.credentials import CredentialMask
from a4s_pipeline.gateway.calls.deadline import seconds_left
from a4s_pipeline.gateway.calls.pace import Outage, Pace
from a4s_pipeline.gateway.calls.retrying import RetryRule, http_date, told_wait
from a4s_pipeline.gateway.wire.faults import refused_by_proxy, unreadable
from a4s_pipeline.gateway.wire.text import json_of
from a4s_pipeline.gateway.wire.transport import Answer, Caller, Transport, WireRequest
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.settings.routes import Routes

T = TypeVar("T")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """The result of a call: the value read from its body, and the time of the answer."""

    value: T
    answered_at: datetime
    clock: datetime | None
    """The gateway's `Date` header, if it sends one."""
    is_mended: bool = False
    """Whether some of its text had to be repaired: see `wire.text`."""


@dataclass(frozen=True)
class GatewayCall:
    """One call to a route of the gateway; `subject` names the record in messages.

    `code` fills in the route's code. `alone` uses a new connection, as calls that decide about a send do.
    With `may_be_empty`, an answer without a body is read as `null`.
    """

    route: str
    administration: str
    subject: str
    code: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    alone: bool = False
    may_be_empty: bool = False


class CallCounts:
    """How many calls a client made, and what they cost; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.retries = 0
        self.interim_answers = 0
        """How many interim answers (1xx) came."""

    def add(self, *, calls: int = 0, retries: int = 0, interim_answers: int = 0) -> None:
        """Count what one call cost."""
        with self._lock:
            self.calls += calls
            self.retries += retries
            self.interim_answers += interim_answers


class GatewayClient:
    """Calls the gateway for any number of threads, and counts its calls.

    It retries GETs after temporary failures and never repeats any other call. Use it as a context manager, or
    `close` it: calls waiting for a retry then end at once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        rule: RetryRule | None = None,
        transport: Transport | None = None,
        runtime: Runtime = MACHINE,
    ) -> None:
        self.runtime = runtime
        self._base = settings.required_gateway_url()
        self._routes = Routes(**settings.gateway_routes)
        self._rule = rule or RetryRule()
        self._timeout = settings.timeout_seconds
        self._pace = Pace(settings.max_calls_per_second, runtime.monotonic)
        self._closed = threading.Event()
        self._outage = Outage(2 * settings.max_connections)
        self.counts = CallCounts()
        self._transport = transport or Caller(settings)
        self._mask = CredentialMask(settings)

    def __repr__(self) -> str:
        return f"GatewayClient({self._base!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the waits of other threads and close the connections."""
        self._closed.set()
        self._transport.close()

    def get(self, call: GatewayCall, read: Callable[[Any], T]) -> Reply[T]:
        """Call a route and read its JSON; retries temporary failures.

        `read` turns the JSON into the wanted value. It raises `ValueError` if the shape is not the
        contract's; the call is then treated as a reply cut off.
        """
        return self._get(call, _json(read, may_be_empty=call.may_be_empty))

    def get_bytes(self, call: GatewayCall, read: Callable[[bytes], T]) -> Reply[T]:
        """Call a route whose answer is not JSON; otherwise as `get`."""
        return self._get(call, lambda answer: (read(answer.body), False))

    def _get(self, call: GatewayCall, read: Callable[[Answer], tuple[T, bool]]) -> Reply[T]:
        question = self._question("GET", call)
        tried = 0
        while True:
            try:
                self.wait_for_turn(call.subject)
                reply = self._send(question, read)
            except TryAgain as failure:
                tried += 1
                wait = self._rule.wait_before_next(failure, tried, self.runtime.chance())
                if wait is None or self._outage.is_on:
                    self._outage.note_given_up()
                    raise
                if isinstance(failure, GatewayUnavailable) and failure.wait_seconds is not None:
                    self._pace.pause(wait)
                if wait >= self._seconds_left():
                    self._outage.note_given_up()
                    raise
                # An unreadable answer may belong to another question; over a new connection it cannot.
                if isinstance(failure, ReplyUnreadable):
                    question = replace(question, alone=True)
                self._rest(wait, call.subject)
                self.counts.add(retries=1)
            except A4sError:
                self._outage.note_answer()
                raise
            else:
                self._outage.note_answer()
                return reply

    def post(
        self,
        call: GatewayCall,
        read: Callable[[Any], T],
        *,
        body: bytes,
        idempotency_key: str,
        has_turn: bool = False,
    ) -> Reply[T]:
        """Send a JSON body once; whatever goes wrong, this never sends it again.

        With `has_turn`, the caller has already waited for the rate limit.
        """
        if not has_turn:
            self.wait_for_turn(call.subject)
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        # The outcome of a POST depends on its answer alone, so it has its own connection.
        question = replace(self._question("POST", call), body=body, headers=headers, alone=True)
        try:
            # An empty answer is complete; one that was cut off is not.
            return self._send(question, _json(read, may_be_empty=True))
        except GatewayUnavailable as failure:
            # The POST is not repeated, but a gateway that is busy for one call is busy for all: later calls
            # wait as they would after a GET.
            wait = self._rule.wait_before_next(failure, 1, self.runtime.chance())
            if failure.is_untaken and failure.wait_seconds is not None and wait is not None:
                self._pace.pause(wait)
            raise

    def wait_for_turn(self, subject: str) -> None:
        """Wait until the rate limit and any pause the gateway asked for allow the next call.

        Raises `GatewayUnavailable` at once if that would be after this thread's deadline.
        """
        too_long = self._pace.wait_for_turn(lambda seconds: self._rest(seconds, subject), self._seconds_left)
        if too_long:
            raise no_time_left(subject, too_long)

    def _question(self, method: str, call: GatewayCall) -> WireRequest:
        path = self._routes.path(call.route, call.administration, call.code)
        target = f"{path}?{urlencode(call.params)}" if call.params else path
        return WireRequest(method, target, call.subject, self._timeout, alone=call.alone)

    def _send(self, question: WireRequest, read: Callable[[Answer], tuple[T, bool]]) -> Reply[T]:
        subject, is_post = question.subject, question.method == "POST"
        # A POST that is cut short may have been booked: once sent, it gets the full time-out.
        timeout = self._timeout if is_post else min(self._timeout, self._seconds_left())
        if timeout <= 0:
            raise no_time_left(subject, 0.0)
        answer = self._ask(replace(question, timeout=timeout))
        now = self.runtime.now()
        clock = http_date(answer.headers.get("Date"))
        if not 200 <= answer.status < 300:
            if answer.is_contradicted:
                answer.distrust()
                raise contradicted(answer.status, subject, is_post=is_post)
            if answer.status == 407:
                raise refused_by_proxy(answer.status, subject)
            # A date in Retry-After follows the gateway's clock, which may differ from ours.
            wait = told_wait(answer.headers.get("Retry-After"), clock or now)
            raise error_for(answer.status, answer.body, subject, wait, mask=self._mask, is_post=is_post)
        if is_post and answer.status == HTTPStatus.ACCEPTED:
            raise accepted_only(answer.body, subject)
        try:
            value, is_mended = read(answer)
        except exact_json.NestedTooDeeply:
            raise nested_too_deeply(subject) from None
        except ValueError as fault:
            answer.distrust()
            raise unreadable(subject, str(fault)) from None
        return Reply(value, clock or now, clock, is_mended)

    def _ask(self, question: WireRequest) -> Answer:
        self.counts.add(calls=1)
        answer = self._transport.send(question)
        again = answer.times_asked - 1
        if again or answer.interim:
            self.counts.add(calls=again, retries=again, interim_answers=answer.interim)
        return answer

    def _rest(self, seconds: float, subject: str) -> None:
        if self._closed.is_set() or (seconds > 0 and self.runtime.wait(self._closed, seconds)):
            raise GatewayUnavailable(f"stopped before {subject} could be read: run it again")

    def _seconds_left(self) -> float:
        return seconds_left(self.runtime.monotonic())


def _json(read: Callable[[Any], T], *, may_be_empty: bool) -> Callable[[Answer], tuple[T, bool]]:
    def read_answer(answer: Answer) -> tuple[T, bool]:
        if may_be_empty and not answer.body.strip():
            return read(None), False
        raw, is_mended = json_of(answer.body, answer.headers.get("Content-Type"))
        return read(raw), is_mended

    return read_answer
