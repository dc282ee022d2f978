"""A check and its finding: one sentence that names records and says what to do; pure wording."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb

from a4s_pipeline.files.texts import as_code
from a4s_pipeline.warehouse.health import Broken

NOTHING = "nothing to report"
_MOST_CLAUSES = 10
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Asked:
    """Which connectors to check, at what time, and the time zone of messages."""

    connectors: Sequence[str]
    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class Finding:
    """What a check found: whether it passes, and a sentence that says what is broken and what to do.

    `by_connector` has a clause for each checked connector, empty if nothing is broken there; `counts` the
    number of broken records, by connector and kind; `last` when each connector last succeeded.
    """

    passed: bool
    sentence: str
    by_connector: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, datetime | None] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many are broken: records, or connectors if the check is about those."""
        return sum(self.counts.values()) if self.counts else sum(map(bool, self.by_connector.values()))


Ask = Callable[[duckdb.DuckDBPyConnection, Asked], Finding]
"""Asks the open store what is broken now."""


@dataclass(frozen=True)
class Check:
    """One standing check: its table, the import that it follows, and its query.

    `stream` is `items`, `customers`, `orders` or, for what was sent, `ledgers`.
    """

    name: str
    table: str
    stream: str
    description: str
    ask: Ask


def counted(found: Sequence[Broken], what: str, advice: str, connectors: Collection[str]) -> Finding:
    """Say how much is broken at these connectors, which records first, and what to do."""
    broken = of_connectors(found, connectors)
    return Finding(
        passed=not broken,
        sentence=sentence(broken, what, advice),
        by_connector={
            name: "; ".join(_clause(one) for one in broken if one.connector == name)
            for name in dict.fromkeys(connectors)
        },
        counts={_group(one): one.count for one in broken},
    )


def noted(found: Sequence[Broken], what: str, advice: str, connectors: Collection[str]) -> Finding:
    """Report something that a site may want to know but is not a fault: the check passes."""
    return replace(counted(found, what, advice, connectors), passed=True)


def told(
    faults: Mapping[str, str],
    what: str,
    advice: str,
    last: Mapping[str, datetime | None],
    absent: Sequence[str] = (),
) -> Finding:
    """Say at which connectors something is out of date; `faults` has a clause for each.

    `absent` are connectors without order history, which is a state and not a fault.
    """
    found = f"{what}: {_joined(list(faults.values()))}{advice}" if faults else "fresh"
    if absent:
        found += f"; without order history, because there is no focus connector: {_joined(absent, ', ')}"
    return Finding(
        passed=not faults,
        sentence=found,
        by_connector={name: faults.get(name, "") for name in last},
        last=last,
    )


def of_connectors(broken: Sequence[Broken], connectors: Collection[str]) -> list[Broken]:
    """Leave out connectors that are no longer configured: no command could mend their records."""
    return [one for one in broken if one.connector in connectors]


def sentence(broken: Sequence[Broken], what: str, advice: str) -> str:
    """Say how many are broken, name the first records, and say what to do."""
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


def _joined(clauses: Sequence[str], between: str = "; ") -> str:
    more = len(clauses) - _MOST_CLAUSES
    return between.join([*clauses[:_MOST_CLAUSES], *([f"and {more} more"] if more > 0 else [])])
