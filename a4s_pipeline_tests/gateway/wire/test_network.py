"""Calls through a proxy, and a port that unexpectedly speaks TLS."""

import errno
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from pydantic import SecretStr

from a4s_pipeline.alerts import post_alert
from a4s_pipeline.errors import A4sError, ChangeSite
from a4s_pipeline.gateway.wire.connections import NoConnection
from a4s_pipeline.gateway.wire.faults import End, unconnected
from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline_tests.gateway.conftest import ONCE, Connect, Serve, ask, say, send
from a4s_pipeline_tests.gateway.wire.raw_server import raw_server

PASSWORD = "pr0xy-Word"
ALLOWED = b"Basic " + b64encode(f"jan:{PASSWORD}".encode())
DENIED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class ForwardProxy:
    """Passes calls on, tunnels included, and records their first lines; `allowed` lists who may call."""

    allowed: bytes | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def url(self, who: str = "") -> str:
        return f"http://{who}127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            first, _, rest = head.partition(b"\r\n")
            method, target, _ = first.decode().split()
            self.asked.append(f"{method} {target}")
            given = [line for line in head.split(b"\r\n") if line.lower().startswith(b"proxy-authorization:")]
            if self.allowed is not None and not any(line.endswith(self.allowed) for line in given):
                client.sendall(DENIED)
                return
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            with socket.create_connection((parts.hostname, parts.port)) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    server.sendall(f"{method} {parts.path} HTTP/1.1\r\n".encode() + rest)
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server)
                back.join(5)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while part := one.recv(65536):
            other.sendall(part)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def forward_proxy(allowed: bytes | None = None) -> Iterator[ForwardProxy]:
    proxy = ForwardProxy(allowed)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy.port = listening.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=proxy.serve, args=(listening.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@pytest.mark.parametrize("is_tls", [False, True])
def test_calls_and_alerts_go_through_the_proxy_and_its_password_no_further(
    connect: Connect, serve: Serve, certificate: Path, is_tls: bool
) -> None:
    server = serve(say(200, b"[1]"), certificate if is_tls else None)
    with forward_proxy(ALLOWED) as proxy:
        way = proxy.url(f"jan:{PASSWORD}@")
        client = connect(server.url, gateway_ca=certificate, gateway_proxy=way, rule=ONCE)
        assert (ask(client), send(client)) == ([1], [1])
        told = post_alert(SecretStr(f"{server.url}/hook"), {"run": "r1"}, Network(way, certificate))
        assert told is None
    assert [(method, path) for method, path, *_ in server.asked] == [
        ("GET", "/Demo%20B.V./status"),
        ("POST", "/Demo%20B.V./third-party/orders"),
        ("POST", "/hook"),
    ]
    assert json.loads(server.asked[2][3]) == {"run": "r1"}
    if is_tls:
        assert {first.split()[0] for first in proxy.asked} == {"CONNECT"}
        assert all("Proxy-Authorization" not in headers for _, _, headers, _ in server.asked)
    else:
        assert [first.split()[0] for first in proxy.asked] == ["GET", "POST", "POST"]


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_proxy_that_refuses_is_reported_without_its_password(
    connect: Connect, serve: Serve, certificate: Path, is_tls: bool
) -> None:
    server = serve(say(200, b"[1]"), certificate if is_tls else None)
    with forward_proxy(ALLOWED) as proxy:
        way = proxy.url("jan:wr0ng-Word@")
        client = connect(server.url, gateway_ca=certificate, gateway_proxy=way, rule=ONCE)
        for call in (ask, send):
            with pytest.raises(ChangeSite, match=r"the proxy answered 407 .* A4S_GATEWAY_PROXY") as caught:
                call(client)
            assert "wr0ng" not in str(caught.value)
        told = post_alert(SecretStr(f"{server.url}/hook"), {"run": "r1"}, Network(way, certificate))
        assert told is not None
        assert "wr0ng" not in told
    assert server.asked == []


IN_WORDS = [
    b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
    b"Reason: You're speaking plain HTTP to an SSL-enabled server port.",
    b"Bad Request\r\nThis combination of host and port requires TLS.\r\n",
    b"Client sent an HTTP request to an HTTPS server.\n",
]


def test_a_port_that_speaks_tls_is_reported_where_none_was_asked_for(
    connect: Connect, serve: Serve, certificate: Path
) -> None:
    answers = [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + words for words in IN_WORDS]
    answers.append(b"\x15\x03\x03\x00\x02\x02\x46\r\n")
    for answer in answers:

        def reply(_question: str, write: object, answer: bytes = answer) -> None:
            write(answer)  # type: ignore[operator]
            raise OSError

        with raw_server(reply) as server:
            client = connect(server.url, rule=ONCE)
            for call in (ask, send):
                with pytest.raises(ChangeSite, match="speaks TLS: write https:// in A4S_GATEWAY_URL"):
                    call(client)
    # One that says nothing is told apart from a gateway that is away.
    spoken = serve(say(200, b"[1]"), certificate)
    with pytest.raises(A4sError, match="TLS"):
        ask(connect(spoken.url.replace("https:", "http:"), rule=ONCE))


GATEWAY = End("the gateway", "gateway.example", 443, "A4S_GATEWAY_URL", is_tls=True)
WHY: list[tuple[Exception, str]] = [
    (socket.gaierror(-2, "Name or service not known"), "the name gateway.example is not found"),
    (ConnectionRefusedError(111, "refused"), "the gateway at gateway.example:443 refuses connections"),
    (OSError(errno.EHOSTUNREACH, "no route"), "there is no route to the gateway at gateway.example:443"),
    (OSError(errno.EACCES, "denied"), "this machine may not connect to the gateway"),
    (OSError(errno.EMFILE, "too many"), "this process has too many open files"),
    (
        urllib3.exceptions.ConnectTimeoutError(),
        "no connection with the gateway at gateway.example:443 within 5 s",
    ),
    (TimeoutError(), "did not finish the TLS handshake within 5 s"),
    (ssl.SSLEOFError(8, "EOF"), "broke the connection off while it was made"),
    (OSError("Tunnel connection failed: 403 Forbidden"), "the proxy answered 403"),
]


def test_why_there_is_no_connection_is_reported_with_what_to_change() -> None:
    for cause, words in WHY:
        error = unconnected(NoConnection(cause, is_at_proxy=False), "X", 5, GATEWAY, GATEWAY)
        assert words in str(error), cause
        assert str(error).rpartition(": ")[2], cause
