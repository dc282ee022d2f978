"""A server that writes exactly the bytes it is given, connection by connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Write = Callable[[bytes], None]
Reply = Callable[[str, Write], None]
"""Answers one question, given its method and path."""

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DATE = b"Date: Thu, 26 Nov 2026 12:00:00 GMT\r\n"


def answer(body: bytes, status: bytes = b"200 OK", *, length: int | None = None, more: bytes = b"") -> bytes:
    """The bytes of one answer."""
    told = len(body) if length is None else length
    return b"HTTP/1.1 " + status + b"\r\n" + DATE + more + b"Content-Length: %d\r\n\r\n" % told + body


@dataclass
class RawServer:
    """Reads questions and passes them on; `asked` holds them in order of arrival."""

    reply: Reply
    port: int = 0
    asked: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        with connection, reader, suppress(OSError):
            while words := reader.readline().decode("latin-1").split():
                length = 0
                while (line := reader.readline()) not in {b"\r\n", b""}:
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                reader.read(length)
                question = " ".join(words[:2])
                self.asked.append(question)
                self.reply(question, connection.sendall)


@contextmanager
def raw_server(reply: Reply) -> Iterator[RawServer]:
    """Serve on a port of this machine while the block runs."""
    server = RawServer(reply)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        server.port = listening.getsockname()[1]
        connections: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection = listening.accept()[0]
                    server.connections += 1
                    connections.append(connection)
                    threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            # Closing alone would not wake the thread that waits for the next connection.
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            # A thread that still accepts would take connections of whatever has the descriptor next.
            thread.join(10)
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def later(seconds: float = 0.02) -> None:
    """Let what was written arrive separately, before more is written."""
    time.sleep(seconds)
