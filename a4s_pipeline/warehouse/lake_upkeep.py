"""Keeps a lake small and swift: small files merged, old snapshots and the files only they need let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from a4s_pipeline.warehouse.lake import Lake

# A query that began before a file was let go may read it still.
LONGEST_QUERY = timedelta(days=1)
# What a killed writer left, and no snapshot ever named: never a file that is being written now.
LONGEST_WRITE = timedelta(days=2)

# Rows of small batches lie in the catalog at first: out into files with them, and small files into large.
_FLUSH = "CALL ducklake_flush_inlined_data('lake')"
_MERGE = "CALL ducklake_merge_adjacent_files('lake')"
# Where most rows of a file were replaced since, it is written anew without them.
_REWRITE = "CALL ducklake_rewrite_data_files('lake')"
_EXPIRE = "CALL ducklake_expire_snapshots('lake', older_than => $1)"
_CLEAN = "CALL ducklake_cleanup_old_files('lake', older_than => $1)"
_ORPHANS = "CALL ducklake_delete_orphaned_files('lake', older_than => $1)"
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
class Tended:
    """What upkeep did: the lake before and after, and how many files were deleted."""

    before: LakeStanding
    after: LakeStanding
    files_deleted: int


def tend(lake: Lake, kept: timedelta, now: datetime) -> Tended:
    """Merge small files, let snapshots go that are older than `kept`, and delete what only they needed.

    Each step is a transaction of its own: those that were done stay done where a later one fails. Readers
    and writers go on meanwhile.
    """
    before = standing(lake)
    for step in (_FLUSH, _MERGE, _REWRITE):
        _do(lake, step)
    _do(lake, _EXPIRE, now - kept)
    deleted = _do(lake, _CLEAN, now - LONGEST_QUERY) + _do(lake, _ORPHANS, now - LONGEST_WRITE)
    return Tended(before, standing(lake), deleted)


def standing(lake: Lake) -> LakeStanding:
    """Tell how large the lake is."""
    with lake.moment() as connection:
        return LakeStanding(*map(int, connection.execute(_STANDING).fetchall()[0]))


def _do(lake: Lake, step: str, *values: Any) -> int:
    def work(connection: duckdb.DuckDBPyConnection) -> int:
        return len(connection.execute(step, list(values)).fetchall())

    return lake.transact(work)
