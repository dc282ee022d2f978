"""The sales of the last twelve months by month, customer and item; each currency separately."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from a4s_pipeline.report.months import Year, month_before

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Month:
    """The sales of a month, and those of the same days a year before."""

    first_day: date
    amount: Decimal
    year_before: Decimal


@dataclass
class Seller:
    """A customer or an item among those with the highest sales; `months` are its sales of each month."""

    code: str
    name: str | None
    orders: int = 0
    amount: Decimal = _NOTHING
    quantities: dict[str | None, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    by_month: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def quantities_by_unit(self) -> list[tuple[str | None, Decimal]]:
        """The quantities with their units, the largest first."""
        return sorted(self.quantities.items(), key=lambda pair: (-pair[1], pair[0] or ""))


@dataclass(frozen=True)
class CurrencySales:
    """The sales in one currency; None for orders that name none."""

    currency: str | None
    months: list[Month]
    orders: int
    returns: int
    without_amount: int
    customers: list[Seller]
    items: list[Seller]

    @property
    def amount(self) -> Decimal:
        """The sales of the twelve months."""
        return sum((month.amount for month in self.months), _NOTHING)

    @property
    def year_before(self) -> Decimal:
        """The sales of the twelve months before."""
        return sum((month.year_before for month in self.months), _NOTHING)


_BY_MONTH = """
    SELECT currency, date_trunc('month', order_day)::DATE AS month, coalesce(sum(amount), 0),
           count(*) FILTER (NOT is_return), count(*) FILTER (is_return), count(*) - count(amount)
    FROM sales_orders
    WHERE is_sale AND connector = $connector
      AND (order_day BETWEEN $first_before AND $until_before OR order_day BETWEEN $first AND $last)
    GROUP BY ALL
"""

_TOP = """
    WITH sales AS ({sales}), top AS (
        SELECT currency, code, arg_max(name, month) AS name
        FROM sales GROUP BY currency, code HAVING sum(amount) > 0
        QUALIFY row_number() OVER (PARTITION BY currency ORDER BY sum(amount) DESC, code) <= $limit
    )
    SELECT top.currency, top.code, top.name, month, unit, amount, orders, quantity
    FROM top JOIN sales ON sales.code = top.code AND sales.currency IS NOT DISTINCT FROM top.currency
"""

_CUSTOMERS = _TOP.format(
    sales="""
        SELECT currency, customer_code AS code, customer_name AS name, month, NULL AS unit,
               coalesce(sub_total, 0) AS amount, order_count AS orders, 0::DECIMAL AS quantity
        FROM customer_sales_by_month WHERE connector = $connector AND month BETWEEN $first AND $last
    """
)

_ITEMS = _TOP.format(
    sales="""
        SELECT currency, item_code AS code, coalesce(items.name, description) AS name, month, unit,
               coalesce(line_total, 0) AS amount, order_count AS orders, quantity
        FROM item_sales_by_month LEFT JOIN dim_item AS items USING (connector, item_code)
        WHERE connector = $connector AND month BETWEEN $first AND $last AND item_code IS NOT NULL
    """
)


def sales_of(
    connection: duckdb.DuckDBPyConnection, connector: str, year: Year, limit: int
) -> list[CurrencySales]:
    """Return a connector's sales of a year, the currency of most orders first.

    `limit` is how many customers and items are named for each currency.
    """
    months = year.months
    rows = connection.execute(
        _BY_MONTH,
        {
            "connector": connector,
            "first_before": month_before(months[0], 12),
            "until_before": year.until_before,
            "first": months[0],
            "last": year.end - timedelta(days=1),
        },
    ).fetchall()
    amounts = {(currency, month): amount for currency, month, amount, *_ in rows}
    counts: defaultdict[str | None, list[tuple[int, int, int]]] = defaultdict(list)
    for currency, month, _, *numbers in rows:
        if month >= months[0]:
            counts[currency].append((int(numbers[0]), int(numbers[1]), int(numbers[2])))
    parameters = {"connector": connector, "first": months[0], "last": months[-1], "limit": limit}
    customers = _top(connection, _CUSTOMERS, parameters)
    items = _top(connection, _ITEMS, parameters)
    found = []
    for currency, numbers in counts.items():
        orders, returns, without_amount = (sum(column) for column in zip(*numbers, strict=True))
        by_month = [
            Month(
                month,
                amounts.get((currency, month), _NOTHING),
                amounts.get((currency, month_before(month, 12)), _NOTHING),
            )
            for month in months
        ]
        found.append(
            CurrencySales(
                currency,
                by_month,
                orders,
                returns,
                without_amount,
                customers.get(currency, []),
                items.get(currency, []),
            )
        )
    return sorted(found, key=lambda sales: (-sales.orders, sales.currency or ""))


def _top(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object]
) -> dict[str | None, list[Seller]]:
    sellers: dict[tuple[str | None, str], Seller] = {}
    for currency, code, name, month, unit, amount, orders, quantity in connection.execute(
        query, parameters
    ).fetchall():
        seller = sellers.setdefault((currency, code), Seller(code, name))
        seller.orders += orders
        seller.amount += amount
        seller.quantities[unit] += quantity
        seller.by_month[month] += amount
    found: dict[str | None, list[Seller]] = defaultdict(list)
    for (currency, _), seller in sorted(sellers.items(), key=lambda pair: (-pair[1].amount, pair[1].code)):
        found[currency].append(seller)
    return found
