"""How long Dagster takes for its asset page's queries, and for a tick of the orders schedule."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import requests

from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.platform import Platform
from benchmarks.imports.measure import ROOT

PARTITIONS = """
query { assetNodeOrError(assetKey: {path: ["orders"]}) { ... on AssetNode {
  partitionStats { numPartitions numMaterialized numFailed }
  partitionKeysByDimension { name partitionKeys }
  assetPartitionStatuses { ... on MultiPartitionStatuses { primaryDimensionName
    ranges { primaryDimStartKey primaryDimEndKey secondaryDim { ... on TimePartitionStatuses {
      ranges { startKey endKey status } } } } } }
} } }
"""
EVENTS = """
query { assetOrError(assetKey: {path: ["orders"]}) { ... on Asset {
  assetMaterializations(limit: 100) { runId partition timestamp metadataEntries { label } } } } }
"""
RUNS = """
query { runsOrError(limit: 25) { ... on Runs { results { runId status tags { key value } } } } }
"""


@contextmanager
def _webserver(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-m", "a4s_pipeline.definitions", "-p", str(port)]
    with (folder / "webserver.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, and no shell
            command, cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        process.wait(30)


def asset_page(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """Measure the start of the webserver, and the queries of the `orders` asset page."""
    began = time.perf_counter()
    with _webserver(folder, environment) as url, requests.Session() as session:
        session.trust_env = False
        while True:
            with suppress(requests.ConnectionError):
                _ask(session, url, "{ version }")
                break
            time.sleep(0.05)
        _ask(session, url, RUNS)
        yield "webserver up", time.perf_counter() - began
        for name, query in (("partitions", PARTITIONS), ("materializations", EVENTS), ("runs", RUNS)):
            took = []
            for _ in range(3):
                began = time.perf_counter()
                _ask(session, url, query)
                took.append(time.perf_counter() - began)
            yield f"asset page: {name}", sorted(took)[1]


def schedule_tick(platform: Platform) -> float:
    """Return the seconds of a tick that requests one run per connector, without the daemon."""
    with tempfile.TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as instance:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            schedule = build_definitions(platform.settings).resolve_schedule_def("orders_every_15_minutes")
        context = dg.build_schedule_context(
            instance=instance, resources={"platform": platform}, scheduled_execution_time=datetime.now(UTC)
        )
        began = time.perf_counter()
        schedule.evaluate_tick(context)
        return time.perf_counter() - began


def _ask(session: requests.Session, url: str, query: str) -> None:
    reply = session.post(url, json={"query": query}, timeout=120)
    document = reply.json()
    if "errors" in document:
        raise RuntimeError(str(document["errors"])[:500])
