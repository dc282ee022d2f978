"""What is broken now: standing questions to the store, each answered by connector."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from a4s_pipeline.warehouse.store import Warehouse

_ORDERS_WITHOUT_LINES = "SELECT connector, count(*) FROM orders_without_lines GROUP BY ALL ORDER BY ALL"

_SET_ASIDE = """
    SELECT connector || ' ' || stream, count(*) FROM set_aside
    WHERE stream IN (SELECT unnest($streams)) GROUP BY ALL ORDER BY ALL
"""

# Only where the listing was read whole once: before that, nothing can be said to be missing from it.
_ITEMS_NEVER_LISTED = """
    SELECT connector, count(DISTINCT item_code) FROM order_lines
    SEMI JOIN (FROM orders WHERE removed_at IS NULL) AS there USING (connector, order_code)
    SEMI JOIN (FROM sync_state WHERE stream = 'items' AND last_success_at IS NOT NULL) AS read
        USING (connector)
    ANTI JOIN items USING (connector, item_code)
    GROUP BY ALL ORDER BY ALL
"""
_CUSTOMERS_NEVER_LISTED = """
    SELECT connector, count(DISTINCT customer_code) FROM (FROM orders WHERE removed_at IS NULL)
    SEMI JOIN (FROM sync_state WHERE stream = 'customers' AND last_success_at IS NOT NULL) AS read
        USING (connector)
    ANTI JOIN customers USING (connector, customer_code)
    GROUP BY ALL ORDER BY ALL
"""

# A cent of rounding is the back office's right. Orders with no lines have no sum to compare.
_SUB_TOTALS_OFF = """
    WITH sums AS (
        SELECT connector, order_code, sum(line_total) AS line_sum
        FROM order_lines GROUP BY ALL HAVING count(*) = count(line_total)
    )
    SELECT connector, count(*) FROM orders JOIN sums USING (connector, order_code)
    WHERE removed_at IS NULL AND lines_synced_at IS NOT NULL AND abs(sub_total - line_sum) > 0.01
    GROUP BY ALL ORDER BY ALL
"""

_HISTORY = """
    SELECT connector, last_history_sync FROM sync_state
    WHERE stream = 'orders' AND has_history ORDER BY ALL
"""


_EXPORTS_UNSETTLED = """
    SELECT connector || ' ' || status, count(*) FROM order_exports
    WHERE status NOT IN ('ok', 'refused') GROUP BY ALL ORDER BY ALL
"""

_CUSTOMERS_UNSETTLED = """
    SELECT connector || ' ' || status, count(*) FROM created_customers
    WHERE status NOT IN ('ok', 'refused') GROUP BY ALL ORDER BY ALL
"""


def orders_without_lines(warehouse: Warehouse) -> dict[str, int]:
    """Count the orders whose lines are not in."""
    return _counts(warehouse, _ORDERS_WITHOUT_LINES)


def records_set_aside(warehouse: Warehouse, *streams: str) -> dict[str, int]:
    """Count the records of these streams that could not be read, by connector and stream."""
    return dict(_rows(warehouse, _SET_ASIDE, {"streams": list(streams)}))


def items_never_listed(warehouse: Warehouse) -> dict[str, int]:
    """Count the items that order lines name and no listing of items ever held."""
    return _counts(warehouse, _ITEMS_NEVER_LISTED)


def customers_never_listed(warehouse: Warehouse) -> dict[str, int]:
    """Count the customers that orders name and no listing of customers ever held."""
    return _counts(warehouse, _CUSTOMERS_NEVER_LISTED)


def sub_totals_off(warehouse: Warehouse) -> dict[str, int]:
    """Count the orders whose `sub_total` differs from the sum of their lines by more than a cent."""
    return _counts(warehouse, _SUB_TOTALS_OFF)


def last_history_syncs(warehouse: Warehouse) -> dict[str, datetime | None]:
    """Return when each legacy backend with history last synced it."""
    return dict(_rows(warehouse, _HISTORY))


def exports_unsettled(warehouse: Warehouse) -> dict[str, int]:
    """Count the order exports that are failed, unknown or under way, by connector and status."""
    return _counts(warehouse, _EXPORTS_UNSETTLED)


def customers_unsettled(warehouse: Warehouse) -> dict[str, int]:
    """Count the customer creations that are failed, unknown or under way, by connector and status."""
    return _counts(warehouse, _CUSTOMERS_UNSETTLED)


def _counts(warehouse: Warehouse, query: str) -> dict[str, int]:
    return dict(_rows(warehouse, query))


def _rows(
    warehouse: Warehouse, query: str, parameters: dict[str, Any] | None = None
) -> list[tuple[str, Any]]:
    with warehouse.moment() as connection:
        return connection.execute(query, parameters).fetchall()
