"""Updates the tables, views and comments of a store to the package's description."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache

import duckdb

from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.rows.versions import versions_macros
from a4s_pipeline.warehouse.schema.migrations import bring_forward, columns_of
from a4s_pipeline.warehouse.schema.views import holidays_filled, local_day_macro, views_by
from a4s_pipeline.warehouse.tables import REFERENCE_TABLES, TABLES
from a4s_pipeline.warehouse.tables.reference import OF_A_FILE

# DuckLake 1.0 loses the bounds of a column if one row group of a new file is all null and another is not;
# then it uses the next file's bounds for the table, and answers lack rows. The default row group has 122,880
# rows; with this many, all lines of a batch of orders fit in one.
_CREATED = re.compile(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) ([a-z_]+) ")
_ROW_GROUPS = "CALL ducklake_set_option('lake', 'parquet_row_group_size', '500000')"


@cache
def schema_of_file(conventions: Conventions) -> tuple[str, ...]:
    """Return the statements that make the schema of a DuckDB file."""
    statements = [local_day_macro(conventions)]
    statements += [statement for table in (*TABLES, *REFERENCE_TABLES) for statement in table.ddl()]
    statements += [*holidays_filled(), *versions_macros(conventions)]
    statements += [statement for view in views_by(conventions) for statement in view.ddl()]
    return tuple(statements)


@cache
def schema_of_lake(conventions: Conventions) -> tuple[str, ...]:
    """Return the statements that make the schema of a DuckLake.

    Its tables are partitioned by connector, so that a query on one reads no other's files.
    """
    statements = [_ROW_GROUPS, local_day_macro(conventions)]
    for table in TABLES:
        create, *changes = table.ddl()
        # DuckLake partitions no table whose rows the same transaction has changed, as a new column's are.
        statements += [create, f"ALTER TABLE {table.name} SET PARTITIONED BY (connector)", *changes]
    statements += [statement for table in REFERENCE_TABLES for statement in table.ddl()]
    statements += [*holidays_filled(), *versions_macros(conventions)]
    statements += [statement for view in views_by(conventions) for statement in view.ddl_of_lake()]
    return tuple(statements)


def is_applied(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> bool:
    """Tell whether these were the last statements to be applied to the store."""
    try:
        row = connection.execute("SELECT a4s_schema()").fetchone()
    except duckdb.CatalogException:
        return False
    return row is not None and row[0] == _fingerprint(statements)


def apply_schema(
    connection: duckdb.DuckDBPyConnection, statements: Sequence[str], version: int | None
) -> None:
    """Create, within a transaction, what a new or older store lacks.

    Its rows are migrated from `version`, which is None if the store has no number.
    """
    _make_room(connection, statements)
    before = columns_of(connection)
    for statement in statements:
        connection.execute(statement)
    bring_forward(connection, version, before, TABLES)
    # A macro rather than a table: analysts have no use for it.
    connection.execute(f"CREATE OR REPLACE MACRO a4s_schema() AS '{_fingerprint(statements)}'")


def _make_room(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Drop a table from a site's own file if a new version has a table with that name.

    The next publish reads the file again, or reports that the name is in use.
    """
    rows = connection.execute(
        """
        SELECT table_name FROM duckdb_tables()
        WHERE database_name = current_database() AND schema_name = 'main' AND starts_with(comment, $of_a_file)
        """,
        {"of_a_file": OF_A_FILE},
    ).fetchall()
    ours = {found[1] for statement in statements if (found := _CREATED.match(statement))}
    for (name,) in rows:
        if name in ours:
            connection.execute(f"DROP TABLE {name}")
            connection.execute("DROP MACRO IF EXISTS a4s_site")


def _fingerprint(statements: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(statements).encode(), digest_size=16).hexdigest()
