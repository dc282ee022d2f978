"""What `make demo`, `make test` and CI install is the same every day."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from a4s_pipeline_tests.support.project import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed(*extras: str) -> Iterator[str]:
    """The packages that the product and these extras require, including their own extras."""
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    for line in (line for group in groups for line in group):
        name, within = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?.*", line).groups()  # type: ignore[union-attr]
        if name == PROJECT["name"]:
            yield from needed(*within.split(","))
        else:
            yield re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("file", "extras"), [("product", ("dev", "report")), ("cluster", ("cluster-dev",))])
def test_every_package_has_its_version_written_down(file: str, extras: tuple[str, ...]) -> None:
    """To mend it: `make constraints`."""
    lines = (ROOT / "constraints" / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    fixed = {line.split("==")[0] for line in lines}
    assert sorted(set(needed(*extras)) - fixed) == []
