"""A lake left by an earlier release in the middle of its work, continued by this one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from a4s_pipeline_tests.stores import made
from a4s_pipeline_tests.stores.yesterday import (
    Site,
    assert_a_sync_brings_the_rows_of_a_fresh_import,
    assert_it_is_brought_to_its_end,
    opened,
    platform_on,
)

pytestmark = pytest.mark.cluster

(PACKED,) = Path(made.__file__).parent.glob("*-lake-schema-1.tar.xz")


def lake_below(folder: Path) -> dict[str, str]:
    lake = folder / "data" / "lake"
    return {"warehouse": f"ducklake:sqlite:{lake}/catalog.sqlite", "lake_files": f"{lake}/files"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with opened(PACKED, tmp_path, **lake_below(tmp_path)) as unpacked:
        # A lake's catalog knows where its files are: docs/deployment.md says to tell it of another folder.
        with closing(sqlite3.connect(tmp_path / "data" / "lake" / "catalog.sqlite")) as catalog, catalog:
            files = f"{tmp_path}/data/lake/files/"
            catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [files])
        yield unpacked


def test_what_a_release_was_in_the_middle_of_is_brought_to_its_end_on_a_lake(site: Site) -> None:
    assert_it_is_brought_to_its_end(site)


def test_a_sync_brings_the_rows_of_a_fresh_import_on_a_lake(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    (folder / "data" / "lake").mkdir(parents=True)
    platform = platform_on(site.sandbox, folder / "data", **lake_below(folder))
    assert_a_sync_brings_the_rows_of_a_fresh_import(site, Site(platform, site.sandbox, site.source))
