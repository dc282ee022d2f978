"""`a4s sync`: imports, publishes and checks in this process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import click

from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.imports.reporting import reporter
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say
from a4s_pipeline.errors import A4sError
from a4s_pipeline.importing import Import, examine_after, import_stream, publish_after, was_held
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.connectors import STREAMS
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.sync.result import SyncInterrupted, SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan, month_of
from a4s_pipeline.warehouse.rows.state import count_of_run

_log = logging.getLogger(__name__)

_MOST_NAMED = 5
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("stream", type=click.Choice([*STREAMS, "all"]), default="all")
@connector_option
@click.option("--from", "first", type=DAY, help="Orders from this day on, widened to whole months.")
@click.option("--to", "last", type=DAY, help="Orders up to and including this day, widened to whole months.")
@click.option(
    "--full",
    is_flag=True,
    help="Read all orders again, lines and all, whether or not they changed. Items and customers are read "
    "whole in any case, and written where they changed.",
)
@click.option(
    "--sub-totals-off",
    is_flag=True,
    help="Only reread the lines of orders whose sub total is not the sum of their lines.",
)
@json_option
def sync(
    stream: str,
    connector: str | None,
    first: datetime | None,
    last: datetime | None,
    full: bool,
    sub_totals_off: bool,
    as_json: bool,
) -> None:
    """Import what is new or changed at the gateway, and publish the copy for analysts.

    STREAM is items, customers, orders or all, which is the default. Without options, orders are read from the
    watermark minus A4S_LOOKBACK_DAYS.
    """
    if (first or last) and stream != "orders":
        raise click.UsageError("--from and --to work only with `a4s sync orders`")
    if sub_totals_off and (stream != "orders" or first or last or full):
        raise click.UsageError("--sub-totals-off works only with `a4s sync orders`, and with no other option")
    settings = load_settings()
    settings.required_gateway_url()
    streams = STREAMS if stream == "all" else (stream,)
    if stream == "all":
        connectors = settings.chosen_connectors(connector)
    else:
        connectors = settings.chosen_connectors_with(stream, connector)
    months = asked_months(settings, first.date() if first else None, last.date() if last else None, full=full)
    wanted = [(name, one) for name in connectors for one in streams if settings.connectors[name].imports(one)]
    plan = OrdersPlan(months, whole=full, sub_totals_off=sub_totals_off)
    done = _import_all(Platform(settings), wanted, plan)
    if as_json:
        print_json({"connectors": _as_json(connectors, done.results)})
    else:
        for result in done.results:
            say(_line(result))
    for complaint in _complaints(done):
        say(*f"a4s: {complaint}".split("\n"), err=True)
    if done.fault or done.bugs or any(result.error or result.leaves_work for result in done.results):
        sys.exit(1)


@dataclass
class _Done:
    """What the command did: its syncs, why the copy could not be published, and unexpected failures."""

    imports: list[Import] = field(default_factory=list)
    fault: A4sError | None = None
    bugs: list[str] = field(default_factory=list)

    @property
    def results(self) -> list[SyncResult]:
        return [one.result for one in self.imports]

    @contextmanager
    def no_bug_holds_up_the_rest(self, what: str) -> Iterator[None]:
        """Record an unexpected failure as a line; `ChangeSettings` is raised as usual."""
        try:
            yield
        except A4sError:
            raise
        except Exception as fault:
            # A defect in one connector's import must not stop the others.
            _log.debug("%s failed", what, exc_info=True)
            self.bugs.append(f"{what}: {type(fault).__name__}: {fault}; this is a defect of a4s")


def _import_all(platform: Platform, wanted: Sequence[tuple[str, str]], plan: OrdersPlan) -> _Done:
    """Import, publish and check; where DAGSTER_HOME is set, report that to Dagster."""
    done = _Done()
    with reporter(platform) as report:
        try:
            for connector, stream in wanted:
                what = f"{connector} {stream}"
                with done.no_bug_holds_up_the_rest(what), progress_bar(what) as advance:
                    done.imports.append(import_stream(platform, stream, connector, plan, advance))
        except SyncInterrupted as stop:
            say(f"a4s: stopped: {_what_came_in(platform, stop)}", err=True)
            raise
        with done.no_bug_holds_up_the_rest("the copy for analysts"):
            done.fault = publish_after(platform, done.results)
        streams = list(dict.fromkeys(stream for _, stream in wanted))
        is_asked = not (done.fault or was_held(done.results))
        report(done.imports, examine_after(platform, streams) if is_asked else None)
    return done


def _what_came_in(platform: Platform, stop: SyncInterrupted) -> str:
    """Say how much of an interrupted sync is stored, by its run id."""
    result = stop.result
    with suppress(A4sError), platform.warehouse.session() as store:
        count = count_of_run(store, result.connector, result.stream, stop.run_id)
        return (
            f"{count if count else 'no'} {result.stream} of {result.connector} were imported and stay; "
            "the next sync continues from there, and publishes them"
        )
    what = f"the imported {result.stream} of {result.connector} stay"
    return f"{what}; the next sync continues from there"


def _complaints(done: _Done) -> Iterator[str]:
    yield from (f"{result.connector}: {result.error}" for result in done.results if result.error)
    # If nothing was imported, the reason for that is the one to report.
    if done.fault is not None and not all(result.error for result in done.results):
        yield str(done.fault)
    yield from done.bugs
    for result in done.results:
        if result.error is not None:
            continue
        if result.leaves_work:
            yield _what_is_left(result)
        elif result.removals_withheld:
            yield _what_was_withheld(result)
        if result.fault_of_total:
            yield _what_is_wrong_with_the_total(result)
        if result.sub_totals_off:
            yield what_is_still_off(result)


def asked_months(settings: Settings, first: date | None, last: date | None, *, full: bool) -> Months | None:
    """Return the whole months asked for, within the history; None means from the watermark on."""
    if first is None and last is None and not full:
        return None
    if first and last and last < first:
        raise click.UsageError(f"--to {last} lies before --from {first}")
    this_month = month_of(datetime.now(UTC), settings.timezone)
    earliest = settings.history_start.replace(day=1)
    months = Months(
        max(earliest, first.replace(day=1)) if first else earliest,
        min(this_month, last.replace(day=1)) if last else this_month,
    )
    if months.first > months.last:
        raise click.UsageError(
            "no month lies between --from and --to within the history, "
            f"which goes from {earliest:%Y-%m} (A4S_HISTORY_START) to {this_month:%Y-%m}"
        )
    return months


def _as_json(connectors: list[str], results: list[SyncResult]) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = {name: {} for name in connectors}
    for result in results:
        counts = result.as_json()
        if result.error is not None:
            counts["error"] = error_object(result.error)
        if result.removals_withheld:
            counts["removalsWithheld"] = result.removals_withheld
        if result.fault_of_total:
            counts["totalFault"] = result.fault_of_total
        if result.is_repair:
            counts["subTotalsOff"] = list(result.sub_totals_off)
        document[result.connector][result.stream] = counts
    return document


def _line(result: SyncResult) -> str:
    if result.error is not None:
        return f"{result.connector} {result.stream}: failed"
    if not result.has_history:
        return (
            f"{result.connector} {result.stream}: no order history: the legacy backend has no focus connector"
        )
    counts = (
        f"{result.seen:,} seen, {result.new:,} new, {result.changed:,} changed, "
        f"{result.unchanged:,} unchanged, {result.removed:,} removed, {result.set_aside:,} set aside"
    )
    if result.without_lines:
        counts += f", {result.without_lines:,} without lines"
    return f"{result.connector} {result.stream}: {counts}; {result.calls:,} calls in {result.seconds:.1f} s"


def _what_was_withheld(result: SyncResult) -> str:
    return (
        f"{result.connector} {result.stream}: {result.removals_withheld}; nothing was marked removed, "
        "and the next sync looks again"
    )


def _what_is_wrong_with_the_total(result: SyncResult) -> str:
    return (
        f"{result.connector} {result.stream}: {result.fault_of_total}; all that it lists is stored: "
        "show this to whoever runs the gateway"
    )


def what_is_still_off(result: SyncResult) -> str:
    """Name the orders with a sub total that is still wrong after rereading their lines."""
    codes = result.sub_totals_off
    named = ", ".join(codes[:_MOST_NAMED]) + (", …" if len(codes) > _MOST_NAMED else "")
    orders = "1 order" if len(codes) == 1 else f"{len(codes):,} orders"
    return (
        f"{result.connector} {result.stream}: of {orders} the sub total is still not the sum of the lines "
        f"({named}): compare `a4s order CODE` with the legacy backend"
    )


def _what_is_left(result: SyncResult) -> str:
    parts = []
    if result.pending:
        orders = "1 order" if result.pending == 1 else f"{result.pending:,} orders"
        why = f" ({str(result.why_pending).split(': ')[0]})" if result.why_pending else ""
        parts.append(f"the lines of {orders} could not be fetched{why}")
    if not result.is_complete:
        parts.append("the listing kept moving while it was read")
    then = (
        "they keep their stored lines, run this again"
        if result.is_repair
        else "the next sync continues from there"
    )
    return f"{result.connector} {result.stream}: {' and '.join(parts)}; {then}"
