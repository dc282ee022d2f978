"""Builds the page: queries the copy, draws charts and fills the template."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.report import figures, wording
from a4s_pipeline.report.months import Year, year_of_sales
from a4s_pipeline.report.sales import CurrencySales, Seller, sales_of
from a4s_pipeline.report.shortage import (
    MONTHS_OF_PACE,
    WEEKS_AHEAD,
    Shortages,
    ShortItem,
    items_running_short,
)
from a4s_pipeline.report.upkeep import STREAMS, StreamsShown, connectors_in, upkeep_of
from a4s_pipeline.warehouse.store import Readable

_TOP = 10
_LONGEST_LIST = 20
_CURRENCIES = 3
"""Further currencies are named, not drawn."""


@dataclass(frozen=True)
class ConnectorPage:
    """The page's data on one connector."""

    name: str
    year: Year | None
    sales: list[CurrencySales]
    shortages: Shortages
    upkeep: StreamsShown

    @property
    def shown_sales(self) -> list[CurrencySales]:
        """The sales that are drawn."""
        return self.sales[:_CURRENCIES]

    @property
    def other_currencies(self) -> list[str]:
        """The currencies that are not drawn."""
        return [sales.currency or wording.NO_CURRENCY for sales in self.sales[_CURRENCIES:]]

    @property
    def orders(self) -> int:
        """How many orders and returns the year counts, in all currencies."""
        return sum(sales.orders + sales.returns for sales in self.sales)


def render(store: Readable, connectors: Mapping[str, Collection[str]] | None, now: datetime) -> str:
    """Return the page on these connectors and their streams, or on all there are; `now` is local."""
    with store.reading() as connection:
        try:
            shown = dict.fromkeys(connectors_in(connection), STREAMS) if connectors is None else connectors
            pages = [_page_of(connection, name, streams, now) for name, streams in shown.items()]
        except duckdb.CatalogException:
            raise ChangeSite(
                f"{store} was published by another version of the pipeline: run `a4s sync`, which replaces it"
            ) from None
    template = _environment(now).get_template("page.html.jinja")
    return template.render(
        pages=pages, copy=store.name, now=now, weeks=WEEKS_AHEAD, months_of_pace=MONTHS_OF_PACE
    )


def _page_of(
    connection: duckdb.DuckDBPyConnection, connector: str, streams: Collection[str], now: datetime
) -> ConnectorPage:
    today = now.date()
    year = year_of_sales(connection, connector, today)
    return ConnectorPage(
        name=connector,
        year=year,
        sales=sales_of(connection, connector, year, _TOP) if year else [],
        shortages=items_running_short(connection, connector, year, today, _TOP),
        upkeep=upkeep_of(connection, connector, streams, _LONGEST_LIST),
    )


def _environment(now: datetime) -> Environment:
    environment = Environment(
        loader=PackageLoader("a4s_pipeline.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawings = _Drawings()
    environment.filters |= {
        "number": wording.number,
        "quantity": wording.quantity,
        "money": wording.money,
        "pace": partial(wording.quantity, decimals=1),
        "day": wording.day,
        "moment": partial(wording.moment, now=now),
        "local_day": lambda value: wording.day(value.astimezone(now.tzinfo)),
        "ago": partial(wording.ago, now=now),
        "short": wording.short,
    }
    environment.globals |= {
        "change": wording.change,
        "share": wording.share,
        "no_currency": wording.NO_CURRENCY,
        "draw_sales": drawings.sales,
        "draw_trend": drawings.trend,
        "draw_course": drawings.course,
    }
    return environment


class _Drawings:
    """Draws for the template, each drawing under a name of its own."""

    def __init__(self) -> None:
        self._drawn = 0

    def sales(self, sales: CurrencySales) -> Markup:
        """Draw a currency's sales by month."""
        label = "Bar chart of sales by month; the table of numbers below it says the same."
        return figures.sales_by_month(sales.months, name=self._name(), label=label)

    def trend(self, seller: Seller, year: Year) -> Markup:
        """Draw what a customer bought, or what was sold of an item, month by month."""
        return figures.trend([seller.by_month[month] for month in year.months], name=self._name())

    def course(self, item: ShortItem) -> Markup:
        """Draw the expected stock of an item."""
        return figures.stock_course(item.course, name=self._name())

    def _name(self) -> str:
        self._drawn += 1
        return f"drawing-{self._drawn}"
