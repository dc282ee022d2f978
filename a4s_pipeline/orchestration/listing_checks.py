"""Standing checks of items and customers: what is broken now, and what to do. They warn and never fail."""

from collections.abc import Iterator

import dagster as dg

from a4s_pipeline.orchestration.checks import ADVICE_SET_ASIDE, counted
from a4s_pipeline.platform import Platform
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


@dg.multi_asset_check(specs=[_ITEMS_READABLE, _ITEMS_LISTED], name="item_health")
def item_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with items."""
    warehouse = platform.warehouse
    yield counted(_ITEMS_READABLE, records_set_aside(warehouse, "items"), ADVICE_SET_ASIDE)
    yield counted(_ITEMS_LISTED, items_never_listed(warehouse), "see whether the gateway should list them")


@dg.multi_asset_check(specs=[_CUSTOMERS_READABLE, _CUSTOMERS_LISTED], name="customer_health")
def customer_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with customers."""
    warehouse = platform.warehouse
    yield counted(_CUSTOMERS_READABLE, records_set_aside(warehouse, "customers"), ADVICE_SET_ASIDE)
    yield counted(
        _CUSTOMERS_LISTED, customers_never_listed(warehouse), "see whether the gateway should list them"
    )
