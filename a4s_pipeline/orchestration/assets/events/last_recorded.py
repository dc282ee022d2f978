"""Reads an asset's last materialization from a Dagster instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class LastRecorded:
    """The last materialization of an asset: when it was recorded, and its metadata as plain values."""

    at: datetime
    metadata: Mapping[str, Any]


def last_recorded(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]
) -> dict[dg.AssetKey, LastRecorded]:
    """Return the last materialization of each asset that has one, in one query."""
    found = {}
    for record in instance.get_asset_records(keys):
        entry = record.asset_entry.last_materialization
        if entry is not None and entry.asset_materialization is not None:
            metadata = entry.asset_materialization.metadata
            found[record.asset_entry.asset_key] = LastRecorded(
                datetime.fromtimestamp(entry.timestamp, UTC),
                {name: value.value for name, value in metadata.items()},
            )
    return found
