"""dlt's `rest_api` source into DuckDB, with parent and children as its documentation writes them.

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
from benchmarks.imports.dlt_pipeline import load
from benchmarks.imports.gateway import ADMINISTRATION


def main() -> None:
    """Run the pipeline once, and print how long it took."""
    base, home = sys.argv[1], Path(sys.argv[2])
    is_parallel = "parallelized" in sys.argv[3:]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["EXTRACT__WORKERS"] = str(CONNECTIONS)
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415 - after its settings

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
    load(source, home, began)


if __name__ == "__main__":
    main()
