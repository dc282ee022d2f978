"""Standing checks of items and customers: what is broken now, and what to do. They warn and never fail."""

from collections.abc import Callable

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.checks.findings import counted
from a4s_pipeline.orchestration.checks.freshness_checks import freshness_check
from a4s_pipeline.orchestration.checks.store_checks import Ask, StoreCheck, store_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings import Settings
from a4s_pipeline.warehouse.health import (
    Broken,
    customers_never_listed,
    items_never_listed,
    records_set_aside,
)
from a4s_pipeline.warehouse.tables import CUSTOMERS, ITEMS


def _readable(stream: str) -> Ask:
    def ask(
        spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
    ) -> dg.AssetCheckResult:
        return counted(
            spec,
            records_set_aside(store, stream),
            "unreadable, set aside",
            f"have each corrected as set_aside.reason says, then run `a4s sync {stream}`",
            settings.connectors_with(stream),
        )

    return ask


def _listed(stream: str, question: Callable[[duckdb.DuckDBPyConnection], list[Broken]]) -> Ask:
    def ask(
        spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
    ) -> dg.AssetCheckResult:
        return counted(
            spec,
            question(store),
            f"{stream} of orders that were never listed",
            f"ask whoever runs the gateway to list them, then run `a4s sync {stream}`",
            settings.connectors_with(stream),
        )

    return ask


ITEM_CHECKS = [
    StoreCheck(
        "records_are_readable",
        ITEMS.name,
        "No item is set aside as unreadable. The table set_aside holds each with its reason.",
        _readable(ITEMS.name),
    ),
    StoreCheck(
        "items_of_orders_are_listed",
        ITEMS.name,
        "Every item that an order names was listed at some time. One that was not is no error, but "
        "has no name and no stock here.",
        _listed(ITEMS.name, items_never_listed),
    ),
    freshness_check(ITEMS.name),
]
CUSTOMER_CHECKS = [
    StoreCheck(
        "records_are_readable",
        CUSTOMERS.name,
        "No customer is set aside as unreadable. The table set_aside holds each with its reason.",
        _readable(CUSTOMERS.name),
    ),
    StoreCheck(
        "customers_of_orders_are_listed",
        CUSTOMERS.name,
        "Every customer that an order names was listed at some time. One that was not is no error, "
        "but has no address here.",
        _listed(CUSTOMERS.name, customers_never_listed),
    ),
    freshness_check(CUSTOMERS.name),
]


def item_health(layout: Layout) -> dg.AssetChecksDefinition:
    """Define the checks of items."""
    return store_checks(layout, "item_health", "Asks the store what is broken now with items.", ITEM_CHECKS)


def customer_health(layout: Layout) -> dg.AssetChecksDefinition:
    """Define the checks of customers."""
    return store_checks(
        layout, "customer_health", "Asks the store what is broken now with customers.", CUSTOMER_CHECKS
    )
