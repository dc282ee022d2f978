"""How an installation is laid out in Dagster: keys, groups, owners, and which of its parts there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import dagster as dg

from a4s_pipeline.settings.connectors import STREAMS

OWNERS = ("team:data-engineering",)


@dataclass(frozen=True)
class Layout:
    """What a deployment may choose of how the connector looks in its Dagster.

    `key_prefix` goes before every asset key, `groups` maps our names of groups to the deployment's, and
    `streams` are those of which there are assets. `has_schedules` tells whether imports and checks start by
    themselves.
    """

    key_prefix: Sequence[str] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    owners: Sequence[str] = OWNERS
    streams: Sequence[str] = STREAMS
    has_schedules: bool = True

    def key(self, name: str) -> dg.AssetKey:
        """Return the key of an asset."""
        return dg.AssetKey([*self.key_prefix, name])

    def group(self, name: str) -> str:
        """Return the group in which assets of this kind are shown."""
        return self.groups.get(name, name)


@dataclass(frozen=True)
class AssetTags:
    """What people filter assets by: the stream, the layer, and whether they hold personal data."""

    stream: str
    layer: str
    has_personal_data: bool = False

    def as_tags(self) -> dict[str, str]:
        """Return them as Dagster's tags."""
        pii = {"pii": "yes"} if self.has_personal_data else {}
        return {"stream": self.stream, "layer": self.layer, **pii}


def freshness(allowed: timedelta) -> dg.FreshnessPolicy:
    """Return the policy that turns an asset red when nothing was recorded for so long, amber at half of it.

    Dagster sees an asset whole: one connector that stopped among many is told by our own checks.
    """
    return dg.FreshnessPolicy.time_window(fail_window=allowed, warn_window=allowed / 2)
