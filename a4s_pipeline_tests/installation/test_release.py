"""What a release says about itself: its version, its licences, and the Python it needs."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from a4s_pipeline import __version__
from a4s_pipeline_tests.installation.licences import licences
from a4s_pipeline_tests.support.project import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Each lets a company run the product and change its own code without publishing it.
LOOKED_AT = {
    *("0BSD", "AFL-2.1", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "LGPL-3.0-or-later"),
    *("MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
}


def test_the_changelog_begins_with_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\S+), (not released yet|\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert len(headings) == len(re.findall(r"^## ", changelog, re.MULTILINE))
    assert headings[0][0] == PROJECT["version"] == __version__


def test_the_oldest_python_is_one_and_the_same() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    named = [each for each in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert named[0] == f"Programming Language :: Python :: {oldest}"
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_package_is_in_the_table_of_licences_by_one_that_was_looked_at() -> None:
    """To mend it: see the first lines of docs/licences.md."""
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (?!package|---)([a-z0-9-]+) \| (.+) \|$", page, re.MULTILINE))
    installed = licences()
    assert len(installed) > 50
    assert {name: told.get(name) for name in installed} == installed
    assert {each for text in told.values() for each in re.split(" AND | OR ", text)} <= LOOKED_AT
