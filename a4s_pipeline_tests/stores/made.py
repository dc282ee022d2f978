"""Makes an installation as an older release leaves it, half-way through its work.

How the files in this folder were made, for the last commit of a day as REVISION and its schema as VERSION:

    git worktree add --detach /tmp/then REVISION
    .venv/bin/python -m a4s_pipeline_tests.stores.made /tmp/then \
        a4s_pipeline_tests/stores/REVISION-schema-VERSION.tar.xz

For the one of DuckDB 1.4, `PYTHONPATH` led to what this had installed:

    pip install --target FOLDER duckdb==1.4.4 pytz

For the one with a lake, `A4S_WAREHOUSE=ducklake:sqlite:data/lake/catalog.sqlite` and
`A4S_LAKE_FILES=data/lake/files` were set, in the environment of `make test-cluster`.

The gateway is the sandbox of today; everything else runs the code of that tree, as its users run it:
`a4s sync`, `a4s export-order` and the job `on_demand`. The archive holds `data/` and `dagster/` as they stood
when that code was killed while it sent an order, and `gateway.json`: what the gateway had booked by then.
"""

import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from a4s_sandbox import Administration, Faults, Sandbox, World

ADMINISTRATION = "Demo B.V."
_A4S = "from a4s_pipeline.cli import main; main()"
_LIMIT = 120.0


def fill(administration: Administration) -> None:
    """Put a few records at the source, which the tests know."""
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


def order(intake_order_id: str, customer: str = "K1") -> dict[str, Any]:
    """An order that a system exports through us."""
    lines = [{"itemCode": "A1", "quantity": 2, "price": "1.50"}]
    return {"intakeOrderId": intake_order_id, "customerCode": customer, "lines": lines}


def export(intake_order_id: str, customer: str = "K1") -> dict[str, Any]:
    """A request to export such an order."""
    return {"kind": "export_order", "connector": "demo", "order": order(intake_order_id, customer)}


def create(customer_code: str) -> dict[str, Any]:
    """A request to create a customer."""
    customer = {"customerCode": customer_code, "name": "Vries"}
    return {"kind": "create_customer", "connector": "demo", "customer": customer}


STOCK = {
    "kind": "projected_stock",
    "connector": "demo",
    "items": [{"itemCode": "A1", "date": "2026-05-02"}],
}
ANSWERED = {"stock": STOCK, "booked": export("booked"), "refused": export("refused", "NOBODY")}
ANSWERED["created"] = create("K2")
UNSETTLED = {"unsettled": export("unsettled"), "unsettled-customer": create("K3")}
IN_FLIGHT = {"in-flight": export("in-flight")}
WAITING = {"waiting": export("waiting"), "waiting-stock": STOCK}


class Then:
    """An installation run by the code of a given tree, on a current gateway."""

    def __init__(self, tree: Path, folder: Path, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.data, self.dagster = folder / "data", folder / "dagster"
        self.data.mkdir()
        self.dagster.mkdir()
        (self.dagster / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self._folder = folder
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(tree), os.environ.get("PYTHONPATH", "")]),
            "DAGSTER_HOME": str(self.dagster),
            "A4S_GATEWAY_URL": sandbox.url,
            "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION}),
            "A4S_DATA_DIR": str(self.data),
        }

    def a4s(self, *arguments: str, status: int = 0) -> None:
        """Run a command, and check its exit status."""
        done = self._started("-c", _A4S, *arguments)
        if done.wait(_LIMIT) != status:
            raise RuntimeError(f"a4s {' '.join(arguments)} ended with {done.returncode}, and not {status}")

    def drop(self, requests: dict[str, dict[str, Any]]) -> None:
        """Put requests into the inbox."""
        inbox = self.data / "inbox"
        inbox.mkdir(exist_ok=True)
        for name, request in requests.items():
            aside = inbox / f".{name}.tmp"
            aside.write_text(json.dumps(request))
            aside.rename(inbox / f"{name}.json")

    def drop_and_await(self, requests: dict[str, dict[str, Any]]) -> None:
        """Put requests into the inbox, and wait until they are answered and filed."""
        self.drop(requests)
        names = [f"{name}.json" for name in requests]
        _wait_until(lambda: all((self.data / "outbox" / name).exists() for name in names))
        _wait_until(lambda: not any((self.data / "inbox" / name).exists() for name in names))

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer the inbox during the block, and be killed at its end."""
        process = self._started(
            "-m", "dagster", "job", "execute", "-m", "a4s_pipeline.definitions", "-j", "on_demand"
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, env=self._environment, cwd=self._folder, start_new_session=True)


def make(tree: Path, folder: Path) -> Then:
    """Run the code of a tree in a folder, and kill it."""
    world = World()
    administration = world.add_administration(ADMINISTRATION)
    fill(administration)
    faults = Faults(hang_seconds=_LIMIT)
    with Sandbox(world, faults=faults) as sandbox:
        then = Then(tree, folder, sandbox)
        # One order cannot be read and is set aside, which is no failure.
        then.a4s("sync")
        (folder / "order.json").write_text(json.dumps(order("by-command")))
        then.a4s("export-order", str(folder / "order.json"))
        with then.answering():
            # Booked, and neither the reply comes nor an answer to what became of it.
            faults.script = {name: ["lose_post_reply"] for name in ("export_order", "create_customer")}
            faults.script |= {name: ["server_error"] * 1000 for name in ("exported_order", "customers")}
            then.drop_and_await(UNSETTLED)
            then.drop_and_await(ANSWERED)
            faults.script["export_order"] = ["hang"]
            then.drop(IN_FLIGHT)
            _wait_until(lambda: any(b"in-flight" in sent.body for sent in sandbox.calls("export_order")))
        then.drop(WAITING)
        gateway = {
            "orders": [booked.body for booked in administration.booked],
            "customers": [json.loads(call.body) for call in sandbox.calls("create_customer")],
        }
        (folder / "gateway.json").write_text(json.dumps(gateway, default=str))
    return then


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _LIMIT
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError("it did not come to that")
        time.sleep(0.05)


def pack(folder: Path, target: Path) -> None:
    """Pack what a later release must cope with, without output and lock files."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("data", "dagster", "gateway.json"):
            archive.add(folder / name, name, filter=_is_kept)
    target.write_bytes(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def _is_kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if {".telemetry", "logs", "storage", "locks"} & set(Path(entry.name).parts) else entry


def unpack(packed: Path, folder: Path) -> dict[str, Any]:
    """Unpack such an installation into a folder, and return what the gateway had booked."""
    with tarfile.open(fileobj=BytesIO(lzma.decompress(packed.read_bytes()))) as archive:
        archive.extractall(folder, filter="data")
    found: dict[str, Any] = json.loads((folder / "gateway.json").read_text())
    return found


def main(tree: Path, target: Path) -> None:
    with TemporaryDirectory() as folder:
        make(tree, Path(folder))
        pack(Path(folder), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
