"""The sync itself, without its command: `python -m benchmarks.imports.ours URL FOLDER PLAN`."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from uuid import uuid4

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import Months, OrdersPlan
from benchmarks.imports.bare import CONNECTIONS, PAGE_SIZE
from benchmarks.imports.gateway import ADMINISTRATION
from benchmarks.imports.telling import tell

EVERYTHING = Months(date(2015, 1, 1), date(2100, 1, 1))
PLANS = {
    "new": OrdersPlan(),
    "headers": OrdersPlan(months=EVERYTHING),
    "whole": OrdersPlan(months=EVERYTHING, whole=True),
}


def main() -> None:
    """Sync once, and print how long it took."""
    url, folder, plan = sys.argv[1:]
    settings = GivenSettings(
        gateway_url=url,
        connectors={"demo": ADMINISTRATION},
        data_dir=Path(folder) / "data",
        page_size=PAGE_SIZE,
        max_connections=CONNECTIONS,
    )
    platform = Platform(settings)
    began = time.perf_counter()
    result = platform.sync("orders", "demo", plan=PLANS[plan], run_id=str(uuid4())).or_raise()
    tell(
        seconds=time.perf_counter() - began,
        orders=result.seen,
        new=result.new,
        changed=result.changed,
        calls=result.calls,
    )


if __name__ == "__main__":
    main()
