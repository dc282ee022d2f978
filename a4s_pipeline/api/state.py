"""The state of one server: the service, its thread pools, and the sends under way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import TypeVar

from a4s_pipeline.api.pools import BoundedPool
from a4s_pipeline.errors import A4sError, ChangeSite, GatewayUnavailable
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.kind import ThreadPool
from a4s_pipeline.ondemand.requests.registry import LEDGER_OF
from a4s_pipeline.ondemand.retrieval.remembered import Remembered
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.upkeep import Unknown, Upkeep
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings

_log = logging.getLogger(__name__)

T = TypeVar("T")
# A call that has reached its deadline returns what it has shortly after.
_GRACE = 0.5
_SIZES = {
    ThreadPool.LIVE: (32, 400),
    ThreadPool.SENDING: (64, 400),
    ThreadPool.LOCAL: (4, 400),
}


class ServerState:
    """The service behind the routes; created and used in the event loop's thread."""

    def __init__(self, platform: Platform, run_id: str) -> None:
        self.settings: Settings = platform.settings
        self.service = OnDemand(platform, run_id)
        self._stack = ExitStack()
        self._stack.callback(self.service.close)
        with suppress(ChangeSite):
            # If no lock can be written, nothing can be sent, but stock and history can be answered.
            self.service.keep_in_use()
        self._stack.enter_context(platform.readable.kept_open())
        self._upkeep = self._stack.enter_context(Upkeep(self.service))
        self.remembered = Remembered()
        self.is_draining = False
        self._pools: dict[tuple[str, ThreadPool], BoundedPool] = {}
        self._to_be_told: set[tuple[str, str, str]] = set()
        self._sends: dict[tuple[str, str, str], asyncio.Task[Answered]] = {}

    def close(self) -> None:
        """Finish what has begun, and write the remaining log."""
        for pool in self._pools.values():
            pool.close()
        self._stack.close()

    def pool(self, connector: str, kind: ThreadPool) -> BoundedPool:
        """Return a thread pool; one per connector for waits on a gateway, so that none slows another."""
        key = ("" if kind is ThreadPool.LOCAL else connector, kind)
        if key not in self._pools:
            threads, most_waiting = _SIZES[kind]
            self._pools[key] = BoundedPool(f"{kind.name.lower()}-{key[0]}", threads, most_waiting)
        return self._pools[key]

    async def answer(self, request: Request, received_at: datetime, until: float) -> Answered:
        """Answer a request in the thread pool of its kind, by its deadline."""
        pool = self.pool(request.connector, request.kind.pool)
        work = pool.submit(
            lambda: answer(self.service, request, received_at, until), until - time.monotonic()
        )
        return await _in_time(work, until + _GRACE)

    async def read(self, work: Callable[[], T], until: float) -> T:
        """Read what is stored here."""
        pool = self.pool("", ThreadPool.LOCAL)
        return await _in_time(pool.submit(work, until - time.monotonic()), until + _GRACE)

    def send(
        self, key: tuple[str, str, str], request: Request, received_at: datetime, until: float
    ) -> tuple[asyncio.Task[Answered], bool]:
        """Start a send, or return the one under way with the same key; also tell which.

        The task continues even if the waiting call is lost.
        """
        known = self._sends.get(key)
        if known is not None:
            return known, False
        pool = self.pool(request.connector, ThreadPool.SENDING)

        def send() -> Answered:
            answered = answer(self.service, request, received_at, until)
            if answered.status == "unknown":
                self._upkeep.settle_soon(_unknown(key))
            self._have_told(key)
            return answered

        work = pool.submit(send, until - time.monotonic())

        async def wait() -> Answered:
            answered = await work
            if key in self._to_be_told:
                # Its caller left just after the outcome was known.
                await asyncio.get_running_loop().run_in_executor(None, self._have_told, key)
            return answered

        task = asyncio.create_task(wait())
        self._sends[key] = task
        task.add_done_callback(lambda _: self._sends.pop(key, None))
        return task, True

    def tell_later(self, key: tuple[str, str, str]) -> None:
        """Have A4S_CALLBACKS notified of the outcome of a send: its caller has stopped waiting."""
        if self.settings.callbacks:
            self._to_be_told.add(key)

    def _have_told(self, key: tuple[str, str, str]) -> None:
        if key not in self._to_be_told:
            return
        self._to_be_told.discard(key)
        unknown = _unknown(key)
        ledger = self.service.connector(unknown.connector).ledger(unknown.kind)
        try:
            ledger.wants_to_be_told(unknown.key, datetime.now(UTC))
        except A4sError as error:
            _log.warning(
                "a callback will not tell what became of what was under way: %s",
                error,
                extra={"connector": unknown.connector, "run_id": self.service.run_id},
            )

    def is_under_way(self, connector: str, kind: str, key: str) -> bool:
        """Tell whether this server is sending something with this name now."""
        return any(at[:2] == (connector, kind) and at[2].split("\0")[0] == key for at in self._sends)


def _unknown(at: tuple[str, str, str]) -> Unknown:
    connector, kind, named = at
    return Unknown(connector, LEDGER_OF[kind], named.split("\0")[0])


async def _in_time(work: Awaitable[T], until: float) -> T:
    try:
        return await asyncio.wait_for(
            asyncio.shield(asyncio.ensure_future(work)), max(0.0, until - time.monotonic())
        )
    except TimeoutError:
        raise GatewayUnavailable("no answer in time: try again later", code="NotInTime") from None
