"""Makes a backup while imports, exports and answers go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from a4s_pipeline import __version__
from a4s_pipeline.backup.manifest import NAME, StoreKind, manifest_of
from a4s_pipeline.errors import ChangeRequest, ChangeSettings, ChangeSite
from a4s_pipeline.files.whole_files import write_whole
from a4s_pipeline.ondemand.inbox.inboxes import folder_of_requests
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.store_location import FileLocation, SqliteLake, StoreLocation

STORE = "warehouse.duckdb"
CATALOG = "catalog.sqlite"
LAKE_FILES = "lake"
REQUESTS = "requests"
# Whatever else an installation keeps in its data folder, and nobody else has. Pictures can be fetched again.
KEPT_BESIDE = ("reference", "failures.log", "failures.log.1")
# Waiting requests first: one that is answered meanwhile is then found among those that are done.
_FOLDERS = ("inbox", "inbox/.unsettled", "inbox/done", "inbox/failed", "inbox/.answers", "outbox")


@dataclass(frozen=True)
class BackupMade:
    """A backup as it stands: where, how many files, and their bytes."""

    path: Path
    files: int
    size: int


def back_up(platform: Platform, target: Path) -> BackupMade:
    """Write a backup into a folder that is not there yet, whole or not at all.

    Requests are copied before the ledger: what waits in the copy was not sent yet, or the ledger knows it.
    Raises `ChangeRequest` where the folder is taken, `ChangeSettings` where the store is one that its own
    tools must back up, and `ChangeSite` where there is no room.
    """
    location = platform.settings.warehouse_location
    _refuse_what_others_back_up(location)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ChangeRequest(f"{target} is taken: name a folder that is not there yet", code="TargetTaken")
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    made_at = datetime.now(UTC)
    try:
        aside.mkdir(parents=True)
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


def _refuse_what_others_back_up(location: StoreLocation) -> None:
    if isinstance(location, FileLocation | SqliteLake) and not (
        isinstance(location, SqliteLake) and "://" in location.files
    ):
        return
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
                # Its sender, or a worker, may take it away at any moment.
                with suppress(FileNotFoundError):
                    _copy(path, target / name / path.name)


def _copy_store(platform: Platform, location: StoreLocation, target: Path) -> None:
    if isinstance(location, FileLocation):
        platform.copy_store(target / STORE)
    elif isinstance(location, SqliteLake):
        # The catalog first: what it names is there for a day after its last snapshot.
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
