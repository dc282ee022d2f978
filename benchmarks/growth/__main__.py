"""Measures what grows: `python -m benchmarks.growth ORDERSxCONNECTORSxYEARS …`, ORDERS of each connector."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.health import items_never_listed, orders_without_lines, sub_totals_off
from a4s_pipeline.warehouse.rows.orders.retrieval import OrderFilter
from a4s_pipeline.warehouse.rows.state import StreamProgress, save_progress
from benchmarks.growth.history import fill, listed_orders
from benchmarks.growth.ui import asset_page, schedule_tick
from benchmarks.imports.gateway import ADMINISTRATION, Gateway, gateway_process
from benchmarks.imports.measure import ROOT, own_environment

A4S = str(Path(sys.executable).with_name("a4s"))


@dataclass(frozen=True)
class Size:
    """This many orders for each of this many connectors, over this many years of months."""

    orders: int
    connectors: int = 1
    years: int = 11

    @classmethod
    def read(cls, text: str) -> Size:
        """Read ORDERSxCONNECTORSxYEARS; connectors and years may be left out."""
        return cls(*(int(part) for part in text.split("x")))

    @property
    def names(self) -> list[str]:
        """The names of the connectors."""
        return [f"c{number:03d}" for number in range(self.connectors)]


class Site:
    """A folder with a filled warehouse, its published copy and a Dagster home."""

    def __init__(self, folder: Path, size: Size, gateway: Gateway) -> None:
        self.folder = folder
        (folder / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
        self.size = size
        connectors = dict.fromkeys(size.names, ADMINISTRATION)
        first_year = datetime.now(UTC).year - size.years + 1
        self.environment = own_environment(gateway.url, connectors) | {
            "A4S_DATA_DIR": str(folder),
            "A4S_HISTORY_START": f"{first_year}-01-01",
        }
        self.settings = GivenSettings(
            gateway_url=gateway.url,
            connectors=connectors,
            data_dir=folder,
            history_start=f"{first_year}-01-01",
        )
        self.platform = Platform(self.settings)
        fill(self.settings.warehouse_path, listed_orders(size.orders), size.names)
        self.platform.publish()

    def command(self, *arguments: str, **more: str) -> float:
        """Run one of our commands, and return its seconds."""
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [A4S, *arguments],
            cwd=self.folder,
            env={**self.environment, **more},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began

    def touch(self) -> None:
        """Change something, so that the copy is outdated."""
        progress = StreamProgress(self.size.names[0], "orders", "touched", datetime.now(UTC), {"seen": 1})
        self.platform.warehouse.transact(lambda connection: save_progress(connection, progress))


def seconds(do: Callable[[], object], times: int = 5) -> float:
    """Return the median duration of something, in seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def measured(site: Site) -> Iterator[tuple[str, float]]:
    """Measure one size, thing by thing."""
    settings, platform, name = site.settings, site.platform, site.size.names[0]
    copy, warehouse = PublishedCopy(settings.analytics_path), platform.warehouse

    def open_and_close() -> None:
        with warehouse.session():
            pass

    def ask(question: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        with warehouse.session() as store:
            question(store)

    def publish() -> None:
        site.touch()
        platform.publish()

    yield "megabytes of the file", settings.warehouse_path.stat().st_size / 1e6
    yield "open and close", seconds(open_and_close)
    yield "publish", seconds(publish, 3)
    yield "retrieve the newest 50", seconds(lambda: OrderHistory(copy, name).orders(OrderFilter()))
    customer = OrderFilter(customer_code="K00007")
    yield "retrieve 50 of a customer", seconds(lambda: OrderHistory(copy, name).orders(customer))
    code = f"G{site.size.orders // 2:07d}"
    yield "retrieve one with its lines", seconds(lambda: OrderHistory(copy, name).order(code))
    yield "check sub_totals", seconds(lambda: ask(sub_totals_off), 3)
    yield "check items", seconds(lambda: ask(items_never_listed), 3)
    yield "check lines", seconds(lambda: ask(orders_without_lines), 3)
    yield "sync of nothing new", seconds(lambda: site.command("sync", "orders", "--connector", name), 3)
    if site.size.connectors > 1:
        yield "sync of nothing new, all connectors", site.command("sync", "orders")
    yield "schedule tick", schedule_tick(platform)
    yield "reconcile", site.command("reconcile", "--connector", name)
    home = {"DAGSTER_HOME": str(site.folder)}
    yield "recorded sync of nothing new", site.command("sync", "orders", "--connector", name, **home)
    full = ("sync", "orders", "--connector", name, "--from", settings.history_start.isoformat())
    yield "recorded sync over all months", site.command(*full, **home)
    yield from asset_page(site.folder, {**site.environment, **home})


def told(sizes: Mapping[Size, Mapping[str, float]]) -> Iterator[str]:
    """Print the figures as a table with a column for each size."""
    heads = [f"{size.orders:,} x {size.connectors}, {size.years} years" for size in sizes]
    yield f"| seconds | {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * len(heads)}"
    for name in dict.fromkeys(name for figures in sizes.values() for name in figures):
        cells = [f"{figures[name]:.3f}" if name in figures else "" for figures in sizes.values()]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure the requested sizes, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=Size.read, default=[Size(10_000)], metavar="SIZE")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    sizes: dict[Size, dict[str, float]] = {}
    for size in given.sizes:
        with gateway_process(size.orders) as gateway, tempfile.TemporaryDirectory() as folder:
            sizes[size] = {}
            for name, figure in measured(Site(Path(folder), size, gateway)):
                sizes[size][name] = figure
                sys.stderr.write(f"{size} {name}: {figure:.3f}\n")
    if given.json:
        given.json.write_text(
            json.dumps([[vars(size), figures] for size, figures in sizes.items()], indent=1)
        )
    sys.stdout.write("\n".join(told(sizes)) + "\n")


if __name__ == "__main__":
    main()
