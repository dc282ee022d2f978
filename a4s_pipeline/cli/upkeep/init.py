"""`a4s init`: the files of a new installation."""

from __future__ import annotations

from pathlib import Path

import click

from a4s_pipeline.cli.output import json_option, print_json, say
from a4s_pipeline.installation.writing import write_installation


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--systemd", "with_systemd", is_flag=True, help="Also units for systemd, in FOLDER/systemd.")
@json_option
def init(folder: Path, with_systemd: bool, as_json: bool) -> None:
    """Write the files of a new installation into FOLDER: .env, workspace.yaml and dagster.yaml.

    A file that is there is left as it is.
    """
    written = write_installation(folder.absolute(), with_systemd=with_systemd)
    if as_json:
        print_json({"new": [str(path) for path in written.new], "left": [str(path) for path in written.left]})
        return
    for path in written.new:
        say(f"wrote {path}")
    for path in written.left:
        say(f"left {path} as it is")
    say(f"Next: fill in URL, credentials and connectors in {folder / '.env'}.")
    say(f"Then, in {folder}: `a4s check`, `a4s sync`, `dagster dev`.")
    if with_systemd:
        say(f"Or, as root: cp {folder / 'systemd'}/*.service /etc/systemd/system/")
        say("systemctl daemon-reload")
        say("systemctl enable --now a4s-dagster-daemon a4s-dagster-webserver a4s-serve")
