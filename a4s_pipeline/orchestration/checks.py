"""Standing checks of order history: what is broken now, and what to do. They warn and never fail a sync."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.health import (
    last_history_syncs,
    orders_without_lines,
    records_set_aside,
    sub_totals_off,
)
from a4s_pipeline.warehouse.orders import LINES_STREAM, STREAM
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

OLDEST_HISTORY = timedelta(hours=24)
ADVICE_SET_ASIDE = "see the table set_aside, and mend the source"

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
_SUB_TOTALS = dg.AssetCheckSpec(
    "sub_totals_match_lines",
    asset=ORDER_LINES.name,
    description="Each order's sub_total is the sum of its line totals, to the cent.",
)


@dg.multi_asset_check(specs=[_HAVE_LINES, _ALL_READABLE, _HISTORY_FRESH, _SUB_TOTALS], name="order_health")
def order_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the store what is broken now with order history."""
    warehouse = platform.warehouse
    yield counted(_HAVE_LINES, orders_without_lines(warehouse), "see the view orders_without_lines")
    yield counted(_ALL_READABLE, records_set_aside(warehouse, STREAM, LINES_STREAM), ADVICE_SET_ASIDE)
    yield _history_is_fresh(last_history_syncs(warehouse), datetime.now(UTC))
    yield counted(_SUB_TOTALS, sub_totals_off(warehouse), "compare the orders with the legacy backend")


def counted(spec: dg.AssetCheckSpec, counts: Mapping[str, int], advice: str) -> dg.AssetCheckResult:
    """Turn counts by connector into a check result that passes when there is nothing to count."""
    total = sum(counts.values())
    named = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=total == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{total} ({named}): {advice}" if total else "nothing to report",
        metadata={**counts, "count": total},
    )


def _history_is_fresh(last_syncs: Mapping[str, datetime | None], now: datetime) -> dg.AssetCheckResult:
    old = [name for name, instant in last_syncs.items() if instant is None or now - instant > OLDEST_HISTORY]
    advice = "start a history sync in the legacy backend, or see why it stopped"
    return dg.AssetCheckResult(
        check_name=_HISTORY_FRESH.name,
        asset_key=_HISTORY_FRESH.asset_key,
        passed=not old,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"older than 24 hours, or never synced: {', '.join(old)}; {advice}" if old else "fresh",
        metadata={name: str(instant) for name, instant in last_syncs.items()},
    )
