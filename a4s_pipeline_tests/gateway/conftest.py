import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.gateway.calls.client import GatewayCall, GatewayClient
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.settings.loading import Settings
from a4s_sandbox import Sandbox, World

NAME = "Demo B.V."
FAST = RetryRule(first_wait=0.001, longest_wait=0.002)
ONCE = RetryRule(tries=1, tries_when_told=1)


class Handler(BaseHTTPRequestHandler):
    """One connection; the server's `answer` decides what it sends."""

    protocol_version = "HTTP/1.1"
    timeout = 5
    disable_nagle_algorithm = True
    server: "Scripted"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.noting:
            self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.server.answer(self)

    do_GET = do_POST = handle_any  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        pass

    def begin(self, status: int, **headers: str | None) -> None:
        self.send_response_only(status)
        for name, value in ({"Date": formatdate(usegmt=True)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()


Answer = Callable[[Handler], None]


class Scripted(ThreadingHTTPServer):
    """A server that answers each request by a function, and records the requests."""

    request_queue_size = 64

    def __init__(self, answer: Answer, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.noting = threading.Lock()
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.002})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the tests are about clients that hang up."""

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def say(status: int = 200, body: bytes | dict[str, Any] = b"{}", **headers: str | None) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: Handler) -> None:
        handler.begin(status, **{"Content_Length": str(len(content))} | headers)
        handler.wfile.write(content)

    return answer


def problem(status: int, code: str, **more: Any) -> Answer:
    return say(status, {"status": status, "title": "t", "detail": "d", "code": code, **more})


def in_turn(*answers: Answer) -> Answer:
    """Give each answer in turn, and then the last one for ever."""
    left = list(answers)

    def answer(handler: Handler) -> None:
        with handler.server.noting:
            now = left.pop(0) if len(left) > 1 else left[0]
        now(handler)

    return answer


def drip(handler: Handler) -> None:
    """Send a body byte by byte, with short pauses, until the client has gone."""
    handler.begin(200, Content_Length="60000000")
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.01)
    finally:
        handler.close_connection = True


def stall(handler: Handler) -> None:
    """Send half a body, then nothing until the client has gone."""
    handler.begin(200, Content_Length="4")
    handler.wfile.write(b"[1")
    handler.rfile.read(1)
    handler.close_connection = True


def silence(handler: Handler) -> None:
    """Send nothing until the client has gone."""
    handler.rfile.read(1)
    handler.close_connection = True


def settings_for(url: str | None, **more: Any) -> Settings:
    return Settings(_env_file=None, gateway_url=url, **({"timeout_seconds": 5} | more))


def ask(client: GatewayClient, route: str = "status", **more: Any) -> Any:
    return client.get(GatewayCall(route, NAME, "the thing asked for", **more), lambda raw: raw).value


ORDER = (
    b'{"customerCode": "K1", "externalId": "IO-1", "shippingCosts": 0,'
    b' "lines": [{"itemCode": "A1", "quantity": 2, "price": 12.50}]}'
)


def send(client: GatewayClient, body: bytes = ORDER) -> Any:
    return client.post(
        GatewayCall("third_party_orders", NAME, "order 1"), lambda raw: raw, body=body, idempotency_key="k1"
    ).value


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("A4S_"):
            monkeypatch.delenv(name)


Serve = Callable[..., Scripted]
Connect = Callable[..., GatewayClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that are stopped once the clients are closed."""
    servers: list[Scripted] = []

    def start(answer: Answer, certificate: Path | None = None) -> Scripted:
        servers.append(Scripted(answer, certificate))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def world() -> World:
    world = World()
    world.add_administration(NAME).put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as served:
        served.faults.retry_after_seconds = 0
        yield served


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:
    """Open clients that do not wait between tries, and close them at the end."""
    clients: list[GatewayClient] = []

    def open_client(url: str, *, rule: RetryRule = FAST, **more: Any) -> GatewayClient:
        clients.append(GatewayClient(settings_for(url, **more), rule=rule))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", signed], check=True, capture_output=True)
    both.write_text(key.read_text() + signed.read_text())
    return both
