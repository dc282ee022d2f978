"""Makes a backup while imports, exports and answers go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from a4s_pipeline.backup.manifest import NAME, StoreKind, manifest_of
from a4s_pipeline.errors import ChangeRequest, ChangeSettings, ChangeSite
from a4s_pipeline.files.whole_files import write_whole
from a4s_pipeline.ondemand.inbox.inboxes import folder_of_requests
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.store_location import FileLocation, SqliteLake, StoreLocation
from a4s_pipeline.version import __version__

STORE = "warehouse.duckdb"
CATALOG = "catalog.sqlite"
LAKE_FILES = "lake"
REQUESTS = "requests"
# The other irreplaceable contents of the data folder. Pictures can be fetched again.
KEPT_BESIDE = ("reference", "failures.log", "failures.log.1")
# Waiting requests first: one that is answered meanwhile is then copied with the done ones.
_FOLDERS = ("inbox", "inbox/.unsettled", "inbox/done", "inbox/failed", "inbox/.answers", "outbox")


@dataclass(frozen=True)
class BackupMade:
    """A finished backup: its folder, the number of files, and their size in bytes."""

    path: Path
    files: int
    size: int


def back_up(platform: Platform, target: Path) -> BackupMade:
    """Write a backup into a new folder, whole or not at all.

    Requests are copied before the ledger: a request waiting in the copy was not sent yet, or the ledger knows
    it. Raises `ChangeRequest` if the folder exists, `ChangeSettings` if the store has its own backup tools,
    and `ChangeSite` if the disk is full.
    """
    location = _backed_up_here(platform.settings.warehouse_location)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ChangeRequest(f"{target} is taken: name an empty folder or a new one", code="TargetTaken")
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    made_at = datetime.now(UTC)
    try:
        # It holds names and addresses: only its owner reads it, unless an existing folder says otherwise.
        mode = target.stat().st_mode & 0o777 if target.is_dir() else 0o700
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir()
        aside.chmod(mode)
        _copy_requests(folder_of_requests(platform), aside / REQUESTS)
        _copy_store(platform, location, aside)
        for name in KEPT_BESIDE:
            _copy(platform.settings.data_dir / name, aside / name)
        store: StoreKind = "file" if isinstance(location, FileLocation) else "lake"
        manifest = manifest_of(aside, version=__version__, made_at=made_at, store=store)
        write_whole(aside / NAME, manifest.model_dump_json(indent=2).encode() + b"\n")
        if target.is_dir():
            target.rmdir()
        aside.rename(target)
    except OSError as error:
        raise ChangeSite(
            f"{target} could not be written ({error.strerror or error}): check the folder and the disk space",
            code="BackupFailed",
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return BackupMade(target, len(manifest.files), sum(file.size for file in manifest.files))


def _backed_up_here(location: StoreLocation) -> FileLocation | SqliteLake:
    if isinstance(location, FileLocation):
        return location
    if isinstance(location, SqliteLake) and "://" not in location.files:
        return location
    raise ChangeSettings(
        "A4S_WAREHOUSE: a lake with its catalog in PostgreSQL or its files in an object store is backed up "
        'by their own tools: see "Back up" in docs/deployment.md'
    )


def _copy_requests(folder: Path | None, target: Path) -> None:
    if folder is None:
        raise ChangeSettings(
            "A4S_REQUESTS: requests that lie at a URL are backed up by the tools of their store; unset it to "
            "back up the rest"
        )
    for name in _FOLDERS:
        for path in sorted((folder / name).glob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.endswith(".tmp"):
                # Its sender or a worker may remove it at any time.
                with suppress(FileNotFoundError):
                    _copy(path, target / name / path.name)


def _copy_store(platform: Platform, location: FileLocation | SqliteLake, target: Path) -> None:
    if isinstance(location, FileLocation):
        platform.copy_store(target / STORE)
        return
    # The catalog first: the files it names stay for a day after its last snapshot.
    with (
        closing(sqlite3.connect(location.catalog)) as source,
        closing(sqlite3.connect(target / CATALOG)) as copy,
    ):
        source.backup(copy)
    _copy(Path(location.files), target / LAKE_FILES)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
