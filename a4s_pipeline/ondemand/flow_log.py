"""The log of flow executions: collected in memory and written later, so that no live answer waits."""

from __future__ import annotations

import itertools
import threading

from a4s_pipeline.errors import A4sError
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.store import Warehouse

_ONE_IN = 10
_MOST_WAITING = 10_000


class FlowLog:
    """Collects flow executions, and writes them when told to."""

    def __init__(self, warehouse: Warehouse, runtime: Runtime = MACHINE) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[FlowExecution] = []
        # Starts at a random count, so that commands that answer once are logged one time in ten too.
        self._count = itertools.count(int(runtime.chance() * _ONE_IN))

    def note(self, execution: FlowExecution, *, always: bool = False) -> None:
        """Log an execution: `always`, or one in ten of frequent, cheap ones; failures always."""
        with self._lock:
            is_failure = execution.status in ("failed", "unknown")
            is_logged = always or is_failure or next(self._count) % _ONE_IN == 0
            if is_logged and len(self._waiting) < _MOST_WAITING:
                self._waiting.append(execution)

    def write(self) -> bool:
        """Write the waiting entries; False if the store is locked, and then they keep waiting."""
        # One at a time: two would both write the waiting entries, and both remove as many.
        with self._writing:
            with self._lock:
                batch = list(self._waiting)
            if not batch:
                return True
            try:
                self._warehouse.transact(lambda connection: record_flows(connection, batch))
            except A4sError:
                return False
            with self._lock:
                del self._waiting[: len(batch)]
            return True
