"""The ledgers of what was sent, as assets that on-demand runs write."""

from datetime import datetime

import dagster as dg

from a4s_pipeline.orchestration.assets.importing import table_spec, tags_of_table
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.tables import CREATED_CUSTOMERS, ORDER_EXPORTS

_LEDGERS = (ORDER_EXPORTS, CREATED_CUSTOMERS)


def ledger_assets(layout: Layout) -> list[dg.AssetSpec]:
    """Describe the ledgers; nothing materializes them, each run that writes one observes it."""
    return [
        table_spec(layout, table, "on_demand", tags_of_table(table, "on_demand", "ledger"))
        for table in _LEDGERS
    ]


def ledger_observations(layout: Layout, platform: Platform, since: datetime) -> list[dg.AssetObservation]:
    """Return what each ledger that was written since holds now, counted by status."""
    observations = []
    with platform.warehouse.session() as store:
        for table in _LEDGERS:
            query = f"SELECT status, count(*), max(synced_at) FROM {table.name} GROUP BY ALL ORDER BY ALL"  # noqa: S608 - own names
            found = store.execute(query).fetchall()
            if any(at is not None and at >= since for _, _, at in found):
                counts = {status: count for status, count, _ in found}
                metadata = {"dagster/row_count": sum(counts.values()), **counts}
                observations.append(dg.AssetObservation(layout.key(table.name), metadata=metadata))
    return observations
