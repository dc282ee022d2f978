"""A process with everything loaded that forks one for each job, to be killed by tests.

Loading takes half a second, a fork a hundredth of it: so there can be many kills.
"""

import ctypes
import importlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
import duckdb

from a4s_pipeline.cli import main
from a4s_pipeline.cli.main import a4s
from a4s_pipeline.cli.output import report_failure
from a4s_pipeline.errors import A4sError
from a4s_pipeline.ondemand.inbox.stores import FolderStore
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.ondemand.worker.upkeep import Upkeep
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync import batches
from a4s_pipeline.sync.orders import order_pages
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.file import publish, warehouse_file
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.support.answers import answer_body

SLOW_COPY = """
import os, pathlib, shutil, sys, time
pathlib.Path(sys.argv[2] + ".pid").write_text(str(os.getpid()))
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    while piece := source.read(1 << 16):
        target.write(piece)
        target.flush()
        time.sleep(0.005)
shutil.copystat(sys.argv[1], sys.argv[2])
"""
FILL = """
INSERT INTO flow_executions (connector, flow, started_at)
SELECT 'demo', $generation, TIMESTAMPTZ '2024-01-01' + to_seconds(number) FROM range($rows) AS t (number)
"""


def platform_of(settings: dict[str, Any]) -> Platform:
    """The installation that a job uses."""
    return Platform(GivenSettings(**settings))


def sync(settings: dict[str, Any], streams: list[str]) -> None:
    """Sync the streams one after another in small batches: many transactions to kill."""
    batches.LARGEST_BATCH = 10
    order_pages._ORDERS_IN_FLIGHT_PER_CONNECTION = 5
    platform = platform_of(settings)
    for stream in streams:
        match stream:
            case "orders":
                platform.sync("orders", "demo", run_id="killed").or_raise()
            case "items":
                platform.sync("items", "demo", run_id="killed").or_raise()
            case "customers":
                platform.sync("customers", "demo", run_id="killed").or_raise()
            case "publish":
                platform.publish()


def fill_and_publish(settings: dict[str, Any], rows: int, slow: bool) -> None:
    """Write generations of rows, each in one transaction, and publish each."""
    if slow:
        publish._COPY = SLOW_COPY
    platform = platform_of(settings)
    while True:
        generation = f"{time.time_ns()}"

        def fill(connection: duckdb.DuckDBPyConnection, generation: str = generation) -> None:
            connection.execute("DELETE FROM flow_executions")
            connection.execute(FILL, {"generation": generation, "rows": rows})

        platform.warehouse.transact(fill)
        platform.publish()


def send(settings: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    """Export orders and create customers in random order until all are done."""
    with OnDemand(platform_of(settings), "killed") as service:
        left = requests
        while left:
            random.shuffle(left)
            answered = [(request, answer_body(service, request, datetime.now(UTC))) for request in left]
            assert all(answer.status != "refused" for _, answer in answered)
            left = [request for request, answer in answered if answer.status != "ok"]
            time.sleep(0.25)


def worker(settings: dict[str, Any]) -> None:
    """Answer the inbox until nothing waits in it and nothing is unsettled."""
    with OnDemand(platform_of(settings), "killed") as service:
        RequestWorker(service).serve(lambda: False)


def worker_that_dies(settings: dict[str, Any], before_change: int) -> None:
    """Answer a folder by the rules of stores, killed before its nth change."""
    left = before_change

    def counted(real: Callable[..., None]) -> Callable[..., None]:
        def change(*arguments: Any) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*arguments)

        return change

    for name in ("write", "delete"):
        setattr(FolderStore, name, counted(getattr(FolderStore, name)))
    worker(settings)


def months(settings: dict[str, Any]) -> None:
    """Read all months whole, as a backfill does."""
    whole = OrdersPlan(Months(date(2024, 1, 1), date(2024, 12, 1)), whole=True)
    platform_of(settings).sync("orders", "demo", plan=whole, run_id="backfill").or_raise()


class Clock:
    """A clock on which waiting for a store costs no real time."""

    def __init__(self) -> None:
        self.waited = 0.0

    def monotonic(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


def command(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    limit: int | None = None,
    without_privileges: bool = False,
    store_wait: float | None = None,
) -> None:
    """Run `a4s` with its output in files; no file grows beyond the limit, as on a full disk."""
    os.environ.update(environment)
    # Kept in memory meanwhile: what is printed may not grow beyond the limit either.
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    clock = Clock()
    if store_wait is not None:
        cast("dict[str, Any]", Platform.__init__.__kwdefaults__)["store_wait_seconds"] = store_wait
        cast("Any", warehouse_file).time = clock
    if without_privileges and os.geteuid() == 0:
        lose_privileges()
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    sys.argv = ["a4s", *arguments]
    try:
        BESIDE.get(arguments[0], main)()
    except A4sError as error:
        sys.exit(report_failure(error, as_json=False))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        Path(f"{said}.out").write_text(sys.stdout.getvalue())
        Path(f"{said}.err").write_text(sys.stderr.getvalue())
        Path(f"{said}.waited").write_text(str(clock.waited))


def answer_inbox() -> None:
    """Answer the inbox as the job does."""
    with OnDemand(Platform(), "worker") as service, Upkeep(service):
        RequestWorker(service).serve(lambda: False)


BESIDE: dict[str, Callable[[], None]] = {
    "worker": answer_inbox,
    "publish": lambda: say(Platform().publish().size),
}
"""What is no command, and is run as one."""


def lose_privileges() -> None:
    """Make permissions bind this root process."""
    library = ctypes.CDLL(None, use_errno=True)
    version, capabilities = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    library.capget(version, capabilities)
    for capability in (1, 2):  # to write, and to read, whatever the permissions say
        capabilities[0] &= ~(1 << capability)
    if library.capset(version, capabilities) != 0:
        os._exit(77)


def first_opening(path: str) -> None:
    """Open a warehouse that does not exist yet."""
    with WarehouseFile(Path(path)).session():
        pass


WORK: dict[str, Callable[..., None]] = {
    "sync": sync,
    "fill_and_publish": fill_and_publish,
    "send": send,
    "worker": worker,
    "worker_that_dies": worker_that_dies,
    "first_opening": first_opening,
    "months": months,
    "command": command,
}


def say(what: object) -> None:
    """Report to the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def work_at(job: dict[str, Any]) -> None:
    """Do a job as the forked process; never returns."""
    os.setsid()
    # Python cuts bytecode short without a word where a file may not grow, and stumbles over it ever after.
    sys.dont_write_bytecode = True
    if job["template"] is not None:
        warehouse_file._make_empty = partial(shutil.copyfile, job["template"])
    status = 1
    try:
        WORK[job["work"]](**job["how"])
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def take_jobs() -> None:
    """Take jobs from standard input; report each one's process and how it ended."""
    if "with-dagster" in sys.argv:
        importlib.import_module("a4s_pipeline.orchestration.graph")
        context = click.Context(a4s)
        for name in a4s.list_commands(context):
            a4s.get_command(context, name)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            work_at(json.loads(line))
        say(process)
        say(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


if __name__ == "__main__":
    take_jobs()
