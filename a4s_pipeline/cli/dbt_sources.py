"""`a4s dbt-sources`: a dbt package of the published copy."""

from __future__ import annotations

from pathlib import Path

import click

from a4s_pipeline.cli.output import say
from a4s_pipeline.exporting.dbt_package import write_dbt_package
from a4s_pipeline.platform import Platform


@click.command(name="dbt-sources")
@click.argument("folder", type=click.Path(path_type=Path))
def dbt_sources(folder: Path) -> None:
    """Write a dbt package into FOLDER: every table and model as a source, with descriptions and tests.

    It follows your settings; run the command again after an upgrade.
    """
    written = write_dbt_package(folder.absolute(), Platform().settings.conventions)
    say(f"{folder.absolute()}: {len(written)} files; README.md there says how to use them in dbt")
