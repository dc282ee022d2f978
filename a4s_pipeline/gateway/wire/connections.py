"""Connections on which an answer belongs to its question.

Python's http.client reads past 100 alone: it takes a 102 or 103 for the answer, and the real answer for
that to the next question. Of 40 orders, 35 were stored with another order's lines. So every interim answer
is read past here, and a connection on which something came that nobody asked for is not asked again.
"""

from __future__ import annotations

import math
import time
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class NoConnection(urllib3.exceptions.HTTPError):
    """The connection could not be made, so that nothing can have gone over it; `cause` says why."""

    def __init__(self, cause: Exception, *, is_at_proxy: bool) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause
        self.is_at_proxy = is_at_proxy


class UnaskedUpgrade(HTTPException):
    """The gateway answers 101: it goes on in a protocol that was not asked for."""


class Seen:
    """What is known of one answer: which question it came to, and what tells it from other answers."""

    def __init__(self, question: str, head: tuple[Any, ...], previous: Seen | None) -> None:
        self.question = question
        self.head = head
        self.body: int | None = None
        """A hash of the body, once that is in."""
        # An answer that has the head of the one before it, on the same connection and to another question.
        self._twin = (
            previous if previous and previous.head == head and previous.question != question else None
        )

    def is_doubtful(self, content: bytes) -> bool:
        """Tell whether this may be the answer before it, sent once more: they are the same to the letter.

        What the gateway sends twice cannot be told from an answer while it is still on its way.
        """
        twin, self._twin, self.body = self._twin, None, hash(content)
        return twin is not None and twin.body in {None, self.body}


class _Feed(RawIOBase):
    """The bytes of one answer, until a moment of `time.monotonic`; `is_over` once the answer has ended."""

    def __init__(self, sock: Any, until: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = until
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return None
        if self._until < math.inf:
            # Each read of its own would wait for the whole time-out: an answer that drips would never end.
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(BufferedReader):
    """Reads one answer; when it is closed, it tells the connection whether more had come than that."""

    def __init__(self, feed: _Feed, connection: _Connection) -> None:
        super().__init__(feed)
        self._feed = feed
        self._connection = connection

    def close(self) -> None:
        if not self.closed:
            self._feed.is_over = True
            if self.peek(1):
                self._connection.has_leftover = True
        super().close()


class _OneAnswer:
    """What http.client takes for the socket of a response."""

    def __init__(self, sock: Any, connection: _Connection) -> None:
        self._sock = sock
        self._connection = connection

    def makefile(self, mode: str) -> BufferedReader:
        del mode
        return _Reader(_Feed(self._sock, self._connection.until), self._connection)


class _Response(HTTPResponse):
    """An answer whose interim answers are read past, and counted."""

    interim = 0

    def begin(self, **bounds: Any) -> None:
        while True:
            super().begin(**bounds)
            if self.status == 101:
                raise UnaskedUpgrade
            if not 100 <= self.status < 200:
                return
            self.interim += 1
            # With these, http.client takes the next answer for one that it has begun already.
            self.headers = self.msg = None  # type: ignore[assignment]


class _Connection(HTTPConnection):
    """One connection, asked one question at a time."""

    until = math.inf
    has_leftover = False
    interim = 0
    """How many interim answers came before the last answer."""
    seen: Seen | None = None
    """The last answer that came."""
    _question = ""

    def response_class(  # type: ignore[override]
        self, sock: Any, debuglevel: int = 0, method: str | None = None
    ) -> _Response:
        """Return the answer that is about to come, as http.client asks for it."""
        self._response = _Response(_OneAnswer(sock, self), debuglevel, method)  # type: ignore[arg-type]
        return self._response

    def connect(self) -> None:
        """Connect, or raise `NoConnection`."""
        self.has_leftover = False
        self.seen = None
        self._begin()
        try:
            super().connect()
        except (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError) as cause:
            is_at_proxy = self.proxy is not None and not self.has_connected_to_proxy
            raise NoConnection(cause, is_at_proxy=is_at_proxy) from None

    @property
    def is_connected(self) -> bool:
        """Tell whether this can be asked a question: it is open, and nothing came that was not asked for."""
        pending = getattr(self.sock, "pending", None)
        return not self.has_leftover and super().is_connected and not (pending is not None and pending())

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        """Send a question."""
        self._question = f"{method} {url}"
        super().request(method, url, *arguments, **options)

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override]
        """Read the head of the answer, with all that come before it read past."""
        self._begin()
        response = super().getresponse()
        self.interim = self._response.interim
        del self._response
        head = (response.status, *response.headers.items())
        self.seen = Seen(self._question, head, self.seen)
        return response

    def _begin(self) -> None:
        self.until = math.inf if self.timeout is None else time.monotonic() + float(self.timeout)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class Pool(urllib3.HTTPConnectionPool):
    """Connections to one host that are kept for the next question."""

    ConnectionCls = _Connection


class TlsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _TlsConnection


AnyConnection = _Connection
