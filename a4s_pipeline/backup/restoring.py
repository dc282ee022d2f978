"""Restores a backup, and records it: afterwards the ledger may know less than the gateway.

The folders of requests and the data folder stay as they are, with the access that others were given: only
what is in them is moved aside and put in place.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from a4s_pipeline.backup.making import CATALOG, KEPT_BESIDE, LAKE_FILES, REQUESTS, STORE
from a4s_pipeline.backup.manifest import checked_manifest
from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings, ChangeSite, TryAgain
from a4s_pipeline.ondemand.inbox.inboxes import folder_of_requests
from a4s_pipeline.platform import IN_USE, Platform
from a4s_pipeline.settings.store_location import FileLocation, SqliteLake
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.rows.ondemand.restores import record_restore
from a4s_pipeline.warehouse.rows.privacy.incoming import forgotten_since

_FOLDERS_OF_REQUESTS = ("inbox", "outbox")


@dataclass(frozen=True)
class Restored:
    """A restored backup: when it was made, where the previous data was moved, and who came back with it.

    `forgotten_since` has the connector and the code of each customer who was forgotten since the backup, as
    far as the previous data could be read.
    """

    made_at: datetime
    moved_to: Path | None
    forgotten_since: tuple[tuple[str, str], ...]


def restore(platform: Platform, source: Path, *, replace: bool) -> Restored:
    """Restore a backup to where the settings say that this installation keeps its data.

    Existing data is not replaced unless `replace` moves it aside. Raises `ChangeRequest` if it would be, and
    for an incomplete backup; `TryAgain` while a server, a sync or an on-demand run is running, which would
    continue with what it knows of the old store. Processes that start meanwhile wait.
    """
    manifest = checked_manifest(source)
    location = platform.settings.warehouse_location
    expected = "file" if isinstance(location, FileLocation) else "lake"
    if manifest.store != expected or not isinstance(location, FileLocation | SqliteLake):
        raise ChangeSettings(
            f"A4S_WAREHOUSE: the backup is of a {manifest.store}, and the settings name another store: "
            "set it as it was when the backup was made"
        )
    requests = folder_of_requests(platform)
    if requests is None:
        raise ChangeSettings("A4S_REQUESTS: a backup can only be restored to a folder: unset it, or name one")
    with platform.locks.alone(IN_USE, _in_use):
        forgotten = _forgotten_since(platform, manifest.made_at)
        moved_to = _replaced(platform, source, location, requests, replace=replace)
        _record(platform, manifest.made_at)
        platform.publish()
    return Restored(manifest.made_at, moved_to, forgotten)


def _in_use(_holder: str) -> TryAgain:
    return TryAgain(
        "a server, a sync or an on-demand run of this installation is at work: stop Dagster, `a4s serve` and "
        "whatever else runs of it, then restore again; nothing was changed",
        code="InUse",
    )


def _forgotten_since(platform: Platform, made_at: datetime) -> tuple[tuple[str, str], ...]:
    try:
        # What is replaced may be missing or broken, which is a reason to restore.
        with suppress(A4sError, duckdb.Error), platform.readable.reading() as connection:
            return forgotten_since(connection, made_at)
    finally:
        if isinstance(platform.readable, Lake):
            platform.readable.detach()
    return ()


def _replaced(
    platform: Platform, source: Path, location: FileLocation | SqliteLake, requests: Path, *, replace: bool
) -> Path | None:
    data_dir = platform.settings.data_dir.absolute()
    standing = [path for path in _places(platform, location, requests) if _is_kept(path)]
    moved_to = None
    if standing:
        moved_to = _moved_aside(data_dir, standing, replace=replace)
    try:
        _put_in_place(source, platform, location, requests)
    except OSError as error:
        raise ChangeSite(
            f"{data_dir} could not be written ({error.strerror or error}): check the folder and the space, "
            "then restore again with --replace",
            code="RestoreFailed",
        ) from None
    return moved_to


def _places(platform: Platform, location: FileLocation | SqliteLake, requests: Path) -> list[Path]:
    data_dir = platform.settings.data_dir.absolute()
    if isinstance(location, FileLocation):
        store = [location.path, location.path.with_name(f"{location.path.name}.wal")]
        store.append(location.path.with_name(f".{location.path.name}.undo"))
    else:
        store = [location.catalog, Path(location.files)]
    beside = [data_dir / name for name in KEPT_BESIDE]
    return [
        *store,
        platform.settings.analytics_path,
        *(requests / name for name in _FOLDERS_OF_REQUESTS),
        *beside,
    ]


def _is_kept(path: Path) -> bool:
    # Folders without a file, as for requests that are still to come, are nothing to keep.
    return any(each.is_file() for each in path.rglob("*")) if path.is_dir() else path.exists()


def _moved_aside(data_dir: Path, standing: list[Path], *, replace: bool) -> Path:
    if not replace:
        named = ", ".join(str(path) for path in standing[:3])
        raise ChangeRequest(
            f"{named} would be replaced: stop everything of this installation, then restore with --replace, "
            "which moves the existing data aside",
            code="TargetTaken",
        )
    # To the microsecond: two restores may happen within a second.
    aside = data_dir / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    aside.mkdir(parents=True)
    for path in standing:
        if path.name in _FOLDERS_OF_REQUESTS:
            (aside / path.name).mkdir()
            for each in sorted(path.iterdir()):
                shutil.move(each, aside / path.name / each.name)
        else:
            shutil.move(path, aside / path.name)
    return aside


def _put_in_place(
    source: Path, platform: Platform, location: FileLocation | SqliteLake, requests: Path
) -> None:
    data_dir = platform.settings.data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    requests.mkdir(parents=True, exist_ok=True)
    _copy_files(source / REQUESTS, requests)
    for name in KEPT_BESIDE:
        if (source / name).is_dir():
            _copy_files(source / name, data_dir / name)
        elif (source / name).is_file():
            shutil.copy2(source / name, data_dir / name)
    if isinstance(location, FileLocation):
        location.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / STORE, location.path)
        return
    location.catalog.parent.mkdir(parents=True, exist_ok=True)
    _copy_files(source / LAKE_FILES, Path(location.files))
    shutil.copy2(source / CATALOG, location.catalog)
    with closing(sqlite3.connect(location.catalog)) as catalog, catalog:
        # The catalog stores the location of its files.
        catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [location.files])


def _copy_files(source: Path, target: Path) -> None:
    # Not `copytree`, which gives the folders that are there the mode of the backup's.
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)


def _record(platform: Platform, made_at: datetime) -> None:
    platform.warehouse.transact(
        lambda connection: record_restore(
            connection,
            platform.settings.connectors,
            backup_made_at=made_at,
            restored_at=datetime.now(UTC),
            run_id=f"a4s-restore-{uuid4()}",
        )
    )
