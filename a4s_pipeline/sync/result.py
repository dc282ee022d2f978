"""The numbers of one sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from a4s_pipeline.errors import A4sError
from a4s_pipeline.warehouse.rows.drift import FieldDrift
from a4s_pipeline.warehouse.rows.row_changes import RowCounts

Advance = Callable[[int, int], None]
"""Receives the progress of a sync: how many more records are done, and how many there are."""


def silent(_more: int, _total: int) -> None:
    """Ignore the progress of a sync."""


@dataclass
class SyncResult:
    """The counts of one sync of one stream.

    `pending` counts orders whose lines could not be fetched now, and that the next sync retries;
    `why_pending` is the reason for the first. `is_complete`: the whole listing was read. `set_aside` includes
    parts of stored records: a line of an order, a detail of a customer. `rows` counts what was written, by
    table and month; for items and customers the month is None. `is_repair`: no listing was read, only the
    lines of orders with a wrong sub total; `sub_totals_off` names the orders where it is still wrong.
    `fault_of_total` says what is wrong with the gateway's total although the listing is whole. `has_history`:
    there is order history to read.
    """

    connector: str
    stream: str
    seen: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    set_aside: int = 0
    parts_set_aside: int = 0
    without_lines: int = 0
    pending: int = 0
    why_pending: A4sError | None = None
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    has_history: bool = True
    watermark_before: datetime | None = None
    watermark: datetime | None = None
    last_history_sync: datetime | None = None
    removals_withheld: str | None = None
    fault_of_total: str | None = None
    is_repair: bool = False
    sub_totals_off: Sequence[str] = ()
    drifts: Sequence[FieldDrift] = ()
    error: A4sError | None = None
    rows: dict[tuple[str, date | None], RowCounts] = field(default_factory=dict)

    def count_rows(self, table: str, month: date | None, counts: RowCounts) -> None:
        """Add what a transaction did to the rows of a table."""
        if counts:
            self.rows.setdefault((table, month), RowCounts()).add(counts)

    def or_raise(self) -> SyncResult:
        """Return this result; raises the error that ended the sync early, if there is one."""
        if self.error is not None:
            raise self.error
        return self

    @property
    def unchanged(self) -> int:
        """Records that had not changed."""
        return max(0, self.seen - self.new - self.changed - (self.set_aside - self.parts_set_aside))

    @property
    def leaves_work(self) -> bool:
        """Whether something failed now and is left for the next sync."""
        return self.pending > 0 or not self.is_complete

    def as_json(self) -> dict[str, Any]:
        """Return the counts under the names of the command line."""
        return {
            "seen": self.seen,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "setAside": self.set_aside,
            "withoutLines": self.without_lines,
            "left": self.pending,
            "complete": self.is_complete and self.error is None,
            "calls": self.calls,
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
            **({} if self.has_history else {"hasHistory": False}),
        }

    def as_state(self) -> dict[str, Any]:
        """Return the counts under the columns of `sync_state`."""
        return {
            "seen": self.seen,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "set_aside": self.set_aside,
            "without_lines": self.without_lines,
            "calls": self.calls,
            "retries": self.retries,
            "seconds": self.seconds,
        }


class SyncInterrupted(KeyboardInterrupt):
    """A sync was interrupted: what was written stays under its run id, and the next sync continues from
    there.
    """

    def __init__(self, result: SyncResult, run_id: str) -> None:
        super().__init__()
        self.result = result
        self.run_id = run_id
