"""What goes on beside the answering: what is unknown is settled, and told, and what happened is logged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.callbacks import Callbacks
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER

_SETTLE_EVERY = 30.0
_SETTLE_FIRST_AFTER = 1.0
_WRITE_LOG_EVERY = 1.0
_TELL_EVERY = 5.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Settles, tells and logs from the start on, in threads of its own; use it as a context manager.

    They wait for the warehouse, the gateway and others' URLs as long as it takes: no answer waits for them.
    """

    def __init__(self, service: OnDemand) -> None:
        self._service = service
        self._over = threading.Event()
        self._has_new = threading.Event()
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
        """End, with what was begun finished."""
        self._over.set()
        self._has_new.set()
        for thread in self._threads:
            thread.join()

    def settle_soon(self) -> None:
        """Ask soon for an outcome that has just become unknown: somebody waits for it."""
        self._has_new.set()

    def _keep_settling(self) -> None:
        """Settle on the usual beat, and soon, then less and less often, after something became unknown."""
        pause = _SETTLE_EVERY
        while True:
            self._try(self._settle)
            is_new = self._has_new.wait(pause)
            self._has_new.clear()
            pause = min(_SETTLE_FIRST_AFTER if is_new else 2 * pause, _SETTLE_EVERY)
            if self._over.wait(pause if is_new else 0):
                return

    def _settle(self) -> None:
        left = self._service.settle_all(self._over.is_set)
        if left:
            _log.warning("%d outcomes are unknown still; they are asked for again", left)

    def _tell(self) -> None:
        connectors = self._service.platform.settings.connectors
        kinds = (ORDER_LEDGER, CUSTOMER_LEDGER)
        ledgers = (self._service.connector(name).ledger(kind) for name in connectors for kind in kinds)
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
            # The answers go on, whatever keeps this from its work now.
            _log.exception("upkeep failed; it is tried again")
