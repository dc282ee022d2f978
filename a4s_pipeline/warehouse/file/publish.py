"""Publishes the copy for analysts, replaced in one step so that they can keep it open all day."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.files.whole_files import put_in_place
from a4s_pipeline.warehouse.file.opened import OpenedFile
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.site import SiteFolders, bring_in, is_loaded, problems_in
from a4s_pipeline.warehouse.store import Published

# Copied by a child process: closing a copy of the file inside the process that has it open would drop
# DuckDB's lock, which POSIX ties to the process and not to the handle. The time stamp is copied too, to
# recognise a copy that is current.
_COPY = (
    "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2]); shutil.copystat(sys.argv[1], sys.argv[2])"
)


def publish(warehouse: WarehouseFile, target: Path, folders: SiteFolders | None = None) -> Published:
    """Replace the published copy by the current warehouse, unless the copy is current.

    `folders` contain the site's own files: changes there are loaded first. Readers keep the copy they have
    open; the next reader sees the new one.
    """
    with warehouse.opened() as file:
        if folders is None or is_loaded(file.connection, folders):
            return _published(warehouse, file, target)
    bring_in(warehouse, folders)
    with warehouse.opened() as file:
        return _published(warehouse, file, target)


def _published(warehouse: WarehouseFile, file: OpenedFile, target: Path) -> Published:
    problems = tuple(problems_in(file.connection))
    if _is_current(warehouse.path, target):
        return Published(target, target.stat().st_size, was_replaced=False, problems=problems)
    try:
        file.checkpoint()
    except OSError as error:
        raise _not_published(target, error.strerror or type(error).__name__) from None
    _copy_over(warehouse.path, target)
    return Published(target, target.stat().st_size, was_replaced=True, problems=problems)


def _is_current(source: Path, target: Path) -> bool:
    if _wal(source).exists() or _wal(target).exists() or not target.exists():
        return False
    ours, theirs = source.stat(), target.stat()
    return (ours.st_mtime_ns, ours.st_size) == (theirs.st_mtime_ns, theirs.st_size)


def _copy_over(source: Path, target: Path) -> None:
    # If the copy is a link, its target is replaced and the link stays.
    real = Path(os.path.realpath(target))
    for abandoned in real.parent.glob(f".{real.name}.*.tmp"):
        abandoned.unlink(missing_ok=True)
    temporary = real.parent / f".{real.name}.{os.getpid()}.tmp"
    command = [sys.executable, "-I", "-S", "-c", _COPY, str(source), str(temporary)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own command
    if done.returncode != 0:
        temporary.unlink(missing_ok=True)
        last_line = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise _not_published(target, last_line[0])
    try:
        _take_over_owner(real, temporary)
        # A write-ahead log left beside the old copy belongs to no other: it would block every new reader.
        for left in {_wal(target), _wal(real)}:
            left.unlink(missing_ok=True)
        put_in_place(temporary, real)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _not_published(target, error.strerror or type(error).__name__) from None


def _take_over_owner(before: Path, copy: Path) -> None:
    """Give a new copy the mode and the group of the previous one."""
    try:
        old = before.stat()
    except FileNotFoundError:
        return
    with suppress(PermissionError):
        os.chown(copy, -1, old.st_gid)
    copy.chmod(stat.S_IMODE(old.st_mode))


def _not_published(target: Path, why: str) -> ChangeSite:
    return ChangeSite(
        f"{target} could not be published ({why}); the last copy stays. "
        "Check the folder and the free disk space",
        code="StoreUnusable",
    )


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
