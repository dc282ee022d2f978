"""`a4s notebook`: the published copy with filters, in a browser."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from a4s_pipeline.cli.output import say
from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.notebook import NOTEBOOK, require_notebook
from a4s_pipeline.platform import Platform


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=2718,
    show_default=True,
    help="Port on which it is served.",
)
@click.option("--headless", is_flag=True, help="Opens no browser.")
@click.option(
    "--copy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Only write a copy for you to change with `marimo edit FILE`.",
)
def notebook(port: int, headless: bool, copy: Path | None) -> None:
    """Open sales, customers gone quiet and items running short in a browser, with filters; ends with Ctrl-C.

    It only reads the published copy, and only this machine can open it.
    """
    if copy is not None:
        _write_copy(copy)
        return
    require_notebook(Platform().readable)
    command = [sys.executable, "-m", "marimo", "run", str(NOTEBOOK), "--no-sandbox", "--port", str(port)]
    if headless:
        command.append("--headless")
    sys.stdout.flush()
    # Marimo replaces this process, so it handles Ctrl-C and SIGTERM and sets the exit status.
    os.execv(sys.executable, command)  # noqa: S606 - our own


def _write_copy(target: Path) -> None:
    try:
        with target.open("xb") as file, NOTEBOOK.open("rb") as source:
            shutil.copyfileobj(source, file)
    except FileExistsError:
        raise ChangeRequest(f"{target} is there already: choose another name", code="Invalid") from None
    except OSError as error:
        raise ChangeRequest(f"{target} cannot be written: {error.strerror}", code="Invalid") from None
    say(f"{target.absolute()}: open it with `marimo edit {target}` in this folder")
