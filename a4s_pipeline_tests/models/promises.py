"""The promises in the models' front matter, checked in a store."""

from collections.abc import Iterator

import duckdb

from a4s_pipeline.models import Conventions, Model, models_by


def broken_promises(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return what fails: keys, columns that are never null, accepted values, references."""
    return [
        f"{model.name}: {promise}"
        for model in models_by(Conventions())
        for promise, query in _questions(model)
        if connection.execute(f"SELECT 1 FROM ({query}) LIMIT 1").fetchall()
    ]


def _questions(model: Model) -> Iterator[tuple[str, str]]:
    key = ", ".join(model.key)
    yield f"{key} is unique", f"SELECT {key} FROM {model.name} GROUP BY ALL HAVING count(*) > 1"
    for column in model.not_null:
        yield f"{column} is not null", f"FROM {model.name} WHERE {column} IS NULL"
    for column, values in model.accepted.items():
        yield f"{column} is one of {values}", f"FROM {model.name} WHERE {column} NOT IN {values}"
    for reference in model.references:
        there = " AND ".join(f"there.{other} = here.{own}" for own, other in reference.on)
        given = " AND ".join(f"here.{own} IS NOT NULL" for own, _ in reference.on)
        yield (
            f"each row has its row in {reference.relation}",
            f"SELECT 1 FROM {model.name} AS here WHERE {given} "
            f"AND NOT EXISTS (FROM {reference.relation} AS there WHERE {there})",
        )
