"""What commands print: answers on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings
from a4s_pipeline.ondemand.answers import Answered, error_object

F = TypeVar("F", bound=Callable[..., Any])


def print_json(document: Any) -> None:
    """Print the one JSON document that `--json` promises."""
    click.echo(exact_json.dumps(document))


def report_failure(error: A4sError, *, as_json: bool) -> int:
    """Say what failed, and return the exit status that goes with it."""
    if as_json:
        print_json({"error": error_object(error)})
    click.echo(f"a4s: {error}", err=True)
    for fault in error.fields if isinstance(error, ChangeRequest) else ():
        click.echo(f"  {fault.field}: {fault.message}", err=True)
    return 2 if isinstance(error, ChangeSettings) else 1


def print_answered(answered: Answered, *, as_json: bool, summary: Callable[[dict[str, Any]], str]) -> int:
    """Print what a request was answered with, and return the exit status that goes with it."""
    if as_json:
        print_json(answered.answer if answered.status == "ok" else {"error": answered.error})
    elif answered.answer is not None and answered.status == "ok":
        click.echo(summary(answered.answer))
    if answered.error is not None:
        click.echo(f"a4s: {answered.status}: {answered.error['message']}", err=True)
        for fault in answered.error["fields"]:
            click.echo(f"  {fault['field']}: {fault['message']}", err=True)
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
