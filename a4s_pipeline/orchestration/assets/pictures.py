"""The asset of the pictures: materialized by hand, by no schedule and no job."""

from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError
from a4s_pipeline.orchestration.assets.importing import GATEWAY_POOL, KINDS
from a4s_pipeline.orchestration.failing import plain_failure
from a4s_pipeline.orchestration.layout import AssetTags, Layout
from a4s_pipeline.orchestration.partitions import connector_partitions, partitions_of
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.pictures import PicturesResult
from a4s_pipeline.warehouse.rows.records import ITEM_TABLES
from a4s_pipeline.warehouse.tables import ITEM_IMAGES

ITEM_PICTURES = "item_pictures"


def picture_asset(settings: Settings, layout: Layout) -> dg.AssetsDefinition:
    """Define the asset `item_pictures`."""

    key = layout.key(ITEM_PICTURES)

    @dg.multi_asset(
        name=ITEM_PICTURES,
        specs=[
            dg.AssetSpec(
                key,
                deps=[layout.key(ITEM_IMAGES.name)],
                description="The items' pictures, in `A4S_DATA_DIR/images/`, each named by its hash.",
                group_name=layout.group("catalogue"),
                owners=list(layout.owners),
                kinds=KINDS,
                tags=AssetTags(ITEM_TABLES.stream, "raw").as_tags(),
            )
        ],
        partitions_def=connector_partitions(settings, ITEM_TABLES.stream),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=GATEWAY_POOL,
    )
    def item_pictures(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        """Fetches the items' pictures that are not stored yet."""
        results: list[PicturesResult] = []
        failed: dict[str, A4sError] = {}
        for connector in partitions_of(context):
            try:
                results.append(platform.fetch_pictures(connector))
            except A4sError as error:
                failed[connector] = error
        if failed:
            lines = [f"{connector}: {error}" for connector, error in failed.items()]
            raise plain_failure(lines, list(failed.values()))
        return dg.MaterializeResult(asset_key=key, metadata=_metadata(platform, results))

    return item_pictures


def _metadata(platform: Platform, results: list[PicturesResult]) -> dict[str, Any]:
    missed = [missed for result in results for missed in result.missed]
    return {
        "path": dg.MetadataValue.path(str(platform.settings.images_path)),
        "named": sum(result.named for result in results),
        "held_before": sum(result.stored for result in results),
        "fetched": sum(result.fetched for result in results),
        "bytes": sum(result.size for result in results),
        "unknown": sum(one.is_unknown for one in missed),
        "left_for_next_time": sum(not one.is_unknown for one in missed),
        "missed": ", ".join(f"{one.image_hash} of item {one.item_code}" for one in missed[:20]),
        "calls": sum(result.calls for result in results),
        "retries": sum(result.retries for result in results),
        "seconds": round(sum(result.seconds for result in results), 3),
    }
