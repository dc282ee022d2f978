"""Standing checks of order history: what is broken now, and what to do. They warn and never fail a sync."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.checks.findings import counted, of_connectors, told
from a4s_pipeline.orchestration.checks.freshness_checks import freshness_spec, stream_is_fresh
from a4s_pipeline.platform import Platform
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

_HAVE_LINES = dg.AssetCheckSpec(
    "orders_have_lines",
    asset=ORDERS.name,
    description="Every order's lines are in. The next sync asks first for those that are not.",
)
_ALL_READABLE = dg.AssetCheckSpec(
    "records_are_readable",
    asset=ORDERS.name,
    description="No order, and no order's lines, are set aside as unreadable. The table set_aside holds each "
    "with its reason.",
)
_HISTORY_FRESH = dg.AssetCheckSpec(
    "history_is_fresh",
    asset=ORDERS.name,
    description="The legacy backend synced its order history within 24 hours: orders are as fresh as that.",
)
_ORDERS_FRESH = freshness_spec(STREAM)
_SUB_TOTALS = dg.AssetCheckSpec(
    "sub_totals_match_lines",
    asset=ORDER_LINES.name,
    description="Each order's sub_total is the sum of its line totals, to the cent.",
)


@dg.multi_asset_check(
    specs=[_HAVE_LINES, _ALL_READABLE, _HISTORY_FRESH, _ORDERS_FRESH, _SUB_TOTALS], name="order_health"
)
def order_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with order history."""
    connectors = platform.settings.connectors_with(STREAM)
    with told_plainly(), platform.warehouse.moment() as store:
        results = [
            counted(
                _HAVE_LINES,
                of_connectors(orders_without_lines(store), connectors),
                "orders without lines",
                "run `a4s sync orders` to ask for the lines again, and tell whoever runs the gateway "
                "what stays",
            ),
            counted(
                _ALL_READABLE,
                of_connectors(records_set_aside(store, STREAM, LINES_STREAM), connectors),
                "unreadable, set aside",
                "have each corrected as set_aside.reason says, then run `a4s sync orders --from DATE` "
                "with the date of the order",
            ),
            _history_is_fresh(store, platform.settings),
            stream_is_fresh(_ORDERS_FRESH, store, platform.settings),
            counted(
                _SUB_TOTALS,
                of_connectors(sub_totals_off(store), connectors),
                "orders whose sub_total is not the sum of their lines",
                "compare `a4s order CODE` with the legacy backend, and where that is right, read the month "
                "again with `a4s sync orders --full --from DATE --to DATE`",
            ),
        ]
    yield from results


def _history_is_fresh(store: duckdb.DuckDBPyConnection, settings: Settings) -> dg.AssetCheckResult:
    known = streams_health(store, STREAM)
    connectors = settings.connectors_with(STREAM)
    synced = {
        name: known[name].last_history_sync
        for name in connectors
        if name in known and known[name].has_history
    }
    return told(
        _HISTORY_FRESH,
        stale_histories(connectors, known, datetime.now(UTC), settings.timezone),
        "order history older than 24 hours",
        "; start a history sync in the legacy backend and see why it stopped, then `a4s check` tells its age",
        {
            name: dg.MetadataValue.timestamp(instant) if instant else "never"
            for name, instant in synced.items()
        },
    )
