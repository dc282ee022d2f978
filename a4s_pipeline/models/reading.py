"""Reads the models: SQL files that begin with a TOML comment describing them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from a4s_pipeline.models.conventions import ATTRIBUTE_TYPES, Conventions

_HEAD = re.compile(r"\s*/\*(.*?)\*/(.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_REMARK = re.compile(r"--[^\n]*")
_RELATION = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)")
_DEFINED = re.compile(r"\b([a-z_]+) AS (?:MATERIALIZED )?\(")


@dataclass(frozen=True)
class ModelColumn:
    """One column: its name, its DuckDB type, and what it means."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Reference:
    """Columns of a model that name a row of another relation, as (column here, column there)."""

    relation: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Model:
    """One model: its description, its columns in order, its tests, and its query.

    `key` is unique, with null as a value like any other; `not_null` and `accepted` (the values a column may
    have) apply to every row; a row that names a row of a relation in `references` finds it there. `upstream`
    names the relations that the query reads.
    """

    name: str
    description: str
    columns: tuple[ModelColumn, ...]
    key: tuple[str, ...]
    not_null: tuple[str, ...]
    accepted: Mapping[str, tuple[Any, ...]]
    references: tuple[Reference, ...]
    upstream: tuple[str, ...]
    query: str


@cache
def models_by(conventions: Conventions) -> tuple[Model, ...]:
    """Return the package's models with a site's conventions, each after those it reads."""
    return tuple(_in_order(_model(name, text, conventions) for name, text in texts().items()))


def columns_of_items() -> frozenset[str]:
    """Return the columns of `dim_item` without the item attributes that a site names."""
    return frozenset(
        column.name
        for model in models_by(Conventions())
        if model.name == "dim_item"
        for column in model.columns
    )


@cache
def texts() -> dict[str, str]:
    """Return the text of each model's file, by the model's name."""
    return {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in sorted(files(__package__).iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    }


def _model(name: str, text: str, conventions: Conventions) -> Model:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise ValueError(f"the model {name} does not begin with a comment that describes it")
    head = tomllib.loads(found[1])
    words, query = conventions.words(), found[2].strip().rstrip(";")
    nullable = set(head.get("nullable", ()))
    return Model(
        name,
        _worded(head["description"], words),
        tuple(_columns(name, head["columns"], words, conventions)),
        tuple(head["key"]),
        tuple(name for name in (*head["key"], *head.get("not_null", ())) if name not in nullable),
        {column: tuple(values) for column, values in head.get("accepted", {}).items()},
        tuple(
            Reference(relation, tuple((here, there) for here, there in on.items()))
            for relation, on in head.get("references", {}).items()
        ),
        _upstream(query),
        _worded(query, conventions.placeholders()),
    )


def _upstream(query: str) -> tuple[str, ...]:
    code = _REMARK.sub("", query)
    return tuple(sorted(set(_RELATION.findall(code)) - set(_DEFINED.findall(code))))


def _columns(
    name: str, described: Mapping[str, list[str]], words: Mapping[str, str], conventions: Conventions
) -> Iterator[ModelColumn]:
    for column, (type_, comment) in described.items():
        yield ModelColumn(column, type_, _worded(comment, words))
    if name == "dim_item":
        for attribute, word in conventions.item_attributes:
            comment = f"The attribute {attribute} (A4S_ITEM_ATTRIBUTES); null where it is no {word}."
            yield ModelColumn(attribute, ATTRIBUTE_TYPES[word], comment)


def _worded(text: str, words: Mapping[str, str]) -> str:
    # In one pass: a site's own name may look like a placeholder.
    return _PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), text)


def _in_order(models: Iterator[Model]) -> Iterator[Model]:
    waiting = {model.name: model for model in models}
    while waiting:
        ready = [name for name, model in waiting.items() if not waiting.keys() & set(model.upstream)]
        if not ready:
            raise ValueError(f"these models read each other: {sorted(waiting)}")
        for name in ready:
            yield waiting.pop(name)
