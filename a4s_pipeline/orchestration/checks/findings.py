"""What a standing check found, as Dagster shows it: results of checks, with a table of the connectors."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from a4s_pipeline.health.finding import NOTHING, Check, Finding
from a4s_pipeline.orchestration.layout import Layout

# A result is an event in Dagster's store: with a thousand connectors those that pass would fill it.
_MOST_ROWS = 100


def spec_of(layout: Layout, check: Check) -> dg.AssetCheckSpec:
    """Describe a check to Dagster."""
    return dg.AssetCheckSpec(check.name, asset=layout.key(check.table), description=check.description)


def result_of(spec: dg.AssetCheckSpec, finding: Finding) -> dg.AssetCheckResult:
    """Turn what was found into the result of a check that Dagster executes; it warns, and fails no run."""
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.sentence,
        metadata=_metadata(finding),
    )


def evaluation_of(spec: dg.AssetCheckSpec, finding: Finding) -> dg.AssetCheckEvaluation:
    """Turn what was found into the event of a check that was done without Dagster."""
    return dg.AssetCheckEvaluation(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.sentence,
        metadata=_metadata(finding),
    )


def _metadata(finding: Finding) -> dict[str, Any]:
    # Those that something is wrong with stand first, as in the table.
    last = sorted(finding.last.items(), key=lambda one: not finding.by_connector[one[0]])
    instants = {
        name: dg.MetadataValue.timestamp(instant) if instant else "never"
        for name, instant in last[:_MOST_ROWS]
    }
    return {
        **finding.counts,
        **instants,
        "count": finding.count,
        "connectors": _table(finding.by_connector),
    }


def _table(by_connector: Mapping[str, str]) -> dg.TableMetadataValue:
    """Tell of each connector whether it passes; those that do not stand first."""
    rows = sorted(by_connector.items(), key=lambda one: not one[1])
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"connector": name, "passed": not fault, "found": fault or NOTHING})
            for name, fault in rows[:_MOST_ROWS]
        ],
        dg.TableSchema(
            [dg.TableColumn("connector"), dg.TableColumn("passed", "bool"), dg.TableColumn("found")]
        ),
    )
