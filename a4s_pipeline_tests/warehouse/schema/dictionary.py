"""The data dictionary: every table, view and column in Markdown, from their descriptions.

`python -m a4s_pipeline_tests.warehouse.schema.dictionary docs/data-dictionary.md` writes it; without one it
is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from a4s_pipeline.models import models_by
from a4s_pipeline.warehouse.schema.joins import JOINS, Join
from a4s_pipeline.warehouse.schema.machine_readable import relations_document
from a4s_pipeline.warehouse.schema.views import DEFAULT_ZONE, Conventions, views_by
from a4s_pipeline.warehouse.table import Column, Table, View
from a4s_pipeline.warehouse.tables import CONNECTOR, REFERENCE_TABLES, TABLES

_COMMAND = "python -m a4s_pipeline_tests.warehouse.schema.dictionary docs/data-dictionary.md"

_INTRODUCTION = f"""\
<!-- Change the descriptions in a4s_pipeline/warehouse, not this file. It is written by
{_COMMAND} -->

# Data dictionary

The contents of `analytics.duckdb`, all in the schema `main`. Every comment below is in the file itself too:
`FROM duckdb_columns() SELECT table_name, column_name, comment`. To start, see [queries.md](queries.md).
For programs the same is in [relations.json](relations.json), with keys and joins.

- A row belongs to one `connector`: always join on `connector` too. Only `dim_date` and the reference tables
  belong to none: they apply to all.
- **Start with the models**, such as `sales_lines`, `sales_orders`, `dim_customer` and `dim_item`: select
  sales with `WHERE is_sale`; their value is `amount`. Every other number on sales is built on these.
- Instants are `TIMESTAMPTZ` and are shown in the time zone of your session. **Group by the `DATE` columns**,
  such as `order_day`: they are days of `A4S_TIMEZONE`, by default {DEFAULT_ZONE}, in any session. The
  macro `local_day(instant)` returns the day of any other instant.
- Orders as of an instant: `FROM orders_as_of('2026-01-31 18:00'::TIMESTAMPTZ)`, and their lines
  `order_lines_as_of(…)`, from `order_versions` and `order_line_versions`. An order counts from its date on.
- Money and quantities are exact decimals. An amount is in the currency of its order: sum per currency.
- A record that is gone at the source stays, with `removed_at` set: exclude it with `removed_at IS NULL`.
- The pipeline keeps keys unique; the file declares none, because an index would make it three times as
  large. Programs find keys and joins in relations.json.

## How the tables join

Each line joins on `connector` and on the columns it names; the boxes show the keys without `connector`. A
circle at an end means that there may be no row: an order may name a customer or an item never listed.
"""


_REFERENCE = """\
Tables that a site fills itself; they are empty at first. `data/reference/NAME.csv` or `.parquet` fills the
table NAME with the next publish, and a file with any other name becomes its own table. The first line of a
CSV names its columns; the delimiter is `,`, `;`, a tab or `|`. It may be in UTF-8, UTF-16 or a Windows
encoding, with decimal commas and days such as 31-12-2026. `site_files` has the result for each file. Your
own view is `SELECT …` in `models/NAME.sql`: it becomes `site.NAME`, may read the others, and must have a
new name."""


def data_dictionary() -> str:
    """Return the data dictionary as a Markdown document."""
    views = views_by(Conventions())
    parts = [
        _INTRODUCTION,
        "```mermaid",
        *_diagram(),
        "```",
        "",
        "## Contents",
        "",
        "Models: " + ", ".join(_link(view.name) for view in views),
        "",
        "Tables: " + ", ".join(_link(table.name) for table in TABLES),
        "",
        "Reference tables: " + ", ".join(_link(table.name) for table in REFERENCE_TABLES),
        "",
        "## Models",
        "",
        "Views over the tables, each with its key.",
        "",
    ]
    keys = {model.name: model.key for model in models_by(Conventions())}
    for view in views:
        parts += _section(view, keys[view.name])
    parts += [
        "## Tables",
        "",
    ]
    for table in TABLES:
        parts += _section(table, table.key)
    parts += ["## Reference tables", "", _REFERENCE, ""]
    for table in REFERENCE_TABLES:
        parts += _section(table, table.key)
    return "\n".join(parts).rstrip("\n") + "\n"


def _diagram() -> Iterator[str]:
    yield "erDiagram"
    yield "    direction LR"
    for join in JOINS:
        yield f'    {join.parent.name} {join.multiplicity.value} {join.child.name} : "{_label(join)}"'
    tables = {table.name: table for join in JOINS for table in (join.parent, join.child)}
    for table in tables.values():
        # Only key and joining columns, without connector: with all of them, the lines would be lost.
        yield f"    {table.name} {{"
        for column in table.columns:
            marks = _marks(table, column)
            if marks and column.name != CONNECTOR.name:
                yield f"        {column.type} {column.name} {', '.join(marks)}"
        yield "    }"


def _label(join: Join) -> str:
    return ", ".join(parent if parent == child else f"{parent} = {child}" for parent, child in join.on)


def _marks(table: Table, column: Column) -> list[str]:
    refers = any(join.child == table and column.name in {child for _, child in join.on} for join in JOINS)
    return ["PK"] * (column.name in table.key) + ["FK"] * refers


def _section(relation: Table | View, key: tuple[str, ...]) -> Iterator[str]:
    yield f"### {relation.name}"
    yield ""
    yield relation.comment
    yield ""
    yield "| column | type | key | meaning |" if key else "| column | type | meaning |"
    yield "| --- | --- | --- | --- |" if key else "| --- | --- | --- |"
    for column in relation.columns:
        cells = [f"`{column.name}`", column.type]
        if key:
            cells.append("key" if column.name in key else "")
        yield "| " + " | ".join([*cells, column.comment.replace("|", "\\|")]) + " |"
    yield ""


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def relations_text() -> str:
    """Return the content of `relations.json`."""
    return json.dumps(relations_document(Conventions()), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> None:
    """Write the data dictionary to the file named and `relations.json` beside it, or print the dictionary."""
    if arguments:
        file = Path(arguments[0])
        file.write_text(data_dictionary(), encoding="utf-8")
        file.with_name("relations.json").write_text(relations_text(), encoding="utf-8")
    else:
        sys.stdout.write(data_dictionary())


if __name__ == "__main__":
    main(sys.argv[1:])
