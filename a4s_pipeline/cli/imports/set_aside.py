"""`a4s set-aside`: what could not be read, acknowledged with a reason or tried again."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from uuid import uuid4

import click

from a4s_pipeline.cli.output import connector_option, json_option, print_json, say, utf8
from a4s_pipeline.errors import NotThere
from a4s_pipeline.files import exact_json
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.sync.windows import Months, OrdersPlan, month_of
from a4s_pipeline.warehouse.rows.acknowledged import Kept, acknowledge, kept_aside
from a4s_pipeline.warehouse.rows.orders.writing import LINES_STREAM, STREAM

_LONGEST_REASON = 90


_all_option = click.option("--all", "with_acknowledged", is_flag=True, help="Include acknowledged records.")


@click.group("set-aside", invoke_without_command=True)
@_all_option
@connector_option
@json_option
@click.pass_context
def set_aside(context: click.Context, connector: str | None, with_acknowledged: bool, as_json: bool) -> None:
    """List records that could not be read, acknowledge them with a reason, or try them again.

    Without a command it lists them. The checks do not count an acknowledged record until it changes.
    """
    if context.invoked_subcommand is None:
        context.invoke(
            list_command, connector=connector, with_acknowledged=with_acknowledged, as_json=as_json
        )
    elif connector is not None or with_acknowledged or as_json:
        raise click.UsageError(
            f"give the options after the command: a4s set-aside {context.invoked_subcommand} …"
        )


@set_aside.command("list")
@_all_option
@connector_option
@json_option
def list_command(
    connector: str | None = None, with_acknowledged: bool = False, as_json: bool = False
) -> None:
    """List the records that are set aside, oldest first."""
    settings = load_settings()
    found = _found(settings, connector, None)
    shown = [one for one in found if with_acknowledged or one.note is None]
    if as_json:
        print_json({"setAside": [_as_json(one) for one in shown]})
        return
    for one in shown:
        mark = " (acknowledged)" if one.note is not None else ""
        say(f"{one.connector} {one.stream} {_name(one)}: {one.reason[:_LONGEST_REASON]}{mark}")
    hidden = len(found) - len(shown)
    if not shown:
        say("nothing is set aside" + (f" except {hidden:,} acknowledged; --all shows them" if hidden else ""))


@set_aside.command("show")
@click.argument("key")
@connector_option
@json_option
def show(key: str, connector: str | None, as_json: bool) -> None:
    """Show the record KEY as received, and why it cannot be read."""
    records = _required(load_settings(), connector, key)
    if as_json:
        print_json({"setAside": [_as_json(one) for one in records]})
        return
    for one in records:
        say(f"{one.connector} {one.stream} {_name(one)}: {one.reason}")
        if one.first_seen_at is not None:
            say(f"  set aside since {one.first_seen_at:%Y-%m-%d %H:%M} UTC")
        if one.note is not None:
            say(f"  acknowledged by {one.acknowledged_by}: {one.note}")
        say(f"  {one.payload}")


@set_aside.command("acknowledge")
@click.argument("key")
@click.option("--reason", required=True, help="Why the record may stay as it is.")
@connector_option
@json_option
def acknowledge_command(key: str, reason: str, connector: str | None, as_json: bool) -> None:
    """Acknowledge the record KEY: the checks do not count it until it changes."""
    if not reason.strip():
        raise click.BadParameter("say why it may stay as it is", param_hint="--reason")
    settings = load_settings()
    records = _required(settings, connector, key)
    platform = Platform(settings)
    now, run_id, by = datetime.now(UTC), f"a4s-set-aside-{uuid4()}", getpass.getuser()
    platform.warehouse.transact(
        lambda connection: acknowledge(connection, records, utf8(reason), by=by, at=now, run_id=run_id)
    )
    platform.publish()
    if as_json:
        print_json({"acknowledged": len(records)})
    else:
        say(f"acknowledged: {', '.join(f'{one.stream} {_name(one)}' for one in records)}")


@set_aside.command("retry")
@click.argument("key")
@connector_option
@json_option
def retry(key: str, connector: str | None, as_json: bool) -> None:
    """Ask the gateway for the record KEY again. Exit status 1 if it still cannot be read."""
    settings = load_settings()
    settings.required_gateway_url()
    records = _required(settings, connector, key)
    platform = Platform(settings)
    errors = []
    for name, stream, plan in dict.fromkeys(_reading_again(settings, one) for one in records):
        result = platform.sync(stream, name, run_id=str(uuid4()), plan=plan)
        errors += [str(result.error)] if result.error is not None else []
    platform.publish()
    left = _found(settings, connector, key)
    if as_json:
        print_json({"setAside": [_as_json(one) for one in left]})
    for error in errors:
        say(f"a4s: {error}", err=True)
    for one in left:
        say(f"a4s: {one.connector} {one.stream} {_name(one)} still cannot be read: {one.reason}", err=True)
    if errors or left:
        sys.exit(1)
    if not as_json:
        say(f"{key} came in, or is not listed any more")


def _reading_again(settings: Settings, one: Kept) -> tuple[str, str, OrdersPlan]:
    """Return the connector and listing of the record; for orders, the month it was listed in."""
    if one.stream not in (STREAM, LINES_STREAM):
        return one.connector, one.stream, OrdersPlan()
    if one.listed_at is None:
        return one.connector, STREAM, OrdersPlan()
    month = month_of(one.listed_at, settings.timezone)
    this_month = month_of(datetime.now(UTC), settings.timezone)
    # An order dated in the future is listed with the current month.
    month = min(month, this_month)
    return one.connector, STREAM, OrdersPlan(Months(month, month), whole=True)


def _found(settings: Settings, connector: str | None, key: str | None) -> list[Kept]:
    connectors = settings.chosen_connectors(connector)
    with Platform(settings).warehouse.session() as connection:
        return kept_aside(connection, connectors, key)


def _required(settings: Settings, connector: str | None, key: str) -> list[Kept]:
    records = _found(settings, connector, utf8(key))
    if not records:
        raise NotThere(
            f"nothing is set aside under {key!r}: `a4s set-aside` lists what is", code="NotSetAside"
        )
    return records


def _name(one: Kept) -> str:
    return f"{one.key} ({one.part})" if one.part else one.key


def _as_json(one: Kept) -> dict[str, object]:
    return {
        "connector": one.connector,
        "stream": one.stream,
        "key": one.key,
        "part": one.part or None,
        "reason": one.reason,
        "payload": exact_json.loads(one.payload) if one.payload else None,
        "firstSeenAt": one.first_seen_at.isoformat() if one.first_seen_at else None,
        "acknowledgedBy": one.acknowledged_by,
        "acknowledgedAt": one.acknowledged_at.isoformat() if one.acknowledged_at else None,
        "note": one.note,
    }
