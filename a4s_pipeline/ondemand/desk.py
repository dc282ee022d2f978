"""The desk: answers everything that waits in the inbox side by side, and stays a while for more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings, StoreHeld, StoreUnreachable
from a4s_pipeline.ondemand.answers import failure
from a4s_pipeline.ondemand.inbox import Waiting, as_bytes
from a4s_pipeline.ondemand.inboxes import inbox_of
from a4s_pipeline.ondemand.requests import answer_request, as_document, parse_request
from a4s_pipeline.ondemand.sending.send_once import UnderWay
from a4s_pipeline.ondemand.service import OnDemand

_SETTLE_FIRST_AFTER = 1.0
_SETTLE_AT_MOST_EVERY = 30.0
_TRY_AGAIN_AFTER = 5.0
# Requests that mention these wait for their ledger. They have threads of their own, so that a live answer
# waits for no ledger behind them; where a mention misleads, only the threads are others.
_SENT_THROUGH_A_LEDGER = (b"export_order", b"create_customer")
# Failures to ask what became of something, which say nothing of what became of it.
_NOT_ASKED = frozenset(
    {
        *(StoreHeld.code, StoreUnreachable.code, "StoreUnusable"),
        *(UnderWay.code, ChangeSettings.code, "Unexpected"),
    }
)

_log = logging.getLogger(__name__)


@dataclass
class DeskCounts:
    """How many requests were answered, by status."""

    by_status: dict[str, int] = field(default_factory=dict)

    def add(self, status: str) -> None:
        """Count one answer."""
        self.by_status[status] = self.by_status.get(status, 0) + 1


class Desk:
    """Answers the requests in the inbox; each alone, so that a bad one harms no other."""

    def __init__(self, service: OnDemand) -> None:
        settings = service.platform.settings
        self._service = service
        self._inbox = inbox_of(service.platform)
        self._linger = settings.linger_seconds
        self._threads = max(4, settings.max_connections)
        self._lock = threading.Lock()
        self._in_hand: set[PurePath] = set()
        self._not_before: dict[PurePath, float] = {}
        self._settle_wait: dict[PurePath, float] = {}
        self._look_not_before = 0.0
        self.counts = DeskCounts()

    def serve(self, is_over: Callable[[], bool]) -> None:
        """Answer what waits and what comes, until nothing came for `A4S_LINGER_SECONDS` or it is over.

        However it ends, what was begun is finished first, and the rest stays in the inbox.
        """
        self._inbox.prepare()
        last_busy = time.monotonic()
        with ExitStack() as pools:
            sending = ThreadPoolExecutor(self._threads, thread_name_prefix="sending")
            pools.callback(sending.shutdown, cancel_futures=True)
            answering = ThreadPoolExecutor(self._threads, thread_name_prefix="request")
            # The first to end, because it hands over to the other.
            pools.callback(answering.shutdown, cancel_futures=True)
            while not is_over():
                now = time.monotonic()
                if self._take_up(answering, sending, now):
                    last_busy = now
                elif now - last_busy >= self._linger:
                    break
                time.sleep(self._inbox.look_every)

    def _take_up(self, answering: ThreadPoolExecutor, sending: ThreadPoolExecutor, now: float) -> bool:
        """Hand out what waits; tell whether anything is waiting, in hand or unsettled."""
        found = self._look(now)
        for path in found:
            with self._lock:
                if path in self._in_hand or self._not_before.get(path, 0.0) > now:
                    continue
                self._in_hand.add(path)
            if _is_unsettled(path):
                sending.submit(self._handle, path, None)
            else:
                answering.submit(self._handle, path, sending)
        with self._lock:
            return bool(self._in_hand or any(_is_unsettled(path) for path in found))

    def _look(self, now: float) -> list[PurePath]:
        """Return what waits and what is not settled; nothing where it cannot be had now."""
        if now < self._look_not_before:
            return []
        try:
            return [*self._inbox.waiting(), *self._inbox.unsettled()]
        except (A4sError, OSError) as error:
            # What is in hand goes on, and a run that is of no use meanwhile ends in time.
            self._look_not_before = now + _TRY_AGAIN_AFTER
            _log.warning(
                "the inbox cannot be looked at (%s); it is tried again in %g s", error, _TRY_AGAIN_AFTER
            )
            return []

    def _handle(self, path: PurePath, sending: ThreadPoolExecutor | None) -> None:
        """Answer a request, or hand it over to the threads that may wait for a ledger."""
        is_handed_over = False
        try:
            with self._inbox.claimed(path) as waiting:
                if waiting is not None and sending is not None and _is_to_be_sent(waiting):
                    is_handed_over = True
                elif waiting is not None:
                    self._answer(path, waiting)
            if is_handed_over and sending is not None:
                sending.submit(self._handle, path, None)
        except (OSError, A4sError) as error:
            # A full disk, say, needs no traceback: the request stays, and is taken up again a little later.
            self._not_before[path] = time.monotonic() + _TRY_AGAIN_AFTER
            todo = ": check the folder, its permissions and the free disk space"
            _log.error(
                "request %s could not be answered now (%s)%s; it is tried again in %g s",
                path.name,
                error,
                todo if isinstance(error, OSError) else "",
                _TRY_AGAIN_AFTER,
            )
        except Exception:
            # A defect of ours must not take the other requests along.
            self._not_before[path] = time.monotonic() + _TRY_AGAIN_AFTER
            _log.exception("request %s could not be answered now; it is tried again", path.name)
        finally:
            if not is_handed_over:
                with self._lock:
                    self._in_hand.discard(path)

    def _answer(self, path: PurePath, waiting: Waiting) -> None:
        is_settling = _is_unsettled(path)
        earlier = self._inbox.earlier_answer(waiting)
        if earlier is not None:
            known = exact_json.loads(earlier)
            # One that was settled, and whose process was killed before it said so, has its answer too.
            if not is_settling or known["status"] != "unknown":
                self._inbox.answer(path, waiting, earlier, str(known["status"]), keep=False)
                return
            document = self.document(waiting, datetime.fromisoformat(known["receivedAt"]))
        else:
            document = self.document(waiting)
        status = str(document["status"])
        if is_settling and is_unknown_still(document):
            # Nothing new: whoever has taken the answer out of the outbox is not told it again.
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
        self._not_before[settled_path] = time.monotonic() + wait

    def document(self, waiting: Waiting, received_at: datetime | None = None) -> dict[str, object]:
        """Return the answer to a request as it goes into the outbox; it was received now, by default."""
        received_at = received_at or datetime.now(UTC)
        if waiting.refusal is not None:
            return as_document(
                waiting.request_id, _readable(waiting.raw), failure(waiting.refusal), received_at
            )
        try:
            body = parse_request(waiting.raw)
        except ChangeRequest as error:
            return as_document(waiting.request_id, None, failure(error), received_at)
        answered = answer_request(
            body,
            self._service.platform.settings.connectors,
            self._service.connector,
            received_at,
            self._service.log.note,
        )
        return as_document(waiting.request_id, body, answered, received_at)


def _readable(raw: bytes) -> dict[str, object] | None:
    try:
        return dict(parse_request(raw))
    except ChangeRequest:
        return None


def _is_unsettled(path: PurePath) -> bool:
    return path.parent.name == ".unsettled"


def _is_to_be_sent(waiting: Waiting) -> bool:
    return any(kind in waiting.raw for kind in _SENT_THROUGH_A_LEDGER)


def is_unknown_still(document: Mapping[str, Any]) -> bool:
    """Tell whether an attempt to settle an outcome brought none."""
    is_not_asked = document["status"] == "failed" and document["error"]["code"] in _NOT_ASKED
    return is_not_asked or document["status"] == "unknown"
