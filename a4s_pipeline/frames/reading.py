"""Reads a relation of the published copy, or of the lake, into a typed frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from a4s_pipeline.errors import ChangeRequest, ChangeSite
from a4s_pipeline.models import Conventions
from a4s_pipeline.models.conventions import identifier
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.schema.relations import Relation, relations_by, rows_of
from a4s_pipeline.warehouse.table import DAY, FLAG, INSTANT, JSON, TEXT, WHOLE, Column

Decimals = Literal["decimal", "float"]

CATEGORIES = frozenset(
    {
        "connector",
        "country",
        "currency",
        "customer_group",
        "delivery_country",
        "family_code",
        "family_name",
        "flow",
        "kind",
        "language",
        "language_code",
        "order_type",
        "payment_condition_code",
        "price_list",
        "region",
        "sales_rep",
        "sales_rep_source",
        "status",
        "status_group",
        "stream",
        "type",
        "unit",
        "unit_code",
    }
)
"""Columns with few values, which become categories."""


class Reader(Protocol):
    """A function that reads one relation; the package describes its arguments."""

    def __call__(
        self,
        connector: str | None = None,
        since: date | datetime | str | None = None,
        *,
        decimals: Decimals = "decimal",
        settings: Settings | None = None,
    ) -> pd.DataFrame:
        """Return the rows as a frame."""


def names() -> list[str]:
    """Return the names of all relations; each is a function of this package."""
    return [relation.name for relation in relations_by(Conventions())]


def reader_of(name: str) -> Reader:
    """Return the function that reads a relation; raises AttributeError for an unknown name."""
    described = {relation.name: relation for relation in relations_by(Conventions())}
    if name not in described:
        raise AttributeError(f"there is no table or model {name!r}; frames.names() lists them")

    def read(
        connector: str | None = None,
        since: date | datetime | str | None = None,
        *,
        decimals: Decimals = "decimal",
        settings: Settings | None = None,
    ) -> pd.DataFrame:
        platform = Platform(settings)
        conventions = platform.settings.conventions
        relation = next(one for one in relations_by(conventions) if one.name == name)
        start = _start(since, conventions.zone)
        with _reading(platform) as connection:
            return _frame(connection, relation, (connector, start), decimals, conventions.zone)

    read.__name__ = read.__qualname__ = name
    read.__doc__ = described[name].comment
    return read


@contextmanager
def _reading(platform: Platform) -> Iterator[duckdb.DuckDBPyConnection]:
    with platform.readable.reading() as connection:
        try:
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise ChangeSite(
                "the published copy is of another version of the pipeline, or of other settings "
                f"({str(error).splitlines()[0]}): run `a4s sync`, which replaces it"
            ) from None


def _start(since: date | datetime | str | None, zone: ZoneInfo) -> date | datetime | None:
    if isinstance(since, str):
        try:
            since = (
                date.fromisoformat(since)
                if len(since) <= len("2026-01-01")
                else datetime.fromisoformat(since)
            )
        except ValueError:
            raise ChangeRequest(
                f"since: {since!r} is not a day or an instant such as 2026-01-31", code="Invalid"
            ) from None
    if isinstance(since, datetime) and since.tzinfo is None:
        return since.replace(tzinfo=zone)
    return since


def _frame(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    wanted: tuple[str | None, date | datetime | None],
    decimals: Decimals,
    zone: ZoneInfo,
) -> pd.DataFrame:
    is_exact = decimals == "decimal"
    cells = [_cell(column, is_exact=is_exact) for column in relation.columns]
    query, parameters = rows_of(relation, *wanted, cells)
    frame = connection.execute(query, parameters).df()
    for column in relation.columns:
        convert = _conversion(column, zone, is_exact=is_exact)
        if convert is not None:
            frame[column.name] = convert(frame[column.name])
    return frame


def _cell(column: Column, *, is_exact: bool) -> str:
    name = identifier(column.name)
    if column.type.startswith("DECIMAL"):
        return f"{name}::{TEXT} AS {name}" if is_exact else f"{name}::DOUBLE AS {name}"
    return f"{name}::{TEXT} AS {name}" if column.type == JSON else name


def _conversion(column: Column, zone: ZoneInfo, *, is_exact: bool) -> Callable[[pd.Series], pd.Series] | None:
    if column.type.startswith("DECIMAL") and is_exact:
        return _as_decimals
    if column.type == INSTANT:
        return lambda series: pd.to_datetime(series, utc=True).dt.tz_convert(zone)
    if column.type == DAY:
        return pd.to_datetime
    if column.type == WHOLE or column.type.endswith("INT"):
        return lambda series: series.astype("Int64")
    if column.type == FLAG:
        return lambda series: series.astype("boolean")
    if column.name in CATEGORIES:
        return lambda series: series.astype("category")
    return None


def _as_decimals(series: pd.Series) -> pd.Series:
    values = [None if pd.isna(text) else Decimal(text) for text in series]
    return pd.Series(values, index=series.index, dtype=object)
