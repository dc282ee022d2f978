"""The asset that publishes the copy for analysts, and the views in it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.metrics.text_file import write_metrics_file
from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.assets.importing import KINDS, Synced
from a4s_pipeline.orchestration.assets.partitions import month_key
from a4s_pipeline.orchestration.layout import AssetTags, Layout, freshness
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.schema.schema import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS

ANALYTICS = "analytics"
TABLES_BY_STREAM = {
    "orders": (ORDERS, ORDER_LINES),
    "items": ITEM_TABLES.all,
    "customers": CUSTOMER_TABLES.all,
}


def imported_tables(layout: Layout) -> list[Table]:
    """Return the tables of the streams that are imported."""
    return [
        table for stream, tables in TABLES_BY_STREAM.items() if stream in layout.streams for table in tables
    ]


def _deps(settings: Settings, layout: Layout) -> list[dg.AssetDep]:
    """Return what the copy is made of.

    Of order history one partition stands for all: to say of which the copy is made, Dagster would list them,
    4 s for 1,000 connectors over ten years in each run; with more than a hundred it uses none of them.
    """
    importing = settings.connectors_with("orders")
    first = str(month_key(importing[0], settings.history_start.replace(day=1))) if importing else None
    one_for_all = dg.SpecificPartitionsPartitionMapping([first]) if first else None
    months = {table.name for table in TABLES_BY_STREAM["orders"]}
    return [
        dg.AssetDep(layout.key(table.name), partition_mapping=one_for_all if table.name in months else None)
        for table in imported_tables(layout)
    ]


def analytics_asset(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `analytics`."""
    tables = imported_tables(layout)

    @dg.asset(
        key=layout.key(ANALYTICS),
        deps=_deps(settings, layout),
        group_name=layout.group("analytics"),
        owners=list(layout.owners),
        kinds=KINDS,
        tags=AssetTags("all", "published", has_personal_data=True).as_tags(),
        freshness_policy=freshness(timedelta(hours=24)),
    )
    def analytics(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        """Publishes `analytics.duckdb`, the copy that analysts query: replaced whole and at once.

        A lake is read as it is: there is nothing to publish, and its size and rows are told.
        """
        with told_plainly():
            return dg.MaterializeResult(metadata=published_metadata(platform, tables))

    return analytics


def is_followed_by_the_copy(context: dg.AssetExecutionContext, layout: Layout, synced: Synced) -> bool:
    """Tell whether the run goes on to the step of `analytics`, which records what was published itself."""
    chosen = context.run.asset_selection
    return synced.failure is None and (not chosen or layout.key(ANALYTICS) in chosen)


def record_published(layout: Layout, platform: Platform) -> Iterator[dg.AssetMaterialization]:
    """Record the copy that an import published, where no step of `analytics` follows."""
    with suppress(A4sError):
        metadata = published_metadata(platform, imported_tables(layout))
        yield dg.AssetMaterialization(layout.key(ANALYTICS), metadata=metadata)


def published_metadata(platform: Platform, tables: list[Table]) -> dict[str, Any]:
    """Publish what there is, unless it is current, and return where it is and how many rows it holds."""
    copy = platform.publish()
    write_metrics_file(platform)
    with platform.readable.reading() as connection:
        counts = {
            f"{table.name}_rows": connection.table(table.name).count("*").fetchall()[0][0] for table in tables
        }
    return {
        "path": dg.MetadataValue.path(str(copy.path)),
        "bytes": copy.size,
        "replaced": copy.was_replaced,
        **({"left out": "\n".join(copy.problems)} if copy.problems else {}),
        **counts,
    }
