"""Queries for what is broken now, each answered by connector.

They run in one session of the warehouse: opening the file costs 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from a4s_pipeline.warehouse.rows.acknowledged import IS_KNOWN
from a4s_pipeline.warehouse.rows.orders.sub_totals import ORDERS_OFF

# An order being sent is no fault. A call and its wait take a minute or two at most; a row that says `sending`
# for longer was left by a process that died.
LONGEST_SENDING = timedelta(minutes=10)


@dataclass(frozen=True)
class Broken:
    """One kind of fault at one connector: the number of records, and the names of the first."""

    connector: str
    kind: str
    count: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class StreamHealth:
    """The state of a connector's stream, as recorded by its runs."""

    last_success_at: datetime | None = None
    last_run_at: datetime | None = None
    last_error: str | None = None
    has_history: bool | None = None
    last_history_sync: datetime | None = None
    watermark: datetime | None = None

    @property
    def lacks_history(self) -> bool:
        """Tell whether there is no order history and never was."""
        return self.has_history is False and self.last_success_at is None and self.watermark is None


_ORDERS_WITHOUT_LINES = """
    SELECT connector, '', count(*), min(order_code, 5) FROM orders_without_lines GROUP BY ALL ORDER BY ALL
"""

_SET_ASIDE = f"""
    SELECT connector, stream, count(*), min(record_key, 5) FROM set_aside AS kept
    WHERE NOT EXISTS (FROM acknowledged AS known WHERE {IS_KNOWN}) AND stream IN (SELECT unnest($streams))
    GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - our own condition

# Only if the listing was once read whole: before that, nothing can be missing from it.
_ITEMS_NEVER_LISTED = """
    SELECT connector, '', count(*), min(item_code, 5) FROM (
        SELECT DISTINCT connector, item_code FROM order_lines
        SEMI JOIN (FROM orders WHERE removed_at IS NULL) AS there USING (connector, order_code)
        SEMI JOIN (FROM sync_state WHERE stream = 'items' AND last_success_at IS NOT NULL) AS read
            USING (connector)
        ANTI JOIN items USING (connector, item_code)
        WHERE item_code IS NOT NULL
    ) GROUP BY ALL ORDER BY ALL
"""
_CUSTOMERS_NEVER_LISTED = """
    SELECT connector, '', count(*), min(customer_code, 5) FROM (
        SELECT DISTINCT connector, customer_code FROM (FROM orders WHERE removed_at IS NULL)
        SEMI JOIN (FROM sync_state WHERE stream = 'customers' AND last_success_at IS NOT NULL) AS read
            USING (connector)
        ANTI JOIN customers USING (connector, customer_code)
        WHERE customer_code IS NOT NULL
    ) GROUP BY ALL ORDER BY ALL
"""

_SUB_TOTALS_OFF = f"""
    SELECT connector, '', count(*), min(order_code, 5) FROM ({ORDERS_OFF}) GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - our own query

# Differences that no ordinary sync will find. A month that was never compared has no row.
_MONTHS_TO_REPAIR = """
    SELECT connector, strftime(month, '%Y-%m'), missing + gone + changed,
           list_concat(
               from_json(examples->'missing', '["VARCHAR"]'), from_json(examples->'gone', '["VARCHAR"]'),
               from_json(examples->'changed', '["VARCHAR"]')
           )[:5]
    FROM reconciled_months WHERE missing + gone + changed > waiting ORDER BY connector, month
"""

_STATUSES_UNMAPPED = """
    SELECT connector, '', count(*), min(status, 5) FROM (
        SELECT DISTINCT connector, status FROM sales_orders
        WHERE is_sale AND status_group IS NULL AND trim(status) <> ''
    ) GROUP BY ALL ORDER BY ALL
"""
_RATES_MISSING = """
    SELECT connector, currency, count(*), min(order_code, 5) FROM sales_orders
    WHERE is_sale AND amount IS NOT NULL AND house_amount IS NULL AND currency IS NOT NULL
    GROUP BY ALL ORDER BY ALL
"""

_STREAMS = """
    SELECT connector, last_success_at, last_run_at, last_error, has_history, last_history_sync, watermark
    FROM sync_state WHERE stream = $stream
"""

_EXPORTS_UNSETTLED = """
    SELECT connector, status, count(*), min(intake_order_id, 5) FROM order_exports
    WHERE status NOT IN ('ok', 'refused') AND NOT (status = 'sending' AND synced_at > $since)
    GROUP BY ALL ORDER BY ALL
"""

_CUSTOMERS_UNSETTLED = """
    SELECT connector, status, count(*), min(customer_code, 5) FROM created_customers
    WHERE status NOT IN ('ok', 'refused') AND NOT (status = 'sending' AND synced_at > $since)
    GROUP BY ALL ORDER BY ALL
"""


def orders_without_lines(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the orders without lines."""
    return _broken(store, _ORDERS_WITHOUT_LINES)


def records_set_aside(store: duckdb.DuckDBPyConnection, *streams: str) -> list[Broken]:
    """Return the set-aside records of these streams; the kind is their stream."""
    return _broken(store, _SET_ASIDE, {"streams": list(streams)})


def items_never_listed(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the items that order lines name and no listing of items ever named."""
    return _broken(store, _ITEMS_NEVER_LISTED)


def customers_never_listed(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the customers that orders name and no listing of customers ever named."""
    return _broken(store, _CUSTOMERS_NEVER_LISTED)


def sub_totals_off(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the orders whose `sub_total` differs from the sum of their lines by more than a cent."""
    return _broken(store, _SUB_TOTALS_OFF)


def statuses_unmapped(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the statuses of sales that are not mapped to open, shipped, invoiced or cancelled."""
    return _broken(store, _STATUSES_UNMAPPED)


def rates_missing(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the sales without a matching rate of the site; the kind is their currency."""
    return _broken(store, _RATES_MISSING)


def is_filled(store: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Tell whether a site has filled one of its own tables."""
    return bool(store.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall())  # noqa: S608 - own names


def months_to_repair(store: duckdb.DuckDBPyConnection) -> list[Broken]:
    """Return the months with lasting differences from the gateway in the last comparison."""
    return _broken(store, _MONTHS_TO_REPAIR)


def months_were_compared(store: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether any month was ever compared with the gateway."""
    return bool(store.execute("SELECT 1 FROM reconciled_months LIMIT 1").fetchall())


def exports_unsettled(store: duckdb.DuckDBPyConnection, now: datetime) -> list[Broken]:
    """Return the order exports that are failed, unknown or left behind; the kind is their status."""
    return _broken(store, _EXPORTS_UNSETTLED, {"since": now - LONGEST_SENDING})


def customers_unsettled(store: duckdb.DuckDBPyConnection, now: datetime) -> list[Broken]:
    """Return the customer creations that are failed, unknown or left behind; the kind is their status."""
    return _broken(store, _CUSTOMERS_UNSETTLED, {"since": now - LONGEST_SENDING})


def streams_health(store: duckdb.DuckDBPyConnection, stream: str) -> dict[str, StreamHealth]:
    """Return the state of a stream for each connector where it ever ran."""
    rows = store.execute(_STREAMS, {"stream": stream}).fetchall()
    return {connector: StreamHealth(*columns) for connector, *columns in rows}


def _broken(
    store: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None
) -> list[Broken]:
    return [
        Broken(connector, kind, count, tuple(first or ()))
        for connector, kind, count, first in store.execute(query, parameters).fetchall()
    ]
