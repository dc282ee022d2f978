"""Handles every call: its route, caller, deadline and answer, one log line, and a count."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from a4s_pipeline.api.calls import Call, deadline_of
from a4s_pipeline.api.document import docs_page, openapi
from a4s_pipeline.api.handlers import about
from a4s_pipeline.api.metrics import Metrics
from a4s_pipeline.api.problems import as_json, problem_of, problem_with
from a4s_pipeline.api.routes import ROUTES
from a4s_pipeline.api.routing import Route, find
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.errors import A4sError
from a4s_pipeline.settings.api_keys import ANYBODY, ApiClient, client_of

_OPEN = {200: "always"}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_NOT_ROUTED = "none"
_CONNECTOR = "a4s_connector"
DROPPED_WITHIN = 2.0
DROPPED_BYTES = 16 << 20
"""How long, and how much, to read from a refused caller that is still sending, so that it gets its answer."""

_access = logging.getLogger("a4s_pipeline.access")
_log = logging.getLogger(__name__)


class Api:
    """The HTTP interface as an ASGI application; `open_state` is called in the event loop's thread."""

    def __init__(self, open_state: Callable[[], ServerState]) -> None:
        self._open_state = open_state
        self._metrics = Metrics()
        self._installation = about.InstallationPage()
        self._readiness: about.Readiness | None = None
        self.state: ServerState | None = None
        self._routes = (*ROUTES, *self._own_routes())

    @cached_property
    def _document(self) -> dict[str, Any]:
        return openapi.document(ROUTES)

    @cached_property
    def _page(self) -> str:
        return docs_page.page(ROUTES)

    def _own_routes(self) -> tuple[Route, ...]:
        async def ready(state: ServerState, call: Call) -> Response:
            self._readiness = self._readiness or about.Readiness()
            return await self._readiness(state, call)

        async def metrics(state: ServerState, call: Call) -> Response:
            del call
            return await about.metrics_page(self._metrics, self._installation, state)

        async def document(state: ServerState, call: Call) -> Response:
            del state, call
            return as_json(self._document)

        async def page(state: ServerState, call: Call) -> Response:
            del state, call
            return Response(self._page, media_type="text/html; charset=utf-8")

        return (
            Route("GET", "/v1/connectors", about.connectors, "", "Connectors", _OPEN),
            Route("GET", "/metrics", metrics, "", "Numbers", _OPEN),
            Route("GET", "/healthz", about.alive, None, "Lives", _OPEN),
            Route("GET", "/readyz", ready, None, "Ready", _OPEN),
            Route("GET", "/openapi.json", document, None, "OpenAPI", _OPEN),
            Route("GET", "/docs", page, None, "Documentation", _OPEN),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or begin and end with the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.state = self._open_state()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.get_running_loop().run_in_executor(None, self.state.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        self._metrics.begin()
        body = _Body(receive)
        request = Request(scope, body.receive)
        route, client, response = await self._routed(request)
        if route is None or route.may is not None or response.status_code >= 400:
            response.headers.update(_HEADERS)
        try:
            if not body.is_read and _ends_its_connection(request, response):
                await _last_of_its_connection(response, scope, body.receive, send)
            else:
                await response(scope, body.receive, send)
        finally:
            seconds = time.monotonic() - began
            template = route.template if route else _NOT_ROUTED
            method = request.method if route else _NOT_ROUTED
            self._metrics.end(template, method, response.status_code, client.name, seconds)
            _log_access(request, template, client, response.status_code, seconds)

    async def _routed(self, request: Request) -> tuple[Route | None, ApiClient, Response]:
        state = self.state
        assert state is not None
        method = "GET" if request.method == "HEAD" else request.method
        route, path, methods = find(self._routes, method, request.scope["raw_path"])
        refused, client = self._caller(state, request, route)
        if refused is not None:
            return route, client, refused
        if route is None and methods:
            allow = {"Allow": ", ".join(sorted(set(methods)))}
            return None, client, problem_with("MethodNotAllowed", f"this path does not allow {method}", allow)
        if route is None:
            return None, client, problem_with("NotFound", "there is no such path: see /docs")
        connector = path.get("connector")
        if connector is not None and not client.may_use(connector):
            return route, client, problem_with("Forbidden", "this key may not use this connector")
        if route.may and route.may not in client.may:
            return route, client, problem_with("Forbidden", f"this key may not {route.may}")
        if connector is not None and connector not in state.settings.connectors:
            return route, client, problem_with("UnknownConnector", "there is no such connector")
        request.scope[_CONNECTOR] = connector
        return route, client, await _handled(state, route, request, client, path)

    def _caller(
        self, state: ServerState, request: Request, route: Route | None
    ) -> tuple[Response | None, ApiClient]:
        """Return why a call is rejected before it is routed, or None, and the client."""
        if _comes_from_elsewhere(request):
            return problem_with("Forbidden", "calls from pages of other origins are refused"), ANYBODY
        keys = state.settings.api_keys
        if not keys:
            if not _is_local(request):
                return problem_with(
                    "Forbidden", "without A4S_API_KEYS only this machine is served, under its own name"
                ), ANYBODY
            return None, ANYBODY
        if route is not None and route.may is None:
            return None, ANYBODY
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        client = client_of(key.strip(), keys) if scheme.lower() == "bearer" else None
        if client is None:
            header = {"WWW-Authenticate": 'Bearer realm="a4s"'}
            return problem_with("Unauthorized", "give a key: Authorization: Bearer KEY", header), ANYBODY
        return None, client


async def _handled(
    state: ServerState, route: Route, request: Request, client: ApiClient, path: dict[str, str]
) -> Response:
    try:
        until, is_own = deadline_of(request, state.settings.answer_seconds)
        return await route.handler(state, Call(request, client, path, until, is_own))
    except A4sError as error:
        closing = {"Connection": "close"} if error.code in ("TooLarge", "BodyTimeout") else None
        return problem_of(error, closing)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as error:
        # A defect of ours must not end other calls, or show its details to strangers.
        _log.exception("a call of %s %s failed unexpectedly", route.method, route.template)
        return problem_with("Unexpected", f"an unexpected {type(error).__name__}; the server's log has more")


class _Body:
    """The body of a call, and whether it was read completely."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_read = False

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.is_read = True
        return message


def _ends_its_connection(request: Request, response: Response) -> bool:
    """Tell whether an answer is the last of its connection, by our choice or the caller's."""
    if "expect" in request.headers:
        # A caller that waits for 100 Continue may or may not send its body, which could then look like a
        # call.
        response.headers["Connection"] = "close"
    asked = {option.strip().lower() for option in request.headers.get("connection", "").split(",")}
    is_old = request.scope["http_version"] == "1.0"
    return is_old or "close" in asked or response.headers.get("connection") == "close"


async def _last_of_its_connection(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer, then discard for a while what the caller still sends.

    Closing a connection with unread bytes resets it: a caller that sends its whole body before reading would
    get a broken pipe instead of its 413.
    """
    ends: list[Message] = []

    async def hold_the_end(message: Message) -> None:
        is_end = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_end:
            ends.append({**message, "body": b""})
        await send({**message, "more_body": True} if is_end else message)

    await response(scope, receive, hold_the_end)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_drop(receive), DROPPED_WITHIN)
    for end in ends:
        await send(end)


async def _drop(receive: Receive) -> None:
    dropped = 0
    while dropped < DROPPED_BYTES:
        message = await receive()
        dropped += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _comes_from_elsewhere(request: Request) -> bool:
    """Tell whether, by the browser's headers, a page of another site makes this call, which is refused."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()


def _is_local(request: Request) -> bool:
    """Tell whether a call comes from this machine, by its address and the host name it uses.

    A web page with a host name that resolves to 127.0.0.1 uses that name.
    """
    peer = request.client.host if request.client else ""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return _is_loopback(peer) and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log_access(request: Request, route: str, client: ApiClient, status: int, seconds: float) -> None:
    # The route, not the path: the log contains no code of an order or a customer.
    if _access.isEnabledFor(logging.INFO):
        method = request.method[:20]
        call = {"client": client.name, "method": method, "route": route, "status": status}
        call["ms"] = round(seconds * 1000, 1)
        connector = request.scope.get(_CONNECTOR)
        about = {"call": call} if connector is None else {"call": call, "connector": connector}
        _access.info("%s %s %d", method, route, status, extra=about)
