"""The asset that publishes the copy for analysts, and records the ledgers and models in it."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.metrics.text_file import write_metrics_file
from a4s_pipeline.orchestration.assets.importing import KINDS, Synced
from a4s_pipeline.orchestration.assets.ledgers import ledger_counts, ledger_materializations
from a4s_pipeline.orchestration.assets.models import model_materializations
from a4s_pipeline.orchestration.assets.sources import source_materializations
from a4s_pipeline.orchestration.checks.unplanned import planned_without_checks, tell_checks
from a4s_pipeline.orchestration.failing import told_plainly
from a4s_pipeline.orchestration.layout import AssetTags, Layout, freshness
from a4s_pipeline.orchestration.partitions import month_key
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.windows import month_of
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.table import Table
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
    """Return the assets that the copy is made of.

    For order history, one partition represents all: otherwise Dagster would list them in each run, 4 s for
    1,000 connectors over ten years, and use none if there are more than a hundred. It is the current month,
    which each sync records: with a partition that is never recorded, the copy would look out of date.
    """
    importing = settings.connectors_with("orders")
    month = month_of(datetime.now(UTC), settings.timezone)
    one_for_all = (
        dg.SpecificPartitionsPartitionMapping([str(month_key(importing[0], month))]) if importing else None
    )
    months = {table.name for table in TABLES_BY_STREAM["orders"]}
    return [
        dg.AssetDep(layout.key(table.name), partition_mapping=one_for_all if table.name in months else None)
        for table in imported_tables(layout)
    ]


def analytics_asset(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `analytics`."""

    @dg.asset(
        key=layout.key(ANALYTICS),
        deps=_deps(settings, layout),
        group_name=layout.group("analytics"),
        owners=list(layout.owners),
        kinds=KINDS,
        tags=AssetTags("all", "published", has_personal_data=True).as_tags(),
        freshness_policy=freshness(timedelta(hours=24)),
    )
    def analytics(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        """Publishes `analytics.duckdb`, the copy that analysts query; the whole file is replaced in one step.

        A lake is read directly: there is nothing to publish, and only its size and rows are reported.
        """
        try:
            with told_plainly():
                metadata, others = _published(context.instance, layout, platform)
            for event in others:
                context.log_event(event)
        except Exception:
            # The import before this step is done, whether or not the copy can be published.
            _tell_unplanned_checks(context, layout, platform)
            raise
        _tell_unplanned_checks(context, layout, platform)
        return dg.MaterializeResult(metadata=metadata)

    return analytics


def after_import(
    context: dg.AssetExecutionContext, layout: Layout, platform: Platform, stream: str, synced: Synced
) -> Iterator[dg.AssetMaterialization]:
    """Record what an import step read and published, and fail if its syncs did.

    If the run continues with the step `analytics`, that step records the copy and the checks.
    """
    context.log.addFilter(_is_no_race)
    yield from source_materializations(layout, stream, synced.results)
    chosen = context.run.asset_selection
    is_last = synced.failure is not None or bool(chosen and layout.key(ANALYTICS) not in chosen)
    # An outage imported nothing: the recorded copy is still current.
    brought = any(result.rows or result.error is None for result in synced.results)
    if is_last and synced.is_published and brought:
        yield from record_published(context.instance, layout, platform)
    if is_last:
        _tell_unplanned_checks(context, layout, platform)
    if synced.failure is not None:
        raise synced.failure


def _is_no_race(record: logging.LogRecord) -> bool:
    # Dagster warns if two connectors' imports end at the same time, because the newest materialization of a
    # parent table is then for the other's partition. This is harmless.
    return not record.getMessage().startswith("Data version mismatch for asset")


def _tell_unplanned_checks(context: dg.AssetExecutionContext, layout: Layout, platform: Platform) -> None:
    """Report what is broken now in the streams of a run that planned no checks, after everything else it
    records.
    """
    planned = planned_without_checks(context.instance, context.run)
    streams = [
        stream
        for stream, tables in TABLES_BY_STREAM.items()
        if any(layout.key(table.name) in planned for table in tables)
    ]
    if streams:
        tell_checks(context.instance, context.run, layout, platform, streams)


def record_published(
    instance: dg.DagsterInstance, layout: Layout, platform: Platform
) -> Iterator[dg.AssetMaterialization]:
    """Record the copy that an import published, if no step `analytics` follows."""
    with suppress(A4sError):
        metadata, others = _published(instance, layout, platform)
        yield from others
        yield dg.AssetMaterialization(layout.key(ANALYTICS), metadata=metadata)


def _published(
    instance: dg.DagsterInstance, layout: Layout, platform: Platform
) -> tuple[dict[str, Any], list[dg.AssetMaterialization]]:
    """Publish the copy unless it is current, and return its metadata.

    Also returns the events of ledgers and models, which no Dagster step writes.
    """
    copy = platform.publish()
    write_metrics_file(platform)
    tables = [table.name for table in imported_tables(layout)]
    with platform.readable.reading() as connection:
        rows = {name: connection.table(name).count("*").fetchall()[0][0] for name in tables}
        ledgers = ledger_counts(connection)
        models = model_materializations(instance, layout, platform.settings, connection, rows)
    metadata = {
        "path": dg.MetadataValue.path(str(copy.path)),
        "bytes": copy.size,
        "replaced": copy.was_replaced,
        **({"left out": "\n".join(copy.problems)} if copy.problems else {}),
        **{f"{name}_rows": count for name, count in rows.items()},
    }
    return metadata, [*ledger_materializations(instance, layout, ledgers), *models]
