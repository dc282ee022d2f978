"""Keeps a lake small and fast: merges small files, expires old snapshots, deletes files only they need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from a4s_pipeline.errors import A4sError
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.tables import TABLES

# A query that began before a file was dropped may still read it.
LONGEST_QUERY = timedelta(days=1)

# Rows of small batches are first stored in the catalog: move them into files, and merge small files.
_FLUSH = "CALL ducklake_flush_inlined_data('lake')"
_MERGE = "CALL ducklake_merge_adjacent_files('lake', $1)"
# If most rows of a file were replaced, it is rewritten without them.
_REWRITE = "CALL ducklake_rewrite_data_files('lake', $1)"
_EXPIRE = "CALL ducklake_expire_snapshots('lake', older_than => $1)"
_CLEAN = "CALL ducklake_cleanup_old_files('lake', older_than => $1)"
# No step deletes files unknown to the catalog: if two catalogs share a folder, such as a restored one and the
# old one, they are the other's rows. Files left by a killed writer only cost space.
_STANDING = """
    SELECT coalesce(sum(file_count), 0), coalesce(sum(file_size_bytes), 0),
           coalesce(sum(delete_file_count), 0), (SELECT count(*) FROM ducklake_snapshots('lake'))
    FROM ducklake_table_info('lake')
"""


@dataclass(frozen=True)
class LakeStanding:
    """The size of a lake: its data files, their bytes, its delete files, and its snapshots."""

    files: int
    size: int
    delete_files: int
    snapshots: int


@dataclass(frozen=True)
class Maintained:
    """The result of maintenance: the lake before and after, and how many files were deleted."""

    before: LakeStanding
    after: LakeStanding
    files_deleted: int


def maintain(lake: Lake, kept: timedelta, now: datetime) -> Maintained:
    """Merge small files, expire snapshots older than `kept`, and delete files only they needed.

    Each step is its own transaction, by table if possible: if one fails, the others still run, and its error
    is raised at the end. Readers continue; a writer that conflicts with a step repeats its work.
    """
    before = standing(lake)
    failures: list[A4sError] = []

    def step(statement: str, *values: Any) -> int:
        try:
            return lake.transact(
                lambda connection: len(connection.execute(statement, list(values)).fetchall())
            )
        except A4sError as error:
            failures.append(error)
            return 0

    step(_FLUSH)
    for statement in (_MERGE, _REWRITE):
        for table in TABLES:
            step(statement, table.name)
    step(_EXPIRE, now - kept)
    deleted = step(_CLEAN, now - LONGEST_QUERY)
    if failures:
        raise failures[0]
    return Maintained(before, standing(lake), deleted)


def standing(lake: Lake) -> LakeStanding:
    """Tell how large the lake is."""
    with lake.session() as connection:
        return LakeStanding(*map(int, connection.execute(_STANDING).fetchall()[0]))
