"""The check that each stream has succeeded within a day, for every connector that is configured now."""

from datetime import UTC, datetime

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.checks.findings import told
from a4s_pipeline.orchestration.checks.store_checks import StoreCheck
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.freshness import stale_streams
from a4s_pipeline.warehouse.health import streams_health


def freshness_check(stream: str) -> StoreCheck:
    """Describe the check of one stream, which is also the name of its table."""

    def stream_is_fresh(
        spec: dg.AssetCheckSpec, store: duckdb.DuckDBPyConnection, settings: Settings
    ) -> dg.AssetCheckResult:
        known = streams_health(store, stream)
        connectors = settings.connectors_with(stream)
        return told(
            spec,
            stale_streams(stream, connectors, known, datetime.now(UTC), settings.timezone),
            f"{stream} not read for a day",
            "",
            {name: known[name].last_success_at if name in known else None for name in connectors},
        )

    return StoreCheck(
        "stream_is_fresh",
        stream,
        f"The {stream} of every connector in A4S_CONNECTORS were read to their end within a day.",
        stream_is_fresh,
    )
