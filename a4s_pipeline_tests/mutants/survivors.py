"""Compares the surviving mutants with those in `known.toml`, and prints the score.

    mutmut results --all true | python -m a4s_pipeline_tests.mutants.survivors - FILE...

mutmut renumbers the mutants of a function when it changes, so `known.toml` allows a number for each function.
The exit status is 1 if one has more survivors than that, or if not every mutant was tried.
"""

import fileinput
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

KNOWN = Path(__file__).with_name("known.toml")
_RESULT = re.compile(r"\s*(?P<name>\S.*?)(?:__mutmut_\d+)?: (?P<outcome>[a-z ]+)\s*")
# One that made the tests hang or the process die was noticed.
_NOTICED = {"killed", "timeout", "suspicious", "segfault", "caught by type check"}
_UNNOTICED = {"survived", "no tests"}


class Result(NamedTuple):
    """What happened to one mutant of a function, or one change of a model."""

    name: str
    outcome: str


def results_of(lines: Iterable[str]) -> list[Result]:
    """Read the results that mutmut or `mutants.models` wrote."""
    found = (_RESULT.fullmatch(line) for line in lines)
    return [Result(one["name"].replace("ǁ", "."), one["outcome"]) for one in found if one]


def survivors(results: Iterable[Result]) -> Counter[str]:
    """Count the mutants that no test noticed, by name."""
    return Counter(one.name for one in results if one.outcome in _UNNOTICED)


def excess(found: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """Return a line for each name with more survivors than are known."""
    return [
        f"{name}: {count} mutants survived, {known.get(name, 0)} are known"
        for name, count in sorted(found.items())
        if count > known.get(name, 0)
    ]


def fewer(found: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """Return a line for each name with fewer survivors than are known."""
    return [
        f"{name}: {found.get(name, 0)} mutants survived, {most} are known: lower it in known.toml"
        for name, most in sorted(known.items())
        if found.get(name, 0) < most
    ]


def score(results: Iterable[Result]) -> str:
    """Say how many mutants there were and what became of them."""
    outcomes = Counter(one.outcome for one in results)
    noticed = sum(outcomes[outcome] for outcome in _NOTICED)
    return (
        f"{outcomes.total():,} mutants: {noticed:,} noticed ({noticed / max(1, outcomes.total()):.1%}), "
        f"{outcomes['survived']:,} survived, {outcomes['no tests']:,} reached by no test"
    )


def allowed() -> dict[str, int]:
    """Return how many mutants of each name may survive."""
    return {name: entry["most"] for name, entry in tomllib.loads(KNOWN.read_text()).items()}


def report_on(results: list[Result], known: Mapping[str, int]) -> tuple[list[str], bool]:
    """Return the report on the results, and whether all is well."""
    found = survivors(results)
    too_many = excess(found, known)
    untried = [one for one in results if one.outcome not in _NOTICED | _UNNOTICED]
    faults = [*too_many, *([f"{len(untried)} mutants were not tried"] if untried else [])]
    if not results:
        faults.append("there are no results: the mutants were not tried")
    return [*faults, *fewer(found, known), score(results)], not faults


def main() -> int:
    with fileinput.input(encoding="utf-8") as lines:
        report, is_well = report_on(results_of(lines), allowed())
    sys.stdout.write("\n".join(report) + "\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
