"""The `.env` of a new installation: every setting of the README's table, commented out, with its meaning.

`python -m a4s_pipeline_tests.installation.env_file` rewrites it from README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from a4s_pipeline_tests.support.project import ROOT

ENV_FILE = ROOT / "a4s_pipeline" / "installation" / "files" / "env"
README = ROOT / "README.md"
_ROW = re.compile(r"^\| (`A4S_.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
_LINK = re.compile(r"\s*\(?\[[^\]]*\]\([^)]*\)\)?")
_WIDTH = 100
_HEAD = """\
# Settings of a4s-pipeline in this folder. The environment overrides these lines, except in Dagster, where a
# line overrides the environment, even an empty one: keep a line commented out if the environment sets it.
# Remove the # to change a default; every installation must set the gateway's URL, its credentials and the
# connectors. This file may contain credentials: keep it readable only by its owner.
"""


def env_file(readme: str) -> str:
    """Return the file for the table of settings in a README."""
    return "\n".join([_HEAD, *_blocks(readme)])


def _blocks(readme: str) -> Iterator[str]:
    for names, default, meaning in _ROW.findall(readme):
        text = _LINK.sub("", meaning).replace("`", "")
        shown = "" if default == "none" else f" Default: {default.strip('`')}."
        comment = "\n".join(f"# {line}" for line in wrap(f"{text[0].upper()}{text[1:]}.{shown}", _WIDTH))
        value = "" if default == "none" else default.strip("`")
        named = re.findall(r"`(A4S_\w+)`", names)
        lines = "\n".join(f"#{name}={value}" for name in named)
        yield f"{comment}\n{lines}\n"


if __name__ == "__main__":
    ENV_FILE.write_text(env_file(README.read_text(encoding="utf-8")), encoding="utf-8")
