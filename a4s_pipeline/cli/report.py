"""`a4s report`: the published copy as one page of charts and tables."""

from __future__ import annotations

from pathlib import Path

import click

from a4s_pipeline.cli.output import connector_option
from a4s_pipeline.platform import Platform
from a4s_pipeline.report import write_report


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file to write, by default report.html in A4S_DATA_DIR.",
)
@connector_option
def report(output: Path | None, connector: str | None) -> None:
    """Write one HTML page on sales, stock and freshness, from the published copy.

    The page opens from disk and loads nothing from elsewhere. Without --connector it covers all connectors.
    """
    platform = Platform()
    settings = platform.settings
    # Without settings, as on an analyst's machine, the copy says which connectors there are.
    chosen = None
    if connector or settings.connectors:
        chosen = {name: settings.connectors[name].streams for name in settings.chosen_connectors(connector)}
    page = write_report(
        platform.readable,
        output or settings.data_dir / "report.html",
        connectors=chosen,
        zone=settings.timezone,
    )
    click.echo(str(page))
