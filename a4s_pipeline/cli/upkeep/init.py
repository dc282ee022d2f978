"""`a4s init`: the files of a new installation."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from a4s_pipeline.cli.output import json_option, print_json, say, shown_command
from a4s_pipeline.installation.writing import write_installation


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--systemd", "with_systemd", is_flag=True, help="Also units for systemd, in FOLDER/systemd.")
@click.option("--user", metavar="NAME", help="Whom the units run as; by default whoever runs this.")
@json_option
def init(folder: Path, with_systemd: bool, user: str | None, as_json: bool) -> None:
    """Write the files of a new installation to FOLDER: .env, workspace.yaml and dagster.yaml.

    Existing files are not changed.
    """
    if user is not None and not with_systemd:
        raise click.UsageError("--user is for the units: give --systemd too, or leave it out")
    written = write_installation(folder.absolute(), with_systemd=with_systemd, user=user)
    if as_json:
        print_json({"new": [str(path) for path in written.new], "left": [str(path) for path in written.left]})
        return
    for path in written.new:
        say(f"wrote {path}")
    for path in written.left:
        say(f"left {path} as it is")
    say(f"Next: fill in URL, credentials and connectors in {folder / '.env'}.")
    if user not in (None, getpass.getuser()):
        say(f"The folder belongs to whoever runs everything in it: chown -R {user}: {folder}")
    a4s, dagster = (shown_command(name, folder.absolute()) for name in ("a4s", "dagster"))
    then = f"Then, in {folder}: `{a4s} check`, `{a4s} sync`, `{dagster} dev`"
    say(f"{then}." if user is None else f"{then}, as {user}.")
    if with_systemd:
        if user is None and getpass.getuser() == "root":
            say(
                "The units run as root: better as a user of its own, who owns the folder (--user NAME).",
                err=True,
            )
        say(f"Or, as root: cp {folder / 'systemd'}/*.service /etc/systemd/system/")
        say("systemctl daemon-reload")
        say("systemctl enable --now a4s-dagster-daemon a4s-dagster-webserver a4s-serve")
