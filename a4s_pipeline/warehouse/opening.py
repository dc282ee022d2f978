"""The door of the warehouse: opens the store that the settings name, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.settings.store_location import FileLocation
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.lake.lake_upkeep import Maintained, maintain
from a4s_pipeline.warehouse.site import SiteFolders
from a4s_pipeline.warehouse.store import Published, Readable, Warehouse


class OpenStore(Protocol):
    """A store as a whole: what writes and what reads it, and what is done with all of it."""

    @property
    def warehouse(self) -> Warehouse:
        """The pipeline's own store."""

    @property
    def readable(self) -> Readable:
        """What analysts, reports and order retrieval read."""

    def publish(self, folders: SiteFolders) -> Published:
        """Load the site's own files, and let readers see what was written."""

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy as one file, while others use the store."""

    def maintain(self, kept: timedelta, now: datetime) -> Maintained:
        """Keep the store small and fast; old states are kept for a while."""


@dataclass(frozen=True)
class _FileStore:
    warehouse: WarehouseFile
    readable: PublishedCopy

    def publish(self, folders: SiteFolders) -> Published:
        return publish(self.warehouse, self.readable.path, folders)

    def copy_to(self, target: Path) -> None:
        publish(self.warehouse, target)

    def maintain(self, kept: timedelta, now: datetime) -> Maintained:  # noqa: ARG002 - of the interface
        raise ChangeSettings("A4S_WAREHOUSE names no lake: there is nothing to maintain")


@dataclass(frozen=True)
class _LakeStore:
    warehouse: Lake

    @property
    def readable(self) -> Lake:
        return self.warehouse

    def publish(self, folders: SiteFolders) -> Published:
        return self.warehouse.published(folders)

    def copy_to(self, target: Path) -> None:  # noqa: ARG002 - of the interface
        raise ChangeSettings("A4S_WAREHOUSE names a lake, which cannot be copied as a file")

    def maintain(self, kept: timedelta, now: datetime) -> Maintained:
        return maintain(self.warehouse, kept, now)


def store_of(settings: Settings, locks: Locks, wait_seconds: float) -> OpenStore:
    """Return the store that the settings name; others are waited for at most `wait_seconds`."""
    location, conventions = settings.warehouse_location, settings.conventions
    if isinstance(location, FileLocation):
        warehouse = WarehouseFile(location.path, wait_seconds, conventions=conventions)
        return _FileStore(warehouse, PublishedCopy(settings.analytics_path))
    return _LakeStore(Lake(location, locks, wait_seconds, conventions=conventions))
