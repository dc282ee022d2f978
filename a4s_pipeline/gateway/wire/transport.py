"""Sends one question and returns its whole answer, or says why there is none."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Protocol, cast
from urllib.parse import urlsplit

import urllib3

from a4s_pipeline.errors import ChangeSite, ReplyTooLarge
from a4s_pipeline.gateway.wire.connections import AnyConnection, NoConnection
from a4s_pipeline.gateway.wire.faults import (
    End,
    Fault,
    asks_for_tls,
    broken_off,
    unanswered,
    unconnected,
    with_tls,
)
from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.version import __version__

LARGEST_BODY = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One question to the gateway; `subject` names it in messages.

    `target` is its path and query, encoded. `timeout` is in seconds, to the last byte of the answer. `alone`
    opens a new connection, whose first answer certainly belongs to this question.
    """

    method: str
    target: str
    subject: str
    timeout: float
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer; `interim` counts the 1xx before it.

    `is_doubtful`: it may be the answer to the previous question, sent twice; `is_contradicted`: another
    answer came right after it; `times_asked`: how often the question was asked to be sure.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    interim: int
    is_doubtful: bool
    is_contradicted: bool
    connection: AnyConnection = field(repr=False, compare=False)
    times_asked: int = 1

    @property
    def may_be_cut_off(self) -> bool:
        """Tell whether a body may be missing: there is none, and no header says so."""
        told = ("Content-Length", "Transfer-Encoding")
        is_empty = not self.body and 200 <= self.status < 300 and self.status != HTTPStatus.NO_CONTENT
        return is_empty and not any(map(self.headers.get, told))

    def distrust(self) -> None:
        """Stop using its connection: this answers another question, and the real answer may follow."""
        self.connection.has_leftover = True


class Transport(Protocol):
    """What brings questions to the gateway."""

    def send(self, question: WireRequest) -> Answer:
        """Send one question, and return its answer; raises what kept it from one."""

    def close(self) -> None:
        """Let go of the connections."""


class Caller:
    """Sends questions over a few reused connections."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.required_gateway_url()
        self._network = Network.of(settings)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
            "User-Agent": f"a4s-pipeline/{__version__}",
            **_authorization_of(settings),
        }
        self._gateway = _end("the gateway", self._base, "A4S_GATEWAY_URL")
        proxy = self._network.proxy
        self._first_end = _end("the proxy", proxy, "A4S_GATEWAY_PROXY") if proxy else self._gateway
        self._target = self._network.target(self._base).rstrip("/")
        self._doubting = threading.Lock()
        self._sends_once = False
        try:
            self._pool = self._network.open_pool(self._base, settings.max_connections)
        except Fault as fault:
            kind = type(fault).__name__
            raise ChangeSite(f"the gateway cannot be called ({kind}): check A4S_GATEWAY_URL") from None

    def send(self, question: WireRequest) -> Answer:
        """Send one question, and return its answer."""
        answer = self._exchange_alone(question) if question.alone else self._exchange(self._pool, question)
        is_in_doubt = answer.may_be_cut_off or (answer.is_contradicted and not question.alone)
        if question.method == "GET" and is_in_doubt:
            return replace(self._exchange_alone(question), times_asked=2)
        if question.alone or not answer.is_doubtful or self._sends_once:
            return answer
        with self._doubting:
            if self._sends_once:
                return answer
            sure = self._exchange_alone(question)
            # Two records may have the same answer, and this one was the last of its connection.
            self._sends_once = (sure.status, sure.body) == (answer.status, answer.body)
            return replace(sure, times_asked=2)

    def _exchange_alone(self, question: WireRequest) -> Answer:
        with closing(self._network.open_pool(self._base, 1)) as own:
            return self._exchange(own, question)

    def _exchange(self, pool: urllib3.HTTPConnectionPool, question: WireRequest) -> Answer:
        subject, timeout = question.subject, question.timeout
        until = time.monotonic() + timeout
        try:
            response = pool.urlopen(
                question.method,
                self._target + question.target,
                body=question.body,
                headers={**self._headers, **question.headers},
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=urllib3.Timeout(total=timeout),
                preload_content=False,
            )
        except NoConnection as fault:
            raise unconnected(fault, subject, timeout, self._first_end, self._gateway) from None
        except Fault as fault:
            raise unanswered(fault, subject, timeout, self._gateway) from None
        # Nobody else gets the connection while the body is unread.
        connection = cast("AnyConnection", response.connection)
        seen, interim = connection.seen, connection.interim
        connection.is_believed = self._sends_once
        try:
            content = whole_body(response, subject, until)
        except Fault as fault:
            raise broken_off(fault, subject, timeout) from None
        finally:
            response.release_conn()
        if not self._gateway.is_tls and asks_for_tls(response.status, content):
            raise with_tls(self._gateway)
        # Two records may have the same answer. A gateway found honest once is believed: otherwise every call
        # would wait if many records are alike.
        self._sends_once = self._sends_once or (seen is not None and seen.is_coincidence)
        return Answer(
            response.status,
            response.headers,
            content,
            interim,
            is_doubtful=seen is not None and seen.is_doubtful and seen.says_much,
            is_contradicted=seen is not None and seen.is_contradicted,
            connection=connection,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _end(name: str, url: str, variable: str) -> End:
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    return End(name, parts.hostname or "", port, variable, is_tls=parts.scheme == "https")


def whole_body(response: urllib3.BaseHTTPResponse, subject: str, until: float) -> bytes:
    """Read a body to its end, or raise if that takes too long or is too large.

    A body with a declared length that is too large is not read at all.
    """
    parts: list[bytes] = []
    size = 0
    try:
        if _length_of(response) > LARGEST_BODY:
            raise _too_large(subject)
        # `read1` returns what is there: waiting for a full chunk, a body that drips would never time out.
        while part := response.read1(_CHUNK, decode_content=True):
            if time.monotonic() > until:
                raise urllib3.exceptions.TimeoutError
            size += len(part)
            if size > LARGEST_BODY:
                raise _too_large(subject)
            parts.append(part)
    except BaseException:
        # The unread rest must not become the answer to another question.
        response.close()
        raise
    return b"".join(parts)


def _length_of(response: urllib3.BaseHTTPResponse) -> int:
    told = response.headers.get("Content-Length", "")
    # Python does not read hundreds of digits as a number.
    return int(told[:20]) if told.isascii() and told.isdigit() else 0


def _too_large(subject: str) -> ReplyTooLarge:
    return ReplyTooLarge(
        f"the gateway's answer for {subject} is larger than {LARGEST_BODY >> 20} MiB, and is not read: "
        "lower A4S_PAGE_SIZE where it is a page, and show this to whoever runs the gateway"
    )


def _authorization_of(settings: Settings) -> dict[str, str]:
    """Return the header with the credentials of the settings, or none."""
    if settings.gateway_token is not None:
        return {"Authorization": f"Bearer {settings.gateway_token.get_secret_value()}"}
    if settings.gateway_user is not None and settings.gateway_password is not None:
        pair = f"{settings.gateway_user.get_secret_value()}:{settings.gateway_password.get_secret_value()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}
