"""The check that each stream has succeeded within a day, for every connector that is configured now."""

from datetime import UTC, datetime

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.checks.findings import told
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.freshness import stale_streams
from a4s_pipeline.warehouse.health import streams_health


def freshness_spec(stream: str) -> dg.AssetCheckSpec:
    """Describe the check of one stream, which is also the name of its asset."""
    return dg.AssetCheckSpec(
        "stream_is_fresh",
        asset=stream,
        description=f"The {stream} of every connector in A4S_CONNECTORS were read to their end within a day.",
    )


def stream_is_fresh(
    spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
) -> dg.AssetCheckResult:
    """Ask the store when each connector's stream last succeeded."""
    stream = spec.asset_key.to_user_string()
    known = streams_health(store, stream)
    connectors = settings.connectors_with(stream)
    faults = stale_streams(stream, connectors, known, datetime.now(UTC), settings.timezone)
    successes = {name: known[name].last_success_at if name in known else None for name in connectors}
    return told(
        spec,
        faults,
        f"{stream} not read for a day",
        "",
        {
            name: dg.MetadataValue.timestamp(instant) if instant else "never"
            for name, instant in successes.items()
        },
    )
