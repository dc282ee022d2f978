"""Right answers, written onto the wire in wrong ways."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from a4s_pipeline_tests.gateway.wire.raw_server import CONTINUE, DATE, EARLY_HINTS, PROCESSING

Bytes = list[bytes]


@dataclass(frozen=True)
class Truth:
    """The answer that a gateway means to give."""

    body: bytes
    status: int = 200
    headers: bytes = b""

    def as_sent(self, date: bytes = DATE) -> bytes:
        """The same answer as a sound server writes it."""
        length = b"Content-Length: %d\r\n\r\n" % len(self.body)
        return b"HTTP/1.1 %d Said\r\n" % self.status + date + self.headers + length + self.body


def _chunks(
    body: bytes, size: int, *, extension: bytes = b"", sizes: str = "%x", end: bytes = b"\r\n"
) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    written = [(sizes % len(part)).encode() + extension + b"\r\n" + part + b"\r\n" for part in parts]
    return b"".join(written) + b"0" + extension + b"\r\n" + end


CHUNKED = b"Transfer-Encoding: chunked\r\n"
Framing = Callable[[bytes], tuple[bytes, bytes, bool]]
"""Of a body: the headers that tell where it ends, the bytes of it, and whether the connection is closed."""


def _told(length: Callable[[int], bytes], *, closes: bool = False) -> Framing:
    return lambda body: (b"Content-Length: " + length(len(body)) + b"\r\n", body, closes)


def _twice(first: int, second: int) -> Framing:
    def framed(body: bytes) -> tuple[bytes, bytes, bool]:
        lines = [b"Content-Length: %d\r\n" % max(0, len(body) + more) for more in (first, second)]
        return b"".join(lines), body, False

    return framed


def _chunked(head: bytes = CHUNKED, *, closes: bool = False, **how: object) -> Framing:
    return lambda body: (head, _chunks(body, 7, **how), closes)  # type: ignore[arg-type]


FRAMINGS: dict[str, Framing] = {
    "length": _told(lambda n: b"%d" % n),
    "length, closes": _told(lambda n: b"%d" % n, closes=True),
    "blank length": _told(lambda n: b"  %d \t" % n),
    "signed length": _told(lambda n: b"+%d" % n, closes=True),
    "same twice in one": _told(lambda n: b"%d, %d" % (n, n)),
    "others twice in one": _told(lambda n: b"%d, 3" % n),
    "no number": _told(lambda _: b"many", closes=True),
    "hex": _told(lambda n: b"0x%x" % n, closes=True),
    "negative": _told(lambda _: b"-1", closes=True),
    "absurd": _told(lambda _: b"9" * 30, closes=True),
    "beyond all digits": _told(lambda _: b"9" * 5000, closes=True),
    "foreign digits": _told(lambda _: b"\xd9\xa5", closes=True),
    "too short": _told(lambda n: b"%d" % max(1, n - 3)),
    "too long": _told(lambda n: b"%d" % (n + 3), closes=True),
    "waited for": _told(lambda n: b"%d" % (n + 3)),
    "same twice": _twice(0, 0),
    "first too short": _twice(-4, 0),
    "second too short": _twice(0, -4),
    "second too long": _twice(0, 9),
    "until the end": lambda body: (b"Connection: close\r\n", body, True),
    "until the end, kept alive": lambda body: (b"Connection: keep-alive\r\n", body, True),
    "no end": lambda body: (b"", body, False),
    "chunks": _chunked(),
    "extensions": _chunked(extension=b';a="b;c"'),
    "capitals and zeros": _chunked(sizes="000%X"),
    "trailers": _chunked(end=b"X-Checksum: 1\r\nContent-Length: 1\r\n\r\n"),
    "in decimals": _chunked(sizes="%d0", closes=True),
    "negative chunks": _chunked(sizes="-%x", closes=True),
    "chunk of -1": _chunked(sizes="-1%.0s", closes=True),
    "blank chunks": _chunked(sizes="%.0s", closes=True),
    "no hex": _chunked(sizes="%xg", closes=True),
    "absurd chunks": _chunked(sizes="ffffffffff%x", closes=True),
    "no last chunk": lambda body: (CHUNKED, _chunks(body, 7)[:-5], True),
    "no end of chunks": lambda body: (CHUNKED, _chunks(body, 7)[:-2], True),
    "chunks and a length": _chunked(CHUNKED + b"Content-Length: 3\r\n"),
    "a length and chunks": _chunked(b"Content-Length: 9999\r\n" + CHUNKED),
    "a length, and chunks only told": lambda body: (
        b"Content-Length: %d\r\n" % len(body) + CHUNKED,
        body,
        True,
    ),
    "chunked twice": _chunked(CHUNKED * 2, closes=True),
    "chunked by another name": _chunked(b"Transfer-Encoding: identity, chunked\r\n", closes=True),
    "chunked in capitals": _chunked(b"TRANSFER-ENCODING: Chunked\r\n"),
    "zipped": lambda body: (
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(gzip.compress(body)),
        gzip.compress(body),
        False,
    ),
    "zipped and cut": lambda body: (b"Content-Encoding: gzip\r\n", gzip.compress(body)[:-9], True),
    "only told to be zipped": lambda body: (
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(body),
        body,
        False,
    ),
    "deflated, and not": lambda body: (
        b"Content-Encoding: deflate\r\nContent-Length: %d\r\n" % len(body),
        body,
        False,
    ),
}

STATUS_LINES = [
    b"HTTP/1.1 %d Said",
    b"HTTP/1.1 %d",
    b"HTTP/1.1 %d ",
    b"HTTP/1.0 %d OK",
    b"HTTP/1.1  %d   500 Internal Server Error",
    b"HTTP/1.1 %d \xe9\x00\x1b[31m 404 Not Found",
    b"HTTP/1.1\t%d OK",
    b"HTTP/2 %d",
    b"HTTP/9.9 %d OK",
    b"http/1.1 %d ok",
    b"ICY %d OK",
    b"HTTP/1.1 %d0 OK",
    b"HTTP/1.1 -%d OK",
    b"HTTP/1.1 %d.5 OK",
    b"%d OK",
    b"HTTP/1.1 %d " + b"long " * 14_000,
]
NO_STATUS_LINES = [b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 OK", b"", b"HTTP/1.1 20", b"HTTP/1.1 099 Low"]
MORE_HEADERS = [
    b"",
    b"X-Folded: one\r\n two\r\n\tthree\r\n",
    b"no colon here\r\n",
    b": no name\r\n",
    b" folds nothing\r\n",
    b"X-Bytes: \xff\xfe\x00\x0b\r\n",
    b"X-Line: a\nX-Feed: b\r\n",
    b"Content-Type: application/json; charset=no-such\r\n",
    b"Date: yesterday\r\n",
    b"Retry-After: -1\r\n",
    b"X: y\r\n" * 101,
    b"X-Long: " + b"y" * 70_000 + b"\r\n",
    b"Connection: close, keep-alive\r\n",
    b"Keep-Alive: timeout=0, max=0\r\n",
]
INTERIM = [
    CONTINUE,
    PROCESSING,
    EARLY_HINTS,
    b"HTTP/1.1 100\r\n\r\n",
    b"HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 102 Busy\r\nTransfer-Encoding: chunked\r\nRetry-After: 9\r\n\r\n",
    b"HTTP/1.1 199 Odd\r\n\r\n",
]
AFTER = [b"\r\n", b"\r\n\r\n", b'["more"]', b"HTTP/1.1 200 OK\r\n", b"\x00\xff", CONTINUE]


@dataclass(frozen=True)
class Wire:
    """One way of writing an answer."""

    framing: str = "length"
    status_line: bytes = STATUS_LINES[0]
    more: bytes = b""
    before: tuple[bytes, ...] = ()
    after: bytes = b""
    is_repeated: bool = False
    has_stray: bool = False
    """Another's answer comes first."""
    kept: float = 1.0
    """How much of it comes before the connection is cut."""
    closes: bool = False

    def written(self, truth: Truth, stray: bytes) -> tuple[bytes, bool]:
        """The bytes of an answer, and whether the connection is closed after them."""
        head, body, closes = FRAMINGS[self.framing](truth.body)
        line = self.status_line % truth.status if b"%" in self.status_line else self.status_line
        whole = line + b"\r\n" + DATE + truth.headers + self.more + head + b"\r\n" + body
        own = b"".join(self.before) + whole
        if self.kept < 1.0:
            return own[: int(self.kept * len(own))], True
        # What does not look like an answer contradicts none.
        first = stray if self.has_stray and own[:5].upper() == b"HTTP/" else b""
        return first + own * (1 + self.is_repeated) + self.after, closes or self.closes


def mostly(usual: object, others: list[object]) -> st.SearchStrategy[object]:
    """The usual way in three of four cases, otherwise one of the others."""
    return st.integers(0, 3).flatmap(
        lambda number: st.sampled_from(others) if number == 3 else st.just(usual)
    )


WIRES: st.SearchStrategy[Wire] = st.builds(
    Wire,
    framing=st.sampled_from(list(FRAMINGS)),
    status_line=mostly(STATUS_LINES[0], [*STATUS_LINES, *NO_STATUS_LINES]),
    more=mostly(b"", list(MORE_HEADERS)),
    before=st.just(()) | st.lists(st.sampled_from(INTERIM), max_size=4).map(tuple),
    after=mostly(b"", list(AFTER)),
    is_repeated=mostly(False, [True]),
    has_stray=mostly(False, [True]),
    kept=st.just(1.0) | st.just(1.0) | st.floats(0.0, 1.0),
    closes=mostly(False, [True]),
)
