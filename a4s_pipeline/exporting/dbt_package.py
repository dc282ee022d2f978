"""A dbt package of sources: every table and model with its description, tests and freshness."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files.whole_files import make_folder, write_whole
from a4s_pipeline.models import Conventions
from a4s_pipeline.version import __version__
from a4s_pipeline.warehouse.schema.machine_readable import relations_document

PROJECT = "dbt_project.yml"
_SOURCES = "models/a4s_sources.yml"
_NAME = "a4s_pipeline"
_DATABASE = "{{ var('a4s_database', 'a4s') }}"
_STREAMS = ("orders", "customers", "items")
# As fresh as the connector read longest ago; a connector without a run for a month counts as removed.
_LOADED_AT = (
    "(SELECT min(last_success_at) AT TIME ZONE 'UTC' FROM {database}.main.sync_state "
    "WHERE stream = '{stream}' "
    "AND last_run_at > (SELECT max(last_run_at) FROM {database}.main.sync_state) - INTERVAL 30 DAY)"
)
_TESTS = """\
{% test a4s_key(model, columns) %}
SELECT {{ columns | join(', ') }} FROM {{ model }} GROUP BY ALL HAVING count(*) > 1
{% endtest %}

{% test a4s_reference(model, columns, to, there) %}
SELECT {{ columns | join(', ') }} FROM {{ model }} AS here
WHERE {% for column in columns %}here.{{ column }} IS NOT NULL AND {% endfor %}
NOT EXISTS (
    SELECT 1 FROM {{ to }} AS there
    WHERE {% for column in columns %}there.{{ there[loop.index0] }} = here.{{ column }}
    {%- if not loop.last %} AND {% endif %}{% endfor %}
)
{% endtest %}
"""
_README = """\
# a4s_pipeline, a dbt package of sources

Written by `a4s dbt-sources`, which overwrites changes made here. Name it in your project's `packages.yml`:

    packages:
      - local: ../a4s-dbt

The published copy is attached read-only, in `profiles.yml`, under the name `a4s` (another: the variable
`a4s_database`):

    mine:
      target: dev
      outputs:
        dev:
          type: duckdb
          path: mine.duckdb
          settings: {TimeZone: Europe/Amsterdam}
          attach:
            - {path: ../data/analytics.duckdb, alias: a4s, read_only: true}

Then `{{ source('a4s', 'sales_lines') }}` is a relation like any other, `dbt test --select source:a4s` runs
the tests of each, and `dbt source freshness` shows whether imports stopped.
"""


def dbt_files(conventions: Conventions) -> dict[str, str]:
    """Return the package's files by their paths in its folder."""
    document = relations_document(conventions)
    project = {
        "name": _NAME,
        "version": __version__,
        "config-version": 2,
        "require-dbt-version": ">=1.8.0",
        "model-paths": ["models"],
        "macro-paths": ["macros"],
    }
    source = {
        "name": "a4s",
        "description": "What a4s-pipeline publishes: orders, items, customers, and the models upon them.",
        "database": _DATABASE,
        "schema": "main",
        "tables": [_table(relation, document["joins"]) for relation in document["relations"]],
    }
    return {
        PROJECT: _as_yaml(project),
        _SOURCES: _as_yaml({"version": 2, "sources": [source]}),
        "macros/a4s_tests.sql": _TESTS,
        "README.md": _README,
    }


def write_dbt_package(folder: Path, conventions: Conventions) -> list[Path]:
    """Write the package, each file whole; raises `ChangeRequest` for a folder that holds another project."""
    project = folder / PROJECT
    if project.exists():
        is_ours = f'"{_NAME}"' in project.read_text(encoding="utf-8", errors="replace")
    else:
        is_ours = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_ours:
        raise ChangeRequest(
            f"{folder} contains other files: name an empty folder, or one that this command wrote",
            code="Invalid",
        )
    written = []
    for path, content in dbt_files(conventions).items():
        make_folder((folder / path).parent)
        write_whole(folder / path, content.encode())
        written.append(folder / path)
    return written


def _table(relation: Mapping[str, Any], joins: list[Mapping[str, Any]]) -> dict[str, Any]:
    name = relation["name"]
    tests: list[dict[str, Any]] = []
    if relation["key"]:
        tests.append({"a4s_key": _arguments(columns=relation["key"])})
    tests += [
        {
            "a4s_reference": _arguments(
                columns=[own for own, _ in join["on"]],
                to=f"source('a4s', '{join['to']}')",
                there=[there for _, there in join["on"]],
            )
        }
        for join in joins
        if join["from"] == name and join["isAlwaysFound"]
    ]
    table = {"name": name, "description": relation["description"]}
    if name in _STREAMS:
        table["config"] = {
            "loaded_at_field": _LOADED_AT.format(database=_DATABASE, stream=name),
            "freshness": {
                "warn_after": {"count": 24, "period": "hour"},
                "error_after": {"count": 72, "period": "hour"},
            },
        }
    if tests:
        table["data_tests"] = tests
    return {**table, "columns": [_column(relation, column) for column in relation["columns"]]}


def _column(relation: Mapping[str, Any], column: Mapping[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": column["name"],
        "description": column["description"],
        "data_type": column["type"],
        "quote": True,
    }
    tests: list[Any] = ["not_null"] if column["name"] in relation["notNull"] else []
    if accepted := relation["accepted"].get(column["name"]):
        are_texts = all(isinstance(value, str) for value in accepted)
        tests.append({"accepted_values": _arguments(values=accepted, quote=are_texts)})
    return {**described, **({"data_tests": tests} if tests else {})}


def _arguments(**given: Any) -> dict[str, Any]:
    return {"arguments": given}


def _as_yaml(value: Any) -> str:
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Write YAML: mappings one name a line, lists of mappings one dash each, the rest as JSON."""
    indent = "  " * depth
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield f"{indent}{name}:"
            yield from _lines(inner, depth + 1)
        elif isinstance(inner, list) and any(isinstance(entry, dict) for entry in inner):
            yield f"{indent}{name}:"
            for entry in inner:
                if not isinstance(entry, dict):
                    yield f"{indent}  - {json.dumps(entry)}"
                    continue
                first, *others = _lines(entry, depth + 2)
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        else:
            yield f"{indent}{name}: {json.dumps(inner, ensure_ascii=False)}"
