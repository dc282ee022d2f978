"""The DuckDB pipeline that all dlt peers share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.imports.telling import tell


def load(data: Any, home: Path, began: float) -> None:
    """Run the pipeline once, and print the seconds since `began` and what it imported."""
    import dlt  # noqa: PLC0415 - after its settings

    pipeline = dlt.pipeline(
        pipeline_name="orders",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "peer.duckdb")),
        dataset_name="history",
    )
    pipeline.run(data)
    seconds = time.perf_counter() - began
    with pipeline.sql_client() as client:
        orders = client.execute_sql("SELECT count(*) FROM orders")
        lines = client.execute_sql("SELECT count(*) FROM order_lines")
    tell(seconds=seconds, orders=orders[0][0], lines=lines[0][0])
