"""The server's own routes: its connectors, liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from a4s_pipeline.api.calls import Call
from a4s_pipeline.api.metrics import Metrics
from a4s_pipeline.api.problems import as_json
from a4s_pipeline.api.state import ServerState
from a4s_pipeline.errors import A4sError, NotSupported
from a4s_pipeline.gateway.calls.deadline import answered_until
from a4s_pipeline.metrics.collecting import InstallationNumbers, collected
from a4s_pipeline.metrics.families import page_of
from a4s_pipeline.ondemand.requests.registry import NOT_SUPPORTED
from a4s_pipeline.platform import Platform

_READY_FOR = 2.0
_ASKED_FOR_READINESS = 3.0
_NUMBERS_FOR = 5.0
_NUMBERS_WITHIN = 2.0


async def connectors(state: ServerState, call: Call) -> Response:
    """List the connectors that the caller may use."""
    call.query()
    names = [name for name in state.settings.connectors if call.client.may_use(name)]
    return as_json({"connectors": [{"name": name} for name in names]})


async def alive(state: ServerState, call: Call) -> Response:
    """Answer that the process is alive."""
    del state, call
    return as_json({"status": "ok"})


class Readiness:
    """Whether the store and the gateway answer; checked at most once in two seconds."""

    def __init__(self) -> None:
        self._known_until = 0.0
        self._known: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def __call__(self, state: ServerState, call: Call) -> Response:
        """Tell whether requests can be answered."""
        del call
        async with self._asking:
            if time.monotonic() >= self._known_until:
                loop = asyncio.get_running_loop()
                self._known = await loop.run_in_executor(None, _asked, state)
                self._known_until = time.monotonic() + _READY_FOR
        found = dict(self._known)
        if state.is_draining:
            found["server"] = "is about to end"
        is_ready = all(text == "ok" for text in found.values())
        return as_json({"status": "ready" if is_ready else "not ready", **found}, 200 if is_ready else 503)


def _asked(state: ServerState) -> dict[str, str]:
    return {"store": _store(state), "gateway": _gateway(state)}


def _store(state: ServerState) -> str:
    try:
        with state.service.platform.readable.reading():
            return "ok"
    except A4sError as error:
        # Before the first sync there is nothing to read, and everything else can be answered.
        return "ok" if error.code == "NotPublished" else str(error)


def _gateway(state: ServerState) -> str:
    told = "no connector is configured"
    for name in list(state.settings.connectors)[:3]:
        try:
            with answered_until(time.monotonic() + _ASKED_FOR_READINESS):
                state.service.connector(name).administration.status()
            return "ok"
        except A4sError as error:
            told = str(error)
    return told


class InstallationPage:
    """The metrics of the installation, read once for all scrapes within five seconds.

    A locked store delays no scrape: after two seconds it counts as not readable, until it answers.
    """

    def __init__(self) -> None:
        self._known_until = 0.0
        self._known = b""
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, platform: Platform) -> bytes:
        """Return them as Prometheus reads them."""
        if time.monotonic() >= self._known_until:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask(platform))
            try:
                await asyncio.wait_for(asyncio.shield(self._asking), _NUMBERS_WITHIN)
            except TimeoutError:
                return page_of(InstallationNumbers(is_readable=False))
        return self._known

    async def _ask(self, platform: Platform) -> None:
        numbers = await asyncio.get_running_loop().run_in_executor(None, collected, platform)
        self._known = page_of(numbers)
        self._known_until = time.monotonic() + _NUMBERS_FOR


async def metrics_page(metrics: Metrics, installation: InstallationPage, state: ServerState) -> Response:
    """Return the numbers of the server and of the installation, as Prometheus reads them."""
    page = await installation(state.service.platform)
    return Response(metrics.page() + page, media_type=CONTENT_TYPE_LATEST)


def not_supported(kind: str) -> NotSupported:
    """Return the refusal of a kind that the gateway does not support."""
    return NotSupported(NOT_SUPPORTED[kind])
