"""Runs one sync of one connector's stream: its lock, its counts, and its record in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

from a4s_pipeline.errors import A4sError, StoreHeld, SyncUnderWay
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.runtime import old_objects_left_alone
from a4s_pipeline.sync.drift_count import DriftCount
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.rows import Stamp
from a4s_pipeline.warehouse.rows.drift import record_drifts
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution, record_flows
from a4s_pipeline.warehouse.rows.state import StreamProgress, save_progress
from a4s_pipeline.warehouse.store import Warehouse

LONGEST_WAIT = 10.0
StateReader = Callable[[duckdb.DuckDBPyConnection], Mapping[str, Any]]


@contextmanager
def stream_lock(
    locks: Locks, connector: str, stream: str, wait_seconds: float = LONGEST_WAIT
) -> Iterator[None]:
    """Hold the lock of one connector's stream, or raise `SyncUnderWay` after a bounded wait."""

    def busy(holder: str) -> SyncUnderWay:
        return SyncUnderWay(
            f"a sync of the {stream} of {connector!r} is running ({holder}); it is left to finish. "
            "Try again afterwards"
        )

    with locks.exclusive(f"{connector}.{stream}", wait_seconds, busy):
        yield


class StreamRun:
    """A run from its lock to its last entry in `sync_state` and in the log of flow executions."""

    def __init__(
        self,
        connector: str,
        stream: str,
        administration: Administration,
        warehouse: Warehouse,
        *,
        run_id: str,
    ) -> None:
        self.administration = administration
        self.warehouse = warehouse
        self._client = administration.client
        self.runtime = self._client.runtime
        self._started = self.runtime.monotonic()
        self._calls_before = (self._client.counts.calls, self._client.counts.retries)
        self.started_at = self.runtime.now()
        self.stamp = Stamp(connector, run_id, self.started_at)
        self.result = SyncResult(connector, stream)
        self.drift = DriftCount()

    def execute(self, locks: Locks, read: Callable[[], None], state: StateReader) -> SyncResult:
        """Let `read` import the stream, and return the counts.

        An error that ends it early is recorded and then raised. `state` completes the counts from the store,
        and returns the stream's own columns of `sync_state`.
        """
        with stream_lock(locks, self.stamp.connector, self.result.stream), old_objects_left_alone():
            try:
                read()
            except A4sError as error:
                self._end(error, state)
                raise
            self._end(None, state)
        return self.result

    def progress(self, columns: Mapping[str, Any] | None = None) -> StreamProgress:
        """Return the stream's columns of `sync_state` for a transaction of this run."""
        stamp = self.stamp
        return StreamProgress(stamp.connector, self.result.stream, stamp.run_id, stamp.at, columns or {})

    def _end(self, error: A4sError | None, state: StateReader) -> None:
        """Record the result of the run; if that fails too, report the first failure."""
        result, stamp = self.result, self.stamp
        result.error = error
        result.calls = self._client.counts.calls - self._calls_before[0]
        result.retries = self._client.counts.retries - self._calls_before[1]
        result.drifts = self.drift.so_far()
        ended_at = self.runtime.now()
        why = None if error is None else str(error)
        if isinstance(error, StoreHeld):
            # The sync already waited for the process that has the store locked: do not wait again to write
            # this.
            result.seconds = self.runtime.monotonic() - self._started
            return

        execution = FlowExecution(
            stamp.connector,
            f"sync_{result.stream}",
            "ok" if error is None else "failed",
            self.started_at,
            ended_at,
            stamp.run_id,
            why,
        )

        def write(connection: duckdb.DuckDBPyConnection) -> None:
            own = state(connection)
            result.seconds = self.runtime.monotonic() - self._started
            columns = {**result.as_state(), **own, "last_run_at": self.started_at, "last_error": why}
            is_read = result.is_complete and result.has_history and not result.is_repair
            if error is None and is_read:
                columns["last_success_at"] = ended_at
            progress = StreamProgress(stamp.connector, result.stream, stamp.run_id, ended_at, columns)
            save_progress(connection, progress)
            record_drifts(connection, result.drifts, progress)
            record_flows(connection, [execution])

        try:
            self.warehouse.transact(write)
        except A4sError:
            if error is None:
                raise
