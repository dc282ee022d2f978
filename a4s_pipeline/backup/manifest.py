"""Lists the files of a backup with sizes and hashes, so that a broken copy is never restored."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from a4s_pipeline.errors import ChangeRequest

NAME = "manifest.json"
_CHUNK = 1 << 20

StoreKind = Literal["file", "lake"]


class BackedUpFile(BaseModel):
    """A file of a backup, by its path within it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """The contents of a backup, the version that made it, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: Literal["a4s-pipeline"] = "a4s-pipeline"
    version: str
    made_at: AwareDatetime
    store: StoreKind
    files: tuple[BackedUpFile, ...]


def manifest_of(folder: Path, *, version: str, made_at: datetime, store: StoreKind) -> Manifest:
    """Describe every file in a folder."""
    files = tuple(
        _as_listed(path, path.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return Manifest(version=version, made_at=made_at, store=store, files=files)


def checked_manifest(source: Path) -> Manifest:
    """Read the manifest and check every file against it; raises `ChangeRequest` if one differs."""
    try:
        manifest = Manifest.model_validate_json((source / NAME).read_bytes())
    except (OSError, ValidationError):
        raise ChangeRequest(
            f"{source} is not a backup: it has no readable {NAME}; name a folder that `a4s backup` made",
            code="NoBackup",
        ) from None
    for file in manifest.files:
        path = source / file.path
        is_inside = path.resolve().is_relative_to(source.resolve())
        if not is_inside or not path.is_file() or _as_listed(path, file.path) != file:
            raise ChangeRequest(
                f"{path} is missing or has changed since the backup: use another backup", code="BackupDamaged"
            )
    return manifest


def _as_listed(path: Path, name: str) -> BackedUpFile:
    return BackedUpFile(path=name, size=path.stat().st_size, sha256=_hash_of(path))


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
