"""`a4s orders` and `a4s order`: order retrieval, from the published copy."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from a4s_pipeline.cli.output import (
    connector_option,
    json_option,
    one_connector,
    print_json,
    report_error,
    say,
    utf8,
)
from a4s_pipeline.files import exact_json
from a4s_pipeline.ondemand.requests.answering import Request, answer
from a4s_pipeline.ondemand.requests.retrieve_orders import (
    MOST_ORDERS,
    MOST_SKIPPED,
    RETRIEVE_ORDER,
    RETRIEVE_ORDERS,
    USUAL_LIMIT,
)
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.sync.windows import midnight

_DAY = click.DateTime(["%Y-%m-%d"])
_MONEY = frozenset({"subTotal", "vatTotal", "shippingCosts", "total"})


@click.command()
@connector_option
@click.option("--customer", type=utf8, metavar="CODE", help="Orders of this customer.")
@click.option("--from", "first", type=_DAY, help="Orders from this day on.")
@click.option("--to", "last", type=_DAY, help="Orders up to and including this day.")
@click.option("--limit", type=click.IntRange(1, MOST_ORDERS), default=USUAL_LIMIT, show_default=True)
@click.option("--offset", type=click.IntRange(0, MOST_SKIPPED), default=0, show_default=True)
@click.option(
    "--after", type=utf8, metavar="NEXT", help="The `next` of the previous page, to continue after it."
)
@json_option
def orders(
    connector: str | None,
    customer: str | None,
    first: datetime | None,
    last: datetime | None,
    limit: int,
    offset: int,
    after: str | None,
    as_json: bool,
) -> None:
    """List orders, newest first, from the local store."""
    settings = load_settings()
    zone = settings.timezone
    wanted = {
        "customerCode": customer,
        # The first and last day of the calendar set no limit, and have no midnight in some time zones.
        "orderDateFrom": _midnight(first.date(), zone) if first and first.date() > date.min else None,
        "orderDateTo": _midnight(last.date() + timedelta(days=1), zone)
        if last and last.date() < date.max
        else None,
        "limit": limit,
        "offset": offset,
        "after": after,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    request = Request(RETRIEVE_ORDERS, one_connector(settings, connector), given)

    def show(found: dict[str, Any]) -> None:
        say(*(_summary(order, zone) for order in found["orders"]))
        say(f"{len(found['orders'])} of {found['total']} orders; history as of {_as_of(found)}", err=True)
        if "next" in found:
            say(f"more with --after {found['next']}", err=True)

    sys.exit(_ask(settings, request, as_json, show))


@click.command()
@click.argument("code", type=utf8)
@connector_option
@json_option
def order(code: str, connector: str | None, as_json: bool) -> None:
    """Show one order with its lines, from the local store."""
    settings = load_settings()
    request = Request(RETRIEVE_ORDER, one_connector(settings, connector), {"orderCode": code})

    def show(found: dict[str, Any]) -> None:
        say(*_whole(found, settings.timezone))
        if found["linesSyncedAt"] is None:
            say("its lines are not stored yet: the next sync asks for them first", err=True)
        say(f"history as of {_as_of(found)}", err=True)

    sys.exit(_ask(settings, request, as_json, show))


def _ask(settings: Settings, request: Request, as_json: bool, show: Callable[[dict[str, Any]], None]) -> int:
    """Print the answer as JSON or with `show`, and return the exit status."""
    # Print without waiting for the log.
    with OnDemand(Platform(settings, store_wait_seconds=1), run_id=f"a4s-orders-{uuid.uuid4()}") as service:
        answered = answer(service, request, datetime.now(UTC))
        if answered.answer is None:
            return report_error(answered.error or {}, as_json=as_json)
        if as_json:
            print_json(answered.answer)
        else:
            show(exact_json.loads(exact_json.dumps(answered.answer)))
        sys.stdout.flush()
    return 0


def _midnight(day: date, zone: ZoneInfo) -> str:
    return midnight(day, zone).isoformat()


def _as_of(answer: dict[str, Any]) -> str:
    return answer["asOf"] or "an unknown time"


def _whole(order: dict[str, Any], zone: ZoneInfo) -> list[str]:
    lines = [_summary(order, zone)]
    lines += [
        f"  {name}: {_money(value) if name in _MONEY else value}"
        for name, value in order["attributes"].items()
        if value is not None
    ]
    for line in order["lines"]:
        fields = line["attributes"]
        amount = "" if fields["lineTotal"] is None else f"  {_money(fields['lineTotal'])}"
        quantity = f"{fields['quantity']:>10} {fields['unit'] or ''}"
        lines.append(f"  {quantity:<16} {fields['itemCode']}  {fields['description'] or ''}{amount}")
    return lines


def _summary(order: dict[str, Any], timezone: ZoneInfo) -> str:
    fields = order["attributes"]
    total = "" if fields["total"] is None else f"{_money(fields['total'])} {fields['currency'] or ''}"
    who = f"{fields['customerCode']:<10} {fields['customerName'] or '':<32.32}"
    day = datetime.fromisoformat(fields["orderDate"]).astimezone(timezone).date()
    return f"{day}  {order['orderCode']:<16} {who} {total:>14}"


def _money(exact: str) -> str:
    """Return an amount with at least two decimals."""
    whole, _, decimals = exact.partition(".")
    return f"{whole}.{decimals:0<2}"
