"""Every table and model that analysts read, and the query for its rows of a connector since a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from a4s_pipeline.models import Conventions, models_by
from a4s_pipeline.models.conventions import identifier
from a4s_pipeline.warehouse.schema.views import views_by
from a4s_pipeline.warehouse.table import Column
from a4s_pipeline.warehouse.tables import CONNECTOR, ORDER_LINES, REFERENCE_TABLES, TABLES

Kind = Literal["model", "table", "reference"]
# The column that `since` uses, the first that a relation has: a local day, or else an instant.
_DAYS = ("order_day", "day", "month", "received_day", "started_day")
_INSTANTS = {"order_day": "order_date", "received_day": "received_at", "started_day": "started_at"}
_WRITTEN = "synced_at"


@dataclass(frozen=True)
class Relation:
    """A table or model: its description, its columns, and its source relations."""

    name: str
    kind: Kind
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    upstream: tuple[str, ...] = ()

    @property
    def has_connector(self) -> bool:
        """Tell whether its rows belong to connectors."""
        return any(column.name == CONNECTOR.name for column in self.columns)

    @property
    def day(self) -> str | None:
        """The column with the local day of its rows; None if they have none."""
        names = {column.name for column in self.columns}
        return next((name for name in _DAYS if name in names), None)


def relations_by(conventions: Conventions) -> tuple[Relation, ...]:
    """Return the models, the tables, and the tables that a site fills itself."""
    models = {model.name: model for model in models_by(conventions)}
    return (
        *(
            Relation(
                view.name,
                "model",
                view.comment,
                models[view.name].key,
                view.columns,
                models[view.name].upstream,
            )
            for view in views_by(conventions)
        ),
        *(Relation(table.name, "table", table.comment, table.key, table.columns) for table in TABLES),
        *(
            Relation(table.name, "reference", table.comment, table.key, table.columns)
            for table in REFERENCE_TABLES
        ),
    )


def rows_of(
    relation: Relation,
    connector: str | None = None,
    since: date | datetime | None = None,
    cells: Sequence[str] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the query for rows of a relation, and its parameters; `cells` are the selected expressions.

    `since` is a local day or an aware instant: it selects rows of that day or later (for order lines, by the
    order's day); for a relation without a day, rows written since; without either, all.
    """
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if connector is not None and relation.has_connector:
        conditions.append("connector = $connector")
        parameters["connector"] = connector
    if since is not None and (condition := _since(relation, since)):
        conditions.append(condition)
        parameters["since"] = since
    columns = ", ".join(cells or [identifier(column.name) for column in relation.columns])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM {relation.name}{where}", parameters  # noqa: S608 - own names and conditions


def _since(relation: Relation, since: date | datetime) -> str | None:
    is_instant = isinstance(since, datetime)
    names = {column.name for column in relation.columns}
    day = relation.day
    if relation.name == ORDER_LINES.name:
        dated = "order_date" if is_instant else "order_day"
        return (
            f"(connector, order_code) IN (SELECT (connector, order_code) FROM orders WHERE {dated} >= $since)"  # noqa: S608 - own names
        )
    if day is not None:
        instant = _INSTANTS.get(day)
        if is_instant:
            return f"{instant} >= $since" if instant in names else f"{day} >= local_day($since)"
        return f"{day} >= $since"
    if _WRITTEN in names:
        return f"{_WRITTEN} >= $since" if is_instant else f"local_day({_WRITTEN}) >= $since"
    return None
