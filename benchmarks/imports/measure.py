"""Runs one peer in its own process, and measures that process from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.imports.gateway import ADMINISTRATION, Gateway

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Peer:
    """Something that imports: its name, and its command with places for URL and FOLDER."""

    name: str
    command: tuple[str, ...]
    is_ours: bool = False


@dataclass(frozen=True)
class Run:
    """One run of a peer: seconds of the process and of its import, CPU time, memory, calls."""

    peer: str
    wall: float
    processor: float
    peak_mib: float
    calls: int
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The seconds of the import itself, or of the whole process if it reports none."""
        return float(self.told.get("seconds", self.wall))


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.imports.{name}", "URL", "FOLDER", *arguments)


BARE = Peer("bare network", _module("bare"))
SYNC = Peer("a4s, the sync itself", _module("ours", "new"), is_ours=True)
SYNC_HEADERS = Peer("a4s, all headers again", _module("ours", "headers"), is_ours=True)
SYNC_WHOLE = Peer("a4s, everything again", _module("ours", "whole"), is_ours=True)
COMMAND = Peer(
    "a4s sync orders", (str(Path(sys.executable).with_name("a4s")), "sync", "orders", "--json"), is_ours=True
)
REST_API = Peer("dlt rest_api", _module("dlt_rest_api"))
REST_API_PARALLEL = Peer("dlt rest_api, parallelized", _module("dlt_rest_api", "parallelized"))
BY_HAND = Peer("dlt by hand", _module("dlt_by_hand"))


def run(peer: Peer, gateway: Gateway, folder: Path) -> Run:
    """Run a peer once on a folder, and measure it."""
    gateway.tell("calls")
    command = [{"URL": gateway.url, "FOLDER": str(folder)}.get(word, word) for word in peer.command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=own_environment(gateway.url, {"demo": ADMINISTRATION}),
            stdout=out,
            stderr=errors,
        )
        # wait4 alone tells the memory and the processor time of this one process.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read().decode().strip()
        if process.returncode != 0:
            errors.seek(0)
            raise RuntimeError(f"{peer.name} failed: {errors.read().decode()[-2000:]}")
    return Run(
        peer.name,
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        int(gateway.tell("calls")),
        _told(printed),
    )


def own_environment(url: str, connectors: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with this gateway and these connectors, and no other settings of ours."""
    # Modules that are compiled anew in every process would be measured too.
    ours = ("A4S_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    foreign = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **foreign,
        "PYTHONPATH": str(ROOT),
        "A4S_GATEWAY_URL": url,
        "A4S_CONNECTORS": json.dumps(dict(connectors)),
    }


def _told(printed: str) -> dict[str, Any]:
    if not printed:
        return {}
    document: dict[str, Any] = json.loads(printed.splitlines()[-1])
    if "connectors" in document:  # the command tells the seconds of its sync; ours is the process
        counts: dict[str, Any] = document["connectors"]["demo"]["orders"]
        return {"orders": counts["seen"], "new": counts["new"], "changed": counts["changed"]}
    return document


def check(runs: Sequence[Run], orders: int) -> None:
    """Raise if a first import missed orders: a fast loss is no speed."""
    for one in runs:
        if one.told.get("orders") != orders:
            raise RuntimeError(f"{one.peer} brought in {one.told.get('orders')} of {orders} orders")
