"""`a4s stock`: projected stock, live from the gateway."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from a4s_pipeline.cli.output import (
    connector_option,
    json_option,
    one_connector,
    print_json,
    report_error,
    say,
)
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.projected_stock import PROJECTED_STOCK
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("items", nargs=-1, required=True, metavar="ITEM…")
@click.option("--on", "day", type=_DAY, help="The day; today by default.")
@click.option(
    "--until", type=_DAY, help="Also show each later day, up to this one, on which the stock changes."
)
@connector_option
@json_option
def stock(
    items: Sequence[str], day: datetime | None, until: datetime | None, connector: str | None, as_json: bool
) -> None:
    """Show how much of each ITEM will be in stock on a day, live from the gateway.

    That is the shelf stock, minus what is sold but not delivered, plus what comes in up to and including the
    day.
    """
    settings = load_settings()
    settings.required_gateway_url()
    name = one_connector(settings, connector)
    started_at = datetime.now(UTC)
    start = day.date() if day else started_at.astimezone(settings.timezone).date()
    if until is not None and until.date() < start:
        raise click.UsageError("--until lies before the day asked for")
    asked: dict[str, str] = {"date": start.isoformat()}
    if until is not None:
        asked["until"] = until.date().isoformat()
    request = Request(PROJECTED_STOCK, name, {"items": [{"itemCode": code, **asked} for code in items]})
    with OnDemand(Platform(settings, store_wait_seconds=1), run_id=f"a4s-stock-{uuid.uuid4()}") as service:
        answered = answer(service, request, started_at)
        told = answered.answer or answered.told
        if told is None:
            status = report_error(answered.error or {}, as_json=as_json)
        else:
            status = 1 if any("error" in entry for entry in told["items"]) else 0
            if as_json:
                print_json(told)
            else:
                _print(told["items"])
        sys.stdout.flush()
    sys.exit(status)


def _print(entries: Sequence[dict[str, Any]]) -> None:
    for entry in entries:
        if "error" in entry:
            say(f"a4s: {entry['error']['message']}", err=True)
            continue
        shelf, sold, incoming = entry["shelfStock"], entry["toBeDelivered"], entry["incoming"]
        made_of = f"{shelf} on the shelf, {sold} to be delivered, {incoming} coming in"
        undated = entry["entriesWithoutDate"]
        without = f", {undated} without a date not counted" if undated else ""
        say(f"{entry['itemCode']:<20} {entry['date']} {entry['projected']:>12}   ({made_of}{without})")
