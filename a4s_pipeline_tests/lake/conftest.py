"""Lakes to test on: with their catalog in SQLite, and in a PostgreSQL of the tests' own."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from a4s_pipeline.locks.file_locks import FileLocks, Locks
from a4s_pipeline.settings.store_location import LakeLocation, PostgresLake, SqliteLake
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline_tests.cluster.holders import new_database
from cluster.services import PostgreSQL, postgresql

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server on loopback that ends with the tests."""
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as a user of its own where the tests run as root; pytest's folders are root's alone.
        Path(folder).chmod(0o755)
        with postgresql(Path(folder, "postgresql"), ()) as running:
            yield running


@pytest.fixture
def database(server: PostgreSQL) -> str:
    """A new database, by its connection string."""
    return new_database(server, f"lake{next(_NUMBERS)}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LakeLocation:
    """Where a new lake is to be."""
    files = f"{tmp_path}/files/"
    if request.param == "sqlite":
        return SqliteLake(tmp_path / "catalog.sqlite", files)
    return PostgresLake(request.getfixturevalue("database"), files)


def locks_of(place: LakeLocation) -> Locks:
    if isinstance(place, SqliteLake):
        return FileLocks(place.catalog.with_name("locks"))
    from a4s_pipeline.locks.postgres_locks import PostgresLocks  # noqa: PLC0415

    return PostgresLocks(place.connection)


OpenLake = Callable[..., Lake]


@pytest.fixture
def open_lake(place: LakeLocation) -> OpenLake:
    """Open the lake once more, as another process would, with locks of its own."""

    def opened(wait_seconds: float = 30.0) -> Lake:
        return Lake(place, locks_of(place), wait_seconds)

    return opened


@pytest.fixture
def lake(open_lake: OpenLake) -> Lake:
    return open_lake()
