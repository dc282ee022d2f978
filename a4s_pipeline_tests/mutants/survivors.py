"""Compares the mutants that survived with those that `known.toml` allows.

    mutmut results | python -m a4s_pipeline_tests.mutants.survivors

mutmut numbers the mutants of a function anew when the function changes, so what is allowed is a number for
each function. The exit status is 1 if a function has more survivors than that.
"""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

KNOWN = Path(__file__).with_name("known.toml")
_RESULT = re.compile(r"\s*(?P<function>\S+)__mutmut_\d+: (?P<what>survived|no tests|timeout|suspicious)")


def survivors(lines: Iterable[str]) -> Counter[str]:
    """Count the mutants that no test noticed, by function; one that made the tests hang was noticed."""
    found = (_RESULT.match(line) for line in lines)
    return Counter(
        one["function"].replace("ǁ", ".") for one in found if one and one["what"] in ("survived", "no tests")
    )


def excess(found: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """Return a line for each function with more survivors than are known."""
    return [
        f"{function}: {count} mutants survived, {known.get(function, 0)} are known"
        for function, count in sorted(found.items())
        if count > known.get(function, 0)
    ]


def allowed() -> dict[str, int]:
    """Return how many mutants of each function may survive."""
    return {function: entry["most"] for function, entry in tomllib.loads(KNOWN.read_text()).items()}


def main() -> int:
    found = survivors(sys.stdin)
    too_many = excess(found, allowed())
    report = [
        *too_many,
        f"{found.total()} mutants survived; {len(too_many)} functions have more than are known",
    ]
    sys.stdout.write("\n".join(report) + "\n")
    return 1 if too_many else 0


if __name__ == "__main__":
    sys.exit(main())
