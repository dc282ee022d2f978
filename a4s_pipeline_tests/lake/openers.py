"""Processes that all open a lake for the first time at once."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from a4s_pipeline.settings.store_location import LakeLocation, SqliteLake
from a4s_pipeline_tests.support.project import ROOT

_OPENS = """
import sys
from pathlib import Path
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.settings.store_location import PostgresLake, SqliteLake
from a4s_pipeline_tests.lake.conftest import locks_of

kind, catalog, files = sys.argv[1:]
place = SqliteLake(Path(catalog), files) if kind == "sqlite" else PostgresLake(catalog, files)
lake = Lake(place, locks_of(place))
print("ready", flush=True)
sys.stdin.readline()
with lake.session() as connection:
    assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
"""


def open_at_once(place: LakeLocation, processes: int) -> list[str]:
    """Return the message of each process that could not open it."""
    kind, catalog = (
        ("sqlite", str(place.catalog)) if isinstance(place, SqliteLake) else ("postgres", place.connection)
    )
    with ExitStack() as stack:
        opened = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _OPENS, kind, catalog, place.files],
                    cwd=Path(ROOT),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(processes)
        ]
        for process in opened:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in opened:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return [said for process in opened if (said := process.communicate()[1]) and process.returncode]
