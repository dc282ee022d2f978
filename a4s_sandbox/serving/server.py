"""The sandbox on a port: persistent connections, requests parsed here, each reply in one send."""

import contextlib
import socket
import struct
from http.server import ThreadingHTTPServer
from io import BufferedReader
from socketserver import BaseRequestHandler, TCPServer
from threading import Lock, Thread, current_thread
from typing import Any, Self, cast

from a4s_sandbox.answers.replies import REASONS, Reply, problem
from a4s_sandbox.faults import Faults
from a4s_sandbox.gateway import Gateway, Headers, Outcome
from a4s_sandbox.world import World

_LONGEST_LINE = 65_536
_LARGEST_BODY = 50_000_000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Sandbox(Gateway):
    """The gateway on a port of this machine, from `start` to `close` or within a `with` block."""

    def __init__(
        self,
        world: World,
        latency_ms: float = 0,
        faults: Faults | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        log: bool = True,
    ) -> None:
        super().__init__(world, latency_ms, faults, token=token, log=log)
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the sandbox is not started")
        return f"http://{self._host}:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Start serving; OSError if the port is taken."""
        self._server = _Server(self, self._host, self._port)
        self._begin()
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving, drop all connections and wait for their threads."""
        if self._server is None or self._thread is None:
            return
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.drop_connections()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    block_on_close = False

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self.gateway = gateway
        self._open: dict[Thread, socket.socket] = {}
        self._opening = Lock()
        super().__init__((host, port), _Connection)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the machine's full name, which may use a slow resolver."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that `drop_connections` can wait for."""
        thread = Thread(target=self._serve_connection, args=(request, client_address), daemon=True)
        with self._opening:
            self._open[thread] = request
        thread.start()

    def drop_connections(self) -> None:
        """Shut all connections and wait until their threads have ended."""
        with self._opening:
            still_open = dict(self._open)
        for connection in still_open.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in still_open:
            # A hook that closes the sandbox runs in one of these threads, and cannot wait for itself.
            if thread is not current_thread():
                thread.join(timeout=5)

    def _serve_connection(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._opening:
                del self._open[current_thread()]


class _Connection(BaseRequestHandler):
    # http.server's own handler parses headers as e-mail, at several times the cost of all the rest.

    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        gateway = cast("_Server", self.server).gateway
        with contextlib.suppress(ConnectionError), self.request.makefile("rb") as reader:
            while not gateway.stopping.is_set() and self._one(gateway, reader):
                pass

    def _one(self, gateway: Gateway, reader: BufferedReader) -> bool:
        """Read and answer one request; return whether the connection stays open."""
        words = reader.readline(_LONGEST_LINE).decode("latin-1").split()
        if not words:
            return False
        headers = _read_headers(reader) if len(words) == 3 and words[2].startswith("HTTP/1.") else None
        if headers is None:
            return self._write(gateway, Outcome(problem(400, "BadRequest", "This is not HTTP/1.1.")), False)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > _LARGEST_BODY:
            detail = "A body needs its length, of at most 50 MB."
            return self._write(gateway, Outcome(problem(411, "LengthRequired", detail)), False)
        body = reader.read(int(length)) if length != "0" else b""
        keep = words[2] != "HTTP/1.0" and headers.get("connection", "").lower() != "close"
        outcome = gateway.exchange(words[0], words[1], headers, body)
        if outcome.reply is None:
            self._reset(reader)
            return False
        return self._write(gateway, outcome, keep)

    def _write(self, gateway: Gateway, outcome: Outcome, keep: bool) -> bool:
        reply = cast("Reply", outcome.reply)
        body = reply.body
        keep = keep and not outcome.cut
        length = max(len(body), 2) if outcome.cut else len(body)
        date = gateway.date_header()
        head = [
            f"HTTP/1.1 {reply.status} {REASONS[reply.status]}\r\nServer: sandbox\r\n",
            f"Content-Type: {reply.content_type}\r\nContent-Length: {length}\r\n",
            f"Date: {date}\r\n" if date else "",
            *[f"{name}: {value}\r\n" for name, value in reply.headers],
            "\r\n" if keep else "Connection: close\r\n\r\n",
        ]
        sent = body[: len(body) // 2] if outcome.cut else body
        written = "".join(head).encode("latin-1") + sent
        if outcome.before:
            # In a segment of its own: the answer proper comes later.
            self.request.sendall(outcome.before)
        self.request.sendall(written * outcome.times + outcome.behind)
        return keep

    def _reset(self, reader: BufferedReader) -> None:
        """Close with a TCP reset: the reader shares the socket, so the reset happens once both are closed."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        reader.close()
        self.request.close()


def _read_headers(reader: BufferedReader) -> Headers | None:
    headers = Headers()
    while True:
        line = reader.readline(_LONGEST_LINE)
        if line in {b"\r\n", b"\n"}:
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            return None
        headers[name.strip().lower()] = value.strip()
