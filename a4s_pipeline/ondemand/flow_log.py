"""The log of flow executions: collected in memory and written later, so that no live answer waits."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from datetime import datetime

from a4s_pipeline.errors import A4sError
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.store import Warehouse

_ONE_IN = 10
_MOST_WAITING = 10_000


@dataclass(frozen=True)
class _Sample:
    counter: itertools.count[int]

    def takes_this(self) -> bool:
        return next(self.counter) % _ONE_IN == 0


class FlowLog:
    """Collects flow executions, and writes them when told to."""

    def __init__(self, warehouse: Warehouse, run_id: str, runtime: Runtime = MACHINE) -> None:
        self._warehouse = warehouse
        self._run_id = run_id
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[FlowExecution] = []
        # Starts at a random count, so that commands that answer once are logged one time in ten too.
        self._sample = _Sample(itertools.count(int(runtime.chance() * _ONE_IN)))

    def note(
        self,
        connector: str,
        flow: str,
        status: str,
        started_at: datetime,
        ended_at: datetime,
        error: str | None,
        *,
        always: bool = False,
    ) -> None:
        """Log an execution: `always`, or one in ten of frequent, cheap ones; failures always."""
        with self._lock:
            is_logged = always or status in ("failed", "unknown") or self._sample.takes_this()
            if is_logged and len(self._waiting) < _MOST_WAITING:
                self._waiting.append(
                    FlowExecution(connector, flow, status, started_at, ended_at, self._run_id, error)
                )

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
