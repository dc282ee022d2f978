"""Describes tables and views once, for the DDL, the comments, the docs and Dagster."""

from __future__ import annotations

import json
from dataclasses import dataclass

TEXT = "VARCHAR"
AMOUNT = "DECIMAL(18,4)"
INSTANT = "TIMESTAMPTZ"
DAY = "DATE"
WHOLE = "BIGINT"
FLAG = "BOOLEAN"
SECONDS = "DOUBLE"
JSON = "JSON"

LOCAL_DAY = "local_day"
"""The macro of each store that returns the local day of an instant."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its DuckDB type, and what it means."""

    name: str
    type: str
    comment: str
    day_of: str | None = None
    """The instant column of which this is the local day: the store computes it."""
    is_personal: bool = False
    """Whether it may contain personal data, so that forgetting a customer blanks it."""


def local_day(name: str, instant: Column) -> Column:
    """Describe the local day of an instant, for people who group by days, months and years.

    Without it they would group by the day in their session's time zone, which often differs.
    """
    meaning = instant.comment[0].lower() + instant.comment[1:]
    return Column(name, DAY, f"The local day (A4S_TIMEZONE): {meaning}", day_of=instant.name)


@dataclass(frozen=True)
class Table:
    """One table: `key` names the columns that identify a row, which the writers keep unique.

    The file declares no PRIMARY KEY: it costs a quarter of the loading speed, and every write goes through a
    stage that has each key once.
    """

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(column.name for column in self.columns)

    def ddl(self) -> list[str]:
        """Return the statements that create the table, add columns an older file lacks, and comment all."""
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        statements = [f"CREATE TABLE IF NOT EXISTS {self.name} ({columns})"]
        statements += [
            f'ALTER TABLE {self.name} ADD COLUMN IF NOT EXISTS "{column.name}" {column.type}'
            for column in self.columns
        ]
        statements += self._days_filled()
        statements.append(f"COMMENT ON TABLE {self.name} IS {_literal(self.comment)}")
        return statements + _column_comments(self.name, self.columns)

    def _days_filled(self) -> list[str]:
        """Return the statements that set the local days of rows of an older version or another time zone."""
        days = [(column.name, day_expression(column)) for column in self.columns if column.day_of]
        if not days:
            return []
        assignments = ", ".join(f'"{name}" = {day}' for name, day in days)
        outdated = " OR ".join(f'"{name}" IS DISTINCT FROM {day}' for name, day in days)
        return [f"UPDATE {self.name} SET {assignments} WHERE {outdated}"]  # noqa: S608 - own names

    def json_shape(self) -> str:
        """Return the shape in which `from_json` reads a row of this table; JSON columns arrive as text."""
        return json.dumps(
            {
                column.name: TEXT if column.type == JSON else column.type
                for column in self.columns
                if column.day_of is None
            }
        )


@dataclass(frozen=True)
class View:
    """One view for analysts; `columns` are those of its query, in order."""

    name: str
    comment: str
    query: str
    columns: tuple[Column, ...]

    def ddl(self) -> list[str]:
        """Return the statements that replace the view and comment it."""
        return [
            f"CREATE OR REPLACE VIEW {self.name} AS {self.query}",
            f"COMMENT ON VIEW {self.name} IS {_literal(self.comment)}",
            *_column_comments(self.name, self.columns),
        ]

    def ddl_of_lake(self) -> list[str]:
        """Return the same for a DuckLake, which has comments on views but not on their columns."""
        meanings = [f"{column.name}: {column.comment}" for column in self.columns]
        comment = "\n".join([self.comment, "", *meanings])
        replaced, *_ = self.ddl()
        return [replaced, f"COMMENT ON VIEW {self.name} IS {_literal(comment)}"]


def day_expression(column: Column, row: str = "") -> str:
    """Return the SQL for a local day; `row` is what the instant's name follows, such as `row.`."""
    return f'{LOCAL_DAY}({row}"{column.day_of}")'


def _column_comments(relation: str, columns: tuple[Column, ...]) -> list[str]:
    return [
        f"COMMENT ON COLUMN {relation}.{_quoted(column.name)} IS {_literal(column.comment)}"
        for column in columns
    ]


def _quoted(name: str) -> str:
    # A site names columns of its items itself.
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    # DDL takes no parameters; these texts come from this package alone.
    return "'" + text.replace("'", "''") + "'"
