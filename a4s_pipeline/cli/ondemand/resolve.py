"""`a4s resolve`: records the outcome of an order that the gateway cannot be asked about."""

from __future__ import annotations

import getpass
import sys
import uuid

import click

from a4s_pipeline.cli.ondemand.exports import find_export
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say, utf8
from a4s_pipeline.ondemand.orders.export_ledger import export_row
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings


@click.command()
@click.argument("intake_order_id", type=utf8, metavar="ID")
@click.option("--booked", metavar="NUMBER", type=utf8, help="It is in the back office, as order NUMBER.")
@click.option("--not-booked", is_flag=True, help="It is not in the back office, and may be sent again.")
@click.option("--reason", required=True, type=utf8, help="Who looked, and where; kept in the ledger.")
@connector_option
@json_option
def resolve(
    intake_order_id: str,
    booked: str | None,
    not_booked: bool,
    reason: str,
    connector: str | None,
    as_json: bool,
) -> None:
    """Record what became of the order ID with an unknown outcome, after looking in the back office.

    This is for gateways that cannot be asked; otherwise use `a4s retry ID`. --not-booked is accepted only
    when A4S_RESEND_AFTER_SECONDS have passed since the order was sent.
    """
    if (booked is None) is not not_booked:
        raise click.UsageError("say one of --booked NUMBER and --not-booked")
    if not reason.strip() or booked == "":
        raise click.UsageError("--reason and the NUMBER of --booked must not be empty")
    settings = load_settings()
    said = f"{reason.strip()}, said {_who()}"
    with OnDemand(Platform(settings), run_id=f"a4s-resolve-{uuid.uuid4()}") as service:
        name, _ = find_export(service.platform, settings.chosen_connectors(connector), intake_order_id)
        numbers = None if booked is None else {"orderNumber": booked}
        entry = service.connector(name).resolve_order(intake_order_id, numbers, said)
    assert entry is not None
    if as_json:
        print_json({"connector": name, **export_row(entry)})
    elif booked is None:
        say(f"order {intake_order_id} is not booked: send it again, or `a4s retry` it")
    else:
        say(f"order {intake_order_id} is order {booked}")
    sys.exit(0)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # The user of a container may have no name.
        return "somebody"
