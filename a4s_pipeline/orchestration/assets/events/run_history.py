"""Deletes old runs from Dagster, with their events and captured output.

Dagster prunes its ticks by `retention` in dagster.yaml, but never its runs: a scheduled sync leaves some 350
KB and four files. The last run that recorded a partition of an asset stays, however old, because the
partition would turn grey without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import dagster as dg

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 500


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete finished runs created before an instant, except those still needed; return how many."""
    needed = runs_still_needed(instance, before)
    deleted = 0
    for run_id in _old_runs(instance, before):
        if run_id not in needed:
            instance.delete_run(run_id)
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            _delete_events_file(instance, run_id)
            deleted += 1
    return deleted


def runs_still_needed(instance: dg.DagsterInstance, before: datetime) -> set[str]:
    """Return the old runs that were the last to record a partition, or an unpartitioned asset."""
    needed: set[str] = set()
    for key in instance.get_asset_keys():
        seen: set[str | None] = set()
        for partition, run_id in _old_materializations(instance, key, before):
            if partition in seen:
                continue
            seen.add(partition)
            if not _is_recorded_since(instance, key, partition, before):
                needed.add(run_id)
    return needed


def _old_materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, before: datetime
) -> Iterator[tuple[str | None, str]]:
    """Yield the partition and the run of each recording before an instant, newest first."""
    records_filter = dg.AssetRecordsFilter(asset_key=key, before_timestamp=before.timestamp())
    cursor: str | None = None
    while True:
        result = instance.fetch_materializations(records_filter, _AT_ONCE, cursor)
        for record in result.records:
            yield record.partition_key, record.run_id
        if not result.has_more:
            return
        cursor = result.cursor


def _is_recorded_since(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, before: datetime
) -> bool:
    records_filter = dg.AssetRecordsFilter(
        asset_key=key,
        asset_partitions=None if partition is None else [partition],
        after_timestamp=before.timestamp(),
    )
    return bool(instance.fetch_materializations(records_filter, 1).records)


def _old_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return all runs by id; read completely before any is deleted, so that no page shifts."""
    records_filter = dg.RunsFilter(statuses=_ENDED, created_before=before)
    run_ids: list[str] = []
    while records := instance.get_run_records(
        records_filter, limit=_AT_ONCE, cursor=run_ids[-1] if run_ids else None
    ):
        run_ids += [record.dagster_run.run_id for record in records]
    return run_ids


def _delete_events_file(instance: dg.DagsterInstance, run_id: str) -> None:
    # In SQLite each run has a file of events, which Dagster empties but does not delete.
    path_for_shard = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_for_shard is not None:
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{path_for_shard(run_id)}{ending}").unlink(missing_ok=True)
