"""The extensions of DuckDB that a lake needs: installed ones, packaged ones, or DuckDB's own repository."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import duckdb

from a4s_pipeline.errors import ChangeSite

# Packages that carry an extension: duckdb-extension-… on the package index, each for one version of DuckDB.
_PACKAGES = {
    "ducklake": "duckdb_extension_ducklake",
    "postgres_scanner": "duckdb_extension_postgres",
    "sqlite_scanner": "duckdb_extension_sqlite_scanner",
    "httpfs": "duckdb_extension_httpfs",
}


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension of DuckDB from any available source; raises `ChangeSite` if there is none."""
    try:
        connection.load_extension(name)
        return
    except duckdb.Error:
        carried = _carried(name)
    try:
        if carried is None:
            connection.install_extension(name)
            connection.load_extension(name)
        else:
            _load_file(connection, carried, name)
    except duckdb.Error as error:
        package = _PACKAGES[name].replace("_", "-")
        raise ChangeSite(
            f"DuckDB {duckdb.__version__} cannot load its extension {name} "
            f"({str(error).splitlines()[0]}): let this machine reach extensions.duckdb.org once, or install "
            f"the package {package} for that version",
            code="StoreUnusable",
        ) from None


def _carried(name: str) -> Path | None:
    spec = importlib.util.find_spec(_PACKAGES[name])
    for folder in (spec and spec.submodule_search_locations) or ():
        for found in Path(folder).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"):
            return found
    return None


def _load_file(connection: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    # DuckDB looks for an entry point of the file's name, and not every package names its file so.
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"{name}.duckdb_extension"
        link.symlink_to(file)
        connection.load_extension(str(link))
