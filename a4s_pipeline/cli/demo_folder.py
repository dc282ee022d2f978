"""The folder of the demo: its data, and the Dagster home in which its runs are recorded."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

DEMO_FOLDER = Path("demo-data")
DEMO_HISTORY_START = date(2022, 1, 1)
_WAREHOUSE = ("warehouse.duckdb", "warehouse.duckdb.wal", "analytics.duckdb", "analytics.duckdb.wal")
_DAGSTER_YAML = """\
# Dagster's settings of the demo alone: its runs are recorded beside its data.
telemetry:
  enabled: false
nux:
  enabled: false
run_queue:
  dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  max_runtime_seconds: 43200
  free_slots_after_run_end_seconds: 60
freshness:
  enabled: true
sensors:
  use_threads: true
schedules:
  use_threads: true
python_logs:
  python_log_level: INFO
"""


def empty_demo_folder() -> Path:
    """Return an empty folder for the demo's data; never touch a store that the demo did not make."""
    asked = os.environ.get("A4S_DATA_DIR")
    if asked and not any((Path(asked) / name).exists() for name in ("warehouse.duckdb", "analytics.duckdb")):
        return Path(asked)
    for name in _WAREHOUSE:
        (DEMO_FOLDER / name).unlink(missing_ok=True)
    for name in ("locks", "dagster"):
        shutil.rmtree(DEMO_FOLDER / name, ignore_errors=True)
    return DEMO_FOLDER


def dagster_home(folder: Path) -> Path:
    """Return the Dagster home in the demo's folder; make it if needed."""
    home = folder.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(_DAGSTER_YAML, encoding="utf-8")
    return home
