"""Derives the column lineage of the models with sqlglot, and compares it with the file in the package.

`python -m a4s_pipeline_tests.warehouse.schema.lineage_by_library` rewrites the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage

from a4s_pipeline.models import Conventions, Model, models_by
from a4s_pipeline.warehouse.tables import REFERENCE_TABLES, TABLES
from a4s_pipeline_tests.support.project import ROOT

FILE = ROOT / "a4s_pipeline" / "warehouse" / "schema" / "column_lineage.json"


def is_of_these_queries() -> bool:
    """Tell whether the file matches the current models."""
    return bool(json.loads(FILE.read_text(encoding="utf-8"))["queries"] == _fingerprint())


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
    tree = sqlglot.parse_one(query, dialect="duckdb")
    for union in tree.find_all(exp.Union):
        if union.args.get("by_name"):
            names = union.left.named_selects
            right = {one.alias_or_name: one for one in union.right.selects}
            places = [right.get(name) or exp.alias_(exp.null(), name) for name in names]
            union.right.set("expressions", places)
            union.set("by_name", False)
    return tree


def main() -> None:
    """Rewrite the file."""
    lines = [
        f" {json.dumps(model)}: {{\n"
        + ",\n".join(f"  {json.dumps(column)}: {json.dumps(origins)}" for column, origins in of.items())
        + "\n }"
        for model, of in lineage_by_library().items()
    ]
    models = ",\n".join(lines)
    FILE.write_text(f'{{"queries": "{_fingerprint()}", "models": {{\n{models}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
