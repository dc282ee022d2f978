"""Syncs items or customers, whose whole listing is read each time: what is new, changed or gone."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import duckdb

from a4s_pipeline.errors import A4sError
from a4s_pipeline.files.exact_json import fingerprint_of
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.one_reading import Listed
from a4s_pipeline.gateway.listing.page import Page
from a4s_pipeline.gateway.listing.paging import pages_of, readings_of
from a4s_pipeline.gateway.records.reading import RecordRead, Unreadable, read_in_parts
from a4s_pipeline.gateway.records.records import WireRecord
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.sync.records.record_writer import RecordKind, RecordWriter
from a4s_pipeline.sync.removals import BROKE_OFF, Removal, Verdict, reading_of, removal_of
from a4s_pipeline.sync.result import Advance, SyncResult, silent
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.warehouse.rows.records import mark_removed, stored_codes
from a4s_pipeline.warehouse.rows.row_changes import RowCounts
from a4s_pipeline.warehouse.rows.state import clear_unseen_set_aside

R = TypeVar("R", bound=WireRecord)


@dataclass(frozen=True)
class RecordRules:
    """The settings of a sync of items or customers."""

    connections: int
    locks: Locks


class RecordsImport(Generic[R]):
    """One sync of one connector's items or customers, from its lock to its last row."""

    def __init__(
        self,
        kind: RecordKind[R],
        run: StreamRun,
        rules: RecordRules,
        *,
        advance: Advance = silent,
    ) -> None:
        self._kind = kind
        self._run = run
        self._administration = run.administration
        self._warehouse = run.warehouse
        self._rules = rules
        self._advance = advance
        self.result = run.result

    def run(self) -> SyncResult:
        """Read the whole listing, store what is new or changed, mark what is gone, return the counts.

        An error that ends it early is raised after everything received is written. Then nothing counts as
        gone, and `removals_withheld` says so.
        """
        return self._run.execute(self._rules.locks, self._read, lambda _connection: {})

    def _read(self) -> None:
        listing = Listing(self._administration.page_size)
        writer = RecordWriter(self._kind, self._run)
        pool = self._run.runtime.pool(self._rules.connections, "gateway")
        try:
            removal, missing = self._read_until_stable(listing, writer, pool)
        except A4sError:
            self.result.removals_withheld = BROKE_OFF
            raise
        finally:
            self.result.seen = listing.seen
            self.result.fault_of_total = listing.fault_of_total if self.result.is_complete else None
            self.result.set_aside = writer.set_aside
            self.result.parts_set_aside = writer.parts_set_aside
            pool.shutdown(cancel_futures=True)
        self._finish(removal, missing, has_all=listing.is_whole and listing.doubt is None)

    def _read_until_stable(
        self, listing: Listing, writer: RecordWriter[R], pool: Executor
    ) -> tuple[Removal, list[str]]:
        removal, missing = Removal(Verdict.DONE), list[str]()
        for _ in readings_of(listing):
            self._read_once(listing, writer, pool)
            self.result.is_complete = listing.is_whole
            with self._warehouse.session() as connection:
                stored = stored_codes(connection, self._kind.tables, self._run.stamp.connector)
            missing = listing.missing(stored)
            aside = writer.set_aside_before.difference(stored)
            reading = reading_of(
                listing,
                stored=len(stored),
                missing=len(missing),
                new=self.result.new,
                elsewhere=len(aside) - len(listing.missing(aside)),
            )
            removal = removal_of(reading, self._kind.stream)
            if removal.verdict is not Verdict.READ_AGAIN:
                break
        return removal, missing

    def _read_once(self, listing: Listing, writer: RecordWriter[R], pool: Executor) -> None:
        writer.begin()
        self._run.drift.begin(self._kind.stream, listing)

        def take(page: Page) -> list[tuple[RecordRead[R], Any]]:
            records = self._records_of(page)
            listing.add(page, [self._listed(read.record, raw) for read, raw in records])
            return records

        try:
            for page, records in pages_of(self._ask, pool, listing, take):
                writer.take(records)
                # The empty page that proves the end does not count as progress.
                if page.items:
                    self._advance(len(page.items), listing.expected)
        finally:
            writer.flush()

    def _ask(self, number: int, size: int) -> Reply[Page]:
        return self._kind.page(self._administration, number, size)

    def _records_of(self, page: Page) -> list[tuple[RecordRead[R], Any]]:
        kind, timezone = self._kind, self._administration.timezone
        self._run.drift.add(kind.stream, page.items, is_mended=page.is_mended)
        records = [(read_in_parts(kind.model, raw, kind.key_field, timezone), raw) for raw in page.items]
        for read, _ in records:
            self._run.drift.note(kind.stream, read.drifts)
        return records

    def _listed(self, record: R | Unreadable, raw: Any) -> Listed:
        key = record.key if isinstance(record, Unreadable) else self._kind.code_of(record)
        return Listed(key, content=fingerprint_of(raw) if key is None else None)

    def _finish(self, removal: Removal, missing: list[str], *, has_all: bool) -> None:
        """After a whole reading, mark what is gone, and delete set-aside records that are no longer
        listed.
        """
        self.result.removals_withheld = removal.withheld
        progress = self._run.progress()
        is_gone = removal.verdict is Verdict.REMOVE

        def write(connection: duckdb.DuckDBPyConnection) -> None:
            self._kind.also_write(connection, progress)
            if has_all:
                clear_unseen_set_aside(connection, progress)
            if is_gone:
                mark_removed(connection, self._kind.tables, missing, progress)

        self._warehouse.transact(write)
        if is_gone:
            self.result.removed = len(missing)
            self.result.count_rows(self._kind.tables.parent.name, None, RowCounts(removed=len(missing)))
