"""Protects a CSV against texts that a spreadsheet would run as a formula."""

from __future__ import annotations

import duckdb

from a4s_pipeline.models.conventions import identifier
from a4s_pipeline.warehouse.schema.relations import Relation
from a4s_pipeline.warehouse.table import TEXT

# Otherwise anyone who can name a customer or an item could run a program where the file is opened. Numbers,
# percentages and telephone numbers begin like formulas too, but are harmless.
_IS_FORMULA = (
    "regexp_matches({column}, '^[=+@\\t\\r-]') AND NOT regexp_full_match({column}, '[+-][0-9 ().,/%+-]*')"
)


def guard_texts(connection: duckdb.DuckDBPyConnection, table: str, relation: Relation) -> list[str]:
    """Put an apostrophe before such texts in a table to export, and say how many there are."""
    columns = [identifier(column.name) for column in relation.columns if column.type == TEXT]
    count = 0
    for column in columns:
        rows = connection.execute(
            f"UPDATE {table} SET {column} = chr(39) || {column} WHERE {_IS_FORMULA.format(column=column)}"
        ).fetchall()
        count += rows[0][0]
    if not count:
        return []
    return [
        f"{relation.name}: {count:,} texts that a spreadsheet would run as a formula now begin with an "
        "apostrophe; Parquet has them unchanged"
    ]
