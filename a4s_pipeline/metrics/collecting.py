"""Collects the state behind the metrics from the published copy and the inbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from a4s_pipeline.errors import A4sError
from a4s_pipeline.ondemand.inbox.inboxes import inbox_of
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.health import orders_without_lines, records_set_aside

SET_ASIDE_STREAMS = ("items", "customers", "orders", "order_lines")
CHANGES = ("seen", "new", "changed", "removed", "set_aside", "without_lines")
TABLES = ("orders", "order_lines", "customers", "items")

_RUNS = """
    SELECT connector, stream, epoch(last_success_at), epoch(last_run_at), last_error IS NOT NULL, seconds,
           calls, retries, epoch(last_history_sync), has_history,
           seen, new, changed, removed, set_aside, without_lines
    FROM sync_state ORDER BY connector, stream
"""
_ROWS = """
    SELECT connector, 'orders', count(*) FROM orders WHERE removed_at IS NULL GROUP BY ALL
    UNION ALL SELECT connector, 'order_lines', count(*) FROM order_lines GROUP BY ALL
    UNION ALL SELECT connector, 'customers', count(*) FROM customers WHERE removed_at IS NULL GROUP BY ALL
    UNION ALL SELECT connector, 'items', count(*) FROM items WHERE removed_at IS NULL GROUP BY ALL
    ORDER BY ALL
"""
_EXPORTS = """
    SELECT connector, status, count(*), epoch(min(coalesce(last_sent_at, received_at)))
    FROM order_exports GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class LastRun:
    """The last run of a stream; instants are seconds since 1970, None if there was none."""

    last_success: float | None = None
    last_run: float | None = None
    has_failed: bool = False
    seconds: float | None = None
    calls: int | None = None
    retries: int | None = None
    last_history_sync: float | None = None
    has_history: bool | None = None
    counts: Mapping[str, int | None] = field(default_factory=dict)


@dataclass
class InstallationNumbers:
    """The state of the installation, by connector, and by stream, table or status; empty if unknown."""

    runs: dict[tuple[str, str], LastRun] = field(default_factory=dict)
    rows: dict[tuple[str, ...], int] = field(default_factory=dict)
    set_aside: dict[tuple[str, ...], int] = field(default_factory=dict)
    without_lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    exports: dict[tuple[str, ...], int] = field(default_factory=dict)
    oldest_unknown: dict[tuple[str, ...], float] = field(default_factory=dict)
    waiting: int | None = None
    oldest_waiting: float | None = None
    is_readable: bool = True


def collected(platform: Platform) -> InstallationNumbers:
    """Return the state of an installation, without what cannot be read now.

    An imported stream that never ran has a run without any instant.
    """
    numbers = InstallationNumbers()
    try:
        _ask_store(platform, numbers)
    except (A4sError, duckdb.Error) as error:
        # Before the first import there is nothing to read, which is no fault.
        numbers.is_readable = isinstance(error, A4sError) and error.code == "NotPublished"
    if numbers.is_readable:
        for name, connector in platform.settings.connectors.items():
            for stream in connector.streams:
                numbers.runs.setdefault((name, stream), LastRun())
    with suppress(A4sError, OSError):
        _ask_inbox(platform, numbers)
    return numbers


def _ask_store(platform: Platform, numbers: InstallationNumbers) -> None:
    with platform.readable.reading() as store:
        for connector, stream, *run in store.execute(_RUNS).fetchall():
            counts = dict(zip(CHANGES, run[8:], strict=True))
            numbers.runs[connector, stream] = replace(LastRun(*run[:8]), counts=counts)
        numbers.rows.update({(name, table): count for name, table, count in store.execute(_ROWS).fetchall()})
        for name, status, count, oldest in store.execute(_EXPORTS).fetchall():
            numbers.exports[name, status] = count
            if status == "unknown":
                numbers.oldest_unknown[name,] = oldest
        for broken in records_set_aside(store, *SET_ASIDE_STREAMS):
            numbers.set_aside[broken.connector, broken.kind] = broken.count
        for broken in orders_without_lines(store):
            numbers.without_lines[broken.connector,] = broken.count


def _ask_inbox(platform: Platform, numbers: InstallationNumbers) -> None:
    waiting = inbox_of(platform).waiting()
    numbers.waiting = len(waiting)
    # A remote store would need a call for the age of each file.
    numbers.oldest_waiting = min(_times_of(waiting), default=None)


def _times_of(waiting: list[Any]) -> Iterator[float]:
    for path in waiting:
        if isinstance(path, Path):
            try:
                yield path.stat().st_mtime
            except FileNotFoundError:
                continue  # answered meanwhile
