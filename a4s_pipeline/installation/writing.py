"""Writes the files of a new installation; never overwrites an existing one."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from a4s_pipeline.errors import ChangeSite

_SETTINGS = {"workspace.yaml": "workspace.yaml", "dagster.yaml": "dagster.yaml", "env": ".env"}
_UNITS = ("a4s-dagster-daemon.service", "a4s-dagster-webserver.service", "a4s-serve.service")
_OWNER_ALONE = 0o600
_READABLE = 0o644


@dataclass(frozen=True)
class FilesWritten:
    """Which files were written, and which existed and were left unchanged."""

    new: tuple[Path, ...]
    left: tuple[Path, ...]


def write_installation(folder: Path, *, with_systemd: bool, user: str | None = None) -> FilesWritten:
    """Write the files into a folder, and make it if needed; raises `ChangeSite` if it cannot be made."""
    new, left = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in _contents(folder, with_systemd=with_systemd, user=user or getpass.getuser()):
            path.parent.mkdir(exist_ok=True)
            mode = _OWNER_ALONE if path.name == ".env" else _READABLE
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError:
                left.append(path)
                continue
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            new.append(path)
    except OSError as error:
        raise ChangeSite(
            f"{error.filename or folder} cannot be written ({error.strerror}): check its permissions",
            code="FolderUnusable",
        ) from None
    return FilesWritten(tuple(new), tuple(left))


def _contents(folder: Path, *, with_systemd: bool, user: str) -> Iterator[tuple[Path, str]]:
    shipped = files("a4s_pipeline.installation") / "files"
    for name, target in _SETTINGS.items():
        yield folder / target, (shipped / name).read_text(encoding="utf-8")
    if with_systemd:
        named = {"user": user, "folder": str(folder), "bin": str(Path(sys.executable).parent)}
        for unit in _UNITS:
            text = (shipped / unit).read_text(encoding="utf-8")
            for name, value in named.items():
                text = text.replace(f"{{{name}}}", value)
            yield folder / "systemd" / unit, text
