"""Counts what a transaction does to the rows of records: new, changed and removed ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.table import Table

# When and by which run a row was written, and hashes: not a record's content.
_NO_CONTENT = frozenset(
    {"synced_at", "run_id", "fingerprint", "header_fingerprint", "lines_fingerprint", "lines_synced_at"}
)


@dataclass
class RowCounts:
    """How many rows of a table are new, changed, and removed."""

    new: int = 0
    changed: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.removed)

    def add(self, other: RowCounts) -> None:
        """Add up with the counts of another transaction."""
        self.new += other.new
        self.changed += other.changed
        self.removed += other.removed


RowsByCode = dict[str, dict[tuple[str, ...], int]]
"""A hash of each row's content, by the code of the record and the row's key within it."""


def rows_by_code(
    connection: duckdb.DuckDBPyConnection, table: Table, connector: str, codes: Sequence[str]
) -> RowsByCode:
    """Return the stored hashes of the records with these codes."""
    if not codes:
        return {}
    code, *rest = table.key[1:]
    key = ", ".join(f"coalesce(\"{column}\"::VARCHAR, '')" for column in rest) or "''"
    content = ", ".join(
        f'"{column.name}"'
        for column in table.columns
        if column.name not in _NO_CONTENT and column.name != "connector" and column.day_of is None
    )
    found: RowsByCode = {}
    for owner, content_hash, *parts in connection.execute(
        f'SELECT "{code}", hash({content}), {key} FROM {table.name} '  # noqa: S608 - own names
        f'WHERE connector = $connector AND "{code}" IN (SELECT unnest($codes))',
        {"connector": connector, "codes": list(codes)},
    ).fetchall():
        found.setdefault(owner, {})[tuple(parts)] = content_hash
    return found


def compared(
    before: RowsByCode, after: RowsByCode, written: Mapping[str, Sequence[Row]] | Iterable[str]
) -> dict[str, RowCounts]:
    """Return what happened to the rows of each written record.

    `written` has the rows of each record, or only the codes if a record is one row. Only records stored
    before are looked up afterwards: the others' rows are all new.
    """
    rows = written if isinstance(written, Mapping) else dict.fromkeys(written, (None,))
    return {
        code: _difference(before[code], after.get(code, {})) if code in before else RowCounts(new=len(own))
        for code, own in rows.items()
    }


def _difference(before: dict[tuple[str, ...], int], after: dict[tuple[str, ...], int]) -> RowCounts:
    return RowCounts(
        new=len(after.keys() - before.keys()),
        changed=sum(before[key] != after[key] for key in before.keys() & after.keys()),
        removed=len(before.keys() - after.keys()),
    )
