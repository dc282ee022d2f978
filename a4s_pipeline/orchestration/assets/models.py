"""The analysts' models and a site's own as assets: views, which are always as fresh as their tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from a4s_pipeline.errors import A4sError
from a4s_pipeline.models import Model, models_by
from a4s_pipeline.orchestration.assets.events.last_recorded import LastRecorded, last_recorded
from a4s_pipeline.orchestration.layout import AssetTags, Layout
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.rows.counting import columns_of_view, rows_of_views
from a4s_pipeline.warehouse.schema.column_lineage import column_lineage
from a4s_pipeline.warehouse.site.loading import SiteFolders
from a4s_pipeline.warehouse.site.own_sql import SCHEMA, OwnView, in_order, read_view
from a4s_pipeline.warehouse.site.reference import Faulty

GROUP = "models"
_KINDS = {"duckdb", "sql", "view"}
_DEFINITION = "definition"
_TOTAL = "rows_of_tables"
_AT_MOST_EVERY = timedelta(hours=1)
# The columns that identify a person's rows; names are in no model.
_PERSON = "customer_code"


@dataclass(frozen=True)
class ModelAsset:
    """A model as an asset: its relation in the store, its sources, and its columns if known."""

    name: tuple[str, ...]
    description: str
    definition: str
    upstream: Sequence[tuple[str, ...]]
    columns: Mapping[str, dg.TableColumn] = field(default_factory=dict)
    lineage: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def relation(self) -> str:
        """The name by which a query reads it."""
        return ".".join(self.name)


def model_assets(settings: Settings, layout: Layout, tables: Sequence[str]) -> list[dg.AssetSpec]:
    """Describe the models of imported tables."""
    shown = _shown(settings, tables)
    keys: dict[tuple[str, ...], dg.AssetKey] = {(name,): layout.key(name) for name in tables}
    keys |= {model.name: _key(layout, model.name) for model in shown}
    return [_spec(layout, model, keys) for model in shown]


def model_materializations(
    instance: dg.DagsterInstance,
    layout: Layout,
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    rows_of_tables: Mapping[str, int],
) -> list[dg.AssetMaterialization]:
    """Return the models to record now, with their row counts.

    A view is always as fresh as its tables, and an event costs 20 ms in SQLite: so not every run records it,
    see `is_due`.
    """
    models = _shown(settings, list(rows_of_tables))
    last = last_recorded(instance, [_key(layout, model.name) for model in models])
    total, now = sum(rows_of_tables.values()), datetime.now(settings.timezone)
    due = [
        model for model in models if is_due(last.get(_key(layout, model.name)), model.definition, total, now)
    ]
    rows = rows_of_views(connection, [model.name for model in due])
    return [
        dg.AssetMaterialization(
            _key(layout, model.name), metadata=_metadata(connection, model, total, rows[model.name])
        )
        for model in due
        if model.name in rows
    ]


def is_due(last: LastRecorded | None, definition: str, total: int, now: datetime) -> bool:
    """Tell whether to record a model again: its definition or rows changed, or it was not recorded today.

    `total` is the number of rows in its tables. While they change, it is recorded once an hour, and at once
    if they have more than doubled, as in a first import.
    """
    if last is None or last.metadata.get(_DEFINITION) != definition:
        return True
    before = last.metadata.get(_TOTAL, 0)
    if total > 2 * before or last.at.astimezone(now.tzinfo).date() < now.date():
        return True
    return bool(total != before) and now - last.at >= _AT_MOST_EVERY


def _shown(settings: Settings, tables: Sequence[str]) -> list[ModelAsset]:
    """Return the models that read an imported table or none at all, and the site's own."""
    lineage = column_lineage(settings.conventions)
    there = set(tables)
    shown = []
    for model in models_by(settings.conventions):
        if there & set(model.upstream) or not lineage_tables(lineage[model.name]):
            there.add(model.name)
            shown.append(_of(model, lineage[model.name]))
    return [*shown, *_own(settings, {(name,) for name in there})]


def lineage_tables(of: Mapping[str, Sequence[tuple[str, str]]]) -> set[str]:
    """Return the relations that a model's columns come from, without the package's own files."""
    return {relation for origins in of.values() for relation, _ in origins} - {"holidays"}


def _of(model: Model, lineage: Mapping[str, Sequence[tuple[str, str]]]) -> ModelAsset:
    columns = {
        column.name: dg.TableColumn(
            column.name,
            column.type,
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=column.name not in model.not_null),
        )
        for column in model.columns
    }
    upstream = [(name,) for name in model.upstream]
    return ModelAsset((model.name,), model.description, _hash(model.query), upstream, columns, lineage)


def _own(settings: Settings, there: set[tuple[str, ...]]) -> Iterator[ModelAsset]:
    """Return the site's own models; publishing the copy reports any that cannot be read."""
    views: list[OwnView] = []
    with suppress(A4sError):
        for path in SiteFolders(settings.reference_path, settings.models_path).sql_files():
            with suppress(Faulty):
                views.append(read_view(path))
    before = set(there)
    for view in in_order(views):
        reads = sorted(name for name in before if name[-1] in view.words)
        before.add((SCHEMA, view.name))
        yield ModelAsset((SCHEMA, view.name), view.comment, _hash(view.query), reads)


def _hash(query: str) -> str:
    return hashlib.blake2b(query.encode(), digest_size=6).hexdigest()


def _key(layout: Layout, name: Sequence[str]) -> dg.AssetKey:
    return dg.AssetKey([*layout.key(name[0]).path, *name[1:]])


def _spec(layout: Layout, model: ModelAsset, keys: Mapping[tuple[str, ...], dg.AssetKey]) -> dg.AssetSpec:
    metadata: dict[str, Any] = {
        "dagster/table_name": model.relation if model.name[1:] else f"main.{model.relation}"
    }
    if model.columns:
        metadata["dagster/column_schema"] = dg.TableSchema(list(model.columns.values()))
        metadata["dagster/column_lineage"] = _lineage(model, keys)
    return dg.AssetSpec(
        _key(layout, model.name),
        deps=[keys[name] for name in model.upstream if name in keys],
        description=model.description,
        group_name=layout.group(GROUP),
        owners=list(layout.owners),
        kinds=_KINDS,
        tags=AssetTags("all", "model", has_personal_data=_PERSON in model.columns).as_tags(),
        code_version=model.definition,
        metadata=metadata,
    )


def _lineage(model: ModelAsset, keys: Mapping[tuple[str, ...], dg.AssetKey]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(keys[(relation,)], name)
                for relation, name in origins
                if (relation,) in keys
            ]
            for column, origins in model.lineage.items()
        }
    )


def _metadata(
    connection: duckdb.DuckDBPyConnection, model: ModelAsset, total: int, rows: int | str
) -> dict[str, Any]:
    metadata: dict[str, Any] = {_DEFINITION: model.definition, _TOTAL: total}
    metadata |= {"cannot be read": rows} if isinstance(rows, str) else {"dagster/row_count": rows}
    if not model.columns:
        columns = columns_of_view(connection, model.name)
        metadata["dagster/column_schema"] = dg.TableSchema(
            [dg.TableColumn(name, type_) for name, type_ in columns.items()]
        )
    return metadata
