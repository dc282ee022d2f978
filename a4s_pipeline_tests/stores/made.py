"""Fills a store with the code on the path: `python made.py FOLDER`, for a tree of any revision.

How the stores in this folder were made:

    git worktree add /tmp/then REVISION
    PYTHONPATH=/tmp/then python a4s_pipeline_tests/stores/made.py /tmp/then/data
    gzip -9 < /tmp/then/data/warehouse.duckdb > a4s_pipeline_tests/stores/REVISION.duckdb.gz
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from a4s_sandbox import Sandbox, World

ADMINISTRATION = "Demo B.V."


def fill(administration: Any) -> None:
    """Put a few records at the source; the tests know them."""
    for number in range(1, 4):
        header = {
            "orderCode": f"VO-{number}",
            "orderDate": f"2024-03-0{number}T23:30:00",
            "customerCode": "K1",
            "subTotal": 10 * number,
            "warehouse": f"AMS{number}",
            "weight": number + 0.5,
        }
        line = {
            "lineCode": "1",
            "lineNumber": 1,
            "itemCode": "A1",
            "quantity": number,
            "lineTotal": 10 * number,
        }
        administration.put_order(header, [{**line, "batch": f"B{number}"}])
    administration.put_order(
        {"orderCode": "BROKEN", "orderDate": "onbekend", "customerCode": "K1"}, [{"lineCode": "1"}]
    )
    deliveries = [{"date": "1899-12-30", "quantity": 100}, {"date": "2026-05-01", "quantity": 5}]
    stock = {"itemCode": "A1", "shelfStock": 7, "toBeDelivered": 2, "deliveryDates": deliveries}
    administration.put_item({"itemCode": "A1", "names": {"nl": "Spade"}, "images": [], "stock": stock})
    detail = {"type": "Email", "value": "a@b.nl"}
    lists = {"addresses": [], "contactPersons": [], "contactDetails": [detail]}
    administration.put_customer({"customerCode": "K1", "name": "Bos", **lists})


def main(folder: Path) -> None:
    world = World()
    fill(world.add_administration(ADMINISTRATION))
    with Sandbox(world) as sandbox:
        environment = os.environ | {
            "A4S_GATEWAY_URL": sandbox.url,
            "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION}),
            "A4S_DATA_DIR": str(folder),
        }
        command = [sys.executable, "-c", "from a4s_pipeline.cli import main; main()", "sync", "all"]
        subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
