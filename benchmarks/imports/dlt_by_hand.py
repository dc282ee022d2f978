"""dlt written by hand: a resource of pages, and a transformer with its line calls in a thread pool."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from requests.adapters import HTTPAdapter

from benchmarks.imports.bare import CONNECTIONS, PAGE_SIZE
from benchmarks.imports.dlt_pipeline import load
from benchmarks.imports.gateway import ADMINISTRATION


def main() -> None:
    """Run the pipeline once, and print how long it took."""
    base, home = f"{sys.argv[1]}/{quote(ADMINISTRATION, safe='')}", Path(sys.argv[2])
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["EXTRACT__WORKERS"] = str(CONNECTIONS)
    import dlt  # noqa: PLC0415 - after its settings
    from dlt.sources.helpers.requests import Client  # noqa: PLC0415

    began = time.perf_counter()
    session = Client().session
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS))

    @dlt.resource(write_disposition="merge", primary_key="orderCode")
    def orders() -> Iterator[list[dict[str, Any]]]:
        page = 0
        while items := session.get(f"{base}/orders?page={page}&pageSize={PAGE_SIZE}").json()["items"]:
            yield items
            page += 1

    @dlt.transformer(data_from=orders, write_disposition="merge", primary_key=["orderCode", "lineCode"])
    def order_lines(items: list[dict[str, Any]]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
        @dlt.defer
        def lines_of(code: str) -> list[dict[str, Any]]:
            return [{"orderCode": code, **line} for line in session.get(f"{base}/orders/{code}/lines").json()]

        for order in items:
            yield lines_of(order["orderCode"])

    load([orders, order_lines], home, began)


if __name__ == "__main__":
    main()
