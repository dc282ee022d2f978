"""The assets of items and of customers: each listing with its child tables in one step, by connector."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import dagster as dg

from a4s_pipeline.orchestration.assets.analytics import after_import
from a4s_pipeline.orchestration.assets.events.progress import progress_told
from a4s_pipeline.orchestration.assets.events.recording import AssetEvent, record, recorded_listing
from a4s_pipeline.orchestration.assets.importing import (
    GATEWAY_POOL,
    sync_each,
    table_spec,
    tags_of_table,
)
from a4s_pipeline.orchestration.assets.sources import source_key
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import connector_partitions, partitions_of
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES, RecordTables


@dataclass(frozen=True)
class _Step:
    """What differs between the two steps."""

    name: str
    description: str
    group: str
    tables: RecordTables


_ITEMS = _Step(
    "item_listing",
    "Imports all items, with names, attributes, pictures' hashes, stocks and expected deliveries.",
    "catalogue",
    ITEM_TABLES,
)
_CUSTOMERS = _Step(
    "customer_listing",
    "Imports all customers, with addresses, contact persons and contact details.",
    "customers",
    CUSTOMER_TABLES,
)


def item_assets(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `items` and those of its child tables, which one step imports."""
    return _listing_assets(settings, layout, _ITEMS)


def customer_assets(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `customers` and those of its child tables, which one step imports."""
    return _listing_assets(settings, layout, _CUSTOMERS)


def _listing_assets(settings: Settings, layout: Layout, step: _Step) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=step.name,
        description=step.description,
        specs=_specs(layout, step),
        partitions_def=connector_partitions(settings, step.tables.stream),
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        pool=GATEWAY_POOL,
    )
    def listing(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[AssetEvent]:
        run_id = context.run.run_id
        synced = sync_each(
            platform,
            [
                partial(
                    platform.sync,
                    step.tables.stream,
                    connector,
                    run_id=run_id,
                    advance=progress_told(context.log, f"{connector} {step.tables.stream}"),
                )
                for connector in partitions_of(context)
            ],
        )
        recorded = [
            one for result in synced.results for one in recorded_listing(platform, result, step.tables)
        ]
        yield from record(context, layout, recorded, has_failed=synced.failure is not None)
        yield from after_import(context, layout, platform, step.tables.stream, synced)
        for table in step.tables.all:
            yield dg.MaterializeResult(asset_key=layout.key(table.name))

    return listing


def _specs(layout: Layout, step: _Step) -> list[dg.AssetSpec]:
    tables = step.tables
    parent = layout.key(tables.parent.name)
    above = {tables.parent.name: source_key(layout, tables.stream)}
    return [
        table_spec(
            layout,
            table,
            step.group,
            tags_of_table(table, tables.stream, "raw"),
            [above.get(table.name, parent)],
        )
        for table in tables.all
    ]
