"""Finds the command, and turns its expected failures into a line and an exit status."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from contextlib import redirect_stdout
from typing import TextIO

import click

from a4s_pipeline.cli import logs
from a4s_pipeline.cli.output import print_json, report_failure
from a4s_pipeline.errors import A4sError
from a4s_pipeline.version import __version__

# Each command's module and help line: neither `a4s stock` nor `a4s --help` loads the others.
_COMMANDS = {
    "backup": ("upkeep.backup", "makes a consistent backup while everything runs"),
    "check": ("imports.check", "finds what is wrong between here and the gateway"),
    "create-customer": ("ondemand.create_customer", "creates a customer at the gateway, once"),
    "dbt-sources": ("dbt_sources", "writes a dbt package with every table and model"),
    "demo": ("demo", "imports from the sandbox gateway, without settings"),
    "dev": ("dev", "opens the Dagster UI on the sandbox gateway"),
    "export": ("export", "writes tables and models as Parquet, CSV or Excel"),
    "export-order": ("ondemand.export_order", "exports an intake order, exactly once"),
    "exports": ("ondemand.exports", "shows the export ledger, or what became of one order"),
    "forget-customer": ("upkeep.forget_customer", "removes a person from everything stored"),
    "images": ("imports.images", "fetches pictures of items"),
    "init": ("upkeep.init", "writes the files of a new installation"),
    "lake": ("upkeep.lake", "moves a warehouse file to a lake"),
    "notebook": ("notebook", "shows sales and stock in a browser, with filters"),
    "order": ("ondemand.orders", "shows one order with its lines, from the published copy"),
    "orders": ("ondemand.orders", "lists orders, newest first, from the published copy"),
    "prune": ("upkeep.prune", "removes what is older than the settings allow"),
    "reconcile": ("imports.reconcile", "compares each month of orders with the gateway's"),
    "report": ("report", "writes one HTML page on sales, stock and freshness"),
    "resolve": ("ondemand.exports", "records by hand what became of an order"),
    "restore": ("upkeep.backup", "restores a backup"),
    "retry": ("ondemand.exports", "settles an order that is refused, failed or unknown"),
    "sandbox": ("sandbox", "serves the sandbox gateway"),
    "set-aside": ("imports.set_aside", "lists, acknowledges or retries unreadable records"),
    "serve": ("serve", "the HTTP interface"),
    "stock": ("ondemand.stock", "shows projected stock, live from the gateway"),
    "sync": ("imports.sync", "imports what is new or changed, and publishes it"),
}
# DuckDB's message for Ctrl-C during a query; not imported from the store, which most commands do not load.
_DUCKDB_WAS_INTERRUPTED = "Query interrupted"


class _Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"a4s_pipeline.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="a4s")
def a4s() -> None:
    """The App4Sales Platform connector: order history, items and customers in DuckDB, and answers on demand.

    Settings are environment variables that start with A4S_, or lines of a .env file in this folder.
    Exit status: 0 done; 1 refused, failed, unknown, or not complete;
    2 wrong usage or settings.
    """


def main() -> None:
    """Run the command line and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names and codes may contain any letter; a terminal that lacks one must not end the command.
            stream.reconfigure(errors="backslashreplace")
    logs.begin()
    as_json = "--json" in sys.argv[1:]
    stdout = sys.stdout
    try:
        # With --json only the document goes there; a site's order hook may print anything.
        with redirect_stdout(sys.stderr if as_json else stdout):
            try:
                sys.exit(a4s.main(prog_name="a4s", standalone_mode=False, obj=stdout))
            finally:
                # What cannot be printed is told here, and not by Python after the last line of ours.
                _flush(stdout)
    except A4sError as error:
        sys.exit(report_failure(error, as_json=as_json))
    except click.ClickException as error:
        if as_json:
            print_json({"error": {"code": "WrongUsage", "message": error.format_message(), "fields": []}})
        error.show()
        sys.exit(error.exit_code)
    except RuntimeError as error:
        if not isinstance(error, click.Abort) and str(error) != _DUCKDB_WAS_INTERRUPTED:
            raise
        click.echo("Aborted!", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`: nobody can be told.
        _print_no_more()
        sys.exit(1)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        click.echo(
            "a4s: the disk is full, and not everything could be printed: free some space first", err=True
        )
        _print_no_more()
        sys.exit(1)


def _flush(stdout: TextIO | None) -> None:
    # None, or closed, where the caller began us without one.
    if stdout is not None and not stdout.closed:
        stdout.flush()


def _print_no_more() -> None:
    # The buffered rest cannot be printed either, and Python would complain again.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
