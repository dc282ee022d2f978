"""How tables and views are described: once, for the DDL, the comments, the docs and Dagster."""

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


@dataclass(frozen=True)
class Column:
    """One column: its name, its DuckDB type, and what it means."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table: `key` names the columns that identify a row, which the writers keep unique.

    There is no PRIMARY KEY in the file: it costs a quarter of the loading speed, and every write goes
    through a stage that holds a key once.
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
        statements.append(f"COMMENT ON TABLE {self.name} IS {_literal(self.comment)}")
        return statements + _column_comments(self.name, self.columns)

    def json_shape(self) -> str:
        """Return the shape in which `from_json` reads a row of this table; JSON columns arrive as text."""
        return json.dumps(
            {column.name: TEXT if column.type == JSON else column.type for column in self.columns}
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
        """Return the same for a DuckLake, which has comments on views but none on their columns."""
        meanings = [f"{column.name}: {column.comment}" for column in self.columns]
        comment = "\n".join([self.comment, "", *meanings])
        replaced, *_ = self.ddl()
        return [replaced, f"COMMENT ON VIEW {self.name} IS {_literal(comment)}"]


def _column_comments(relation: str, columns: tuple[Column, ...]) -> list[str]:
    return [
        f'COMMENT ON COLUMN {relation}."{column.name}" IS {_literal(column.comment)}' for column in columns
    ]


def _literal(text: str) -> str:
    # DDL takes no parameters; these texts come from this package alone.
    return "'" + text.replace("'", "''") + "'"
