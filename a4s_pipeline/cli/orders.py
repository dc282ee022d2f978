"""`a4s orders` and `a4s order`: order retrieval, from the published copy."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from a4s_pipeline.cli.output import connector_option, json_option, print_json, say, utf8
from a4s_pipeline.ondemand.order_retrieval import MOST_SKIPPED, retrieve_order, retrieve_orders
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings
from a4s_pipeline.sync.windows import midnight
from a4s_pipeline.warehouse.orders import STREAM
from a4s_pipeline.warehouse.retrieval import OrderFilter

_DAY = click.DateTime(["%Y-%m-%d"])


def one_connector(settings: Settings, connector: str | None) -> str:
    """Return the connector asked for, or the only one there is."""
    connectors = settings.chosen_connectors(connector)
    if len(connectors) > 1:
        raise click.UsageError(
            f"there are several connectors; add --connector with one of {', '.join(connectors)}"
        )
    return connectors[0]


@click.command()
@connector_option
@click.option("--customer", type=utf8, metavar="CODE", help="Orders of this customer.")
@click.option("--from", "first", type=_DAY, help="Orders from this day on.")
@click.option("--to", "last", type=_DAY, help="Orders up to and including this day.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0, MOST_SKIPPED), default=0, show_default=True)
@json_option
def orders(
    connector: str | None,
    customer: str | None,
    first: datetime | None,
    last: datetime | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List orders, newest first, from the local store."""
    platform = Platform()
    settings = platform.settings
    zone = settings.timezone
    name = one_connector(settings, connector)
    answer = retrieve_orders(
        platform.readable,
        name,
        OrderFilter(
            customer_code=customer,
            # The calendar's own first and last day bound nothing, and have no midnight in every time zone.
            start=midnight(first.date(), zone) if first and first.date() > date.min else None,
            end=midnight(last.date() + timedelta(days=1), zone) if last and last.date() < date.max else None,
            limit=limit,
            offset=offset,
        ),
        is_imported=settings.connectors[name].imports(STREAM),
    )
    if as_json:
        print_json(answer)
        return
    for order in answer["orders"]:
        say(_summary(order, zone))
    shown = len(answer["orders"])
    say(f"{shown} of {answer['total']} orders; history as of {answer['asOf'] or 'an unknown time'}", err=True)


@click.command()
@click.argument("code", type=utf8)
@connector_option
@json_option
def order(code: str, connector: str | None, as_json: bool) -> None:
    """Show one order with its lines, from the local store."""
    platform = Platform()
    settings = platform.settings
    name = one_connector(settings, connector)
    is_imported = settings.connectors[name].imports(STREAM)
    answer = retrieve_order(platform.readable, name, code, is_imported=is_imported)
    if as_json:
        print_json(answer)
        return
    say(_summary(answer, settings.timezone))
    for name, value in answer["attributes"].items():
        if value is not None:
            say(f"  {name}: {value}")
    for line in answer["lines"]:
        fields = line["attributes"]
        amount = "" if fields["lineTotal"] is None else f"  {fields['lineTotal']}"
        quantity = f"{fields['quantity']:>10} {fields['unit'] or ''}"
        say(f"  {quantity:<16} {fields['itemCode']}  {fields['description'] or ''}{amount}")
    if answer["linesSyncedAt"] is None:
        say("its lines are not in yet: the next sync asks for them first", err=True)
    say(f"history as of {answer['asOf'] or 'an unknown time'}", err=True)


def _summary(order: dict[str, Any], timezone: ZoneInfo) -> str:
    fields = order["attributes"]
    total = "" if fields["total"] is None else f"{fields['total']} {fields['currency'] or ''}"
    who = f"{fields['customerCode']:<10} {fields['customerName'] or '':<32.32}"
    day = datetime.fromisoformat(fields["orderDate"]).astimezone(timezone).date()
    return f"{day}  {order['orderCode']:<16} {who} {total:>14}"
