"""Removes what is older than the settings allow, and counts it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from a4s_pipeline.ondemand.inbox.inboxes import folder_of_requests
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.rows.ondemand.retention import prune_rows

# Waiting and unresolved requests are never removed. An answer that nobody fetched is.
_FOLDERS = ("inbox/done", "inbox/failed", "inbox/.answers", "outbox")


@dataclass
class Pruned:
    """How many rows were removed or blanked, by table, and how many files, by folder."""

    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)


def prune(platform: Platform, now: datetime | None = None) -> Pruned:
    """Remove old requests with their answers, and old rows, of every connector.

    Requests at a URL are left to the rules of their store. Each connector is a transaction of its own.
    """
    settings, now = platform.settings, now or datetime.now(UTC)
    pruned = Pruned()
    folder = folder_of_requests(platform)
    if folder is not None:
        pruned.files = prune_files(folder, now - timedelta(days=settings.requests_kept_days))
    flows_before = now - timedelta(days=settings.flows_kept_days)
    attempts_before = now - timedelta(days=settings.attempts_kept_days)
    versions_before = now - timedelta(days=settings.versions_kept_days)
    for connector in settings.connectors:
        work = partial(
            prune_rows,
            connector=connector,
            flows_before=flows_before,
            attempts_before=attempts_before,
            versions_before=versions_before,
        )
        counts = platform.warehouse.transact(work)
        for table, count in counts.items():
            pruned.rows[table] = pruned.rows.get(table, 0) + count
    return pruned


def prune_files(folder: Path, before: datetime) -> dict[str, int]:
    """Delete answered requests, and answers, that are older than an instant; count them by folder."""
    counts: dict[str, int] = {}
    for name in _FOLDERS:
        for path in (folder / name).rglob("*.json"):
            # Its reader may have removed the answer first.
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < before.timestamp():
                    path.unlink()
                    counts[name] = counts.get(name, 0) + 1
    return counts
