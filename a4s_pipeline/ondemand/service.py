"""Everything that answers on demand, for one process: gateways, ledgers, hook and log, opened once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self

from a4s_pipeline.errors import A4sError, ChangeRequest, FieldFault
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.customer_creation import CustomerCreation
from a4s_pipeline.ondemand.flow_log import FlowLog
from a4s_pipeline.ondemand.hook import OrderHook, load_hook
from a4s_pipeline.ondemand.order_export import OrderExport
from a4s_pipeline.ondemand.order_retrieval import read_filter, retrieve_order, retrieve_orders
from a4s_pipeline.ondemand.sending.send_once import SendOnce, SendRules
from a4s_pipeline.ondemand.stock_answers import StockAnswers
from a4s_pipeline.platform import Platform
from a4s_pipeline.texts import has_utf8
from a4s_pipeline.warehouse.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Ledger, LedgerKind
from a4s_pipeline.warehouse.orders import STREAM

_log = logging.getLogger(__name__)


class OnDemand:
    """Answers the requests of all connectors; use it as a context manager."""

    def __init__(self, platform: Platform, run_id: str) -> None:
        self.platform = platform
        self.run_id = run_id
        self.log = FlowLog(platform.warehouse, run_id)
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._connectors: dict[str, ConnectorAnswers] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections, and write what is still to be logged."""
        self._stack.close()
        self.log.write()

    @cached_property
    def hook(self) -> OrderHook | None:
        """The site's order hook."""
        return load_hook(self.platform.settings.order_hook)

    @cached_property
    def stock_pool(self) -> ThreadPoolExecutor:
        """The threads that ask for stock, as many as there may be calls in flight."""
        pool = ThreadPoolExecutor(self.platform.settings.max_connections, thread_name_prefix="stock")
        self._stack.callback(pool.shutdown, cancel_futures=True)
        return pool

    def connector(self, name: str) -> ConnectorAnswers:
        """Return what answers for one connector."""
        with self._lock:
            if name not in self._connectors:
                administration = self._stack.enter_context(self.platform.administration(name))
                self._connectors[name] = ConnectorAnswers(self, name, administration)
            return self._connectors[name]

    def settle_all(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Settle whatever the ledgers hold as unknown, until it is over; return how much of it still is.

        What cannot be asked now, because the store is held, say, is left for the next time.
        """
        left = 0
        for name in self.platform.settings.connectors:
            try:
                left += self.connector(name).settle_all(is_over)
            except A4sError as error:
                _log.warning("the unknown outcomes of %s cannot be settled now: %s", name, error)
        return left


class ConnectorAnswers:
    """Answers for one connector."""

    def __init__(self, service: OnDemand, name: str, administration: Administration) -> None:
        self._service = service
        self._settings = service.platform.settings
        self.name = name
        self.administration = administration

    @cached_property
    def orders(self) -> OrderExport:
        """Exports orders through their ledger."""
        return OrderExport(
            self.administration, self._send_once(ORDER_LEDGER), self._service.hook, self._settings.timezone
        )

    @cached_property
    def customers(self) -> CustomerCreation:
        """Creates customers through their ledger."""
        return CustomerCreation(
            self.administration, self._send_once(CUSTOMER_LEDGER), self._settings.timezone
        )

    @cached_property
    def stock(self) -> StockAnswers:
        """Answers with projected stock."""
        return StockAnswers(self.administration, self._service.stock_pool, self._settings.max_connections)

    def ledger(self, kind: LedgerKind) -> Ledger:
        """Return a ledger of this connector."""
        return Ledger(self._service.platform.warehouse, kind, self.name, self._service.run_id)

    def _send_once(self, kind: LedgerKind) -> SendOnce:
        rules = SendRules(
            self._service.platform.locks,
            timedelta(seconds=self._settings.resend_after_seconds),
            timedelta(days=self._settings.restored_look_up_days),
        )
        return SendOnce(self.ledger(kind), rules)

    def settle_all(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Settle what the ledgers of this connector hold as unknown; return how much of it still is."""
        left = 0
        # Nothing is prepared anew, so a hook that cannot be loaded keeps nothing from being settled.
        orders = OrderExport(
            self.administration, self._send_once(ORDER_LEDGER), None, self._settings.timezone
        )
        for kind, settle in ((ORDER_LEDGER, orders.settle), (CUSTOMER_LEDGER, self.customers.settle)):
            for key in self.ledger(kind).left_open():
                if is_over():
                    left += 1
                    continue
                outcome = settle(key)
                left += outcome is not None and outcome.status == "unknown"
        return left

    def projected_stock(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with projected stock, live."""
        del received_at
        return self.stock.answer(body.get("items"))

    def export_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Export the order of the request."""
        return self.orders.export(body.get("order"), received_at)

    def create_customer(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Create the customer of the request."""
        return self.customers.create(body.get("customer"), received_at)

    def retrieve_orders(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with a list of orders."""
        del received_at
        try:
            wanted = read_filter(body, self._settings.timezone)
            readable = self._service.platform.readable
            answer = retrieve_orders(readable, self.name, wanted, is_imported=self._imports_orders)
            return Answered("ok", answer)
        except A4sError as error:
            return _history_failure(error)

    def retrieve_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        """Answer with one order."""
        del received_at
        code = body.get("orderCode")
        if not isinstance(code, str) or not code or not has_utf8(code):
            fault = FieldFault("orderCode", "must be a text that is not empty")
            return failure(ChangeRequest("the request names no order", code="Invalid", fields=(fault,)))
        try:
            readable = self._service.platform.readable
            answer = retrieve_order(readable, self.name, code, is_imported=self._imports_orders)
            return Answered("ok", answer)
        except A4sError as error:
            return _history_failure(error)

    @property
    def _imports_orders(self) -> bool:
        return self._settings.connectors[self.name].imports(STREAM)


def _history_failure(error: A4sError) -> Answered:
    """Where history does not exist the request is refused: asking again changes nothing."""
    if error.code == "FocusConnectorNotConfigured":
        return failure(ChangeRequest(str(error), code=error.code))
    return failure(error)
