"""`a4s export-order`: exports one intake order, exactly once."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from a4s_pipeline import exact_json
from a4s_pipeline.cli.orders import one_connector
from a4s_pipeline.cli.output import connector_option, json_option, print_answered, print_json
from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.ondemand.hook import load_hook
from a4s_pipeline.ondemand.order_export import prepare_order, read_order
from a4s_pipeline.ondemand.requests import parse_request
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import load_settings


@click.command("export-order")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Print what would be sent, after the hook, and send nothing.")
@connector_option
@json_option
def export_order(file: BinaryIO, dry_run: bool, connector: str | None, as_json: bool) -> None:
    """Export the intake order in FILE; `-` reads standard input."""
    settings = load_settings()
    name = one_connector(settings, connector)
    order = order_in(file)
    received_at = datetime.now(UTC)
    if dry_run:
        intake = read_order(order, settings.timezone)
        payload, not_sent = prepare_order(intake, load_hook(settings.order_hook), received_at)
        print_json({"order": exact_json.loads(payload), "notSent": not_sent})
        return
    settings.required_gateway_url()
    with OnDemand(Platform(settings), run_id=f"a4s-export-{uuid.uuid4()}") as service:
        _ = service.hook
        answered = service.connector(name).orders.export(order, received_at)
        message = answered.error["message"] if answered.error else None
        service.log.note(name, "export_order", answered.status, received_at, datetime.now(UTC), message)
    sys.exit(print_answered(answered, as_json=as_json, summary=_summary))


def order_in(file: BinaryIO) -> Any:
    """Read an intake order from a file: the order itself, or a request that holds one."""
    document = parse_request(file.read())
    order = document.get("order") if document.get("kind") == "export_order" else document
    if order is None:
        raise ChangeRequest("the request has no order: give it under the name `order`", code="Invalid")
    return order


def _summary(answer: dict[str, Any]) -> str:
    number = answer["orderNumber"] or answer["orderId"] or "a number not known yet"
    not_sent = f"\nnot sent, for want of a place: {', '.join(answer['notSent'])}" if answer["notSent"] else ""
    return f"order {answer['externalId']} is order {number} at the gateway. {answer['notice']}{not_sent}"
