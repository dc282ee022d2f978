"""What a standing check found, as Dagster shows it: results of checks, with a table of the connectors."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from a4s_pipeline.health.finding import NOTHING, Finding

# A result is an event in Dagster's store: with a thousand connectors those that pass would fill it.
_MOST_ROWS = 100


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
    instants = {
        name: dg.MetadataValue.timestamp(instant) if instant else "never"
        for name, instant in finding.last.items()
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
