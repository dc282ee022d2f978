"""The assets of items and of customers: each listing with its child tables in one step, by connector."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import dagster as dg

from a4s_pipeline.orchestration.assets.importing import sync_each, table_spec
from a4s_pipeline.orchestration.assets.metadata import sync_metadata
from a4s_pipeline.orchestration.assets.partitions import connector_partitions
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.records import CUSTOMER_TABLES, ITEM_TABLES, RecordTables


@dataclass(frozen=True)
class _Step:
    """What tells the two steps apart; `sync` takes the platform, the connector and the run's id."""

    name: str
    description: str
    group: str
    tables: RecordTables
    sync: Callable[[Platform, str, str], SyncResult]


_ITEMS = _Step(
    "item_listing",
    "Imports the items whole, with names, attributes, pictures' hashes, stocks and expected deliveries.",
    "catalogue",
    ITEM_TABLES,
    lambda platform, connector, run_id: platform.sync_items(connector, run_id=run_id),
)
_CUSTOMERS = _Step(
    "customer_listing",
    "Imports the customers whole, with addresses, contact persons and contact details.",
    "customers",
    CUSTOMER_TABLES,
    lambda platform, connector, run_id: platform.sync_customers(connector, run_id=run_id),
)


def item_assets(settings: Settings) -> dg.AssetsDefinition:
    """Define the asset `items` and those of its child tables, which one step imports."""
    return _listing_assets(settings, _ITEMS)


def customer_assets(settings: Settings) -> dg.AssetsDefinition:
    """Define the asset `customers` and those of its child tables, which one step imports."""
    return _listing_assets(settings, _CUSTOMERS)


def _listing_assets(settings: Settings, step: _Step) -> dg.AssetsDefinition:
    parent = step.tables.parent.name

    @dg.multi_asset(
        name=step.name,
        description=step.description,
        specs=[
            table_spec(step.tables.parent, step.group),
            *(table_spec(table, step.group, [parent]) for table in step.tables.children),
        ],
        partitions_def=connector_partitions(settings, step.tables.stream),
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
    )
    def listing(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[None]]:
        run_id = context.run.run_id
        results = sync_each(
            platform,
            {
                connector: partial(step.sync, platform, connector, run_id)
                for connector in context.partition_keys
            },
        )
        metadata = sync_metadata(results)
        del metadata["without_lines"]  # a matter of orders
        for table in step.tables.all:
            yield dg.MaterializeResult(asset_key=table.name, metadata=metadata)

    return listing
