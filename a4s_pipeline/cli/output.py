"""What commands print: answers on standard output, everything else on standard error."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from a4s_pipeline.cli.logs import is_json, tell_error
from a4s_pipeline.errors import A4sError, ChangeSettings
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.texts import has_utf8, json_to_show, on_a_line
from a4s_pipeline.ondemand.answers import Answered, error_object
from a4s_pipeline.settings.loading import Settings

F = TypeVar("F", bound=Callable[..., Any])


def say(*lines: str, err: bool = False) -> None:
    """Print lines; control characters, which names and codes may contain, are shown and not sent."""
    for line in lines:
        click.echo(on_a_line(line), err=err)


def shown_command(name: str, folder: Path) -> str:
    """Return how to call a command of this installation in a folder: by name if a shell finds it, or path."""
    ours = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if not ours.exists() or (found and Path(found).samefile(ours)):
        return name
    return str(ours.relative_to(folder) if ours.is_relative_to(folder) else ours)


def print_json(document: Any) -> None:
    """Print the one JSON document that `--json` promises, to the standard output of the command line."""
    context = click.get_current_context(silent=True)
    click.echo(json_to_show(exact_json.dumps(document)), file=context.find_root().obj if context else None)


def utf8(argument: str) -> str:
    """Check an argument that the store is asked for: it must be UTF-8."""
    if not has_utf8(argument):
        raise click.BadParameter(f"{argument!r} is not UTF-8 text")
    return argument


def report_failure(error: A4sError, *, as_json: bool) -> int:
    """Say what failed, and return its exit status."""
    report_error(error_object(error), as_json=as_json)
    return 2 if isinstance(error, ChangeSettings) else 1


def report_error(error: Mapping[str, Any], *, as_json: bool) -> int:
    """Say why an answer is not the one asked for, and return its exit status."""
    if as_json:
        print_json({"error": error})
    _tell(error, "a4s:")
    return 1


def _tell(error: Mapping[str, Any], begins: str) -> None:
    if is_json():
        faults = "".join(f"; {fault['field']}: {fault['message']}" for fault in error["fields"])
        tell_error(error["code"], error["message"] + faults)
        return
    say(*f"{begins} {error['message']}".split("\n"), err=True)
    for fault in error["fields"]:
        say(f"  {fault['field']}: {fault['message']}", err=True)


def print_answered(answered: Answered, *, as_json: bool, summary: Callable[[dict[str, Any]], str]) -> int:
    """Print the answer to a request, and return its exit status."""
    if as_json:
        print_json(answered.answer if answered.status == "ok" else {"error": answered.error})
    elif answered.answer is not None and answered.status == "ok":
        say(*summary(answered.answer).split("\n"))
    if answered.error is not None:
        _tell(answered.error, f"a4s: {answered.status}:")
    return 0 if answered.status == "ok" else 1


def json_option(command: F) -> F:
    """Add `--json` to a command that answers with data."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON document, and nothing else, on standard output.",
    )(command)


def connector_option(command: F) -> F:
    """Add `--connector` to a command."""
    return click.option("--connector", metavar="NAME", help="The connector, by its name in A4S_CONNECTORS.")(
        command
    )


def one_connector(settings: Settings, connector: str | None) -> str:
    """Return the connector asked for, or the only one there is."""
    connectors = settings.chosen_connectors(connector)
    if len(connectors) > 1:
        raise click.UsageError(
            f"there are several connectors; add --connector with one of {', '.join(connectors)}"
        )
    return connectors[0]
