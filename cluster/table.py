"""What the import of a cluster did, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG, SYNC_ORDERS
from cluster.dagster_api import TASK_TAG, Run
from cluster.imports import Imported


def table_of(
    runs: Sequence[Run], found: Mapping[str, Imported], worker_of: Callable[[str], str | None]
) -> Table:
    """Return a row for each connector: what was imported, by which worker, in what time."""
    table = Table("connector", title=f"{len(runs)} runs")
    for heading in ("orders", "lines", "waited s", "took s"):
        table.add_column(heading, justify="right")
    table.add_column("worker")
    of_orders = [run for run in runs if run.job == SYNC_ORDERS]
    for run in sorted(of_orders, key=lambda run: run.tags[CONNECTOR_TAG]):
        connector = run.tags[CONNECTOR_TAG]
        held = found.get(connector, Imported())
        table.add_row(
            connector,
            f"{held.orders:,}",
            f"{held.lines:,}",
            f"{run.seconds_to_start:.1f}",
            f"{run.seconds:.1f}",
            worker_of(run.tags.get(TASK_TAG, "")) or "?",
        )
    began, ended = min(run.created_at for run in runs), max(run.ended_at or 0 for run in runs)
    table.add_section()
    orders, lines = (sum(getattr(held, name) for held in found.values()) for name in ("orders", "lines"))
    table.add_row("all", f"{orders:,}", f"{lines:,}", "", f"{ended - began:.1f}", "")
    return table
