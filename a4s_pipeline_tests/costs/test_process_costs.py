"""What a command's process may cost: the modules it loads before its first call, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from a4s_sandbox import Sandbox
from a4s_sandbox.data.big import generated_world

pytestmark = pytest.mark.slow

ADMINISTRATION = "Demo B.V."
# Runs a command of `a4s`, and tells what was loaded when the first call went out, and the peak of memory.
WATCHED = """
import json, re, sys
from pathlib import Path
from a4s_pipeline.cli import main
from a4s_pipeline.gateway.wire.transport import Caller

send = Caller.send
loaded = []

def first_send(self, *arguments, **options):
    loaded.extend(sys.modules)
    Caller.send = send
    return send(self, *arguments, **options)

Caller.send = first_send
sys.argv = ["a4s", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    status = end.code or 0
sys.stdout.flush()
# Not by getrusage: a process starts with the peak of the one that started it.
own = Path("/proc/self/status")
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", own.read_text())[1]) / 1024 if own.exists() else None
print(json.dumps({"status": status, "loaded": loaded, "peak_mib": peak}))
"""
NEEDED_BY_NO_SYNC = {"pandas", "numpy", "matplotlib", "jinja2", "hypothesis", "pytest", "responses"}
NEEDED_BY_NO_ANSWER = NEEDED_BY_NO_SYNC | {"dagster", "sqlalchemy", "alembic"}


def watched(folder: Path, sandbox: Sandbox, *arguments: str, **settings: str) -> dict[str, Any]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}
    environment: Mapping[str, str] = {
        **foreign,
        "A4S_GATEWAY_URL": sandbox.url,
        "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION}),
        "A4S_DATA_DIR": str(folder),
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] == 0, done.stderr
    return told


def packages(loaded: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(
    ("arguments", "not_needed", "most_modules"),
    [
        (("sync", "orders", "--json"), NEEDED_BY_NO_SYNC, 2200),
        (("stock", "A00001", "--json"), NEEDED_BY_NO_ANSWER, 700),
    ],
    ids=["sync", "stock"],
)
def test_before_its_first_call_a_command_loads_what_it_needs_and_little_else(
    tmp_path: Path, arguments: tuple[str, ...], not_needed: set[str], most_modules: int
) -> None:
    with Sandbox(generated_world(3)) as sandbox:
        loaded = watched(tmp_path, sandbox, *arguments)["loaded"]
    assert packages(loaded) & not_needed == set()
    assert 0 < len(loaded) <= most_modules


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process itself")
def test_memory_stays_flat_however_long_the_history(tmp_path: Path) -> None:
    peaks = {}
    for orders in (1000, 4000):
        folder = tmp_path / str(orders)
        folder.mkdir()
        with Sandbox(generated_world(orders), log=False) as sandbox:
            peaks[orders] = watched(folder, sandbox, "sync", "orders", "--json")["peak_mib"]
    # 205 and 220 MiB with 1500 and 6000 orders here: four times the history held at once is 40 MiB more.
    assert peaks[4000] < 300
    assert peaks[4000] - peaks[1000] < 33
