"""The location of the warehouse: the meaning of `A4S_WAREHOUSE` and `A4S_LAKE_FILES`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_LAKE = "ducklake:"
_SQLITE = "sqlite:"
_POSTGRES = re.compile(r"postgres(?:ql)?:(?!//)|(?=postgres(?:ql)?://)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
WHAT_IT_MAY_BE = (
    "must be the path of a DuckDB file, ducklake:sqlite:PATH, "
    "or ducklake:postgres:host=… dbname=… (any connection string of libpq)"
)


@dataclass(frozen=True)
class FileLocation:
    """One DuckDB file."""

    path: Path


@dataclass(frozen=True)
class SqliteLake:
    """A DuckLake on one machine: its catalog is an SQLite file."""

    catalog: Path
    files: str
    """The folder, or prefix in an object store, of the Parquet files; ends with a slash."""


@dataclass(frozen=True)
class PostgresLake:
    """A DuckLake for many machines: its catalog is a database in PostgreSQL."""

    connection: str = field(repr=False)
    """A connection string of libpq, which may contain a password: no message shows it."""
    files: str


LakeLocation = SqliteLake | PostgresLake
StoreLocation = FileLocation | LakeLocation


def read_location(text: str, files: str) -> StoreLocation:
    """Read the location of the warehouse; raises ValueError that says what is allowed."""
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if not text.startswith(_LAKE):
        # One letter before a colon is a drive, not a scheme.
        if _SCHEME.match(text):
            raise ValueError(WHAT_IT_MAY_BE)
        return FileLocation(Path(text).absolute())
    catalog = text.removeprefix(_LAKE)
    if catalog.startswith(_SQLITE) and len(catalog) > len(_SQLITE):
        return SqliteLake(Path(catalog.removeprefix(_SQLITE)).absolute(), _with_slash(files))
    found = _POSTGRES.match(catalog)
    if found is None:
        raise ValueError(WHAT_IT_MAY_BE)
    return PostgresLake(catalog[found.end() :].strip(), _with_slash(files))


def _with_slash(files: str) -> str:
    whole = files if _SCHEME.match(files) else str(Path(files).absolute())
    return whole.rstrip("/") + "/"
