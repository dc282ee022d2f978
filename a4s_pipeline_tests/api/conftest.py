"""A server of the HTTP interface in a thread of the test, a sandbox gateway behind it."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from a4s_pipeline.api.serving import Server, open_server
from a4s_pipeline_tests.support.installed_site import Site, installed, stock_of

DEMO = "/v1/connectors/demo"


@dataclass(frozen=True)
class Reply:
    """The result of a call."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def faults(self) -> dict[str, str]:
        return {fault["field"]: fault["message"] for fault in self.json["fields"]}


class Served:
    """A server that runs, and calls to it."""

    def __init__(self, site: Site, server: Server, port: int) -> None:
        self.site = site
        self.server = server
        self.port = port

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, raw, named)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, got, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.call("POST", path, body, **headers)

    def stock(self, code: str, query: str = "", **headers: str) -> Reply:
        return self.get(f"{DEMO}/items/{quote(code, safe='')}/projected-stock{query}", **headers)

    def talk(self, raw: bytes, seconds: float = 20) -> bytes:
        """Send raw bytes, and return everything received until the connection closes or goes silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            line.sendall(raw)
            parts = []
            try:
                while part := line.recv(65536):
                    parts.append(part)
            except TimeoutError:
                pass
            except ConnectionResetError:
                pass
            return b"".join(parts)


@contextmanager
def serving(site: Site) -> Iterator[Served]:
    """Serve an installation while the block runs."""
    is_ready = threading.Event()
    server = open_server(site.settings, "127.0.0.1", 0, lambda _: is_ready.set())
    thread = threading.Thread(target=server.run, args=([server.listener],), name="server")
    thread.start()
    try:
        assert is_ready.wait(30)
        yield Served(site, server, server.listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


Serve = Callable[..., AbstractContextManager[Served]]


@contextmanager
def _served(folder: Path, latency_ms: float = 0, **more: Any) -> Iterator[Served]:
    with installed(folder, latency_ms, **more) as site, serving(site) as served:
        yield served


@pytest.fixture(autouse=True)
def _stores_stay_open(stores_stay_open: None) -> None:
    """Open each store once a test."""


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve an installation with these settings."""
    return partial(_served, tmp_path)


@pytest.fixture
def served(serve: Serve) -> Iterator[Served]:
    """A server with two items in its gateway."""
    with serve() as made:
        made.site.put_stock(stock_of("A1", 10, 4, [("2026-03-01", 5), ("2026-04-01", 6), (None, 7)]))
        made.site.put_items("A/2 é#?%..", shelf=3)
        yield made
