"""dlt's `rest_api` source into DuckDB, as its documentation has a user write a parent and its children.

`python -m benchmarks.imports.dlt_rest_api URL FOLDER [parallelized]`; with the last word the line calls are
made side by side, which its page on advanced configuration offers.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from urllib.parse import quote

from benchmarks.imports.bare import CONNECTIONS, PAGE_SIZE
from benchmarks.imports.gateway import ADMINISTRATION
from benchmarks.imports.telling import tell


def main() -> None:
    """Run the pipeline once, and tell how long it took."""
    base, home = sys.argv[1], Path(sys.argv[2])
    is_parallel = "parallelized" in sys.argv[3:]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["EXTRACT__WORKERS"] = str(CONNECTIONS)
    import dlt  # noqa: PLC0415 - after its settings
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    began = time.perf_counter()
    lines: dict[str, object] = {
        "name": "order_lines",
        "primary_key": ["_orders_orderCode", "lineCode"],
        "endpoint": {"path": "orders/{resources.orders.orderCode}/lines", "paginator": "single_page"},
        "include_from_parent": ["orderCode"],
    }
    if is_parallel:
        lines["parallelized"] = True
    source = rest_api_source(
        {
            "client": {"base_url": f"{base}/{quote(ADMINISTRATION, safe='')}/"},
            "resource_defaults": {"write_disposition": "merge"},
            "resources": [
                {
                    "name": "orders",
                    "primary_key": "orderCode",
                    "endpoint": {
                        "path": "orders",
                        "params": {"pageSize": PAGE_SIZE},
                        "data_selector": "items",
                        "paginator": {
                            "type": "page_number",
                            "base_page": 0,
                            "page_param": "page",
                            "total_path": None,
                        },
                    },
                },
                lines,
            ],
        }
    )
    pipeline = dlt.pipeline(
        pipeline_name="orders",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "peer.duckdb")),
        dataset_name="history",
    )
    pipeline.run(source)
    seconds = time.perf_counter() - began
    with pipeline.sql_client() as client:
        held = client.execute_sql("SELECT count(*) FROM orders")
        rows = client.execute_sql("SELECT count(*) FROM order_lines")
    tell(seconds=seconds, orders=held[0][0], lines=rows[0][0])


if __name__ == "__main__":
    main()
