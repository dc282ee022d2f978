"""`a4s demo`: an import from the sandbox gateway, from nothing, without any settings."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from a4s_pipeline.cli.demo_folder import DEMO_HISTORY_START, dagster_home, empty_demo_folder
from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.output import shown_command
from a4s_pipeline.errors import A4sError
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.connectors import STREAMS
from a4s_pipeline.settings.loading import GivenSettings, Settings
from a4s_pipeline.sync.result import Advance, SyncResult, silent
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.file.reader import PublishedCopy, published
from a4s_sandbox import DEMO_CONNECTORS
from a4s_sandbox.serving.background import sandbox_process

QUERIES = {
    "Sales by year": (
        "SELECT connector, year(order_day) AS year, currency, count(*) AS orders, sum(amount) AS sales\n"
        "FROM sales_orders WHERE is_sale GROUP BY ALL ORDER BY ALL"
    ),
    "The ten best-selling items": (
        "SELECT item_code, name, unit, sum(quantity) AS quantity\n"
        "FROM sales_lines JOIN dim_item USING (connector, item_code)\n"
        "WHERE is_sale AND connector = 'demo' GROUP BY ALL ORDER BY quantity DESC LIMIT 10"
    ),
    "What could not be read, and why": (
        "SELECT connector, stream, record_key, reason FROM set_aside ORDER BY ALL"
    ),
}


@click.command()
def demo() -> None:
    """Import everything from the sandbox gateway into an empty store, and show the result.

    Dagster runs and records the import: `a4s dev` opens its UI on the same data afterwards.
    """
    folder = empty_demo_folder()
    started = time.monotonic()
    with sandbox_process() as url:
        settings = GivenSettings(
            gateway_url=url,
            connectors=DEMO_CONNECTORS,
            data_dir=folder,
            history_start=DEMO_HISTORY_START,
        )
        platform = _WatchedPlatform(settings)
        failures = _import_all(platform, dagster_home(folder))
    click.echo(f"\nDone in {time.monotonic() - started:.0f} s.\n")
    for result in platform.results:
        click.echo(_summary(result))
    try:
        click.echo(f"\nFor your browser:   {_report(settings)}")
    except A4sError as error:
        click.echo(f"\nFor your browser:   {error}")
    click.echo(f"For your SQL tool:  {settings.analytics_path}\n")
    click.echo("Three queries worth trying:")
    for title, query in QUERIES.items():
        click.echo(f"\n-- {title}\n{query};")
        _show(settings.analytics_path, query)
    command = shown_command("a4s", Path.cwd())
    click.echo(
        f"\nNext: `{command} dev` opens the Dagster UI on the same sandbox; `{command} init FOLDER` begins "
        "an installation of your own."
    )
    for failure in failures:
        click.echo(f"a4s: {failure}", err=True)
    if failures or any(result.error or result.leaves_work for result in platform.results):
        sys.exit(1)


class _WatchedPlatform(Platform):
    """A platform that shows the progress of Dagster's syncs and keeps their results for a summary."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.results: list[SyncResult] = []

    def sync(
        self,
        stream: str,
        connector: str,
        *,
        run_id: str,
        plan: OrdersPlan | None = None,
        advance: Advance = silent,
    ) -> SyncResult:
        del advance
        with progress_bar(f"{connector} {stream}") as shown:
            result = super().sync(stream, connector, run_id=run_id, plan=plan, advance=shown)
        self.results.append(result)
        return result


def _import_all(platform: _WatchedPlatform, home: Path) -> list[str]:
    """Import every stream by its job in Dagster; return failures that the results do not show."""
    from a4s_pipeline.orchestration.in_process import jobs_recorded_in  # noqa: PLC0415

    failures = []
    with jobs_recorded_in(home, platform) as run:
        for connector in platform.settings.connectors:
            for stream in STREAMS:
                before = len(platform.results)
                why = run(stream, connector)
                if why and not any(result.error for result in platform.results[before:]):
                    failures.append(f"{connector}: {why}")
    return failures


def _report(settings: Settings) -> Path:
    from a4s_pipeline.report import write_report  # noqa: PLC0415 - the plotting library takes a second

    return write_report(PublishedCopy(settings.analytics_path), settings.data_dir.absolute() / "report.html")


def _summary(result: SyncResult) -> str:
    if result.error is not None:
        return f"{result.connector}: {result.error}"
    if not result.has_history:
        return f"{result.connector}: no order history, because there is no focus connector"
    aside = f", {result.set_aside} set aside as unreadable" if result.set_aside else ""
    what = "orders with their lines" if result.stream == "orders" else result.stream
    return f"{result.connector}: {result.new:,} {what} in {result.seconds:.1f} s{aside}"


def _show(copy: Path, query: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    with published(copy) as connection:
        found = connection.execute(query)
        table = Table(*(column[0] for column in found.description or ()))
        for row in found.fetchall():
            table.add_row(*("" if value is None else f"{value}" for value in row))
    Console().print(table)
