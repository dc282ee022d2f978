"""A year in minutes: real requests, syncs, runs and files, dated day by day, with `prune` every day.

What a day leaves is printed once a month; docs/operations.md says what it comes to.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from a4s_pipeline.orchestration.assets.events.run_history import prune_runs
from a4s_pipeline.platform import Platform
from a4s_pipeline.retention.prune import prune
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline_tests.support.installed_site import Site, asks, exports, installed

pytestmark = [pytest.mark.nightly]

DAYS = 365
FIRST_DAY = datetime(2024, 1, 1, 12, tzinfo=UTC)
KEPT = {"requests_kept_days": 30, "flows_kept_days": 60, "attempts_kept_days": 90, "versions_kept_days": 120}
RUNS_KEPT_DAYS = 30
# Rows that only ever carry the instant of their making: dated to the day that is played.
DATED = {
    "flow_executions": "started_at",
    "order_export_attempts": "started_at",
    "order_exports": "settled_at",
    "order_versions": "valid_to",
    "order_line_versions": "valid_to",
}
# Every so many days something changed at the gateway, is imported, and so many runs are recorded.
EVERY, RUNS = 5, 2
ROOM_FOR_THE_LEDGER = 3 << 20


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["demo"]))
def played(context: dg.AssetExecutionContext) -> None:
    context.log.info("a run")


@dataclass
class Seen:
    """What a day left behind."""

    request_files: int
    locks: int
    other_files: int
    rows: dict[str, int]
    store_bytes: int
    runs: int
    dagster_files: int
    dagster_bytes: int


@dataclass
class Year:
    """An installation that lives through days one after another."""

    site: Site
    instance: dg.DagsterInstance
    home: Path
    days: list[Seen] = field(default_factory=list)

    def play(self, number: int) -> None:
        """Live through a day: three requests, sometimes a sync and its runs; then remove what is old."""
        now = FIRST_DAY + timedelta(days=number)
        began = datetime.now(UTC)
        self.site.source.put_order(
            {
                "orderCode": "O-1",
                "orderDate": "2024-01-01T09:00:00",
                "customerCode": "K1",
                "reference": f"{number}",
            },
            [{"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": 1 + number}],
        )
        platform = Platform(self.site.settings)
        if number % EVERY == 0:
            platform.sync("orders", "demo", run_id=f"day-{number}").or_raise()
            platform.publish()
            for _ in range(RUNS):
                dg.materialize([played], instance=self.instance, partition_key="demo")
        self.site.drop(f"stock-{number}", asks("A1"))
        self.site.drop(f"nonsense-{number}", b"{")
        self.site.drop(f"order-{number}", exports(f"IO-{number}"))
        self.site.serve_what_waits()
        self._date(began, now, has_runs=number % EVERY == 0)
        prune(platform, now)
        prune_runs(self.instance, now - timedelta(days=RUNS_KEPT_DAYS))
        self.days.append(self._seen())

    def _date(self, began: datetime, now: datetime, *, has_runs: bool) -> None:
        """Move what was made since `began` to a day of the simulated year."""
        for folder in ("inbox", "outbox"):
            for path in (self.site.data_dir / folder).rglob("*.json"):
                if path.stat().st_mtime >= began.timestamp() - 1:
                    os.utime(path, (now.timestamp(), now.timestamp()))
        with duckdb.connect(str(self.site.settings.warehouse_path), config=STORAGE) as store:
            for table, column in DATED.items():
                store.execute(f"UPDATE {table} SET {column} = ? WHERE {column} >= ?", [now, began])
        if has_runs:
            for record in self.instance.get_run_records(limit=RUNS):
                self._date_run(record.dagster_run.run_id, now)

    def _date_run(self, run_id: str, now: datetime) -> None:
        for database, statement in {
            "history/runs.db": "UPDATE runs SET create_timestamp = ? WHERE run_id = ?",
            "history/runs/index.db": "UPDATE event_logs SET timestamp = ? WHERE run_id = ?",
        }.items():
            with closing(sqlite3.connect(self.home / database)) as opened, opened:
                opened.execute(statement, [now.strftime("%Y-%m-%d %H:%M:%S.%f"), run_id])

    def _seen(self) -> Seen:
        data = self.site.data_dir
        files = [path for path in data.rglob("*") if path.is_file()]
        requests = [path for path in files if {"inbox", "outbox"} & set(path.relative_to(data).parts)]
        locks = [path for path in files if path.parent.name == "locks"]
        of_dagster = [path for path in self.home.rglob("*") if path.is_file()]
        with duckdb.connect(str(self.site.settings.warehouse_path), config=STORAGE) as store:
            rows = {
                table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]
                for table in DATED
            }
        return Seen(
            request_files=len(requests),
            locks=len(locks),
            other_files=len(files) - len(requests) - len(locks),
            rows=rows,
            store_bytes=self.site.settings.warehouse_path.stat().st_size,
            runs=self.instance.get_runs_count(),
            dagster_files=len(of_dagster),
            dagster_bytes=sum(path.stat().st_size for path in of_dagster),
        )


@pytest.fixture
def year(tmp_path: Path) -> Iterator[Year]:
    home = tmp_path / "dagster"
    home.mkdir()
    with installed(tmp_path) as site, dg.DagsterInstance.local_temp(str(home)) as instance:
        site.put_items("A1")
        site.source.put_customer({"customerCode": "K1", "name": "One"})
        site.choose(**KEPT)
        yield Year(site, instance, home)


def test_a_year_leaves_no_more_than_the_settings_keep(year: Year) -> None:
    for number in range(DAYS):
        year.play(number)
    for number in (*range(0, DAYS, 30), DAYS - 1):
        sys.stdout.write(f"day {number}: {year.days[number]}\n")

    # Each number has grown for as long as its setting says, and then stays.
    settled = year.days[max(KEPT.values()) + EVERY :]
    last = settled[-1]
    replaced = KEPT["versions_kept_days"] // EVERY
    assert {seen.request_files for seen in settled} == {3 * 3 * (KEPT["requests_kept_days"] + 1)}
    assert {seen.other_files for seen in settled} == {year.days[0].other_files}
    assert {seen.rows["order_export_attempts"] for seen in settled} == {KEPT["attempts_kept_days"] + 1}
    assert {seen.rows["order_versions"] for seen in settled} <= {replaced, replaced + 1}
    assert {seen.rows["order_line_versions"] for seen in settled} <= {replaced, replaced + 1}
    # Of the answers on stock one in ten is logged, by chance.
    assert last.rows["flow_executions"] < 2 * 3 * KEPT["flows_kept_days"]
    # The ledger keeps an order from being sent twice: it grows for ever.
    assert last.rows["order_exports"] == DAYS
    assert last.store_bytes <= settled[0].store_bytes + ROOM_FOR_THE_LEDGER
    assert max(seen.runs for seen in settled) <= RUNS * (RUNS_KEPT_DAYS // EVERY + 1)
    assert max(seen.dagster_files for seen in settled) <= settled[0].dagster_files + 4 * RUNS
    assert last.dagster_bytes <= 1.2 * settled[0].dagster_bytes
    assert last.locks <= 1024
