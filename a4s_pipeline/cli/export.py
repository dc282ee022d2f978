"""`a4s export`: tables and models as files for other tools."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import get_args

import click

from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say
from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.exporting import Export, export_files
from a4s_pipeline.exporting.bucket import is_url
from a4s_pipeline.exporting.export import Format
from a4s_pipeline.exporting.export import as_json as exported_as_json
from a4s_pipeline.platform import Platform
from a4s_pipeline.warehouse.schema.relations import Relation, relations_by


@click.command()
@click.argument("target")
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)), default="parquet", help="Of the files."
)
@click.option("--partition-by", type=click.Choice(["month"]), help="One file per month, if rows have a day.")
@click.option(
    "--table", "tables", multiple=True, metavar="NAME", help="Only this table or model; repeatable."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only rows of this day or later.")
@connector_option
@json_option
def export(
    target: str,
    format_: Format,
    partition_by: str | None,
    tables: tuple[str, ...],
    since: datetime | None,
    connector: str | None,
    as_json: bool,
) -> None:
    """Write tables and models of the published copy as files into TARGET, a folder or s3://bucket/folder.

    A folder of an earlier export is replaced, whole or not at all. In an object store a4s-export.json says
    isWhole once all files are there. Without --table all tables and models are exported.
    """
    platform = Platform()
    settings = platform.settings
    if connector is not None and settings.connectors:
        settings.administration_of(connector)
    wanted = Export(
        _chosen(relations_by(settings.conventions), tables),
        format_,
        str(settings.timezone),
        connector,
        since.date() if since else None,
        by_month=partition_by is not None,
    )
    with progress_bar("export") as advance:
        done = export_files(platform.readable, target if is_url(target) else Path(target), wanted, advance)
    if as_json:
        print_json(exported_as_json(done))
    else:
        rows = sum(done.rows.values())
        say(f"{done.target}: {rows:,} rows of {len(done.rows)} tables and models")
    for sentence in done.told:
        say(sentence, err=True)


def _chosen(relations: tuple[Relation, ...], names: tuple[str, ...]) -> list[Relation]:
    known = {relation.name: relation for relation in relations}
    for name in names:
        if name not in known:
            raise ChangeRequest(
                f"there is no table or model {name!r}; there are {', '.join(known)}", code="Invalid"
            )
    return [known[name] for name in names] if names else list(relations)
