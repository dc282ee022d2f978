"""The standing checks, each a query to the store with its wording, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import duckdb

from a4s_pipeline.health.finding import Ask, Asked, Check, Finding, counted, noted, told
from a4s_pipeline.health.freshness import stale_histories, stale_streams, without_history
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.health import (
    Broken,
    customers_never_listed,
    customers_unsettled,
    exports_unsettled,
    is_filled,
    items_never_listed,
    months_to_repair,
    months_were_compared,
    orders_without_lines,
    rates_missing,
    records_set_aside,
    statuses_unmapped,
    streams_health,
    sub_totals_off,
)
from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM, STREAM
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.tables import (
    CREATED_CUSTOMERS,
    CURRENCY_RATES,
    CUSTOMERS,
    ITEMS,
    ORDER_EXPORTS,
    ORDER_LINES,
    ORDER_STATUS,
    ORDERS,
)

LEDGERS = "ledgers"


def examine(warehouse: Warehouse, settings: Settings, checks: Iterable[Check]) -> dict[Check, Finding]:
    """Run these checks for every connector in one session of the store: opening the file costs 20 ms."""
    with warehouse.session() as store:
        return {check: check.ask(store, _asked(settings, check)) for check in checks}


def months_as_compared(warehouse: Warehouse, settings: Settings) -> dict[Check, Finding]:
    """Return the result of the last comparison with the gateway; nothing before the first."""
    with warehouse.session() as store:
        if not months_were_compared(store):
            return {}
        return {MONTHS_AGREE: MONTHS_AGREE.ask(store, _asked(settings, MONTHS_AGREE))}


def _asked(settings: Settings, check: Check) -> Asked:
    names = list(settings.connectors) if check.stream == LEDGERS else settings.connectors_with(check.stream)
    return Asked(names, datetime.now(UTC), settings.timezone)


def _orders_have_lines(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return counted(
        orders_without_lines(store),
        "orders without lines",
        "run `a4s sync orders` to ask for the lines again, and report orders that stay without to whoever "
        "runs the gateway",
        asked.connectors,
    )


def _months_agree(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return counted(
        months_to_repair(store),
        "orders that differ from the gateway's",
        "`a4s reconcile --repair` reads these months again",
        asked.connectors,
    )


def _orders_are_readable(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return counted(
        records_set_aside(store, STREAM, LINES_STREAM),
        "unreadable, set aside",
        "have each corrected as set_aside.reason says, then run `a4s sync orders --from DATE` "
        "with the date of the order",
        asked.connectors,
    )


def _are_readable(stream: str) -> Ask:
    def ask(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
        return counted(
            records_set_aside(store, stream),
            "unreadable, set aside",
            f"have each corrected as set_aside.reason says, then run `a4s sync {stream}`",
            asked.connectors,
        )

    return ask


def _are_listed(stream: str, question: Callable[[duckdb.DuckDBPyConnection], list[Broken]]) -> Ask:
    def ask(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
        return counted(
            question(store),
            f"{stream} of orders that were never listed",
            f"ask whoever runs the gateway to list them, then run `a4s sync {stream}`",
            asked.connectors,
        )

    return ask


def _sub_totals_match(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return counted(
        sub_totals_off(store),
        "orders whose sub_total is not the sum of their lines",
        "run `a4s sync orders --sub-totals-off` to reread only their lines; if one stays off, compare `a4s "
        "order CODE` with the legacy backend",
        asked.connectors,
    )


def _statuses_are_mapped(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return _by_file(
        store,
        ORDER_STATUS.name,
        statuses_unmapped(store),
        "order statuses that order_status does not map",
        "say in data/reference/order_status.csv whether each is open, shipped, invoiced or cancelled",
        asked.connectors,
    )


def _rates_are_there(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    return _by_file(
        store,
        CURRENCY_RATES.name,
        rates_missing(store),
        "sales without a currency rate",
        "add a rate of their day, or an earlier one, to data/reference/currency_rates.csv",
        asked.connectors,
    )


def _by_file(
    store: duckdb.DuckDBPyConnection,
    table: str,
    found: Sequence[Broken],
    what: str,
    advice: str,
    connectors: Sequence[str],
) -> Finding:
    """Find what a site's own file leaves out; pass with a note if the site has no such file."""
    find = counted if not found or is_filled(store, table) else noted
    return find(found, what, advice, connectors)


def _history_is_fresh(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    known = streams_health(store, STREAM)
    with_history = [name for name in asked.connectors if name in known and known[name].has_history]
    return told(
        stale_histories(asked.connectors, known, asked.now, asked.zone),
        "order history older than 24 hours",
        "; start a history sync in the legacy backend and see why it stopped, then `a4s check` tells its age",
        {name: known[name].last_history_sync for name in with_history},
    )


def _is_fresh(stream: str) -> Check:
    def ask(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
        known = streams_health(store, stream)
        return told(
            stale_streams(stream, asked.connectors, known, asked.now, asked.zone),
            f"{stream} not read within a day",
            "",
            {name: known[name].last_success_at if name in known else None for name in asked.connectors},
            without_history(asked.connectors, known),
        )

    description = f"The {stream} of every connector in A4S_CONNECTORS were read to their end within a day."
    return Check("stream_is_fresh", stream, stream, description, ask)


def _exports_are_settled(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    broken = exports_unsettled(store, asked.now)
    # Includes connectors that are no longer configured: an order may be lost there.
    return counted(
        broken,
        "orders whose export failed or is unknown",
        "see why with `a4s exports`, and settle each with `a4s retry ID`",
        [*asked.connectors, *(one.connector for one in broken)],
    )


def _creations_are_settled(store: duckdb.DuckDBPyConnection, asked: Asked) -> Finding:
    broken = customers_unsettled(store, asked.now)
    return counted(
        broken,
        "customers whose creation failed or is unknown",
        "create the same customer again with `a4s create-customer FILE`: that settles it, once",
        [*asked.connectors, *(one.connector for one in broken)],
    )


CHECKS = (
    Check(
        "orders_have_lines",
        ORDERS.name,
        STREAM,
        "Every order has its lines. The next sync first asks for lines that are missing.",
        _orders_have_lines,
    ),
    Check(
        "records_are_readable",
        ORDERS.name,
        STREAM,
        "No orders or order lines are set aside as unreadable. The table set_aside has each one with its "
        "reason.",
        _orders_are_readable,
    ),
    Check(
        "history_is_fresh",
        ORDERS.name,
        STREAM,
        "The legacy backend synced its order history within 24 hours: orders are as fresh as that.",
        _history_is_fresh,
    ),
    _is_fresh(STREAM),
    Check(
        "sub_totals_match_lines",
        ORDER_LINES.name,
        STREAM,
        "Each order's sub_total is the sum of its line totals, to the cent.",
        _sub_totals_match,
    ),
    Check(
        "order_statuses_are_mapped",
        ORDERS.name,
        STREAM,
        "The site's order_status maps every status of a sale: one that is not mapped is neither open nor "
        "shipped. Without the file it passes, and names them.",
        _statuses_are_mapped,
    ),
    Check(
        "currencies_have_rates",
        ORDERS.name,
        STREAM,
        "The site's currency_rates bring every sale into the house currency: what has no rate is missing in "
        "house_amount. Without the file it passes, and names the currencies.",
        _rates_are_there,
    ),
    Check(
        "records_are_readable",
        ITEMS.name,
        ITEMS.name,
        "No item is set aside as unreadable. The table set_aside has each one with its reason.",
        _are_readable(ITEMS.name),
    ),
    Check(
        "items_of_orders_are_listed",
        ITEMS.name,
        ITEMS.name,
        "Every item that an order names was listed at some time. An unlisted item is no error, but has no "
        "name and no stock here.",
        _are_listed(ITEMS.name, items_never_listed),
    ),
    _is_fresh(ITEMS.name),
    Check(
        "records_are_readable",
        CUSTOMERS.name,
        CUSTOMERS.name,
        "No customer is set aside as unreadable. The table set_aside has each one with its reason.",
        _are_readable(CUSTOMERS.name),
    ),
    Check(
        "customers_of_orders_are_listed",
        CUSTOMERS.name,
        CUSTOMERS.name,
        "Every customer that an order names was listed at some time. An unlisted customer is no error, but "
        "has no address here.",
        _are_listed(CUSTOMERS.name, customers_never_listed),
    ),
    _is_fresh(CUSTOMERS.name),
    Check(
        "exports_are_settled",
        ORDER_EXPORTS.name,
        LEDGERS,
        "No order export has failed or is unknown. `a4s exports` lists exports, `a4s retry ID` settles one.",
        _exports_are_settled,
    ),
    Check(
        "creations_are_settled",
        CREATED_CUSTOMERS.name,
        LEDGERS,
        "No customer creation has failed or is unknown. Creating the same customer again settles it.",
        _creations_are_settled,
    ),
)
"""Every check that reads only the store."""

MONTHS_AGREE = Check(
    "months_agree",
    ORDERS.name,
    STREAM,
    "Each month has the order headers that the gateway lists. Compares the months of its run, or all if it "
    "names none, as once a day; for other months it reports the last result in the table reconciled_months.",
    _months_agree,
)
"""The comparison with the gateway; here it reports the last result in the store."""
