"""Finds the items that run short in the next weeks at their recent pace of sales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from a4s_pipeline.report.months import Year

WEEKS_AHEAD = 6
MONTHS_OF_PACE = 3


@dataclass(frozen=True)
class StockDay:
    """A day on which an item's projection changes: what arrives, and the projection from then on."""

    day: date
    incoming: Decimal
    projected: Decimal


@dataclass(frozen=True)
class ShortItem:
    """An item that runs short: on `runs_out` its projected stock, less expected sales, is below zero."""

    code: str
    a_day: Decimal
    projected: Decimal
    runs_out: date
    next_delivery: StockDay | None
    course: tuple[Decimal, ...]
    """The expected stock on each day, from today on."""
    name: str | None = None
    unit: str | None = None

    @property
    def a_week(self) -> Decimal:
        """The quantity sold per week."""
        return self.a_day * 7


@dataclass(frozen=True)
class Shortages:
    """The first items that run short, their total number, and how many are short already."""

    items: list[ShortItem]
    count: int
    already: int


def likely_course(days: Sequence[StockDay], a_day: Decimal, today: date, length: int) -> tuple[Decimal, ...]:
    """Return the expected stock on each day: the projection less expected sales until then.

    `days` are in order; a first day after today counts as today.
    """
    course, passed, projected = [], 0, days[0].projected
    for ahead in range(length):
        while passed < len(days) and days[passed].day <= today + timedelta(days=ahead):
            projected = days[passed].projected
            passed += 1
        course.append(projected - a_day * ahead)
    return tuple(course)


def runs_out(course: Sequence[Decimal], today: date) -> date | None:
    """Return the first day with stock below zero, or None."""
    return next((today + timedelta(days=ahead) for ahead, left in enumerate(course) if left < 0), None)


# Quantities in another unit than the item's cannot be compared with its stock. The last condition lets too
# many items through rather than too few: deliveries may still save an item.
_CANDIDATES = """
    WITH sold AS (
        SELECT item_code, greatest(sum(quantity), 0) AS quantity
        FROM item_sales_by_month JOIN items USING (connector, item_code)
        WHERE connector = $connector AND month BETWEEN $first AND $last
          AND (unit IS NULL OR unit_code IS NULL OR unit = unit_code)
        GROUP BY item_code
    ), stock AS (
        SELECT item_code, min(projected) AS least,
               list({'day': day, 'incoming': incoming, 'projected': projected} ORDER BY day) AS days
        FROM projected_stock_by_day WHERE connector = $connector GROUP BY item_code
    )
    SELECT stock.item_code, coalesce(sold.quantity, 0), days
    FROM stock LEFT JOIN sold ON sold.item_code = stock.item_code
    WHERE least < 0 OR least * $passed < sold.quantity * $ahead
"""

_WORDS = """
    SELECT item_code, name, unit_code FROM dim_item
    WHERE connector = $connector AND item_code IN (SELECT unnest($codes))
"""


def items_running_short(
    connection: duckdb.DuckDBPyConnection,
    connector: str,
    year: Year | None,
    today: date,
    limit: int,
    *,
    weeks: int = WEEKS_AHEAD,
) -> Shortages:
    """Return the items that run short within a number of weeks: soonest first, then the best-selling.

    `limit` is the number of items named among those short already, and among those to come. The pace is that
    of the last `MONTHS_OF_PACE` months of sales; without sales only stock below zero counts.
    """
    first, passed = year.last_days(MONTHS_OF_PACE) if year else (today, 1)
    ahead = weeks * 7
    rows = connection.execute(
        _CANDIDATES,
        {
            "connector": connector,
            "first": first,
            "last": year.last if year else first,
            "passed": passed,
            "ahead": ahead,
        },
    ).fetchall()
    found = [
        item for code, sold, days in rows if (item := _short_item(code, sold, days, passed, today, ahead + 1))
    ]
    found.sort(key=lambda item: (item.runs_out, -item.a_day, item.code))
    already = [item for item in found if item.projected < 0]
    coming = [item for item in found if item.projected >= 0]
    shown = _worded(connection, connector, already[:limit] + coming[:limit])
    return Shortages(shown, len(found), len(already))


def _short_item(
    code: str, sold: Decimal, rows: list[dict[str, Any]], passed: int, today: date, length: int
) -> ShortItem | None:
    days = [StockDay(**row) for row in rows if row["projected"] is not None]
    if not days:
        return None
    a_day = sold / passed
    course = likely_course(days, a_day, today, length)
    day = runs_out(course, today)
    if day is None:
        return None
    coming = next((entry for entry in days if entry.day > today and entry.incoming > 0), None)
    return ShortItem(code, a_day, course[0], day, coming, course)


def _worded(connection: duckdb.DuckDBPyConnection, connector: str, items: list[ShortItem]) -> list[ShortItem]:
    codes = [item.code for item in items]
    rows = connection.execute(_WORDS, {"connector": connector, "codes": codes}).fetchall()
    words = {code: (name, unit) for code, name, unit in rows}
    return [
        replace(item, name=name, unit=unit)
        for item in items
        for name, unit in [words.get(item.code, (None, None))]
    ]
