"""Notifies the URLs of A4S_CALLBACKS of settled outcomes until they accept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from a4s_pipeline.alerts import post_document
from a4s_pipeline.errors import TryAgain
from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.customer_creation import created_row
from a4s_pipeline.ondemand.orders.export_ledger import export_row, instant_or_none
from a4s_pipeline.settings.callbacks import Callback
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER, Entry, Ledger

# After that, a receiver that did not accept it has to ask.
_TOLD_FOR = timedelta(days=30)
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settled:
    """The outcome of one order or customer, with an id that stays the same in every repetition."""

    message_id: str
    document: dict[str, Any]


def settled(ledger: Ledger, entry: Entry) -> Settled:
    """Return the notification of a settled outcome: the document that HTTP has at its `Location`."""
    at = instant_or_none(entry.row["settled_at"])
    is_order = ledger.kind is ORDER_LEDGER
    what = export_row(entry) if is_order else created_row(entry)
    named = f"{ledger.connector}/{ledger.kind.table.name}/{entry.key}/{at}"
    return Settled(
        f"msg_{blake2b(named.encode(), digest_size=16).hexdigest()}",
        {
            "type": "order.settled" if is_order else "customer.settled",
            "timestamp": at,
            "data": {"connector": ledger.connector, **what},
        },
    )


def wait_after(failures: int) -> float:
    """Return the seconds until the next try, after this many refusals of a URL."""
    return float(min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT))


class Callbacks:
    """Sends the notifications of settled outcomes; one process of an installation at a time.

    The ledger records what all URLs have accepted. Which of them accepted it earlier, and the time of the
    next try, are lost with the process: then it is sent again with the same id.
    """

    def __init__(self, callbacks: Iterable[Callback], locks: Locks, network: Network) -> None:
        self._callbacks = tuple(callbacks)
        self._locks = locks
        self._network = network
        self._taken: set[tuple[str, str]] = set()
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def tell(self, ledgers: Iterable[Ledger], is_over: Callable[[], bool] = lambda: False) -> int:
        """Send pending notifications, unless stopped; return how many are left."""
        try:
            with self._locks.exclusive("callbacks", 0, _Elsewhere):
                return sum(self._tell(ledger, is_over) for ledger in ledgers)
        except _Elsewhere:
            return 0

    def _tell(self, ledger: Ledger, is_over: Callable[[], bool]) -> int:
        left = 0
        for entry in ledger.unannounced(datetime.now(UTC) - _TOLD_FOR):
            message = settled(ledger, entry)
            wanting = [one for one in self._callbacks if one.is_for(ledger.connector)]
            taken = [self._is_taken(callback, message) for callback in wanting if not is_over()]
            if len(taken) == len(wanting) and all(taken):
                ledger.announced(entry, datetime.now(UTC))
                self._taken -= {(callback.name, message.message_id) for callback in wanting}
            else:
                left += 1
        return left

    def _is_taken(self, callback: Callback, message: Settled) -> bool:
        told = (callback.name, message.message_id)
        if told in self._taken:
            return True
        if self._not_before.get(callback.name, 0.0) > time.monotonic():
            return False
        why_not = post_document(
            callback.url, message.document, self._network, callback.secret, message.message_id
        )
        if why_not is None:
            self._taken.add(told)
            self._failures.pop(callback.name, None)
            return True
        failures = self._failures[callback.name] = self._failures.get(callback.name, 0) + 1
        wait = wait_after(failures)
        self._not_before[callback.name] = time.monotonic() + wait
        _log.warning(
            "the callback %s did not accept (%s); it is tried again in %g s", callback.name, why_not, wait
        )
        return False


class _Elsewhere(TryAgain):
    """Another process is sending them now."""
