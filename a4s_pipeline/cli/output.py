"""What commands print: answers on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from a4s_pipeline import exact_json
from a4s_pipeline.errors import A4sError, ChangeRequest, ChangeSettings

F = TypeVar("F", bound=Callable[..., Any])


def print_json(document: Any) -> None:
    """Print the one JSON document that `--json` promises."""
    click.echo(exact_json.dumps(document))


def error_object(error: A4sError) -> dict[str, Any]:
    """Return an error as requests and `--json` show it."""
    fields = error.fields if isinstance(error, ChangeRequest) else ()
    return {
        "code": error.code,
        "message": str(error),
        "fields": [{"field": fault.field, "message": fault.message} for fault in fields],
    }


def report_failure(error: A4sError, *, as_json: bool) -> int:
    """Say what failed, and return the exit status that goes with it."""
    if as_json:
        print_json({"error": error_object(error)})
    click.echo(f"a4s: {error}", err=True)
    for fault in error.fields if isinstance(error, ChangeRequest) else ():
        click.echo(f"  {fault.field}: {fault.message}", err=True)
    return 2 if isinstance(error, ChangeSettings) else 1


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
