"""`a4s create-customer`: creates one customer at the gateway, once."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from a4s_pipeline.cli.ondemand.export_order import read_file
from a4s_pipeline.cli.output import connector_option, json_option, one_connector, print_answered
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.create_customer import CREATE_CUSTOMER
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings


@click.command("create-customer")
@click.argument("file", type=click.File("rb"))
@connector_option
@json_option
def create_customer(file: BinaryIO, connector: str | None, as_json: bool) -> None:
    """Create the customer in FILE at the gateway, and store its external identifier.

    `-` reads standard input.
    """
    settings = load_settings()
    settings.required_gateway_url()
    customer, named = read_file(file, "create_customer", "customer")
    name = one_connector(settings, connector or named)
    received_at = datetime.now(UTC)
    with OnDemand(Platform(settings), run_id=f"a4s-create-{uuid.uuid4()}") as service:
        answered = answer(service, Request(CREATE_CUSTOMER, name, {"customer": customer}), received_at)
    sys.exit(print_answered(answered, as_json=as_json, summary=_summary))


def _summary(answer: dict[str, Any]) -> str:
    return f"customer {answer['customerCode']} is {answer['externalId']} at the gateway"
