"""`a4s backup` and `a4s restore`: copies a running installation, and puts the copy back."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from a4s_pipeline.backup.making import back_up
from a4s_pipeline.backup.restoring import restore as put_back
from a4s_pipeline.cli.output import json_option, print_json, say
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def backup(target: Path, as_json: bool) -> None:
    """Write a consistent copy of the installation to the new folder TARGET while everything runs.

    It contains the store with the ledgers, the requests and answers, reference data and the log of failures.
    Only its owner can read it, unless TARGET is there already and empty: then it has the mode of that folder.
    It does not contain the settings, because they hold credentials, or pictures, which can be fetched again.
    """
    made = back_up(Platform(load_settings()), target.absolute())
    if as_json:
        print_json({"path": str(made.path), "files": made.files, "bytes": made.size})
    else:
        say(f"{made.path}: {made.files:,} files, {made.size / 1e6:,.1f} MB")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--replace", is_flag=True, help="Move existing data aside, and put the backup in its place.")
@json_option
def restore(source: Path, replace: bool, as_json: bool) -> None:
    """Restore the backup SOURCE to the places where the settings say that this installation keeps its data.

    First stop everything else of the installation: a restore refuses while a server, a sync or an on-demand
    run is running. For A4S_RESTORED_LOOK_UP_DAYS after a restore, each order and customer is looked up at the
    gateway before it is sent, because the older ledger may not know of it.
    """
    settings = load_settings()
    settings.chosen_connectors(None)
    done = put_back(Platform(settings), source.absolute(), replace=replace)
    if as_json:
        print_json(
            {
                "madeAt": done.made_at.isoformat(),
                "movedTo": str(done.moved_to) if done.moved_to else None,
                "forgottenSince": [
                    {"connector": name, "customerCode": code} for name, code in done.forgotten_since
                ],
            }
        )
        return
    say(f"the backup of {done.made_at:%Y-%m-%d %H:%M} UTC is in place: `a4s sync` imports what is newer")
    if done.moved_to:
        say(f"the data that was there before is in {done.moved_to}")
    say(
        f"for {settings.restored_look_up_days} days, orders and customers are looked up at the gateway "
        "before they are sent"
    )
    for connector, code in done.forgotten_since:
        say(
            f"customer {code} of {connector} was forgotten since the backup, and is back: "
            f"`a4s forget-customer {quote(code)} --connector {connector}`",
            err=True,
        )
