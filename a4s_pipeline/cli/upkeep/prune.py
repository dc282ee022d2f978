"""`a4s prune`: removes what is older than the settings say."""

from __future__ import annotations

import click

from a4s_pipeline.cli.output import json_option, print_json, say
from a4s_pipeline.platform import Platform
from a4s_pipeline.retention import prune as retention
from a4s_pipeline.settings.loading import load_settings


@click.command()
@json_option
def prune(as_json: bool) -> None:
    """Remove requests, logged flows, export attempts and row versions that are older than the settings allow.

    The settings are A4S_REQUESTS_KEPT_DAYS, A4S_FLOWS_KEPT_DAYS, A4S_ATTEMPTS_KEPT_DAYS and
    A4S_VERSIONS_KEPT_DAYS. Waiting requests and unresolved exports stay.
    """
    settings = load_settings()
    settings.chosen_connectors(None)
    pruned = retention.prune(Platform(settings))
    if as_json:
        print_json({"rows": pruned.rows, "files": pruned.files})
        return
    for name, count in {**pruned.rows, **pruned.files}.items():
        say(f"{name:<24} {count:>8,} {'files' if name in pruned.files else 'rows'} removed or blanked")
    if not (pruned.rows or pruned.files):
        say("nothing is older than the settings allow")
