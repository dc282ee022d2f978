"""The columns that each model column is derived from, which Dagster shows as column lineage.

It is a file of the package, written by `python -m a4s_pipeline.warehouse.schema.column_lineage` with the
library sqlglot, which takes seconds: no import should wait for it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from a4s_pipeline.models import Conventions, Model, models_by
from a4s_pipeline.warehouse.tables import ITEM_ATTRIBUTES, REFERENCE_TABLES, TABLES

_FILE = "column_lineage.json"

Origin = tuple[str, str]
"""A relation and its column."""
Lineage = Mapping[str, Mapping[str, tuple[Origin, ...]]]
"""The origins of each column, by model and by column."""


@cache
def column_lineage(conventions: Conventions) -> Lineage:
    """Return the package's lineage, with the columns that a site has named itself."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    known = {
        model: {
            column: tuple((relation, name) for relation, name in origins) for column, origins in of.items()
        }
        for model, of in json.loads(text)["models"].items()
    }
    named = ((ITEM_ATTRIBUTES.name, "value_text"),)
    known["dim_item"] |= {name: named for name, _ in conventions.item_attributes}
    if conventions.customer_group is not None:
        known["dim_customer"]["customer_group"] = (("customers", "attributes"),)
    return known


def is_of_these_queries() -> bool:
    """Tell whether the file matches the current models."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    return bool(json.loads(text)["queries"] == _fingerprint())


def _fingerprint() -> str:
    queries = [
        (model.name, [column.name for column in model.columns], model.query)
        for model in models_by(Conventions())
    ]
    return hashlib.blake2b(json.dumps(queries).encode(), digest_size=16).hexdigest()


def lineage_by_library() -> dict[str, dict[str, list[list[str]]]]:
    """Compute the lineage with the library."""
    schema: dict[str, dict[str, str]] = {
        table.name: {column.name: column.type for column in table.columns}
        for table in (*TABLES, *REFERENCE_TABLES)
    }
    schema["holidays"] = dict.fromkeys(("country", "day", "name"), "VARCHAR")
    found = {}
    for model in models_by(Conventions()):
        found[model.name] = dict(_of_model(model, schema))
        schema[model.name] = {column.name: column.type for column in model.columns}
    return found


def _of_model(model: Model, schema: dict[str, dict[str, str]]) -> Iterator[tuple[str, list[list[str]]]]:
    from sqlglot import exp  # noqa: PLC0415 - a tool of developers
    from sqlglot.lineage import lineage  # noqa: PLC0415 - a tool of developers

    query = _by_position(model.query)
    for column in model.columns:
        nodes = lineage(column.name, query, schema=schema, dialect="duckdb").walk()
        origins = {
            (node.source.name, node.name.rpartition(".")[2].strip('"'))
            for node in nodes
            if not node.downstream and isinstance(node.source, exp.Table)
        }
        yield column.name, sorted([relation, name] for relation, name in origins if relation in schema)


def _by_position(query: str) -> Any:
    """Return a query with the columns of each UNION BY NAME in the same order, as the library needs."""
    import sqlglot  # noqa: PLC0415 - a tool of developers
    from sqlglot import exp  # noqa: PLC0415 - a tool of developers

    tree = sqlglot.parse_one(query, dialect="duckdb")
    for union in tree.find_all(exp.Union):
        if union.args.get("by_name"):
            names = union.left.named_selects
            right = {one.alias_or_name: one for one in union.right.selects}
            places = [right.get(name) or exp.alias_(exp.null(), name) for name in names]
            union.right.set("expressions", places)
            union.set("by_name", False)
    return tree


def main(path: Path) -> None:
    """Rewrite the file."""
    lines = [
        f" {json.dumps(model)}: {{\n"
        + ",\n".join(f"  {json.dumps(column)}: {json.dumps(origins)}" for column, origins in of.items())
        + "\n }"
        for model, of in lineage_by_library().items()
    ]
    models = ",\n".join(lines)
    path.write_text(f'{{"queries": "{_fingerprint()}", "models": {{\n{models}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(_FILE))
