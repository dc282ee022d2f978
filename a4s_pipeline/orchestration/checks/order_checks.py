"""Standing checks of order history: what is broken now, and what to do. They warn and never fail a sync."""

from datetime import UTC, datetime

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.checks.findings import counted, told
from a4s_pipeline.orchestration.checks.freshness_checks import freshness_check
from a4s_pipeline.orchestration.checks.store_checks import StoreCheck, store_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.freshness import stale_histories
from a4s_pipeline.warehouse.health import (
    orders_without_lines,
    records_set_aside,
    streams_health,
    sub_totals_off,
)
from a4s_pipeline.warehouse.orders import LINES_STREAM, STREAM
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS


def _have_lines(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    return counted(
        spec,
        orders_without_lines(store),
        "orders without lines",
        "run `a4s sync orders` to ask for the lines again, and tell whoever runs the gateway what stays",
        settings.connectors_with(STREAM),
    )


def _all_readable(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    return counted(
        spec,
        records_set_aside(store, STREAM, LINES_STREAM),
        "unreadable, set aside",
        "have each corrected as set_aside.reason says, then run `a4s sync orders --from DATE` "
        "with the date of the order",
        settings.connectors_with(STREAM),
    )


def _sub_totals_match(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    return counted(
        spec,
        sub_totals_off(store),
        "orders whose sub_total is not the sum of their lines",
        "compare `a4s order CODE` with the legacy backend, and where that is right, read the month "
        "again with `a4s sync orders --full --from DATE --to DATE`",
        settings.connectors_with(STREAM),
    )


def _history_is_fresh(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    known = streams_health(store, STREAM)
    connectors = settings.connectors_with(STREAM)
    synced = {
        name: known[name].last_history_sync
        for name in connectors
        if name in known and known[name].has_history
    }
    return told(
        spec,
        stale_histories(connectors, known, datetime.now(UTC), settings.timezone),
        "order history older than 24 hours",
        "; start a history sync in the legacy backend and see why it stopped, then `a4s check` tells its age",
        {name: synced.get(name) for name in connectors},
    )


ORDER_CHECKS = [
    StoreCheck(
        "orders_have_lines",
        ORDERS.name,
        "Every order's lines are in. The next sync asks first for those that are not.",
        _have_lines,
    ),
    StoreCheck(
        "records_are_readable",
        ORDERS.name,
        "No order, and no order's lines, are set aside as unreadable. The table set_aside holds each "
        "with its reason.",
        _all_readable,
    ),
    StoreCheck(
        "history_is_fresh",
        ORDERS.name,
        "The legacy backend synced its order history within 24 hours: orders are as fresh as that.",
        _history_is_fresh,
    ),
    freshness_check(STREAM),
    StoreCheck(
        "sub_totals_match_lines",
        ORDER_LINES.name,
        "Each order's sub_total is the sum of its line totals, to the cent.",
        _sub_totals_match,
    ),
]


def order_health(layout: Layout) -> dg.AssetChecksDefinition:
    """Define the checks of order history."""
    return store_checks(
        layout, "order_health", "Asks the store what is broken now with order history.", ORDER_CHECKS
    )
