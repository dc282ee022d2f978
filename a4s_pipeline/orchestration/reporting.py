"""Reports to a Dagster instance what a command did without it, so that the UI shows it like any other run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from a4s_pipeline.errors import A4sError, ChangeSettings
from a4s_pipeline.health.checks import months_as_compared
from a4s_pipeline.health.finding import Check, Finding
from a4s_pipeline.importing import Import
from a4s_pipeline.orchestration.assets.analytics import record_published
from a4s_pipeline.orchestration.assets.events.recording import Recorded, recorded_listing, recorded_months
from a4s_pipeline.orchestration.assets.sources import source_materializations
from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG, SYNC_JOBS
from a4s_pipeline.orchestration.checks.findings import evaluation_of, spec_of
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.sync.windows import Months, month_of
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES

BY_COMMAND = {"a4s/by": "command line"}
_LISTINGS = {tables.stream: tables for tables in (ITEM_TABLES, CUSTOMER_TABLES)}


@contextmanager
def instance_at(home: str) -> Iterator[dg.DagsterInstance]:
    """Open the instance of a Dagster home; raises `ChangeSettings` if that is not a folder."""
    if not (Path(home).is_absolute() and Path(home).is_dir()):
        raise ChangeSettings(f"DAGSTER_HOME: {home!r} is not the absolute path of a folder that exists")
    with dg.DagsterInstance.get() as instance:
        yield instance


class Reports:
    """Reports one command to one instance, under the asset keys of the layout."""

    def __init__(self, instance: dg.DagsterInstance, platform: Platform, layout: Layout) -> None:
        self._instance = instance
        self._platform = platform
        self._layout = layout

    def imports(self, imports: Sequence[Import]) -> None:
        """Record each import as a run under its id, with the tables and partitions that it read or wrote."""
        for one in imports:
            self._run(one)
            for recorded in self._recorded(one):
                # An event outside a step belongs to no run; its metadata links to the run.
                metadata = {**recorded.metadata, "run": dg.MetadataValue.dagster_run(one.run_id)}
                key = self._layout.key(recorded.table)
                self._instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, metadata=metadata, partition=recorded.partition)
                )
            for materialization in source_materializations(self._layout, one.result.stream, [one.result]):
                self._instance.report_runless_asset_event(materialization)

    def published(self) -> None:
        """Record that the copy for analysts was published."""
        for event in record_published(self._instance, self._layout, self._platform):
            self._instance.report_runless_asset_event(event)

    def findings(self, findings: Mapping[Check, Finding]) -> None:
        """Record the results of the checks; with those of orders also the last comparison's."""
        known = {}
        if any(check.stream == STREAM for check in findings):
            with suppress(A4sError):
                known = months_as_compared(self._platform.warehouse, self._platform.settings)
        for check, finding in {**findings, **known}.items():
            self._instance.report_runless_asset_event(evaluation_of(spec_of(self._layout, check), finding))

    def _recorded(self, one: Import) -> Iterable[Recorded]:
        result = one.result
        if result.stream != STREAM:
            return recorded_listing(self._platform, result, _LISTINGS[result.stream])
        running = month_of(datetime.now(UTC), self._platform.settings.timezone)
        return recorded_months(
            self._platform,
            result,
            one.plan.months or Months(running, running),
            run_id=one.run_id,
            is_catch_up=one.plan.months is None,
        )

    def _run(self, one: Import) -> None:
        result, job = one.result, SYNC_JOBS[one.result.stream]
        tags = {CONNECTOR_TAG: result.connector, **BY_COMMAND}
        self._instance.add_run(dg.DagsterRun(job_name=job, run_id=one.run_id, tags=tags))
        ended = datetime.now(UTC)
        began = ended - timedelta(seconds=result.seconds)
        if result.error is None:
            end = "PIPELINE_SUCCESS"
            told = f"{result.seen:,} seen, {result.new:,} new, {result.changed:,} changed"
        else:
            end, told = "PIPELINE_FAILURE", str(result.error)
        by = f"`a4s sync {result.stream}` of {result.connector}"
        for kind, message, at in (("PIPELINE_START", f"{by} began", began), (end, f"{by}: {told}", ended)):
            event = dg.DagsterEvent(event_type_value=kind, job_name=job, message=message)
            self._instance.report_dagster_event(event, run_id=one.run_id, timestamp=at.timestamp())
