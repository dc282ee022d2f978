"""The assets of order history: headers and lines in one step, partitioned by connector and month."""

from collections.abc import Iterator
from enum import Enum
from functools import partial

import dagster as dg

from a4s_pipeline.orchestration.assets.importing import sync_each, table_spec
from a4s_pipeline.orchestration.assets.metadata import sync_metadata
from a4s_pipeline.orchestration.assets.partitions import connector_month_partitions, months_by_connector
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

STEP = "order_history"


class Reading(Enum):
    """What an order sync reads."""

    WHOLE = "whole"
    MONTHS = "months"
    NEW = "new"


class OrderHistoryConfig(dg.Config):
    """How the months of a run are read."""

    reading: Reading = Reading.WHOLE
    """WHOLE: the months of the run, lines and all, whether or not headers changed. MONTHS: the months of
    the run, but the lines of new and changed orders only. NEW: from the watermark less the look-back."""


def order_assets(settings: Settings) -> dg.AssetsDefinition:
    """Define the assets `orders` and `order_lines`, which one step imports."""

    @dg.multi_asset(
        name=STEP,
        specs=[table_spec(ORDERS, "sales"), table_spec(ORDER_LINES, "sales", [ORDERS.name])],
        partitions_def=connector_month_partitions(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
    )
    def order_history(
        context: dg.AssetExecutionContext, config: OrderHistoryConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Imports order headers page by page and the lines of each order, a batch a transaction."""
        results = _sync_all(context, config, platform)
        metadata = sync_metadata(results)
        for table in (ORDERS, ORDER_LINES):
            yield dg.MaterializeResult(asset_key=table.name, metadata=metadata)

    return order_history


def _sync_all(
    context: dg.AssetExecutionContext, config: OrderHistoryConfig, platform: Platform
) -> list[SyncResult]:
    syncs = {}
    for connector, months in months_by_connector(context.partition_keys).items():
        plan = OrdersPlan(
            months=None if config.reading is Reading.NEW else months, whole=config.reading is Reading.WHOLE
        )
        syncs[connector] = partial(platform.sync_orders, connector, plan, run_id=context.run.run_id)
    return sync_each(platform, syncs)
