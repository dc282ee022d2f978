"""The licences of everything that the product installs, as its packages state them.

It rewrites the page, where all extras are installed:
`.venv-cluster/bin/python -m a4s_pipeline_tests.installation.licences > docs/licences.md`
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PRODUCT = "a4s-pipeline"
EXTRAS = frozenset({"report", "notebook", "cluster"})
_HEAD = """\
# Licences

What `pip install 'a4s-pipeline[report,notebook,cluster]'` brings along on Linux, by the licence that each
package states. `.venv-cluster/bin/python -m a4s_pipeline_tests.installation.licences` writes this page. A
test holds it to what is installed, and fails on a licence that nobody has looked at yet.

| package | licence |
| --- | --- |
"""
_CLASSIFIED = "License :: OSI Approved :: "
_OTHER_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD-3-clause": "BSD-3-Clause",
    "BSD License OR GNU General Public License (GPL)": "BSD-2-Clause",  # docutils
    "New BSD": "BSD-3-Clause",
    "LGPL with exceptions": "LGPL-3.0-or-later",  # psycopg2, which is loaded and not changed
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "PSF": "PSF-2.0",
}


def licences() -> dict[str, str]:
    """Return the licence of each package that is installed for the product and its extras, by its name."""
    found: dict[str, str] = {}
    waiting = [(PRODUCT, EXTRAS)]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        if name != PRODUCT:
            found[name] = licence_of(installed)
        waiting += _needed(installed, extras)
    return dict(sorted(found.items()))


def licence_of(installed: Distribution) -> str:
    """Return what a package states: the expression, or else its classifiers, or else a short text."""
    stated = installed.metadata
    if "License-Expression" in stated:
        return str(stated["License-Expression"])
    classified = [
        text.removeprefix(_CLASSIFIED)
        for text in stated.get_all("Classifier") or []
        if text.startswith(_CLASSIFIED)
    ]
    text = "\n".join(stated.get_all("License") or []).strip().splitlines()
    said = text[0] if len(text) == 1 else " OR ".join(classified) or (text[0] if text else "none stated")
    return _OTHER_NAMES.get(said, said)


def table(of: dict[str, str]) -> str:
    """Return the page."""
    return _HEAD + "".join(f"| {name} | {licence} |\n" for name, licence in of.items())


def _needed(installed: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for text in installed.requires or []:
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras)


if __name__ == "__main__":
    sys.stdout.write(table(licences()))
