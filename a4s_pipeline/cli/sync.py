"""`a4s sync`: runs the Dagster jobs in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial

import click

from a4s_pipeline.cli.output import connector_option, json_option, print_json, say
from a4s_pipeline.cli.progress import progress_bar
from a4s_pipeline.connectors import STREAMS
from a4s_pipeline.heap import nothing_collected
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings, load_settings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, month_of

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
@json_option
def sync(
    stream: str,
    connector: str | None,
    first: datetime | None,
    last: datetime | None,
    full: bool,
    as_json: bool,
) -> None:
    """Import what is new or changed at the gateway, and publish the copy for analysts.

    STREAM is items, customers, orders or all, which is the default. Without options, orders go from the
    watermark less A4S_LOOKBACK_DAYS.
    """
    if (first or last) and stream != "orders":
        raise click.UsageError("--from and --to go with `a4s sync orders` alone")
    settings = load_settings()
    settings.required_gateway_url()
    streams = STREAMS if stream == "all" else (stream,)
    if stream == "all":
        connectors = settings.chosen_connectors(connector)
    else:
        connectors = settings.chosen_connectors_with(stream, connector)
    months = asked_months(settings, first.date() if first else None, last.date() if last else None, full=full)
    platform = Platform(settings)
    failures = _run_all(platform, streams, connectors, months, full=full)
    if as_json:
        print_json({"connectors": _as_json(connectors, platform.results)})
    else:
        for result in platform.results:
            say(_line(result))
    for failure in failures:
        say(*f"a4s: {failure}".split("\n"), err=True)
    for result in platform.results:
        if result.leaves_work and result.error is None:
            say(f"a4s: {_what_is_left(result)}", err=True)
        elif result.removals_withheld and result.error is None:
            say(f"a4s: {_what_was_withheld(result)}", err=True)
        if result.fault_of_total and result.error is None:
            say(f"a4s: {_what_is_wrong_with_the_total(result)}", err=True)
    if failures or any(result.error or result.leaves_work for result in platform.results):
        sys.exit(1)


def asked_months(settings: Settings, first: date | None, last: date | None, *, full: bool) -> Months | None:
    """Return the whole months asked for, kept within the history; None means from the watermark on."""
    if first is None and last is None and not full:
        return None
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


def _run_all(
    platform: Platform,
    streams: Sequence[str],
    connectors: Sequence[str],
    months: Months | None,
    *,
    full: bool,
) -> list[str]:
    """Run the job of each stream for each connector; return their failures in words."""
    # Dagster costs more than half a second to import: not before the settings were found right.
    with nothing_collected():
        from a4s_pipeline.orchestration.running import JobRunner, OrderRequest  # noqa: PLC0415

    failures: list[str] = []
    with JobRunner(platform) as runner:
        for connector in connectors:
            run_by_stream: dict[str, Callable[[], str | None]] = {
                "items": partial(runner.sync_items, connector),
                "customers": partial(runner.sync_customers, connector),
                "orders": partial(runner.sync_orders, OrderRequest(connector, months, whole=full)),
            }
            for stream in filter(platform.settings.connectors[connector].imports, streams):
                before = len(platform.results)
                with progress_bar(f"{connector} {stream}") as advance:
                    platform.advance = advance
                    unexpected = run_by_stream[stream]()
                errors = [str(result.error) for result in platform.results[before:] if result.error]
                if failure := errors[0] if errors else unexpected:
                    failures.append(f"{connector}: {failure}")
    return failures


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
        f"{result.connector} {result.stream}: {result.fault_of_total}; all that it lists is in: "
        "show this to whoever runs the gateway"
    )


def _what_is_left(result: SyncResult) -> str:
    parts = []
    if result.left:
        orders = "1 order" if result.left == 1 else f"{result.left:,} orders"
        why = f" ({str(result.why_left).split(': ')[0]})" if result.why_left else ""
        parts.append(f"the lines of {orders} could not be had{why}")
    if not result.is_complete:
        parts.append("the listing kept moving while it was read")
    return f"{result.connector} {result.stream}: {' and '.join(parts)}; the next sync goes on from there"
