"""Keeps a lake small and swift: small files merged, old snapshots and the files only they need let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from a4s_pipeline.errors import A4sError
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.tables import TABLES

# A query that began before a file was let go may read it still.
LONGEST_QUERY = timedelta(days=1)

# Rows of small batches lie in the catalog at first: out into files with them, and small files into large.
_FLUSH = "CALL ducklake_flush_inlined_data('lake')"
_MERGE = "CALL ducklake_merge_adjacent_files('lake', $1)"
# Where most rows of a file were replaced since, it is written anew without them.
_REWRITE = "CALL ducklake_rewrite_data_files('lake', $1)"
_EXPIRE = "CALL ducklake_expire_snapshots('lake', older_than => $1)"
_CLEAN = "CALL ducklake_cleanup_old_files('lake', older_than => $1)"
# There is no step that deletes files of which the catalog does not know: where two catalogs have one folder,
# a restored one beside the old, say, those are the other's rows. What a killed writer left costs space alone.
_STANDING = """
    SELECT coalesce(sum(file_count), 0), coalesce(sum(file_size_bytes), 0),
           coalesce(sum(delete_file_count), 0), (SELECT count(*) FROM ducklake_snapshots('lake'))
    FROM ducklake_table_info('lake')
"""


@dataclass(frozen=True)
class LakeStanding:
    """How large a lake is: its data files, their bytes, its delete files, and its snapshots."""

    files: int
    size: int
    delete_files: int
    snapshots: int


@dataclass(frozen=True)
class Maintained:
    """What upkeep did: the lake before and after, and how many files were deleted."""

    before: LakeStanding
    after: LakeStanding
    files_deleted: int


def maintain(lake: Lake, kept: timedelta, now: datetime) -> Maintained:
    """Merge small files, let snapshots go that are older than `kept`, and delete what only they needed.

    Each step is a transaction of its own, by table where it can be: where one fails, the others are done all
    the same, and its failure is raised in the end. Readers go on meanwhile; a writer that meets a step does
    its work again.
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
