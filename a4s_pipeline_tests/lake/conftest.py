"""Lakes for tests, with the catalog in SQLite or in the tests' own PostgreSQL."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from a4s_pipeline.locks.file_locks import FileLocks, Locks
from a4s_pipeline.settings.store_location import LakeLocation, PostgresLake, SqliteLake
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline_tests.cluster.holders import new_database, told
from a4s_pipeline_tests.lake.moves import Move, make_synced, moving
from a4s_pipeline_tests.support.lakes import MOVED, copy_files, make_lake
from a4s_pipeline_tests.support.made_once import made_once
from a4s_pipeline_tests.support.nightly import at_night
from cluster.services import PostgreSQL, postgresql

EMPTY = "empty_lake"
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
    """A new database, given by its connection string."""
    return new_database(server, f"lake{next(_NUMBERS)}")


@dataclass(frozen=True)
class MadeLake:
    """An empty lake whose catalog is a database that is copied for others."""

    server: PostgreSQL
    folder: Path

    def copied(self, files: str) -> PostgresLake:
        connection = new_database(self.server, f"lake{next(_NUMBERS)}", like=EMPTY)
        copy_files(self.folder, files)
        told(connection, MOVED.replace("?", "%s"), files)
        return PostgresLake(connection, files)


@pytest.fixture(scope="session")
def made_lake(server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> MadeLake:
    """A lake in PostgreSQL, made once: its schema takes a second of CPU time."""
    folder = tmp_path_factory.mktemp("made")
    make_lake(PostgresLake(new_database(server, EMPTY), f"{folder}/files/"), folder / "locks")
    return MadeLake(server, folder)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LakeLocation:
    """Where a new lake will be."""
    files = f"{tmp_path}/files/"
    if request.param == "sqlite":
        return SqliteLake(tmp_path / "catalog.sqlite", files)
    if request.node.get_closest_marker("from_nothing"):
        return PostgresLake(request.getfixturevalue("database"), files)
    made: MadeLake = request.getfixturevalue("made_lake")
    return made.copied(files)


on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("place", ["postgres"], indirect=True)
# What DuckLake does whatever keeps its catalog.
on_either = pytest.mark.parametrize("place", ["sqlite", *at_night("postgres")], indirect=True)


def locks_of(place: LakeLocation) -> Locks:
    if isinstance(place, SqliteLake):
        return FileLocks(place.catalog.with_name("locks"))
    from a4s_pipeline.locks.postgres_locks import PostgresLocks  # noqa: PLC0415

    return PostgresLocks(place.connection)


OpenLake = Callable[..., Lake]


@pytest.fixture
def open_lake(place: LakeLocation) -> OpenLake:
    """Open the lake once more with its own locks, as another process would."""

    def opened(wait_seconds: float = 30.0) -> Lake:
        return Lake(place, locks_of(place), wait_seconds)

    return opened


@pytest.fixture
def lake(open_lake: OpenLake) -> Lake:
    return open_lake()


@pytest.fixture
def move(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """An installation on a file, about to move to a lake."""
    synced = made_once(tmp_path_factory, "synced", make_synced) / "synced.duckdb"
    with moving(tmp_path, synced) as move:
        yield move
