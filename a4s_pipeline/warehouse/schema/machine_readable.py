"""Relations, keys and joins for programs: the machine-readable data dictionary."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.models import Conventions, Model, models_by
from a4s_pipeline.warehouse.schema.joins import JOINS, Multiplicity
from a4s_pipeline.warehouse.schema.relations import Relation, relations_by
from a4s_pipeline.warehouse.tables import CONNECTOR

_ALWAYS = (Multiplicity.PART_OF_ONE, Multiplicity.ONE_OF_ONE)


def relations_document(conventions: Conventions) -> dict[str, Any]:
    """Return all relations and joins as one JSON object.

    `relations` have `name`, `kind` (`model`, `table`, `reference`), `description`, `key`, `notNull`,
    `accepted`, `reads`, `day` and `columns`; `joins` have `from`, `to`, `on` (pairs of columns) and
    `isAlwaysFound`: whether each row of `from` that names one has its row in `to`.
    """
    models = {model.name: model for model in models_by(conventions)}
    return {
        "relations": [_relation(one, models.get(one.name)) for one in relations_by(conventions)],
        "joins": _joins(models),
    }


def _relation(relation: Relation, model: Model | None) -> dict[str, Any]:
    return {
        "name": relation.name,
        "kind": relation.kind,
        "description": relation.comment,
        "key": list(relation.key),
        "notNull": list(model.not_null) if model else [],
        "accepted": {name: list(values) for name, values in model.accepted.items()} if model else {},
        "reads": list(relation.upstream),
        "day": relation.day,
        "columns": [
            {"name": column.name, "type": column.type, "description": column.comment}
            for column in relation.columns
        ],
    }


def _joins(models: dict[str, Model]) -> list[dict[str, Any]]:
    of_tables = [
        {
            "from": join.child.name,
            "to": join.parent.name,
            "on": [
                [CONNECTOR.name, CONNECTOR.name],
                *([theirs, ours] for ours, theirs in join.on),
            ],
            "isAlwaysFound": join.multiplicity in _ALWAYS,
        }
        for join in JOINS
    ]
    of_models = [
        {
            "from": model.name,
            "to": reference.relation,
            "on": [list(pair) for pair in reference.on],
            "isAlwaysFound": True,
        }
        for model in models.values()
        for reference in model.references
    ]
    return of_models + of_tables
