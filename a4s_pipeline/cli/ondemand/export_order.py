"""`a4s export-order`: exports one intake order, exactly once."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from a4s_pipeline.cli.output import connector_option, json_option, one_connector, print_answered, print_json
from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.ondemand.orders.hook import load_hook
from a4s_pipeline.ondemand.orders.order_export import would_be_sent
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.export_order import EXPORT_ORDER
from a4s_pipeline.ondemand.requests.parsing import parse_request
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings


@click.command("export-order")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Print what would be sent, after the hook, and send nothing.")
@connector_option
@json_option
def export_order(file: BinaryIO, dry_run: bool, connector: str | None, as_json: bool) -> None:
    """Export the intake order in FILE; `-` reads standard input."""
    settings = load_settings()
    order, named = read_file(file, "export_order", "order")
    name = one_connector(settings, connector or named)
    received_at = datetime.now(UTC)
    if dry_run:
        print_json(would_be_sent(order, settings, load_hook(settings.order_hook), received_at))
        return
    settings.required_gateway_url()
    with OnDemand(Platform(settings), run_id=f"a4s-export-{uuid.uuid4()}") as service:
        _ = service.hook
        answered = answer(service, Request(EXPORT_ORDER, name, {"order": order}), received_at)
    sys.exit(print_answered(answered, as_json=as_json, summary=_summary))


def read_file(file: BinaryIO, kind: str, name: str) -> tuple[Any, str | None]:
    """Read what to send from a file: the document itself, or a request of this kind with the document in it.

    Returns the document, and the connector if the request names one.
    """
    document = parse_request(file.read())
    if document.get("kind") != kind:
        return document, None
    if document.get(name) is None:
        raise ChangeRequest(f"the request has no {name}: give it under the name `{name}`", code="Invalid")
    connector = document.get("connector")
    faults = [
        FieldFault(given, f"is no field of {kind}; it has {name}")
        for given in document
        if given not in ("kind", "connector", name)
    ]
    if not isinstance(connector, str | None):
        faults.append(FieldFault("connector", "must be a text"))
    if faults:
        raise ChangeRequest("the request cannot be read", code="Invalid", fields=tuple(faults))
    return document[name], connector


def _summary(answer: dict[str, Any]) -> str:
    number = answer["orderNumber"] or answer["orderId"] or "a number that is not known yet"
    not_sent = (
        f"\nnot sent, because the gateway has no place for it: {', '.join(answer['notSent'])}"
        if answer["notSent"]
        else ""
    )
    return f"order {answer['externalId']} is order {number} at the gateway. {answer['notice']}{not_sent}"
