"""The ledgers as assets, written by on-demand runs, commands and the HTTP interface."""

from collections.abc import Mapping

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.assets.events.last_recorded import last_recorded
from a4s_pipeline.orchestration.assets.importing import table_spec, tags_of_table
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.warehouse.rows.counting import counts_by_status
from a4s_pipeline.warehouse.rows.ondemand.ledger import LEDGER_KINDS


def ledger_assets(layout: Layout) -> list[dg.AssetSpec]:
    """Describe the ledgers; no step materializes them, and changes are recorded as they are found."""
    return [
        table_spec(layout, kind.table, "on_demand", tags_of_table(kind.table, "on_demand", "ledger"))
        for kind in LEDGER_KINDS
    ]


def ledger_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Return how many rows each ledger has, in total and by status."""
    counts = {kind.table.name: counts_by_status(connection, kind.table.name) for kind in LEDGER_KINDS}
    return {name: {"dagster/row_count": sum(of.values()), **of} for name, of in counts.items()}


def ledger_materializations(
    instance: dg.DagsterInstance, layout: Layout, counts: Mapping[str, Mapping[str, int]]
) -> list[dg.AssetMaterialization]:
    """Return what changed in the ledgers since they were last recorded; an empty ledger is recorded once."""
    last = last_recorded(instance, [layout.key(name) for name in counts])
    return [
        dg.AssetMaterialization(layout.key(name), metadata=dict(of))
        for name, of in counts.items()
        if (known := last.get(layout.key(name))) is None or known.metadata != of
    ]
