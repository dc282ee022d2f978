"""What goes on beside the answering: what is unknown is settled, and what happened is logged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from a4s_pipeline.ondemand.service import OnDemand

_SETTLE_EVERY = 30.0
_WRITE_LOG_EVERY = 1.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Settles and logs from the start on, in threads of its own; use it as a context manager.

    Both wait for the warehouse and the gateway as long as it takes, so no answer may wait for them.
    """

    def __init__(self, service: OnDemand) -> None:
        self._service = service
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._settle, _SETTLE_EVERY), name="settle"),
            threading.Thread(target=self._repeat, args=(service.log.write, _WRITE_LOG_EVERY), name="log"),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with what was begun finished."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _settle(self) -> None:
        left = self._service.settle_all(self._over.is_set)
        if left:
            _log.warning("%d outcomes are unknown still; they are asked for again", left)

    def _repeat(self, task: Callable[[], object], every: float) -> None:
        while True:
            try:
                task()
            except Exception:
                # The answers go on, whatever keeps this from its work now.
                _log.exception("upkeep failed; it is tried again")
            if self._over.wait(every):
                return
