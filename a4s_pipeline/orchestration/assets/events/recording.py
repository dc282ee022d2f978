"""What a run records: each table's and partition's own numbers, and those of the sync once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.orchestration.assets.events.metadata import sync_metadata
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import month_key, partitions_of
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, each_month, midnight, month_of
from a4s_pipeline.warehouse.rows.orders.partition_rows import (
    RowsByMonth,
    order_rows_by_month,
    rows_of_connector,
    set_aside_by_month,
)
from a4s_pipeline.warehouse.rows.records import RecordTables
from a4s_pipeline.warehouse.rows.row_changes import RowCounts
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

AssetEvent = dg.AssetMaterialization | dg.MaterializeResult[None]
"""The events that our steps yield."""

_ORDER_TABLES = (ORDERS.name, ORDER_LINES.name)


@dataclass(frozen=True)
class Recorded:
    """One table's partition that a run read or wrote, and its numbers."""

    table: str
    partition: str
    metadata: Mapping[str, Any]


@dataclass
class _Stored:
    """The numbers of the store after a sync; empty if it cannot be read."""

    rows: RowsByMonth = field(default_factory=dict)
    set_aside: RowsByMonth = field(default_factory=dict)


def months_to_record(
    result: SyncResult, asked: Months, *, first: date, running: date, stored: Iterable[date]
) -> list[date]:
    """Return the months that a sync of orders changed, or read whole.

    `asked` are the months that the run was started for, `stored` those with orders after a first sync. A
    failed sync has read no month whole, but what it wrote is recorded. Orders dated in the future belong to
    the current month.
    """
    touched = {month for _, month in result.rows if month is not None} | set(stored)
    if result.error is None:
        touched |= set(each_month(asked.first, asked.last))
    return sorted({min(month, max(running, asked.last)) for month in touched if month >= first})


def recorded_months(
    platform: Platform, result: SyncResult, asked: Months, *, run_id: str, is_catch_up: bool
) -> Iterator[Recorded]:
    """Return the records of one sync of orders, one per table and month."""
    if not result.has_history:
        # Nothing was read: this is recorded only on the run's last month.
        metadata = {
            **sync_metadata(result),
            "order_history": "there is none, because there is no focus connector",
        }
        yield Recorded(ORDERS.name, month_key(result.connector, asked.last), metadata)
        return
    settings = platform.settings
    running = month_of(datetime.now(UTC), settings.timezone)
    is_first = is_catch_up and result.watermark_before is None and result.error is None
    earliest = min([asked.first, *(month for _, month in result.rows if month is not None)])
    since = None if is_first else midnight(earliest, settings.timezone)
    stored = _orders_stored(platform, result.connector, since, run_id)
    months = months_to_record(
        result,
        asked,
        first=settings.history_start.replace(day=1),
        running=running,
        stored=[
            *(stored.rows.get(ORDERS.name, ()) if is_first else ()),
            *(month for by_month in stored.set_aside.values() for month in by_month),
        ],
    )
    for month in months:
        for table in _ORDER_TABLES:
            # Only orders dated in the future are later than the last partition: they count towards it.
            is_last = month == max(running, asked.last)
            metadata = {
                **_changes(
                    [counts for key, counts in result.rows.items() if _is_of(key, table, month, is_last)]
                ),
                "set_aside": _sum_of(stored.set_aside.get(table, {}), month, is_last),
                **_row_count(stored.rows, table, month, is_last),
            }
            if table == ORDERS.name and month == months[-1]:
                metadata |= sync_metadata(result)
            yield Recorded(table, month_key(result.connector, month), metadata)


def recorded_listing(platform: Platform, result: SyncResult, tables: RecordTables) -> Iterator[Recorded]:
    """Return the records of one sync of items or customers, one per table.

    A failed sync has not read the whole listing: only the tables that it wrote are recorded.
    """
    counts: dict[str, int] = {}
    with suppress(A4sError), platform.warehouse.session() as connection:
        counts = rows_of_connector(connection, result.connector, tables.all)
    for table in tables.all:
        changes = result.rows.get((table.name, None))
        if result.error is not None and changes is None:
            continue
        metadata = _changes([changes] if changes else [])
        if table.name in counts:
            metadata |= _as_row_count(counts[table.name])
        if table is tables.parent:
            metadata |= {"set_aside": result.set_aside, **sync_metadata(result)}
        yield Recorded(table.name, result.connector, metadata)


def _orders_stored(platform: Platform, connector: str, since: datetime | None, run_id: str) -> _Stored:
    zone = platform.settings.timezone
    # If the store is locked now, its numbers are left out: no reason to fail after a write.
    with suppress(A4sError), platform.warehouse.session() as connection:
        return _Stored(
            order_rows_by_month(connection, connector, zone, since),
            set_aside_by_month(connection, connector, zone, run_id),
        )
    return _Stored()


def _is_of(key: tuple[str, date | None], table: str, month: date, is_last: bool) -> bool:
    name, counted = key
    return name == table and counted is not None and (counted == month or (is_last and counted > month))


def _changes(counts: Sequence[RowCounts]) -> dict[str, Any]:
    total = RowCounts()
    for one in counts:
        total.add(one)
    return {"new": total.new, "changed": total.changed, "removed": total.removed}


def _sum_of(by_month: Mapping[date, int], month: date, is_last: bool) -> int:
    return sum(count for at, count in by_month.items() if at == month or (is_last and at > month))


def _row_count(rows: RowsByMonth, table: str, month: date, is_last: bool) -> dict[str, Any]:
    return _as_row_count(_sum_of(rows[table], month, is_last)) if table in rows else {}


def _as_row_count(count: int) -> dict[str, Any]:
    return {"dagster/row_count": count, "dagster/partition_row_count": count}


def record(
    context: dg.AssetExecutionContext, layout: Layout, recorded: Iterable[Recorded], *, has_failed: bool
) -> Iterator[dg.AssetMaterialization]:
    """Add numbers to Dagster's own events for the run's partitions; yield an event for each other one.

    Dagster makes no events for a failed step: what it wrote is recorded by the events it yields.
    """
    own = set() if has_failed else set(partitions_of(context))
    for one in recorded:
        key = layout.key(one.table)
        if one.partition in own:
            context.add_asset_metadata(one.metadata, key, one.partition)
        else:
            yield dg.AssetMaterialization(key, metadata=one.metadata, partition=one.partition)
