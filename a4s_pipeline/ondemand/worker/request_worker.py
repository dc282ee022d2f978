"""The request worker: answers all waiting requests in parallel, and stays a while for more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any, Self

from a4s_pipeline.errors import (
    A4sError,
    ChangeRequest,
    ChangeSettings,
    ChangeSite,
    StoreHeld,
    StoreUnreachable,
)
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.answers import failure
from a4s_pipeline.ondemand.inbox.inbox import Waiting, as_bytes
from a4s_pipeline.ondemand.inbox.inboxes import inbox_of
from a4s_pipeline.ondemand.requests.answering import Request, answer, as_document, request_of
from a4s_pipeline.ondemand.requests.kind import ThreadPool
from a4s_pipeline.ondemand.requests.parsing import parse_request
from a4s_pipeline.ondemand.sending.send_once import UnderWay
from a4s_pipeline.ondemand.service import OnDemand

_SETTLE_FIRST_AFTER = 1.0
_SETTLE_AT_MOST_EVERY = 30.0
_TRY_AGAIN_AFTER = 5.0
_LOOK_AGAIN_AFTER = 0.1
_KEEPS_COMING = 10.0
# They read requests and answer from the store, or hand over: no read waits for a gateway.
_READERS = 4
# Failures to look up an outcome, which say nothing about the outcome.
_NOT_ASKED = frozenset(
    {
        *(StoreHeld.code, StoreUnreachable.code, "StoreUnusable"),
        *(UnderWay.code, ChangeSettings.code, "Unexpected"),
    }
)

_log = logging.getLogger(__name__)


def until_next_look(usual_seconds: float, quiet_seconds: float) -> float:
    """Return how long to wait before the next look at the inbox; less while requests keep coming.

    A sender with one request after another does not wait each time; while nothing comes, a store that charges
    for each look is asked seldom.
    """
    return usual_seconds if quiet_seconds > _KEEPS_COMING else min(usual_seconds, _LOOK_AGAIN_AFTER)


Pools = Mapping[ThreadPool, Executor]


@dataclass
class AnswerCounts:
    """How many requests were answered, by status."""

    by_status: dict[str, int] = field(default_factory=dict)

    def add(self, status: str) -> None:
        """Count one answer."""
        self.by_status[status] = self.by_status.get(status, 0) + 1


class RequestWorker:
    """Answers the requests in the inbox; each separately, so that a bad one harms no other."""

    def __init__(self, service: OnDemand) -> None:
        settings = service.platform.settings
        self._service = service
        self._runtime = service.platform.runtime
        self._inbox = inbox_of(service.platform)
        self._linger = settings.linger_seconds
        self._threads = max(4, settings.max_connections)
        self._lock = threading.Lock()
        self._in_flight: set[PurePath] = set()
        self._not_before: dict[PurePath, float] = {}
        self._settle_wait: dict[PurePath, float] = {}
        self._look_not_before = 0.0
        self.counts = AnswerCounts()

    def serve(self, is_over: Callable[[], bool]) -> None:
        """Answer waiting and new requests, until none came for `A4S_LINGER_SECONDS` or it is stopped.

        It always finishes what it began; the rest stays in the inbox. Raises `ChangeSettings` if no connector
        is configured: the waiting requests are not at fault and not refused.
        """
        self._service.platform.settings.chosen_connectors(None)
        self._inbox.prepare()
        # If nothing can be written, nothing can be restored either.
        with suppress(ChangeSite):
            self._service.keep_in_use()
        last_busy = last_came = self._runtime.monotonic()
        with ExitStack() as stack:
            pools = self._open_pools(stack)
            while True:
                now = self._runtime.monotonic()
                # Even a stopped run answers what it finds: two daemons on one folder stop each other's runs.
                if self._dispatch(pools, now):
                    last_busy = now
                elif now - last_busy >= self._linger:
                    break
                if is_over():
                    break
                if self._is_answering():
                    last_came = now
                self._runtime.sleep(
                    until_next_look(self._inbox.look_every, self._runtime.monotonic() - last_came)
                )

    def _is_answering(self) -> bool:
        with self._lock:
            return any(not _is_unsettled(path) for path in self._in_flight)

    def _open_pools(self, stack: ExitStack) -> Pools:
        sizes = {
            ThreadPool.SENDING: self._threads,
            ThreadPool.LIVE: self._threads,
            ThreadPool.LOCAL: _READERS,
        }
        pools = {}
        for pool, size in sizes.items():
            pools[pool] = self._runtime.pool(size, pool.name.lower())
            # The pool that hands over to the others, opened last, ends first.
            stack.callback(pools[pool].shutdown, cancel_futures=True)
        return pools

    def _dispatch(self, pools: Pools, now: float) -> bool:
        """Dispatch waiting requests; tell whether anything is waiting, in flight or unsettled."""
        found = self._look(now)
        for path in found:
            with self._lock:
                if path in self._in_flight or self._not_before.get(path, 0.0) > now:
                    continue
                self._in_flight.add(path)
            pool = ThreadPool.SENDING if _is_unsettled(path) else ThreadPool.LOCAL
            pools[pool].submit(self._handle, path, pool, pools)
        with self._lock:
            return bool(self._in_flight or any(_is_unsettled(path) for path in found))

    def _look(self, now: float) -> list[PurePath]:
        """Return the waiting and the unsettled requests; nothing if they cannot be listed now."""
        if now < self._look_not_before:
            return []
        try:
            return [*self._inbox.waiting(), *self._inbox.unsettled()]
        except (A4sError, OSError) as error:
            # Requests in flight continue, and a run without work ends in time.
            self._look_not_before = now + _TRY_AGAIN_AFTER
            _log.warning("the inbox cannot be read (%s); it is tried again in %g s", error, _TRY_AGAIN_AFTER)
            return []

    def _handle(self, path: PurePath, pool: ThreadPool, pools: Pools) -> None:
        """Answer a request, or hand it over to the threads of its kind."""
        handed_to: ThreadPool | None = None
        try:
            with self._inbox.claimed(path) as waiting:
                if waiting is not None:
                    incoming = Incoming.read(waiting, self._service.platform.settings.connectors)
                    if pool is ThreadPool.LOCAL and incoming.pool is not ThreadPool.LOCAL:
                        handed_to = incoming.pool
                    else:
                        self._answer(path, incoming)
            if handed_to is not None:
                pools[handed_to].submit(self._handle, path, handed_to, pools)
        except (OSError, A4sError) as error:
            # An error such as a full disk needs no traceback: the request stays and is retried shortly.
            self._not_before[path] = self._runtime.monotonic() + _TRY_AGAIN_AFTER
            todo = ": check the folder, its permissions and the free disk space"
            _log.error(
                "request %s could not be answered now (%s)%s; it is tried again in %g s",
                path.name,
                error,
                todo if isinstance(error, OSError) else "",
                _TRY_AGAIN_AFTER,
                extra=self._about(path),
            )
        except Exception:
            # A defect of ours must not stop the other requests.
            self._not_before[path] = self._runtime.monotonic() + _TRY_AGAIN_AFTER
            _log.exception(
                "request %s could not be answered now; it is tried again", path.name, extra=self._about(path)
            )
        finally:
            if handed_to is None:
                with self._lock:
                    self._in_flight.discard(path)

    def _about(self, path: PurePath) -> dict[str, str]:
        return {"request_id": path.stem, "run_id": self._service.run_id}

    def _answer(self, path: PurePath, incoming: Incoming) -> None:
        waiting = incoming.waiting
        is_settling = _is_unsettled(path)
        earlier = self._inbox.earlier_answer(waiting)
        if earlier is not None:
            known = exact_json.loads(earlier)
            # A request that was settled just before its process was killed also has its answer.
            if not is_settling or known["status"] != "unknown":
                self._inbox.answer(path, waiting, earlier, str(known["status"]), keep=False)
                return
            document = self._document(incoming, datetime.fromisoformat(known["receivedAt"]))
        else:
            document = self._document(incoming)
        status = str(document["status"])
        if is_settling and is_unknown_still(document):
            # Nothing new: a sender that has collected the answer does not get it again.
            self._look_again_later(path)
            return
        if status == "unknown":
            self._look_again_later(path)
        with self._lock:
            self.counts.add(status)
        self._inbox.answer(path, waiting, as_bytes(document), status, keep=not waiting.is_duplicate)

    def _look_again_later(self, path: PurePath) -> None:
        settled_path = path if _is_unsettled(path) else path.parent / ".unsettled" / path.name
        wait = self._settle_wait.get(settled_path, _SETTLE_FIRST_AFTER)
        self._settle_wait[settled_path] = min(2 * wait, _SETTLE_AT_MOST_EVERY)
        self._not_before[settled_path] = self._runtime.monotonic() + wait

    def document(self, waiting: Waiting) -> dict[str, object]:
        """Return the answer to a request for the outbox."""
        return self._document(Incoming.read(waiting, self._service.platform.settings.connectors))

    def _document(self, incoming: Incoming, received_at: datetime | None = None) -> dict[str, object]:
        received_at = received_at or self._runtime.now()
        answered = (
            failure(incoming.request)
            if isinstance(incoming.request, ChangeRequest)
            else answer(self._service, incoming.request, received_at)
        )
        now, request_id = self._runtime.now(), incoming.waiting.request_id
        return as_document(request_id, incoming.body, answered, received_at, now)


@dataclass(frozen=True)
class Incoming:
    """A request of the inbox after reading: its content, or why it is refused."""

    waiting: Waiting
    body: Mapping[str, Any] | None
    request: Request | ChangeRequest

    @classmethod
    def read(cls, waiting: Waiting, connectors: Collection[str]) -> Self:
        """Read a claimed request, except its fields."""
        body: Mapping[str, Any] | None = None
        try:
            body = parse_request(waiting.raw)
            request: Request | ChangeRequest = request_of(body, connectors)
        except ChangeRequest as refusal:
            request = refusal
        return cls(waiting, body, waiting.refusal or request)

    @property
    def pool(self) -> ThreadPool:
        """Which threads answer it: a refusal is written by the reading thread."""
        return ThreadPool.LOCAL if isinstance(self.request, ChangeRequest) else self.request.kind.pool


def _is_unsettled(path: PurePath) -> bool:
    return path.parent.name == ".unsettled"


def is_unknown_still(document: Mapping[str, Any]) -> bool:
    """Tell whether an attempt to settle an outcome failed."""
    is_not_asked = document["status"] == "failed" and document["error"]["code"] in _NOT_ASKED
    return is_not_asked or document["status"] == "unknown"
