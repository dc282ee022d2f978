"""`a4s reconcile`: compares the store with the gateway, month by month."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import click

from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.imports.reporting import reporter
from a4s_pipeline.cli.imports.sync import DAY, asked_months, what_is_still_off
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say
from a4s_pipeline.errors import A4sError
from a4s_pipeline.importing import Import, examine_after, import_stream
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings
from a4s_pipeline.sync.reconcile.order_reconciliation import Reconciled, examples_of
from a4s_pipeline.sync.reconcile.reconciliation import MonthCompared, ranges_of
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.rows.orders.sub_totals import orders_off
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

_MOST_NAMED = 5


@click.command()
@connector_option
@click.option("--from", "first", type=DAY, help="First day; the whole month is compared.")
@click.option("--to", "last", type=DAY, help="Last day; the whole month is compared.")
@click.option(
    "--repair",
    is_flag=True,
    help="Reread the months that differ, with all lines, and compare again; also reread the lines of orders "
    "whose sub total is not their sum.",
)
@json_option
def reconcile(
    connector: str | None, first: datetime | None, last: datetime | None, repair: bool, as_json: bool
) -> None:
    """Compare the order headers of each month with the gateway's.

    Without --from and --to it compares the whole history, from A4S_HISTORY_START on. It finds what a sync
    does not look for: orders that are gone, and orders that came late or were changed before the
    A4S_LOOKBACK_DAYS. Exit status 1 if a month differs.
    """
    settings = load_settings()
    settings.required_gateway_url()
    connectors = settings.chosen_connectors_with(STREAM, connector)
    months = asked_months(settings, first.date() if first else None, last.date() if last else None, full=True)
    assert months is not None  # whole history where none is asked for
    platform = Platform(settings)
    found, imports = [], []
    with reporter(platform) as report:
        for name in connectors:
            one, repaired = _reconcile(platform, name, months, repair=repair)
            found.append(one)
            imports += repaired
        platform.publish()
        report(imports, examine_after(platform, [STREAM]) if imports else {})
    repairs = [one.result for one in imports]
    if as_json:
        print_json({"connectors": {one.connector: _as_json(one, repairs) for one in found}})
    else:
        for one in found:
            say(*_page(one, repairs))
    complaints = [complaint for one in found for complaint in _complaints(one, repairs, repair=repair)]
    still_off = [what_is_still_off(one) for one in repairs if one.sub_totals_off]
    for complaint in [*complaints, *still_off]:
        say(f"a4s: {complaint}", err=True)
    if complaints:
        sys.exit(1)


def _reconcile(
    platform: Platform, connector: str, months: Months, *, repair: bool
) -> tuple[Reconciled, list[Import]]:
    """Compare, and reread what differs if asked to; return the findings and the repairs."""
    found, imports = _compare(platform, connector, months), list[Import]()
    if not repair or found.error is not None:
        return found, imports
    for stretch in ranges_of([month.month for month in found.differing]):
        with progress_bar(f"{connector} orders") as advance:
            plan = OrdersPlan(stretch, whole=True)
            imports.append(import_stream(platform, STREAM, connector, plan, advance))
        again = _compare(platform, connector, stretch)
        found.take_over(again)
    if found.has_history and _has_orders_off(platform, connector):
        with progress_bar(f"{connector} orders") as advance:
            plan = OrdersPlan(months, sub_totals_off=True)
            imports.append(import_stream(platform, STREAM, connector, plan, advance))
    return found, imports


def _has_orders_off(platform: Platform, connector: str) -> bool:
    with platform.warehouse.session() as store:
        return bool(orders_off(store, connector))


def _compare(platform: Platform, connector: str, months: Months) -> Reconciled:
    with progress_bar(f"{connector} months") as advance:
        try:
            return platform.reconcile_orders(connector, months, run_id=str(uuid4()), advance=advance)
        except A4sError as error:
            return Reconciled(connector, error=error)


def _as_json(found: Reconciled, repairs: list[SyncResult]) -> dict[str, object]:
    document: dict[str, object] = {
        "months": [_month_as_json(month) for month in found.months],
        "differing": len(found.differing),
        "calls": found.calls,
        "seconds": round(found.seconds, 3),
        "repairs": [repair.as_json() for repair in repairs if repair.connector == found.connector],
    }
    if not found.has_history:
        document["hasHistory"] = False
    if found.error is not None:
        document["error"] = error_object(found.error)
    return document


def _month_as_json(month: MonthCompared) -> dict[str, object]:
    return {
        "month": f"{month.month:%Y-%m}",
        "gateway": month.listed,
        "store": month.stored,
        "differs": month.differs if month.is_whole else None,
        "missing": len(month.missing),
        "gone": len(month.gone),
        "changed": len(month.changed),
        "waiting": month.waiting,
        "setAside": month.set_aside,
        "examples": examples_of(month),
    }


def _page(found: Reconciled, repairs: list[SyncResult]) -> Iterator[str]:
    if not found.has_history:
        yield f"{found.connector}  no order history: the legacy backend has no focus connector"
        return
    if found.error is not None and not found.months:
        yield f"{found.connector}  not compared"
        return
    yield f"{found.connector}  {'month':<9}{'gateway':>9}{'store':>9}"
    indent = " " * (len(found.connector) + 2)
    for month in found.months:
        if month.listed or month.stored:
            counts = f"{month.month:%Y-%m}  {month.listed:>9,}{month.stored:>9,}"
            yield f"{indent}{counts}{_mark(month)}"
    for repair in repairs:
        if repair.connector == found.connector:
            yield (
                f"{indent}read again: {repair.seen:,} seen, {repair.new:,} new, {repair.changed:,} changed, "
                f"{repair.removed:,} removed"
            )
    differing = f"{len(found.differing)} differ" if found.differing else "none differs"
    yield f"{indent}{len(found.months)} months, {differing}; {found.calls:,} calls in {found.seconds:.1f} s"


def _mark(month: MonthCompared) -> str:
    if not month.is_whole:
        return "  ? the listing kept moving"
    if not month.differs:
        return f"  {month.set_aside:,} set aside" if month.set_aside else ""
    parts = [
        f"{len(codes):,} {what} ({_named(codes)})"
        for what, codes in (("missing", month.missing), ("gone", month.gone), ("changed", month.changed))
        if codes
    ]
    if month.waiting:
        parts.append(f"the next sync brings in {month.waiting:,} of them")
    return f"  ✗ {', '.join(parts)}"


def _named(codes: tuple[str, ...]) -> str:
    named = ", ".join(codes[:_MOST_NAMED])
    return f"{named}, …" if len(codes) > _MOST_NAMED else named


def _complaints(found: Reconciled, repairs: list[SyncResult], *, repair: bool) -> Iterator[str]:
    errors = [str(one.error) for one in repairs if one.connector == found.connector and one.error]
    if found.error is not None:
        errors.insert(0, str(found.error))
    yield from (f"{found.connector}: {error}" for error in errors)
    if found.differing:
        is_one = len(found.differing) == 1
        what = "1 month differs" if is_one else f"{len(found.differing)} months differ"
        advice = (
            f"see above why {'it' if is_one else 'they'} could not be read, and try again"
            if repair
            else "`a4s reconcile --repair` reads such months again"
        )
        yield f"{found.connector}: {what}; {advice}"
    if found.not_compared:
        months = ", ".join(f"{month.month:%Y-%m}" for month in found.not_compared)
        yield f"{found.connector}: the listing of {months} kept moving and could not be compared; try again"
