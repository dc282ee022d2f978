"""Loads reference files: reads them as text, checks them against their table's shape, and replaces its
rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape
from itertools import takewhile
from pathlib import Path

import duckdb

from a4s_pipeline.models.conventions import identifier, literal
from a4s_pipeline.warehouse.site.texts import as_utf8
from a4s_pipeline.warehouse.table import DAY, TEXT, Column, Table
from a4s_pipeline.warehouse.tables.reference import OF_A_FILE

_LONGEST_LINE = 1_000_000
_TABLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_STAGE = "stage_site_file"
# Columns that a file may omit, by table; the others are required.
_OPTIONAL = {
    "order_status": {"connector"},
    "cost_prices": {"valid_from"},
    "list_prices": {"currency"},
    "targets": {"sales_rep", "customer_code"},
}
# Texts with the same meaning in any case.
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
        """Tell whether its name is valid for a table."""
        return _TABLE_NAME.fullmatch(self.table_name) is not None

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file; otherwise it is a CSV."""
        return self.path.suffix.lower() == ".parquet"


def stage(connection: duckdb.DuckDBPyConnection, file: ReferenceFile, table: Table | None) -> int:
    """Read a file into a temporary table, and return its number of rows; raises `Faulty`.

    A described shape is checked: numbers may have a decimal comma, and days may be written 31-12-2026.
    Otherwise the types are guessed.
    """
    try:
        if file.is_parquet:
            return _staged(connection, file.path, "read_parquet($path)", table)
        with as_utf8(file.path) as path:
            # The first line has the column names and shows the delimiter: on its own, DuckDB skips lines, or
            # reads everything as one column, to make sense of a line that is too long.
            how = f"header = true, skip = 0, delim = '{_between(path)}', quote = '\"', escape = '\"'"
            how += ", all_varchar = true" if table else ""
            return _staged(connection, path, f"read_csv($path, {how})", table)
    except OSError as error:
        raise Faulty(f"it cannot be read ({error.strerror or type(error).__name__})") from None


def _between(path: Path) -> str:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = file.readline(_LONGEST_LINE)
    if not names.strip():
        raise Faulty("it is empty, or its first line is")
    return max(",;\t|", key=names.count)


def _staged(connection: duckdb.DuckDBPyConnection, path: Path, source: str, table: Table | None) -> int:
    if table is None:
        _run(connection, f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS SELECT * FROM {source}", path)
    else:
        _stage_shaped(connection, path, source, table)
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {_STAGE}").fetchall()
    return int(rows)


def _stage_shaped(connection: duckdb.DuckDBPyConnection, path: Path, source: str, table: Table) -> None:
    columns = _columns(connection, path, source)
    missing = [
        column.name
        for column in table.columns
        if column.name not in columns and column.name not in _OPTIONAL.get(table.name, ())
    ]
    if missing:
        raise Faulty(f"the columns {', '.join(missing)} are missing; it has {', '.join(columns)}")
    given = [column for column in table.columns if column.name in columns]
    cells = ", ".join(f"{_cell(table, column, columns[column.name])} AS {column.name}" for column in given)
    texts = ", ".join(
        f"nullif(trim({identifier(columns[column.name])}::VARCHAR), '') AS {column.name}_text"
        for column in given
    )
    _run(connection, f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS SELECT {cells}, {texts} FROM {source}", path)
    for column in given:
        _check(connection, table, column)
    _check_key(connection, table, [column.name for column in given if column.name in table.key])


def write_shaped(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Replace the table's rows by those of the stage, within a transaction."""
    staged = {name for (name, *_) in connection.execute(f"DESCRIBE {_STAGE}").fetchall()}
    names = ", ".join(name for name in table.column_names if name in staged)
    connection.execute(f"DELETE FROM {table.name}")
    connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_STAGE}")


def write_free(connection: duckdb.DuckDBPyConnection, name: str, file_name: str) -> None:
    """Make a table of the stage, replacing an earlier such table, within a transaction."""
    table = identifier(name)
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {_STAGE}")
    comment = f"{OF_A_FILE}{file_name}, a table of the site's own."
    connection.execute(f"COMMENT ON TABLE {table} IS {literal(comment)}")
    for column, *_ in connection.execute(f"DESCRIBE {_STAGE}").fetchall():
        meaning = literal(f"The column {column} of {OF_A_FILE[5:]}{file_name}.")
        connection.execute(f"COMMENT ON COLUMN {table}.{identifier(column)} IS {meaning}")


def drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the stage of the last file."""
    connection.execute(f"DROP TABLE IF EXISTS {_STAGE}")


def _columns(connection: duckdb.DuckDBPyConnection, path: Path, source: str) -> dict[str, str]:
    """Return the columns of a file, by their names in lower case."""
    described = _run(connection, f"DESCRIBE SELECT * FROM {source}", path).fetchall()
    return {name.strip().lower(): name for name, *_ in described}


def _run(connection: duckdb.DuckDBPyConnection, statement: str, path: Path) -> duckdb.DuckDBPyConnection:
    try:
        # Brackets in the name of a folder are not a pattern.
        return connection.execute(statement, {"path": escape(str(path))})
    except duckdb.Error as error:
        if "sniffing" in str(error):
            raise Faulty("its lines have more or fewer columns than its first line names") from None
        lines = takewhile(lambda line: not line.startswith(("Possible", "LINE")), str(error).splitlines())
        raise Faulty("; ".join(line for line in lines if line.strip())[:300]) from None


def _cell(table: Table, column: Column, name: str) -> str:
    text = f"nullif(trim({identifier(name)}::VARCHAR), '')"
    if column.type == TEXT:
        return f"lower({text})" if (table.name, column.name) in _ACCEPTED else text
    if column.type == DAY:
        return f"coalesce(try_cast({text} AS DATE), try_strptime({text}, ['%d-%m-%Y', '%d/%m/%Y'])::DATE)"
    # 1.234,50 and 0,85 are numbers with a decimal comma.
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
    if column.type not in (TEXT, DAY):
        # Beside 12,50 a point separates thousands; otherwise it is a decimal point.
        text = f"{column.name}_text"
        (comma, point) = connection.execute(
            f"SELECT min({text}) FILTER (contains({text}, ',')), "
            f"min({text}) FILTER (regexp_full_match({text}, $thousand)) FROM {_STAGE}",
            {"thousand": "-?[0-9]{1,3}[.][0-9]{3}"},
        ).fetchall()[0]
        if comma and point:
            raise Faulty(
                f"{column.name}: {point!r} may be a thousand or a decimal beside {comma!r}: "
                "write numbers without points between thousands"
            )
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
            raise Faulty(f"{column.name}: {wrong[0][0]} must be more than 0")
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
