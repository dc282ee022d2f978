"""Standing checks of what was sent: which exports and creations are not settled."""

from datetime import UTC, datetime

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.checks.findings import counted
from a4s_pipeline.orchestration.checks.store_checks import StoreCheck, store_checks
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.settings import Settings
from a4s_pipeline.warehouse.health import customers_unsettled, exports_unsettled
from a4s_pipeline.warehouse.tables import CREATED_CUSTOMERS, ORDER_EXPORTS


# Of connectors that are configured no longer too: an order may be lost there.
def _exports_settled(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    broken = exports_unsettled(store, datetime.now(UTC))
    return counted(
        spec,
        broken,
        "orders not exported for certain",
        "see why with `a4s exports`, and settle each with `a4s retry ID`",
        [*settings.connectors, *(one.connector for one in broken)],
    )


def _creations_settled(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    broken = customers_unsettled(store, datetime.now(UTC))
    return counted(
        spec,
        broken,
        "customers not created for certain",
        "create the same customer again with `a4s create-customer FILE`: that settles it, once",
        [*settings.connectors, *(one.connector for one in broken)],
    )


LEDGER_CHECKS = [
    StoreCheck(
        "exports_are_settled",
        ORDER_EXPORTS.name,
        "No order export is failed or unknown. `a4s exports` lists them, `a4s retry ID` settles one.",
        _exports_settled,
    ),
    StoreCheck(
        "creations_are_settled",
        CREATED_CUSTOMERS.name,
        "No customer creation is failed or unknown. Creating the same customer again settles it.",
        _creations_settled,
    ),
]


def ledger_health(layout: Layout) -> dg.AssetChecksDefinition:
    """Define the checks of the ledgers."""
    return store_checks(
        layout, "ledger_health", "Asks the ledgers what is failed or unknown now.", LEDGER_CHECKS
    )
