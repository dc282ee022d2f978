"""Reference files: read as text, checked against the shape of their table, and written in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from a4s_pipeline.models.conventions import identifier
from a4s_pipeline.warehouse.schema.schema import DAY, TEXT, Column, Table

_TABLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_STAGE = "stage_site_file"
# Columns that a file may leave out, by table: the rest it must have.
_OPTIONAL = {
    "order_status": {"connector"},
    "cost_prices": {"valid_from"},
    "list_prices": {"currency"},
    "targets": {"sales_rep", "customer_code"},
}
# Texts that mean the same whatever their capitals.
_FOLDED = {("order_status", "status"), ("currency_rates", "currency")}
_POSITIVE = {("currency_rates", "rate")}
_ACCEPTED = {("order_status", "status_group"): ("open", "shipped", "invoiced", "cancelled")}


class Faulty(Exception):
    """A file of the site that cannot be used; the message says why."""


@dataclass(frozen=True)
class ReferenceFile:
    """A file in the folder of reference tables, and the table that it fills."""

    path: Path

    @property
    def table_name(self) -> str:
        """The table of its name."""
        return self.path.stem.lower()

    def has_table_name(self) -> bool:
        """Tell whether a table can have its name."""
        return _TABLE_NAME.fullmatch(self.table_name) is not None

    def reader(self) -> str:
        """Return the table function that reads it; `$path` is its path."""
        return "read_parquet($path)" if self.path.suffix == ".parquet" else "read_csv($path, header = true)"


def stage_shaped(connection: duckdb.DuckDBPyConnection, file: ReferenceFile, table: Table) -> int:
    """Read a file of a described shape into a temporary table and check it; return how many rows it has.

    Numbers may have a decimal comma, and days may be written 31-12-2026. Raises `Faulty`.
    """
    source = (
        file.reader()
        if file.path.suffix == ".parquet"
        else ("read_csv($path, header = true, all_varchar = true)")
    )
    columns = _columns(connection, file, source)
    missing = [
        column.name
        for column in table.columns
        if column.name not in columns and column.name not in _OPTIONAL.get(table.name, ())
    ]
    if missing:
        raise Faulty(f"the columns {', '.join(missing)} are missing; it has {', '.join(columns)}")
    given = [column for column in table.columns if column.name in columns]
    cells = ", ".join(f"{_cell(column, columns[column.name])} AS {column.name}" for column in given)
    texts = ", ".join(
        f"nullif(trim({identifier(columns[column.name])}::VARCHAR), '') AS {column.name}_text"
        for column in given
    )
    _run(connection, f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS SELECT {cells}, {texts} FROM {source}", file)
    for column in given:
        _check(connection, table, column)
    _check_key(connection, table, [column.name for column in given if column.name in table.key])
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {_STAGE}").fetchall()
    return int(rows)


def stage_free(connection: duckdb.DuckDBPyConnection, file: ReferenceFile) -> int:
    """Read any file into a temporary table, its types as they look; return how many rows it has."""
    _run(connection, f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS SELECT * FROM {file.reader()}", file)
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {_STAGE}").fetchall()
    return int(rows)


def write_shaped(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Put the rows of the stage in the place of the table's, within a transaction."""
    staged = {name for (name, *_) in connection.execute(f"DESCRIBE {_STAGE}").fetchall()}
    names = ", ".join(name for name in table.column_names if name in staged)
    connection.execute(f"DELETE FROM {table.name}")
    connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_STAGE}")


def write_free(connection: duckdb.DuckDBPyConnection, name: str, comment: str) -> None:
    """Make a table of the stage, in the place of one that was made so before, within a transaction."""
    connection.execute(f"CREATE OR REPLACE TABLE {identifier(name)} AS SELECT * FROM {_STAGE}")
    quoted = comment.replace("'", "''")
    connection.execute(f"COMMENT ON TABLE {identifier(name)} IS '{quoted}'")


def drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the last file that was read."""
    connection.execute(f"DROP TABLE IF EXISTS {_STAGE}")


def _columns(connection: duckdb.DuckDBPyConnection, file: ReferenceFile, source: str) -> dict[str, str]:
    """Return the columns of a file, by their names in small letters."""
    described = _run(connection, f"DESCRIBE SELECT * FROM {source}", file).fetchall()
    return {name.strip().lower(): name for name, *_ in described}


def _run(
    connection: duckdb.DuckDBPyConnection, statement: str, file: ReferenceFile
) -> duckdb.DuckDBPyConnection:
    try:
        return connection.execute(statement, {"path": str(file.path)})
    except duckdb.Error as error:
        raise Faulty(str(error).splitlines()[0]) from None


def _cell(column: Column, name: str) -> str:
    text = f"nullif(trim({identifier(name)}::VARCHAR), '')"
    if column.type == TEXT:
        return text
    if column.type == DAY:
        return f"coalesce(try_cast({text} AS DATE), try_strptime({text}, ['%d-%m-%Y', '%d/%m/%Y'])::DATE)"
    # 1.234,50 and 0,85 are numbers where people write a decimal comma.
    point = f"replace(replace({text}, '.', ''), ',', '.')"
    return (
        f"try_cast(CASE WHEN regexp_full_match({text}, '-?[0-9.]*,[0-9]+') THEN {point} ELSE {text} END "
        f"AS {column.type})"
    )


def _check(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> None:
    if column.type != TEXT:
        wrong = connection.execute(
            f"SELECT {column.name}_text FROM {_STAGE} "
            f"WHERE {column.name} IS NULL AND {column.name}_text IS NOT NULL LIMIT 1"
        ).fetchall()
        if wrong:
            kind = "a day, such as 2026-12-31" if column.type == DAY else "a number"
            raise Faulty(f"{column.name}: {wrong[0][0]!r} is not {kind}")
    if column.name not in _OPTIONAL.get(table.name, ()):
        ((empty,),) = connection.execute(
            f"SELECT count(*) FROM {_STAGE} WHERE {column.name} IS NULL"
        ).fetchall()
        if empty:
            raise Faulty(f"{column.name} is empty in {empty} of its rows")
    if (table.name, column.name) in _POSITIVE:
        wrong = connection.execute(
            f"SELECT {column.name} FROM {_STAGE} WHERE {column.name} <= 0 LIMIT 1"
        ).fetchall()
        if wrong:
            raise Faulty(f"{column.name}: {wrong[0][0]} is not more than nil")
    accepted = _ACCEPTED.get((table.name, column.name))
    if accepted:
        wrong = connection.execute(
            f"SELECT {column.name} FROM {_STAGE} "
            f"WHERE {column.name} NOT IN (SELECT unnest($accepted)) LIMIT 1",
            {"accepted": list(accepted)},
        ).fetchall()
        if wrong:
            raise Faulty(f"{column.name}: {wrong[0][0]!r} is none of {', '.join(accepted)}")


def _check_key(connection: duckdb.DuckDBPyConnection, table: Table, key: Sequence[str]) -> None:
    names = ", ".join(f"upper({name})" if (table.name, name) in _FOLDED else name for name in key)
    twice = connection.execute(
        f"SELECT {names} FROM {_STAGE} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
    ).fetchall()
    if twice:
        values = ", ".join(f"{name} {value}" for name, value in zip(key, twice[0], strict=True))
        raise Faulty(f"{values} comes twice")
