"""Background tasks beside answering: settling unknown outcomes, notifying, and logging."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.callbacks import Callbacks
from a4s_pipeline.warehouse.rows.ondemand.ledger import LEDGER_KINDS, LedgerKind

_SETTLE_EVERY = 30.0
_SETTLE_FIRST_AFTER = 1.0
_MOST_SOON = 1000
_WRITE_LOG_EVERY = 1.0
_TELL_EVERY = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unknown:
    """An order or a customer with an unknown outcome."""

    connector: str
    kind: LedgerKind = field(hash=False)
    key: str


class Soon:
    """Schedules the look-ups of new unknowns: after a first pause, then after twice the previous one.

    Once the regular round would be as soon, it takes over. Not safe for threads.
    """

    def __init__(self, first_pause: float, beat: float) -> None:
        self._first_pause = first_pause
        self._beat = beat
        self._waiting: dict[Unknown, tuple[float, float]] = {}
        self._asked: dict[Unknown, float] = {}

    @property
    def next_at(self) -> float:
        """When the next of them is due; infinity if none waits."""
        return min((at for at, _ in self._waiting.values()), default=math.inf)

    def add(self, unknown: Unknown, now: float) -> None:
        """Add new unknowns; more than one thread can look up between two rounds are left to the rounds."""
        if len(self._waiting) < _MOST_SOON:
            self._waiting[unknown] = (now + self._first_pause, self._first_pause)

    def due(self, now: float) -> list[Unknown]:
        """Remove and return what is due now; `again` puts it back."""
        due = [unknown for unknown, (at, _) in self._waiting.items() if at <= now]
        self._asked = {unknown: self._waiting.pop(unknown)[1] for unknown in due}
        return due

    def again(self, unknown: Unknown, now: float) -> None:
        """Put back what was due and is still unknown."""
        pause = 2 * self._asked.pop(unknown)
        if pause < self._beat:
            self._waiting[unknown] = (now + pause, pause)


class Upkeep:
    """Settles, notifies and logs in its own threads; use it as a context manager.

    They wait for the warehouse, the gateway and callback URLs as long as needed: no answer waits for them.
    """

    def __init__(self, service: OnDemand) -> None:
        self._service = service
        self._over = threading.Event()
        self._has_new = threading.Event()
        self._new: queue.SimpleQueue[Unknown] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._keep_settling, name="settle"),
            threading.Thread(target=self._repeat, args=(service.log.write, _WRITE_LOG_EVERY), name="log"),
        ]
        settings = service.platform.settings
        if settings.callbacks:
            self._callbacks = Callbacks(settings.callbacks, service.platform.locks, Network.of(settings))
            telling = threading.Thread(target=self._repeat, args=(self._tell, _TELL_EVERY), name="callbacks")
            self._threads.append(telling)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish what has begun, and end."""
        self._over.set()
        self._has_new.set()
        for thread in self._threads:
            thread.join()

    def settle_soon(self, unknown: Unknown) -> None:
        """Look up soon an outcome that has just become unknown: somebody waits for it."""
        self._new.put(unknown)
        self._has_new.set()

    def _keep_settling(self) -> None:
        """Settle all in regular rounds, and new unknowns in between: soon, then less and less often."""
        soon = Soon(_SETTLE_FIRST_AFTER, _SETTLE_EVERY)
        next_beat = time.monotonic()
        while not self._over.is_set():
            now = time.monotonic()
            if now >= next_beat:
                self._try(self._settle)
                next_beat = time.monotonic() + _SETTLE_EVERY
            for unknown in soon.due(now):
                self._try(partial(self._settle_one, soon, unknown))
            self._has_new.wait(max(0.0, min(next_beat, soon.next_at) - time.monotonic()))
            self._has_new.clear()
            while not self._new.empty():
                soon.add(self._new.get(), time.monotonic())

    def _settle_one(self, soon: Soon, unknown: Unknown) -> None:
        if not self._over.is_set() and self._service.connector(unknown.connector).settle(
            unknown.kind, unknown.key
        ):
            soon.again(unknown, time.monotonic())

    def _settle(self) -> None:
        left = self._service.settle_all(self._over.is_set)
        if left:
            about = {"run_id": self._service.run_id}
            _log.warning("%d outcomes are still unknown; they are looked up again", left, extra=about)

    def _tell(self) -> None:
        connectors = self._service.platform.settings.connectors
        ledgers = (self._service.connector(name).ledger(kind) for name in connectors for kind in LEDGER_KINDS)
        self._callbacks.tell(ledgers, self._over.is_set)

    def _repeat(self, task: Callable[[], object], every: float) -> None:
        while True:
            self._try(task)
            if self._over.wait(every):
                return

    def _try(self, task: Callable[[], object]) -> None:
        try:
            task()
        except Exception:
            # Answers continue, whatever prevents this task now.
            _log.exception("upkeep failed; it is tried again", extra={"run_id": self._service.run_id})
