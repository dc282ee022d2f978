"""The assets of order history: headers and lines in one step, partitioned by connector and month."""

from collections.abc import Iterator
from enum import Enum
from functools import partial

import dagster as dg
from pydantic import Field

from a4s_pipeline.orchestration.assets.analytics import after_import
from a4s_pipeline.orchestration.assets.events.progress import progress_told
from a4s_pipeline.orchestration.assets.events.recording import AssetEvent, Recorded, record, recorded_months
from a4s_pipeline.orchestration.assets.importing import (
    GATEWAY_POOL,
    Synced,
    sync_each,
    table_spec,
    tags_of_table,
)
from a4s_pipeline.orchestration.assets.sources import source_key
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.orchestration.partitions import (
    connector_month_partitions,
    months_by_connector,
    partitions_of,
)
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

STEP = "order_history"


class OrdersRead(Enum):
    """What an order sync reads."""

    WHOLE = "whole"
    MONTHS = "months"
    NEW = "new"
    SUB_TOTALS_OFF = "sub_totals_off"


class OrderHistoryConfig(dg.Config):
    """How the months of a run are read."""

    reading: OrdersRead = Field(
        default=OrdersRead.WHOLE,
        description="WHOLE: the months of the run with all lines, even if headers did not change. MONTHS: "
        "the months of the run, but only the lines of new and changed orders. NEW: from the "
        "watermark minus the look-back, whatever months the run names. SUB_TOTALS_OFF: only "
        "the lines of orders whose sub total is not the sum of their lines, of any month.",
    )


def order_assets(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the assets `orders` and `order_lines`, which one step imports."""
    headers = table_spec(
        layout, ORDERS, "sales", tags_of_table(ORDERS, STREAM, "raw"), [source_key(layout, STREAM)]
    )
    lines = table_spec(
        layout, ORDER_LINES, "sales", tags_of_table(ORDER_LINES, STREAM, "raw"), [layout.key(ORDERS.name)]
    )

    @dg.multi_asset(
        name=STEP,
        specs=[headers, lines],
        partitions_def=connector_month_partitions(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        pool=GATEWAY_POOL,
    )
    def order_history(
        context: dg.AssetExecutionContext, config: OrderHistoryConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[AssetEvent]:
        """Imports order headers page by page with the lines of each order, one transaction per batch."""
        asked = months_by_connector(partitions_of(context))
        synced = sync_all(platform, asked, config.reading, context.run.run_id, context.log)
        recorded = recorded_of(platform, synced, asked, config.reading, context.run.run_id)
        yield from record(context, layout, recorded, has_failed=synced.failure is not None)
        yield from after_import(context, layout, platform, STREAM, synced)
        for spec in (headers, lines):
            yield dg.MaterializeResult(asset_key=spec.key)

    return order_history


def sync_all(
    platform: Platform,
    asked: dict[str, Months],
    reading: OrdersRead,
    run_id: str,
    log: dg.DagsterLogManager,
) -> Synced:
    """Sync the orders of each connector, its months or what is new."""
    syncs = []
    for connector, months in asked.items():
        plan = plan_of(reading, months)
        advance = progress_told(log, f"{connector} {STREAM}")
        syncs.append(partial(platform.sync, STREAM, connector, run_id=run_id, plan=plan, advance=advance))
    return sync_each(platform, syncs)


def plan_of(reading: OrdersRead, months: Months) -> OrdersPlan:
    """Return the plan for a sync of these months."""
    match reading:
        case OrdersRead.NEW:
            return OrdersPlan()
        case OrdersRead.SUB_TOTALS_OFF:
            return OrdersPlan(sub_totals_off=True)
        case _:
            return OrdersPlan(months, whole=reading is OrdersRead.WHOLE)


def recorded_of(
    platform: Platform, synced: Synced, asked: dict[str, Months], reading: OrdersRead, run_id: str
) -> Iterator[Recorded]:
    """Return the records of these connectors' syncs, including failed ones."""
    for result in synced.results:
        yield from recorded_months(
            platform,
            result,
            asked[result.connector],
            run_id=run_id,
            is_catch_up=reading is OrdersRead.NEW,
        )
