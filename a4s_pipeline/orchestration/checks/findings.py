"""What is broken now, as results of asset checks: one sentence each, with records by name and what to do."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from a4s_pipeline.texts import as_code
from a4s_pipeline.warehouse.health import Broken

NOTHING = "nothing to report"
_MOST_CLAUSES = 10
_LONGEST_NAME = 60
# A result is an event in Dagster's store: with a thousand connectors those that pass would fill it.
_MOST_ROWS = 100


def sentence(broken: Sequence[Broken], what: str, advice: str) -> str:
    """Say how much of something is broken, which records first, and what to do."""
    if not broken:
        return NOTHING
    total = sum(one.count for one in broken)
    return f"{what}: {total} ({_joined([_clause(one) for one in broken])}); {advice}"


def _clause(one: Broken) -> str:
    names = ", ".join(as_code(name, _LONGEST_NAME) for name in one.first)
    more = one.count - len(one.first)
    return f"{_group(one)}: {names}" + (f" and {more} more" if more else "")


def _group(one: Broken) -> str:
    return f"{one.connector} {one.kind}".strip()


def _joined(clauses: Sequence[str]) -> str:
    more = len(clauses) - _MOST_CLAUSES
    return "; ".join([*clauses[:_MOST_CLAUSES], *([f"and {more} more"] if more > 0 else [])])


def of_connectors(broken: Sequence[Broken], connectors: Collection[str]) -> list[Broken]:
    """Leave out connectors that are configured no longer: no command could mend what is theirs."""
    return [one for one in broken if one.connector in connectors]


def counted(
    spec: dg.AssetCheckSpec,
    found: Sequence[Broken],
    what: str,
    advice: str,
    connectors: Collection[str],
) -> dg.AssetCheckResult:
    """Turn what is broken of these connectors into a check result, which passes where nothing is."""
    broken = of_connectors(found, connectors)
    counts = {_group(one): one.count for one in broken}
    by_connector = {
        name: "; ".join(_clause(one) for one in broken if one.connector == name)
        for name in dict.fromkeys(connectors)
    }
    metadata = {**counts, "count": sum(counts.values()), "connectors": _table(by_connector)}
    return _warning(spec, not broken, sentence(broken, what, advice), metadata)


def told(
    spec: dg.AssetCheckSpec,
    faults: Sequence[str],
    what: str,
    advice: str,
    last: Mapping[str, datetime | None],
) -> dg.AssetCheckResult:
    """Turn clauses, each on a connector, into a check result that passes where there are none.

    `last` tells of each connector when it last went well.
    """
    description = f"{what}: {_joined(faults)}{advice}" if faults else "fresh"
    instants = {
        name: dg.MetadataValue.timestamp(instant) if instant else "never" for name, instant in last.items()
    }
    by_connector = {
        name: next((fault for fault in faults if fault.startswith(f"{name} ")), "") for name in last
    }
    metadata = {**instants, "count": len(faults), "connectors": _table(by_connector)}
    return _warning(spec, not faults, description, metadata)


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


def _warning(
    spec: dg.AssetCheckSpec, passed: bool, description: str, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=dict(metadata),
    )
