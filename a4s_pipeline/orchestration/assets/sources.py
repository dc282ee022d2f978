"""What the data comes from, as external assets: lineage begins at the gateway's streams."""

import dagster as dg

from a4s_pipeline.orchestration.layout import AssetTags, Layout

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
    """Describe the gateway's streams; nothing here writes them."""
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
