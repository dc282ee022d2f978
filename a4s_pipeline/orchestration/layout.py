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
    """How a deployment presents the connector in its Dagster.

    `key_prefix` precedes every asset key, `groups` maps our group names to the deployment's, and `streams`
    are the streams with assets. `has_schedules` says whether imports and checks run automatically.
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

    Dagster sees an asset whole: our own checks report one connector that stopped among many.
    """
    return dg.FreshnessPolicy.time_window(fail_window=allowed, warn_window=allowed / 2)
