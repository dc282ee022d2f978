"""The views of the store: the analysts' models, in this store's form of description."""

from __future__ import annotations

from a4s_pipeline.models import DEFAULT_ZONE, Conventions, Model, models_by
from a4s_pipeline.models.conventions import literal
from a4s_pipeline.models.holidays import holiday_rows
from a4s_pipeline.warehouse.table import LOCAL_DAY, Column, View

__all__ = ["DEFAULT_ZONE", "Conventions", "holidays_filled", "local_day_macro", "views_by"]


def views_by(conventions: Conventions) -> tuple[View, ...]:
    """Describe the views by the conventions a site has chosen, each after those it reads."""
    return tuple(_view(model) for model in models_by(conventions))


def local_day_macro(conventions: Conventions) -> str:
    """Return the statement that makes the macro which tells the local day of an instant."""
    zone = literal(str(conventions.zone))
    return f"CREATE OR REPLACE MACRO {LOCAL_DAY}(instant) AS timezone({zone}, instant)::DATE"


def holidays_filled() -> list[str]:
    """Return the statements that fill the table of holidays."""
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in holiday_rows())
    return ["DELETE FROM holidays", f"INSERT INTO holidays (country, day, name) VALUES {rows}"]  # noqa: S608 - a file of the package


def _view(model: Model) -> View:
    columns = tuple(Column(column.name, column.type, column.comment) for column in model.columns)
    return View(model.name, model.description, model.query, columns)
