"""The gateway's streams as external assets, where lineage begins."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from a4s_pipeline.orchestration.layout import AssetTags, Layout
from a4s_pipeline.sync.result import SyncResult

_GROUP = "gateway"
_LISTS = {
    "items": "The items as the gateway lists them, with stock and expected deliveries.",
    "customers": "The customers as the gateway lists them, with addresses and contact details.",
    "orders": "The order history as the gateway lists it, as of the legacy backend's last history sync.",
}


def source_key(layout: Layout, stream: str) -> dg.AssetKey:
    """Return the key of a stream at the gateway."""
    return layout.key(f"gateway_{stream}")


def source_assets(layout: Layout) -> list[dg.AssetSpec]:
    """Describe the gateway's streams; no step writes them."""
    return [
        dg.AssetSpec(
            source_key(layout, stream),
            description=description,
            group_name=layout.group(_GROUP),
            owners=list(layout.owners),
            kinds={"api"},
            tags=AssetTags(stream, "source", has_personal_data=stream != "items").as_tags(),
        )
        for stream, description in _LISTS.items()
        if stream in layout.streams
    ]


def source_materializations(
    layout: Layout, stream: str, results: Sequence[SyncResult]
) -> Iterator[dg.AssetMaterialization]:
    """Yield what the gateway listed of a stream, if any of a run's syncs could read it.

    With only an observation, Dagster would show it as never materialized, amber beside its tables.
    """
    read = [result for result in results if result.error is None and result.has_history]
    if read:
        metadata: dict[str, Any] = {
            "listed": sum(result.seen for result in read),
            "connectors": ", ".join(sorted(result.connector for result in read)),
        }
        synced_at = [result.last_history_sync for result in read if result.last_history_sync is not None]
        if synced_at:
            metadata["oldest_history_sync"] = dg.MetadataValue.timestamp(min(synced_at))
        yield dg.AssetMaterialization(source_key(layout, stream), metadata=metadata)
