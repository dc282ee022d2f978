"""Where the warehouse is, by A4S_WAREHOUSE and A4S_LAKE_FILES."""

from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.settings.store_location import FileLocation, PostgresLake, SqliteLake, read_location
from a4s_pipeline.warehouse.lake.lake import writers_met


@pytest.fixture(autouse=True)
def _in_the_root_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/var/a4s/store.duckdb", FileLocation(Path("/var/a4s/store.duckdb"))),
        ("store.duckdb", FileLocation(Path("/store.duckdb"))),
        ("ducklake:sqlite:/var/a4s/c.sqlite", SqliteLake(Path("/var/a4s/c.sqlite"), "/files/")),
        ("ducklake:sqlite:c.sqlite", SqliteLake(Path("/c.sqlite"), "/files/")),
        ("ducklake:postgres:host=db dbname=lake", PostgresLake("host=db dbname=lake", "/files/")),
        ("ducklake:postgres:postgresql://db/lake", PostgresLake("postgresql://db/lake", "/files/")),
        ("ducklake:postgresql://db/lake", PostgresLake("postgresql://db/lake", "/files/")),
        ("ducklake:postgres://db/lake", PostgresLake("postgres://db/lake", "/files/")),
        # All from PGHOST, PGDATABASE and their like.
        ("ducklake:postgres:", PostgresLake("", "/files/")),
    ],
)
def test_a_place_is_a_file_or_a_lake(text: str, place: object) -> None:
    assert read_location(text, "files") == place


def test_a_line_break_in_a_connection_string_is_refused() -> None:
    with pytest.raises(ValueError, match="must not contain control characters"):
        read_location("ducklake:postgres:host=db\npassword=x", "files")


@pytest.mark.parametrize(
    "text",
    [
        "ducklake:",
        "ducklake:sqlite:",
        "ducklake:catalog.db",
        "ducklake:mysql:db",
        "postgres:dbname=lake",
        "s3://b/f",
    ],
)
def test_anything_else_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(ValueError, match="must be the path of a DuckDB file, ducklake:sqlite:PATH"):
        read_location(text, "files")


@pytest.mark.parametrize(
    ("files", "told"),
    [("s3://bucket/a4s", "s3://bucket/a4s/"), ("/srv/lake/", "/srv/lake/"), ("lake", "/lake/")],
)
def test_the_files_of_a_lake_lie_in_a_folder_or_under_a_prefix(files: str, told: str) -> None:
    place = read_location("ducklake:postgres:dbname=lake", files)
    assert isinstance(place, PostgresLake)
    assert place.files == told


def test_a_connection_string_is_shown_by_no_text_form() -> None:
    assert "s3cret" not in repr(read_location("ducklake:postgres:host=db password=s3cret", "files"))


@pytest.mark.parametrize(
    ("message", "is_met"),
    [
        ("Transaction conflict - attempting to delete from table with index 7", True),
        ("Failed to commit: database is locked", True),
        ("could not serialize access due to concurrent update", True),
        ("Conversion Error: could not convert", False),
        ("IO Error: No space left on device", False),
    ],
)
def test_work_is_done_again_only_where_writers_met(message: str, is_met: bool) -> None:
    assert writers_met(duckdb.TransactionException(message)) is is_met
