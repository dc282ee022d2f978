"""`a4s forget-customer`: removes a person from all that is stored."""

from __future__ import annotations

import getpass
from uuid import uuid4

import click

from a4s_pipeline.cli.output import connector_option, json_option, one_connector, print_json, say, utf8
from a4s_pipeline.platform import Platform
from a4s_pipeline.privacy import forget
from a4s_pipeline.settings.loading import load_settings

_NOT_REACHED = (
    "Not looked through: backups, files that were exported, reports, requests in Dagster's run history, "
    "copies that somebody still has open, and the back office itself."
)


@click.command("forget-customer")
@click.argument("code")
@click.option("--dry-run", is_flag=True, help="Only count what would be removed or blanked.")
@click.option("--asked-by", metavar="WHO", help="Who asked for it, for the record; the user by default.")
@connector_option
@json_option
def forget_customer(
    code: str, dry_run: bool, asked_by: str | None, connector: str | None, as_json: bool
) -> None:
    """Remove the person behind customer CODE from everything stored, and keep syncs from bringing them back.

    Customer records are deleted; names, notes, references and addresses on orders, requests, answers and
    ledgers are blanked. What the books need stays: codes, dates and amounts. The table forgotten_customers
    records who asked, when, and how much was changed.
    """
    settings = load_settings()
    name = one_connector(settings, connector)
    platform = Platform(settings)
    if dry_run:
        done = forget.find_customer(platform, name, utf8(code))
    else:
        done = forget.forget_customer(
            platform,
            name,
            utf8(code),
            asked_by=asked_by or getpass.getuser(),
            run_id=f"a4s-forget-customer-{uuid4()}",
        )
    if as_json:
        print_json(
            {
                "connector": done.connector,
                "customerCode": done.customer_code,
                "dryRun": dry_run,
                "rows": done.rows,
                "files": done.files,
                "logLines": done.log_lines,
            }
        )
        return
    _print(done, dry_run=dry_run)


def _print(done: forget.Forgotten, *, dry_run: bool) -> None:
    if not done.is_anything:
        say(f"nothing is stored of customer {done.customer_code} of {done.connector}")
        return
    what = "would be forgotten" if dry_run else "forgotten"
    say(f"customer {done.customer_code} of {done.connector}: {what}")
    for table, count in done.rows.items():
        say(f"  {table:<28} {count:>7,} rows")
    for folder, count in done.files.items():
        say(f"  {folder:<28} {count:>7,} files")
    if done.log_lines:
        say(f"  {'failures.log':<28} {done.log_lines:>7,} lines")
    say(_NOT_REACHED)
