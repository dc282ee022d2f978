"""Collects listed items or customers, and writes the changed ones in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import duckdb

from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.records.reading import RecordRead, Unreadable
from a4s_pipeline.gateway.records.records import WireRecord
from a4s_pipeline.sync.batches import BatchTimer
from a4s_pipeline.sync.changes import Standing, standing_of
from a4s_pipeline.sync.rows import Stamp, Unstorable, set_aside_of
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.warehouse.rows.records import (
    RecordBatch,
    RecordTables,
    RowsByTable,
    stored_records,
    write_records,
)
from a4s_pipeline.warehouse.rows.row_changes import RowCounts
from a4s_pipeline.warehouse.rows.state import StreamProgress, set_aside_keys

R = TypeVar("R", bound=WireRecord)


def _nothing(_connection: duckdb.DuckDBPyConnection, _progress: StreamProgress) -> None:
    pass


@dataclass(frozen=True)
class RecordKind(Generic[R]):
    """What differs between items and customers: how they are listed, read, and turned into rows.

    `also_write` is called in each transaction that writes records, and in the last one of a run.
    """

    tables: RecordTables
    model: type[R]
    key_field: str
    page: Callable[[Administration, int, int], Reply[Page]]
    code_of: Callable[[R], str]
    rows_of: Callable[[R, Stamp, str], RowsByTable]
    also_write: Callable[[duckdb.DuckDBPyConnection, StreamProgress], None] = _nothing

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return self.tables.stream


@dataclass(frozen=True)
class _Listed(Generic[R]):
    """A record as received and as read, with its hash and its unreadable parts."""

    record: R
    raw: Any
    fingerprint: str
    parts: Sequence[Unreadable]


class RecordWriter(Generic[R]):
    """Compares the records of a listing with what is stored, writes changes, and counts."""

    def __init__(self, kind: RecordKind[R], run: StreamRun) -> None:
        self._kind = kind
        self._run = run
        self._waiting: dict[str, _Listed[R]] = {}
        self._unreadable: dict[str, Unreadable] = {}
        self._timer = BatchTimer(run.runtime)
        self._aside_in_reading: set[tuple[str, str, str]] = set()
        with run.warehouse.session() as connection:
            self._known_set_aside = set_aside_keys(connection, run.stamp.connector, kind.stream)
        self.set_aside_before = frozenset(self._known_set_aside)
        """The keys that earlier syncs set aside."""

    def begin(self) -> None:
        """Start a reading of the listing at its first page."""
        self._aside_in_reading.clear()

    @property
    def set_aside(self) -> int:
        """How many records and parts of records in this reading could not be read."""
        return len(self._aside_in_reading)

    @property
    def parts_set_aside(self) -> int:
        """How many of these are parts of records that were stored."""
        return sum(part != "" for _, _, part in self._aside_in_reading)

    def take(self, records: list[tuple[RecordRead[R], Any]]) -> None:
        """Add the records of a page, each with its raw value; write a batch when it is time."""
        for read, raw in records:
            record = read.record
            if isinstance(record, Unreadable):
                self._unreadable[set_aside_of(self._kind.stream, record, None).key] = record
            else:
                listed = _Listed(record, raw, fingerprint_of(raw), read.parts)
                self._waiting[self._kind.code_of(record)] = listed
        if self._timer.is_due(len(self._waiting)):
            self.flush()

    def flush(self) -> None:
        """Write the collected records that differ from the stored ones, in one transaction."""
        self._timer.restart()
        waiting, self._waiting = self._waiting, {}
        unreadable, self._unreadable = self._unreadable, {}
        if not waiting and not unreadable:
            return

        def write(connection: duckdb.DuckDBPyConnection) -> tuple[RecordBatch, dict[str, RowCounts]]:
            batch = self._batch(connection, waiting)
            changes: dict[str, RowCounts] = {}
            self._put_aside(batch, unreadable.values())
            if batch:
                progress = self._run.progress()
                changes = write_records(connection, self._kind.tables, batch, progress)
                self._kind.also_write(connection, progress)
            return batch, changes

        batch, changes = self._run.warehouse.transact(write)
        self._count(batch)
        for table, counts in changes.items():
            self._run.result.count_rows(table, None, counts)

    def _batch(self, connection: duckdb.DuckDBPyConnection, waiting: dict[str, _Listed[R]]) -> RecordBatch:
        batch = RecordBatch()
        stored = stored_records(connection, self._kind.tables, self._run.stamp.connector, list(waiting))
        for code, listed in waiting.items():
            known = stored.get(code)
            if standing_of(known, listed.fingerprint) is Standing.UNCHANGED:
                if code in self._known_set_aside or listed.parts:
                    batch.mended.add(code)
                self._put_aside(batch, listed.parts)
                continue
            try:
                batch.rows[code] = self._kind.rows_of(listed.record, self._run.stamp, listed.fingerprint)
            except Unstorable as fault:
                self._put_aside(batch, [Unreadable(code, str(fault), listed.raw)])
                continue
            self._put_aside(batch, listed.parts)
            if known is not None:
                batch.replaced.add(code)
        return batch

    def _put_aside(self, batch: RecordBatch, unreadable: Iterable[Unreadable]) -> None:
        for one in unreadable:
            record = set_aside_of(self._kind.stream, one, None)
            batch.set_aside[record.identity] = record

    def _count(self, batch: RecordBatch) -> None:
        self._run.result.new += len(batch.rows) - len(batch.replaced)
        self._run.result.changed += len(batch.replaced)
        self._aside_in_reading |= batch.set_aside.keys()
        self._known_set_aside |= {record.key for record in batch.set_aside.values()}
