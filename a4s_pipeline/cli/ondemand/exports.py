"""`a4s exports`, `a4s retry` and `a4s resolve`: the export ledger."""

from __future__ import annotations

import getpass
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from a4s_pipeline.cli.output import connector_option, json_option, print_answered, print_json, say, utf8
from a4s_pipeline.errors import NotThere
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.orders.export_ledger import STATUSES, export_row, instant_or_none
from a4s_pipeline.ondemand.orders.order_export import NOTICE
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.export_order import EXPORT_ORDER
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER, Entry, Ledger


@click.command()
@click.argument("intake_order_id", type=utf8, metavar="[ID]", required=False)
@click.option("--status", type=click.Choice(STATUSES), help="Only orders with this status.")
@connector_option
@json_option
def exports(intake_order_id: str | None, status: str | None, connector: str | None, as_json: bool) -> None:
    """List the export ledger: every order handed in for export, and what became of it.

    With ID, show only that order, with each attempt to export it.
    """
    settings = load_settings()
    platform = Platform(settings)
    if intake_order_id is not None:
        if status is not None:
            raise click.UsageError("--status is for the list: leave it out, or the ID")
        _tell_one(platform, settings.chosen_connectors(connector), intake_order_id, as_json=as_json)
        return
    rows = [
        {"connector": name, **export_row(entry), "errorCode": entry.row["error_code"]}
        for name in settings.chosen_connectors(connector)
        for entry in _ledger(platform, name).entries(status)
    ]
    if as_json:
        print_json({"exports": rows})
        return
    for row in rows:
        told = row["orderNumber"] or row["orderId"] or (row["error"] or {}).get("message") or ""
        who = f"{row['connector']} {row['intakeOrderId']}  {row['customerCode'] or ''}"
        say(f"{row['status']:<8} {who}  {told}")
    say("1 order" if len(rows) == 1 else f"{len(rows):,} orders", err=True)


@click.command()
@click.argument("intake_order_id", type=utf8, metavar="ID")
@connector_option
@json_option
def retry(intake_order_id: str, connector: str | None, as_json: bool) -> None:
    """Settle the order ID, which is refused, failed or unknown.

    An unknown order is looked up first. It is sent again only if it cannot be booked twice.
    """
    settings = load_settings()
    settings.required_gateway_url()
    started_at = datetime.now(UTC)
    with OnDemand(Platform(settings), run_id=f"a4s-retry-{uuid.uuid4()}") as service:
        _ = service.hook
        name, entry = find_export(service.platform, settings.chosen_connectors(connector), intake_order_id)
        order = exact_json.loads(entry.row["intake"])
        # If sent again, the order keeps its original time of receipt.
        request = Request(EXPORT_ORDER, name, {"order": order})
        answered = answer(service, request, entry.row["received_at"] or started_at)
    sys.exit(print_answered(answered, as_json=as_json, summary=_settled))


def _tell_one(platform: Platform, connectors: Iterable[str], intake_order_id: str, *, as_json: bool) -> None:
    name, entry = find_export(platform, connectors, intake_order_id)
    attempts = [_attempt(one) for one in _ledger(platform, name).attempts(intake_order_id)]
    if as_json:
        print_json({"connector": name, **export_row(entry), "attemptLog": attempts})
        return
    row = entry.row
    number = row["order_number"] or row["order_id"]
    booked = f", {number}" if number else ""
    say(f"{entry.status}: {name} {entry.key}, customer {row['customer_code']}{booked}")
    if row["error"]:
        say(f"  {row['error']}")
    for fault in (export_row(entry)["error"] or {}).get("fields", []):
        say(f"  {fault['field']}: {fault['message']}")
    for one in attempts:
        say(f"  {one['startedAt']}  {one['kind']}: {one['status']}  {one['error'] or ''}".rstrip())


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "status": row["status"],
        "startedAt": instant_or_none(row["started_at"]),
        "endedAt": instant_or_none(row["ended_at"]),
        "error": row["error"],
    }


def find_export(platform: Platform, connectors: Iterable[str], intake_order_id: str) -> tuple[str, Entry]:
    """Return the connector and the row of an order; raises `NotThere` if no ledger has it."""
    for name in connectors:
        entry = _ledger(platform, name).entry(intake_order_id)
        if entry is not None and entry.row["intake"]:
            return name, entry
    raise NotThere(f"the ledger has no order {intake_order_id!r}: see `a4s exports`", code="UnknownExport")


def _ledger(platform: Platform, connector: str) -> Ledger:
    return Ledger(platform.warehouse, ORDER_LEDGER, connector, "a4s-exports")


def _settled(answer: dict[str, Any]) -> str:
    return f"order {answer['externalId']} is order {answer['orderNumber'] or answer['orderId']}. {NOTICE}"


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
