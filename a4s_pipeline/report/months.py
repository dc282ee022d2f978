"""Which months the page looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb


@dataclass(frozen=True)
class Year:
    """The twelve months that end with the last month of sales; `today` may lie in that month, or after it."""

    last: date
    today: date

    @property
    def months(self) -> list[date]:
        """The first days of the twelve months, the oldest first."""
        return [month_before(self.last, back) for back in range(11, -1, -1)]

    @property
    def is_under_way(self) -> bool:
        """Whether the last month is not over yet."""
        return self.end > self.today

    @property
    def end(self) -> date:
        """The first day after the last month."""
        return month_before(self.last, -1)

    def last_days(self, months: int) -> tuple[date, int]:
        """Return the first day of the last so many months, and how many days of them have passed."""
        first = month_before(self.last, months - 1)
        passed = min(self.end, self.today + timedelta(days=1)) - first
        return first, passed.days


def month_before(month: date, back: int) -> date:
    """Return the first day of the month so many months before one."""
    number = month.year * 12 + month.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def year_of_sales(connection: duckdb.DuckDBPyConnection, connector: str, today: date) -> Year | None:
    """Return the year that ends with a connector's last month of sales, or None where it sold nothing.

    Orders dated after this month do not count: one with a date far ahead would leave the page empty.
    """
    row = connection.execute(
        """
        SELECT max(month) FROM customer_sales_by_month
        WHERE connector = $connector AND month <= $today AND year(month) > 1
        """,
        {"connector": connector, "today": today},
    ).fetchone()
    return Year(row[0], today) if row and row[0] else None
