"""Serves the application on uvicorn: cuts off slow and hostile connections, and shuts down in order."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import uuid
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from a4s_pipeline.api.app import DROPPED_BYTES, DROPPED_WITHIN, Api
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.files import exact_json
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings

_HEAD_WITHIN = 10.0
_UNREAD_BODY_WITHIN = 30.0
_LARGEST_HEAD = 64 * 1024
# Load balancers check readiness about once a second.
_NOT_READY_BEFORE_END = 1.0
LONGEST_END = 150
"""The most seconds that a shutdown takes."""
_BACKLOG = 1024


class GuardedProtocol(HttpToolsProtocol):
    """Cuts off a connection with a head that is too large or too slow, or with an unfinished body."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._is_in_head = True
        self._is_in_body = False
        self._slow: asyncio.TimerHandle | None = None
        self._dropped: int | None = None
        """How many bytes came after the refusal of this connection; None before it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self._slow = self.loop.call_later(_HEAD_WITHIN, self._cut_off)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes, unless the head has become too large."""
        if self._dropped is not None:
            self._drop(data)
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _LARGEST_HEAD + 1024 * 1024 or self._is_head_too_large(data):
                self._refuse(431, "the head of the call is larger than 64 KiB")
                return
        super().data_received(data)

    def _is_head_too_large(self, data: bytes) -> bool:
        # A body that came with its head does not count.
        return self._head_bytes > _LARGEST_HEAD and b"\r\n\r\n" not in data[: _LARGEST_HEAD + 4]

    def on_message_begin(self) -> None:
        """Start the timer for the head of the next call too."""
        super().on_message_begin()
        self._is_in_head = True
        if self._slow is None:
            self._slow = self.loop.call_later(_HEAD_WITHIN, self._cut_off)

    def on_headers_complete(self) -> None:
        """Have the call answered."""
        self._is_in_head = False
        self._head_bytes = 0
        self._stop_timer()
        self._is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take the call as whole."""
        self._is_in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Bound the wait for the rest of an unread body: its caller has the answer."""
        super().on_response_complete()
        if self._is_in_body and not self.transport.is_closing():
            self._stop_timer()
            self._slow = self.loop.call_later(_UNREAD_BODY_WITHIN, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP."""
        del msg
        self._refuse(400, "this is not a readable HTTP call")

    def _stop_timer(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _cut_off(self) -> None:
        self._slow = None
        if self._is_in_head and not self.transport.is_closing():
            self._refuse(408, f"the head of the call did not arrive within {_HEAD_WITHIN:g} s")

    def _refuse(self, status: int, message: str) -> None:
        title = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}[status]
        code = title.replace(" ", "")
        document = {
            "type": f"/docs#{code}",
            "title": title,
            "status": status,
            "detail": message,
            "code": code,
            "fields": [],
        }
        body = exact_json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\ncache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        # Closing a connection with unread bytes resets it and loses the answer: a caller still sending would
        # get a broken pipe instead.
        self._dropped = 0
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(DROPPED_WITHIN, self.transport.close)

    def _drop(self, data: bytes) -> None:
        self._dropped = (self._dropped or 0) + len(data)
        if self._dropped > DROPPED_BYTES:
            self.transport.close()


class Server(uvicorn.Server):
    """Stops being ready a second before it stops accepting calls; `run` it on its `listener`."""

    def __init__(self, config: uvicorn.Config, api: Api, listener: socket.socket) -> None:
        super().__init__(config)
        self.listener = listener
        self._api = api
        self._is_ending = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down in order on the first signal, at once on the second."""
        state = self._api.state
        if self._is_ending or state is None:
            super().handle_exit(sig, frame)
            return
        self._is_ending = state.is_draining = True
        asyncio.get_running_loop().call_later(_NOT_READY_BEFORE_END, super().handle_exit, sig, frame)


def serve(settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal; accepted calls are answered first. `ready` is called with the URL."""
    server = open_server(settings, host, port, ready)
    server.run([server.listener])


def open_server(settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> Server:
    """Return a server that listens but does not answer yet; raises `ChangeSettings` if it may not listen."""
    settings.required_gateway_url()
    settings.chosen_connectors(None)
    if not settings.api_keys and not _is_loopback(host):
        raise ChangeSettings(
            f"A4S_API_KEYS is not set: without keys only this machine is served, and not at {host}. "
            "Give keys, or listen at 127.0.0.1"
        )
    listener = _listen(host, port)
    platform = Platform(settings)
    named = f"[{host}]" if ":" in host else host
    url = f"http://{named}:{listener.getsockname()[1]}"

    def open_state() -> ServerState:
        ready(url)
        return ServerState(platform, f"a4s-serve-{uuid.uuid4()}")

    api = Api(open_state)
    config = uvicorn.Config(
        api,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=LONGEST_END,
        backlog=_BACKLOG,
    )
    return Server(config, api, listener)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ChangeSettings(
            f"A4S_API_HOST and A4S_API_PORT: {host}:{port} cannot be listened on ({error.strerror}); "
            "choose another, or port 0 for a free one"
        ) from None
    return listener
