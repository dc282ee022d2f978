"""Turns findings into Dagster's check results, with a table of the connectors."""

from typing import Any

import dagster as dg

from a4s_pipeline.health.finding import NOTHING, Check, Finding
from a4s_pipeline.orchestration.layout import Layout

# A result is an event in Dagster's store: a thousand passing connectors would fill it.
_MOST_ROWS = 100


def spec_of(layout: Layout, check: Check) -> dg.AssetCheckSpec:
    """Describe a check to Dagster."""
    return dg.AssetCheckSpec(check.name, asset=layout.key(check.table), description=check.description)


def result_of(spec: dg.AssetCheckSpec, finding: Finding) -> dg.AssetCheckResult:
    """Turn a finding into the result of a check that Dagster runs; a warning that fails no run."""
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.sentence,
        metadata=_metadata(finding),
    )


def evaluation_of(spec: dg.AssetCheckSpec, finding: Finding) -> dg.AssetCheckEvaluation:
    """Turn a finding into the event of a check that ran outside Dagster."""
    return dg.AssetCheckEvaluation(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.sentence,
        metadata=_metadata(finding),
    )


def _metadata(finding: Finding) -> dict[str, Any]:
    # Connectors with faults come first, as in the table.
    last = sorted(finding.last.items(), key=lambda one: not finding.by_connector[one[0]])
    instants = {
        name: dg.MetadataValue.timestamp(instant) if instant else "never"
        for name, instant in last[:_MOST_ROWS]
    }
    return {
        **finding.counts,
        **instants,
        "count": finding.count,
        "connectors": _table(finding),
    }


def _table(finding: Finding) -> dg.TableMetadataValue:
    """Say for each connector whether it passes; those that do not come first."""
    rows = sorted(finding.by_connector.items(), key=lambda one: not one[1])
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {"connector": name, "passed": finding.passed or not found, "found": found or NOTHING}
            )
            for name, found in rows[:_MOST_ROWS]
        ],
        dg.TableSchema(
            [dg.TableColumn("connector"), dg.TableColumn("passed", "bool"), dg.TableColumn("found")]
        ),
    )
