"""Connections that match each answer to its question.

Python's http.client skips only 100: it takes a 102 or 103 for the answer, and the real answer for that to the
next question. Of 40 orders, 35 were stored with another order's lines. So this skips every interim answer,
and never reuses a connection on which something came unasked.
"""

from __future__ import annotations

import math
import time
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from io import BufferedReader, RawIOBase
from typing import Any, cast
from zlib import crc32

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import wait_for_read

# Seconds to wait for what follows an answer that came twice; usually needed once a run.
_SHORTEST_DOUBT = 0.25
_LONGEST_DOUBT = 2.0
_PATIENCE_IN_DOUBT = 3.0


class NoConnection(urllib3.exceptions.HTTPError):
    """The connection could not be made, so nothing was sent; `cause` says why."""

    def __init__(self, cause: Exception, *, is_at_proxy: bool) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause
        self.is_at_proxy = is_at_proxy


class UnaskedUpgrade(HTTPException):
    """The gateway answered 101: it switches to a protocol that was not asked for."""


class Seen:
    """What is known of one answer: its question, and what distinguishes it from other answers.

    `is_doubtful`, known once it is read: it may be the previous answer sent again, because the two are
    identical and their questions differ. `is_coincidence`: they are identical, but nothing followed, as the
    real answer would have. `is_contradicted`: another answer came right after it, and nothing shows which one
    belongs to the question.
    """

    def __init__(self, question: str, previous: Seen | None) -> None:
        self._question = question
        self._previous = previous
        self._digest = 0
        self._asked_at = time.monotonic()
        self.seconds = 0.0
        """The time from its question to its last byte."""
        self.status = 0
        self.is_doubtful = False
        self.is_coincidence = False
        self.is_contradicted = False
        self.is_first = previous is None
        """Whether it is the first answer of its connection, and so certainly that to the first question."""

    @property
    def says_much(self) -> bool:
        """Tell whether an answer of this status is about the record that was asked for."""
        return 200 <= self.status < 300 or self.status == 404

    def ended(self, digest: int, unread: bytes) -> float:
        """Record the whole answer and what follows it; return how long the previous answer took."""
        previous, self._previous, self._digest = self._previous, None, digest
        self.is_contradicted = unread.lstrip()[:5].upper() == b"HTTP/" and crc32(unread) != digest
        self.seconds = time.monotonic() - self._asked_at
        self.is_doubtful = previous is not None and previous.is_same(self._question, digest)
        return 0.0 if previous is None else previous.seconds

    def is_same(self, question: str, digest: int) -> bool:
        """Tell whether this answer has these bytes and belongs to another question."""
        return self._digest == digest and self._question != question


class _Feed(RawIOBase):
    """The bytes of one answer.

    They must arrive by a deadline of `time.monotonic`; while it `is_paused`, it waits for none.
    """

    def __init__(self, sock: Any, until: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = until
        self.is_paused = False
        self._digest = 0
        self._latest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_paused:
            return None
        if self._until < math.inf:
            # Otherwise each read would wait for the whole time-out, and an answer that drips would never end.
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        self._digest = crc32(self._latest, self._digest)
        self._latest = bytes(memoryview(buffer)[: count or 0])
        return count

    def digest_without(self, unread: bytes) -> int:
        """Return a checksum of what was read, without its end."""
        return crc32(self._latest[: len(self._latest) - len(unread)], self._digest)

    def restart(self, unread: bytes) -> None:
        """Forget what was read so far, except its end."""
        self._digest, self._latest = 0, unread

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(BufferedReader):
    """Reads one answer; on closing, it tells the connection whether more than that had come."""

    def __init__(self, feed: _Feed, connection: _Connection) -> None:
        super().__init__(feed)
        self._feed = feed
        self._connection = connection
        self.has_ended = False
        """The connection was closed before the next line."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.has_ended = not line
        return line

    def restart(self) -> None:
        """Forget what was read so far: it came before the actual answer."""
        self._feed.restart(self._unread())

    def close(self) -> None:
        if not self.closed:
            # Before the connection is given back: its next user must know.
            unread = self._unread()
            self._connection.ended(self._feed.digest_without(unread), unread)
        super().close()

    def _unread(self) -> bytes:
        self._feed.is_paused = True
        unread = self.peek(1)
        self._feed.is_paused = False
        return unread


class _OneAnswer:
    """Stands in for a response's socket in http.client."""

    def __init__(self, sock: Any, connection: _Connection) -> None:
        self._sock = sock
        self._connection = connection

    def makefile(self, mode: str) -> BufferedReader:
        del mode
        return _Reader(_Feed(self._sock, self._connection.until), self._connection)


class _Response(HTTPResponse):
    """An answer that skips and counts its interim answers."""

    interim = 0

    def begin(self, **bounds: Any) -> None:
        while True:
            super().begin(**bounds)
            if cast("_Reader", self.fp).has_ended:
                # http.client takes a head that is cut off for a complete answer without a body.
                raise RemoteDisconnected("Remote end closed connection within the head")
            # urllib3 would log an unreadable head with a traceback.
            self.msg.defects.clear()
            self.msg.set_payload("")
            if self.status == 101:
                raise UnaskedUpgrade
            if not 100 <= self.status < 200:
                return
            self.interim += 1
            cast("_Reader", self.fp).restart()
            # After these, http.client treats the next answer as one it has already begun.
            self.headers = self.msg = None  # type: ignore[assignment]


class _Connection(HTTPConnection):
    """One connection, asked one question at a time."""

    until = math.inf
    has_leftover = False
    interim = 0
    """How many interim answers came before the last answer."""
    seen: Seen | None = None
    """The latest answer, which may still be arriving."""
    is_believed = False
    """Whether the gateway is known to send each answer once: then nothing waits after a doubtful one."""
    _question = ""

    def response_class(  # type: ignore[override]
        self, sock: Any, debuglevel: int = 0, method: str | None = None
    ) -> _Response:
        """Return the next answer; http.client calls this."""
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
        """Tell whether the connection can be used: it is open and nothing came unasked."""
        pending = getattr(self.sock, "pending", None)
        return not self.has_leftover and super().is_connected and not (pending is not None and pending())

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        """Send a question."""
        self._question = f"{method} {url}"
        super().request(method, url, *arguments, **options)

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override]
        """Read the head of the answer, after all interim ones."""
        self._begin()
        self.seen = Seen(self._question, self.seen)
        response = super().getresponse()
        self.seen.status = response.status
        self.interim = self._response.interim
        del self._response
        return response

    def ended(self, digest: int, unread: bytes) -> None:
        """Record that an answer was read or given up, and what came after it."""
        self.has_leftover = self.has_leftover or bool(unread)
        seen = self.seen
        if seen is None:
            return
        before = seen.ended(digest, unread)
        if not seen.is_doubtful or self.is_believed:
            return
        # An error says nothing of the record and is not worth a wait: the connection is closed.
        if self.has_leftover or not seen.says_much or self._brings_more(before):
            self.has_leftover = True
        else:
            seen.is_doubtful, seen.is_coincidence = False, True

    def _brings_more(self, seconds: float) -> bool:
        """Wait for what follows an answer that came twice, or see that it is the last of its connection.

        The gateway is still working on it, so it may take a few times as long as the previous answer.
        """
        if self.sock is None:
            return True
        wait = min(_LONGEST_DOUBT, max(_SHORTEST_DOUBT, _PATIENCE_IN_DOUBT * seconds))
        return wait_for_read(self.sock, timeout=wait)

    def _begin(self) -> None:
        self.until = math.inf if self.timeout is None else time.monotonic() + float(self.timeout)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class PlainPool(urllib3.HTTPConnectionPool):
    """Reusable connections to one host."""

    ConnectionCls = _Connection


class TlsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _TlsConnection


AnyConnection = _Connection
