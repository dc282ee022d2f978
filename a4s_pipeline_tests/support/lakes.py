"""Lakes that open quickly: copies of one made before.

The tables and their comments take a second of processor time, the signatures of the extensions a quarter. On
two threads a query of a small table takes twice what it does on one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.settings.store_location import LakeLocation, SqliteLake
from a4s_pipeline.warehouse.lake import attached, lake
from a4s_pipeline_tests.support.made_once import made_once

MOVED = "UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'"
"""A lake's catalog knows where its files are: docs/deployment.md says to tell it of another folder."""

_CHEAP: dict[str, str | bool | int | float | list[str]] = {"allow_unsigned_extensions": True, "threads": 1}
_attach = attached._attached


def cheaply(factory: pytest.TempPathFactory) -> Callable[..., duckdb.DuckDBPyConnection]:
    """Attach a lake; if it has no catalog yet, it gets a copy of one."""

    def attach(root: duckdb.DuckDBPyConnection, location: LakeLocation) -> duckdb.DuckDBPyConnection:
        if isinstance(location, SqliteLake) and not location.catalog.exists():
            _copy(made_once(factory, "empty lake", _make), location)
        root.close()
        return _attach(duckdb.connect(config=_CHEAP), location)

    return attach


def close_lakes() -> None:
    """Close what this process has attached: each attachment keeps threads and files."""
    for one in lake._attached.values():
        one.drop()
    lake._attached.clear()


def _make(folder: Path) -> None:
    location = SqliteLake(folder / "catalog", f"{folder}/files/")
    # One that is there is no copy.
    location.catalog.touch()
    make_lake(location, folder / "locks")


def make_lake(location: LakeLocation, locks: Path) -> None:
    """Make an empty lake, and close it."""
    with lake.Lake(location, FileLocks(locks)).session():
        pass
    lake._attached.pop(location).drop()


def copy_files(made: Path, files: str) -> None:
    """Copy a lake's files, which include the calendar's days."""
    shutil.copytree(made / "files", files, dirs_exist_ok=True)


def _copy(made: Path, location: SqliteLake) -> None:
    location.catalog.parent.mkdir(parents=True, exist_ok=True)
    copy_files(made, location.files)
    shutil.copyfile(made / "catalog", location.catalog)
    with closing(sqlite3.connect(location.catalog)) as catalog, catalog:
        catalog.execute(MOVED, [location.files])
