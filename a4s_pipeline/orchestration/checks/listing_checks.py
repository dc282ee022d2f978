"""Standing checks of items and customers: what is broken now, and what to do. They warn and never fail."""

from collections.abc import Iterator

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.checks.findings import counted, of_connectors
from a4s_pipeline.orchestration.checks.freshness_checks import freshness_spec, stream_is_fresh
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.warehouse.health import customers_never_listed, items_never_listed, records_set_aside
from a4s_pipeline.warehouse.tables import CUSTOMERS, ITEMS

_ITEMS_READABLE = dg.AssetCheckSpec(
    "records_are_readable",
    asset=ITEMS.name,
    description="No item is set aside as unreadable. The table set_aside holds each with its reason.",
)
_ITEMS_LISTED = dg.AssetCheckSpec(
    "items_of_orders_are_listed",
    asset=ITEMS.name,
    description="Every item that an order names was listed at some time. One that was not is no error, but "
    "has no name and no stock here.",
)
_CUSTOMERS_READABLE = dg.AssetCheckSpec(
    "records_are_readable",
    asset=CUSTOMERS.name,
    description="No customer is set aside as unreadable. The table set_aside holds each with its reason.",
)
_CUSTOMERS_LISTED = dg.AssetCheckSpec(
    "customers_of_orders_are_listed",
    asset=CUSTOMERS.name,
    description="Every customer that an order names was listed at some time. One that was not is no error, "
    "but has no address here.",
)
_ITEMS_FRESH = freshness_spec(ITEMS.name)
_CUSTOMERS_FRESH = freshness_spec(CUSTOMERS.name)


@dg.multi_asset_check(specs=[_ITEMS_READABLE, _ITEMS_LISTED, _ITEMS_FRESH], name="item_health")
def item_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with items."""
    settings = platform.settings
    with told_plainly(), platform.warehouse.moment() as store:
        results = [
            _readable(_ITEMS_READABLE, store, settings),
            counted(
                _ITEMS_LISTED,
                of_connectors(items_never_listed(store), settings.connectors_with(ITEMS.name)),
                "items of orders that were never listed",
                "ask whoever runs the gateway to list them, then run `a4s sync items`",
            ),
            stream_is_fresh(_ITEMS_FRESH, store, settings),
        ]
    yield from results


@dg.multi_asset_check(
    specs=[_CUSTOMERS_READABLE, _CUSTOMERS_LISTED, _CUSTOMERS_FRESH], name="customer_health"
)
def customer_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with customers."""
    settings = platform.settings
    with told_plainly(), platform.warehouse.moment() as store:
        results = [
            _readable(_CUSTOMERS_READABLE, store, settings),
            counted(
                _CUSTOMERS_LISTED,
                of_connectors(customers_never_listed(store), settings.connectors_with(CUSTOMERS.name)),
                "customers of orders that were never listed",
                "ask whoever runs the gateway to list them, then run `a4s sync customers`",
            ),
            stream_is_fresh(_CUSTOMERS_FRESH, store, settings),
        ]
    yield from results


def _readable(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    stream = spec.asset_key.to_user_string()
    return counted(
        spec,
        of_connectors(records_set_aside(store, stream), settings.connectors_with(stream)),
        "unreadable, set aside",
        f"have each corrected as set_aside.reason says, then run `a4s sync {stream}`",
    )
