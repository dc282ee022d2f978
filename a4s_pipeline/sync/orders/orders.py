"""The sync of one connector's order history: first lines still missing, then new orders, then removals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import duckdb

from a4s_pipeline.errors import HistoryNotConfigured
from a4s_pipeline.gateway.administration import require_history
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.listing.listing import Listing
from a4s_pipeline.gateway.listing.paging import readings_of
from a4s_pipeline.gateway.records.records import Status
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.sync.drift_count import drifts_of_status
from a4s_pipeline.sync.orders.order_pages import OrderPages, ReadingCounts, StoredOrders
from a4s_pipeline.sync.orders.order_records import LineCalls
from a4s_pipeline.sync.orders.order_removals import Gone, OrderRemovals
from a4s_pipeline.sync.orders.order_writer import OrderWriter
from a4s_pipeline.sync.orders.pending_lines import PENDING_AT_ONCE, fetch_pending_lines, read_lines_again
from a4s_pipeline.sync.removals import Removal, Verdict
from a4s_pipeline.sync.result import Advance, SyncResult, silent
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.sync.windows import (
    OrdersPlan,
    Span,
    WatermarkRule,
    listings_of,
    midnight,
    month_of,
    span_to_read,
)
from a4s_pipeline.warehouse.rows.orders.spans import mark_gone
from a4s_pipeline.warehouse.rows.orders.sub_totals import orders_off
from a4s_pipeline.warehouse.rows.orders.writing import (
    STREAM,
    PendingOrder,
    count_without_lines,
    had_history,
    has_no_orders,
    pending_orders,
)
from a4s_pipeline.warehouse.rows.state import clear_unseen_set_aside, set_aside_keys, stream_state


@dataclass(frozen=True)
class OrderRules:
    """The settings that decide what a sync of orders reads."""

    history_start: date
    lookback_days: int
    connections: int
    locks: Locks


class OrderSync:
    """One sync of one connector's orders, from its lock to its last row."""

    def __init__(
        self,
        run: StreamRun,
        rules: OrderRules,
        plan: OrdersPlan,
        *,
        advance: Advance = silent,
    ) -> None:
        self._run = run
        self._stamp = run.stamp
        self._administration = run.administration
        self._warehouse = run.warehouse
        self._rules = rules
        self._plan = plan
        self._advance = advance
        self._history: dict[str, Any] = {}
        self.result = self._run.result
        self.result.is_repair = plan.sub_totals_off

    def run(self) -> SyncResult:
        """Import orders that are new, changed or left by earlier syncs, and return the counts.

        If there is no order history and never was, that is a state: `has_history` says so. An error that ends
        the sync early is raised after everything received is written. An order whose lines cannot be fetched
        is not such an error: it is stored without them and counted in `pending`.
        """
        return self._run.execute(self._rules.locks, self._read, self._state)

    def _read(self) -> None:
        try:
            self._read_history()
        except HistoryNotConfigured:
            # The orders may answer so even if the status does not.
            self._history["has_history"] = False
            with self._warehouse.session() as connection:
                if had_history(connection, self._stamp.connector):
                    raise
            self.result.has_history = False

    def _read_history(self) -> None:
        stored = self._stored_orders()
        self.result.watermark_before = self.result.watermark = stored.watermark
        status = self._administration.status()
        self._note_history(status)
        require_history(status.value, self._administration.name)
        calls = LineCalls(self._run, self._rules.connections)
        timezone = self._administration.timezone
        runtime = self._run.runtime
        with OrderWriter(self._warehouse, self._stamp, self.result, timezone, runtime) as writer:
            try:
                if self._plan.sub_totals_off:
                    read_lines_again(stored.pending, calls, writer)
                    return
                fetch_pending_lines(stored.pending, calls, writer)
                self._read_listings(writer, calls, stored, self._clock(status))
            finally:
                self.result.watermark = writer.watermark
                calls.close()

    def _stored_orders(self) -> StoredOrders:
        connector = self._stamp.connector
        with self._warehouse.session() as connection:
            return StoredOrders(
                stream_state(connection, connector, STREAM).watermark,
                self._orders_off(connection)
                if self._plan.sub_totals_off
                else pending_orders(connection, connector, None, PENDING_AT_ONCE),
                set_aside_keys(connection, connector, STREAM),
                has_no_orders(connection, connector),
            )

    def _orders_off(self, connection: duckdb.DuckDBPyConnection) -> list[PendingOrder]:
        off = orders_off(connection, self._stamp.connector)
        months, timezone = self._plan.months, self._administration.timezone
        if months is None:
            return off
        return [one for one in off if months.first <= month_of(one.order_date, timezone) <= months.last]

    def _note_history(self, status: Reply[Status]) -> None:
        focus = status.value.focus_connector
        self._run.drift.note(STREAM, drifts_of_status(status.value))
        self.result.last_history_sync = status.value.last_history_sync
        self._history = {
            "has_history": focus.configured,
            "focus_connector": focus.name,
            "last_history_sync": status.value.last_history_sync,
        }

    def _clock(self, status: Reply[Status]) -> datetime:
        # Orders are dated by the gateway's side: if our clock were ahead, the watermark would pass orders
        # still to come.
        return min(self._stamp.at, status.clock or self._stamp.at).replace(microsecond=0)

    def _read_listings(
        self, writer: OrderWriter, calls: LineCalls, stored: StoredOrders, clock: datetime
    ) -> None:
        rules, timezone = self._rules, self._administration.timezone
        span = span_to_read(
            self._plan,
            watermark=writer.watermark,
            history_start=rules.history_start,
            lookback_days=rules.lookback_days,
            timezone=timezone,
            clock=clock,
        )
        earliest = midnight(rules.history_start, timezone)
        rule = WatermarkRule(span, earliest, clock)
        pages = OrderPages(calls, writer, stored, whole=self._plan.whole, advance=self._advance)
        removals = OrderRemovals(
            self._run,
            earliest=earliest,
            set_aside=frozenset(stored.set_aside),
        )
        for part in listings_of(span, clock):
            listing = Listing(self._administration.page_size)
            counts, gone = self._read_until_stable(pages, removals, part, listing, rule)
            # A gap in this listing remains one for the listings after it.
            is_whole = counts is not None and not listing.may_hide_one_between
            rule = replace(rule, may_move=rule.may_move and is_whole)
            if counts is not None:
                writer.watermark = rule.after(writer.watermark, counts.latest)
                writer.flush()
                gone, moved = removals.without_moved(gone)
                self.result.seen += pages.take_in(moved.values(), rule)
                # A doubtful listing may have left out records that still exist.
                had_set_aside = bool(stored.set_aside) and listing.doubt is None
                self._mark_gone(writer, part, gone, had_set_aside=had_set_aside)

    def _read_until_stable(
        self,
        pages: OrderPages,
        removals: OrderRemovals,
        part: Span,
        listing: Listing,
        rule: WatermarkRule,
    ) -> tuple[ReadingCounts | None, Gone]:
        """Read a listing until it is complete and, in a whole reading, until what is gone is certain.

        Returns the counts, or None if it never became complete, and what is gone.
        """
        gone = Gone(Removal(Verdict.DONE))
        counts, new_before = ReadingCounts(), self.result.new
        for _ in readings_of(listing):
            counts = pages.read(part, listing, rule)
            if self._plan.whole:
                gone = removals.of_reading(part, listing, new=self.result.new - new_before)
            if listing.is_whole and gone.removal.verdict is not Verdict.READ_AGAIN:
                break
        self.result.seen += counts.seen
        self.result.set_aside += len(counts.set_aside)
        self.result.is_complete &= listing.is_whole
        if listing.is_whole:
            self.result.fault_of_total = self.result.fault_of_total or listing.fault_of_total
        return counts if listing.is_whole else None, gone

    def _mark_gone(self, writer: OrderWriter, part: Span, gone: Gone, *, had_set_aside: bool) -> None:
        """Delete set-aside records that are no longer listed, and mark orders that are gone."""
        self.result.removals_withheld = self.result.removals_withheld or gone.removal.withheld
        is_gone = gone.removal.verdict is Verdict.REMOVE
        if not (had_set_aside or is_gone):
            return
        progress = writer.progress({})

        def write(connection: duckdb.DuckDBPyConnection) -> list[datetime]:
            clear_unseen_set_aside(connection, progress, part.start, part.end)
            return mark_gone(connection, gone.missing, progress) if is_gone else []

        writer.count_gone(self._warehouse.transact(write))
        if is_gone:
            self.result.removed += len(gone.missing)
            writer.no_longer_pending(gone.missing)

    def _state(self, connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        """Count the orders still without lines, and return what is known of the history."""
        self.result.without_lines = count_without_lines(connection, self._stamp.connector)
        if self._plan.sub_totals_off:
            self.result.sub_totals_off = [one.code for one in self._orders_off(connection)]
        return self._history
