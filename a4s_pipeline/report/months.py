"""The months that the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb


@dataclass(frozen=True)
class Year:
    """The twelve months that end with the last month of sales; `today` may lie in that month, or after it.

    An unfinished last month is compared with the same days of the year before.
    """

    last: date
    today: date

    @property
    def months(self) -> list[date]:
        """The first days of the twelve months, the oldest first."""
        return [month_before(self.last, back) for back in range(11, -1, -1)]

    @property
    def is_under_way(self) -> bool:
        """Whether the last month is unfinished."""
        return self.end > self.today

    @property
    def end(self) -> date:
        """The first day after the last month."""
        return month_before(self.last, -1)

    @property
    def until(self) -> date:
        """The last day with data: today, if the last month is unfinished."""
        return min(self.end - timedelta(days=1), self.today)

    @property
    def until_before(self) -> date:
        """The same day a year before, the end of the comparable sales."""
        if not self.is_under_way:
            return month_before(self.last, 11) - timedelta(days=1)
        first = month_before(self.last, 12)
        return min(first + timedelta(days=self.until.day - 1), month_before(first, -1) - timedelta(days=1))

    def last_days(self, months: int) -> tuple[date, int]:
        """Return the first day of the last `months` months, and how many days of them have passed."""
        first = month_before(self.last, months - 1)
        passed = min(self.end, self.today + timedelta(days=1)) - first
        return first, passed.days


def month_before(month: date, back: int) -> date:
    """Return the first day of the month a number of months before another."""
    number = month.year * 12 + month.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def year_of_sales(connection: duckdb.DuckDBPyConnection, connector: str, today: date) -> Year | None:
    """Return the year that ends with a connector's last month of sales, or None without sales.

    Orders dated after this month do not count: one far in the future would leave the page empty.
    """
    row = connection.execute(
        """
        SELECT date_trunc('month', max(order_day))::DATE,
               (
                   SELECT max(local_day(last_history_sync)) FROM sync_state
                   WHERE connector = $connector AND stream = 'orders'
               )
        FROM sales_orders
        WHERE is_sale AND connector = $connector AND year(order_day) > 1
          AND date_trunc('month', order_day) <= $today::DATE
        """,
        {"connector": connector, "today": today},
    ).fetchone()
    if row is None or row[0] is None:
        return None
    last, known_until = row
    # Orders are no fresher than the legacy backend's own last sync.
    return Year(last, min(today, max(known_until, last)) if known_until else today)
