"""The ledgers of what was sent, as assets that on-demand runs write, and the check of what is not settled."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.assets.importing import table_spec
from a4s_pipeline.orchestration.checks.findings import counted
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.health import customers_unsettled, exports_unsettled
from a4s_pipeline.warehouse.tables import CREATED_CUSTOMERS, ORDER_EXPORTS

LEDGERS = [table_spec(table, "on_demand") for table in (ORDER_EXPORTS, CREATED_CUSTOMERS)]

_EXPORTS_SETTLED = dg.AssetCheckSpec(
    "exports_are_settled",
    asset=ORDER_EXPORTS.name,
    description="No order export is failed or unknown. `a4s exports` lists them, `a4s retry ID` settles one.",
)
_CREATIONS_SETTLED = dg.AssetCheckSpec(
    "creations_are_settled",
    asset=CREATED_CUSTOMERS.name,
    description="No customer creation is failed or unknown. Creating the same customer again settles it.",
)


@dg.multi_asset_check(specs=[_EXPORTS_SETTLED, _CREATIONS_SETTLED], name="ledger_health")
def ledger_health(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Asks the ledgers what is failed or unknown now."""
    # Of connectors that are configured no longer too: an order may be lost there.
    now = datetime.now(UTC)
    with told_plainly(), platform.warehouse.moment() as store:
        results = [
            counted(
                _EXPORTS_SETTLED,
                exports_unsettled(store, now),
                "orders not exported for certain",
                "see why with `a4s exports`, and settle each with `a4s retry ID`",
            ),
            counted(
                _CREATIONS_SETTLED,
                customers_unsettled(store, now),
                "customers not created for certain",
                "create the same customer again with `a4s create-customer FILE`: that settles it, once",
            ),
        ]
    yield from results
