"""The on-demand service of one process: gateways, ledgers, hook and log, opened once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Self

from a4s_pipeline.errors import A4sError
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.ondemand.flow_log import FlowLog
from a4s_pipeline.ondemand.stock.answers import StockAnswers
from a4s_pipeline.ondemand.stock.live import LiveStock
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.ondemand.ledger import (
    CUSTOMER_LEDGER,
    LEDGER_KINDS,
    ORDER_LEDGER,
    Entry,
    Ledger,
    LedgerKind,
)
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

if TYPE_CHECKING:
    # Sending and history are imported on demand: live stock needs neither.
    from a4s_pipeline.gateway.sending import Numbers
    from a4s_pipeline.ondemand.customer_creation import CustomerCreation
    from a4s_pipeline.ondemand.orders.hook import OrderHook
    from a4s_pipeline.ondemand.orders.order_export import OrderExport
    from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
    from a4s_pipeline.ondemand.sending.send_once import SendOnce

_log = logging.getLogger(__name__)


class OnDemand:
    """Answers the requests of all connectors; use it as a context manager."""

    def __init__(self, platform: Platform, run_id: str) -> None:
        self.platform = platform
        self.run_id = run_id
        self.log = FlowLog(platform.warehouse, platform.runtime)
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._connectors: dict[str, ConnectorAnswers] = {}
        self._is_in_use = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and write the remaining log."""
        self._stack.close()
        self.log.write()

    @cached_property
    def hook(self) -> OrderHook | None:
        """The site's order hook."""
        from a4s_pipeline.ondemand.orders.hook import load_hook  # noqa: PLC0415

        return load_hook(self.platform.settings.order_hook)

    def keep_in_use(self) -> None:
        """Announce, until this is closed, that this process relies on the ledgers; see `Platform.in_use`."""
        with self._lock:
            if not self._is_in_use:
                self._stack.enter_context(self.platform.in_use())
                self._is_in_use = True

    def at_end(self, close: Callable[[], None]) -> None:
        """Close something with this service, before what it depends on."""
        with self._lock:
            self._stack.callback(close)

    def connector(self, name: str) -> ConnectorAnswers:
        """Return what answers for one connector."""
        with self._lock:
            if name not in self._connectors:
                self._connectors[name] = ConnectorAnswers(self, name)
            return self._connectors[name]

    def open_gateway(self, connector: str) -> Administration:
        """Open the gateway for one connector, until this is closed."""
        with self._lock:
            return self._stack.enter_context(self.platform.administration(connector))

    def settle_all(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Settle all unknown outcomes in the ledgers, unless stopped; return how many are still unknown.

        What cannot be looked up now, for example because the store is locked, is left for the next time.
        """
        left = 0
        for name in self.platform.settings.connectors:
            try:
                left += self.connector(name).settle_all(is_over)
            except A4sError as error:
                _log.warning(
                    "the unknown outcomes of %s cannot be settled now: %s",
                    name,
                    error,
                    extra={"connector": name, "run_id": self.run_id},
                )
        return left


class ConnectorAnswers:
    """Answers for one connector; its gateway is opened at first use, because history needs none."""

    def __init__(self, service: OnDemand, name: str) -> None:
        self._service = service
        self._settings = service.platform.settings
        self.runtime = service.platform.runtime
        self._lock = threading.RLock()
        self._administration: Administration | None = None
        self._stock: StockAnswers | None = None
        self._line = self.runtime.semaphore(self._settings.max_connections)
        self.name = name

    @property
    def administration(self) -> Administration:
        """The administration at the gateway."""
        with self._lock:
            if self._administration is None:
                self._administration = self._service.open_gateway(self.name)
            return self._administration

    @cached_property
    def orders(self) -> OrderExport:
        """Exports orders through their ledger."""
        return self._exporting(self._service.hook)

    @cached_property
    def customers(self) -> CustomerCreation:
        """Creates customers through their ledger."""
        from a4s_pipeline.ondemand.customer_creation import CustomerCreation  # noqa: PLC0415

        return CustomerCreation(
            self.administration, self._send_once(CUSTOMER_LEDGER), self._settings.timezone
        )

    @property
    def stock(self) -> StockAnswers:
        """Answers with projected stock, over this connector's own calls: another's slow ones do not delay
        them.
        """
        with self._lock:
            if self._stock is None:
                settings = self._settings
                live = LiveStock(
                    self.administration.stock,
                    settings.max_connections,
                    settings.stock_fresh_seconds,
                    self.runtime,
                )
                self._service.at_end(live.close)
                self._stock = StockAnswers(live)
            return self._stock

    @cached_property
    def history(self) -> OrderHistory:
        """Answers from the imported orders."""
        from a4s_pipeline.ondemand.retrieval.orders import OrderHistory  # noqa: PLC0415

        is_imported = self._settings.connectors[self.name].imports(STREAM)
        return OrderHistory(self._service.platform.readable, self.name, is_imported)

    def ledger(self, kind: LedgerKind) -> Ledger:
        """Return a ledger of this connector."""
        return Ledger(self._service.platform.warehouse, kind, self.name, self._service.run_id)

    def _exporting(self, hook: OrderHook | None) -> OrderExport:
        from a4s_pipeline.ondemand.orders.order_export import OrderExport  # noqa: PLC0415

        return OrderExport(self.administration, self._send_once(ORDER_LEDGER), hook, self._settings.timezone)

    def resolve_order(self, intake_order_id: str, numbers: Numbers | None, said: str) -> Entry | None:
        """Record the outcome of an order that somebody found by hand; see `SendOnce.resolve`. Calls no
        gateway.
        """
        return self._send_once(ORDER_LEDGER).resolve(intake_order_id, numbers, said)

    def _send_once(self, kind: LedgerKind) -> SendOnce:
        from a4s_pipeline.ondemand.sending.send_once import SendOnce, SendRules  # noqa: PLC0415

        self._service.keep_in_use()
        rules = SendRules(
            self._service.platform.locks,
            timedelta(seconds=self._settings.resend_after_seconds),
            timedelta(days=self._settings.restored_look_up_days),
            line=self._line,
        )
        return SendOnce(self.ledger(kind), rules, self.runtime.now)

    def settle_all(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Settle this connector's unknown outcomes; return how many are still unknown."""
        left = 0
        for kind in LEDGER_KINDS:
            for key in self.ledger(kind).left_open():
                left += is_over() or self.settle(kind, key)
        return left

    def settle(self, kind: LedgerKind, key: str) -> bool:
        """Settle one unknown outcome; return whether it is still unknown."""
        # Nothing is prepared again, so this works even if the hook cannot be loaded.
        settle = self.customers.settle if kind is CUSTOMER_LEDGER else self._exporting(None).settle
        outcome = settle(key)
        return outcome is not None and outcome.status == "unknown"
