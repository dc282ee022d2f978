"""A backup made while everything runs, and what restoring it does to orders sent since."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from a4s_pipeline_tests.cli.conftest import Installation, foreign_environment
from a4s_pipeline_tests.support.installed_site import wait_until


def order_file(site: Installation, order_id: str) -> str:
    path = site.folder / f"{order_id}.order"
    lines = [{"itemCode": "A1", "quantity": 1}]
    path.write_text(json.dumps({"intakeOrderId": order_id, "customerCode": "K1", "lines": lines}))
    return str(path)


def customer_file(site: Installation, code: str) -> str:
    path = site.folder / f"{code}.customer"
    path.write_text(json.dumps({"customerCode": code, "name": "New"}))
    return str(path)


def export(site: Installation, order_id: str) -> dict[str, Any]:
    site.source.put_customer({"customerCode": "K1", "name": "One"})
    done = site.a4s("export-order", order_file(site, order_id), "--json")
    assert done.status == 0, done.err
    answer: dict[str, Any] = done.json()
    return answer


def booked(site: Installation) -> list[str]:
    return sorted(order.external_id for order in site.source.booked)


def test_after_a_restore_to_an_older_state_nothing_is_booked_or_created_twice(site: Installation) -> None:
    site.put("O-1")
    site.sync()
    export(site, "IO-before")
    backup = str(site.folder / "backup")
    assert site.a4s("backup", backup).status == 0
    since = export(site, "IO-since")
    created = site.a4s("create-customer", customer_file(site, "K9"), "--json").json()

    assert site.a4s("restore", backup, "--replace").status == 0

    assert [row[0] for row in site.query("SELECT intake_order_id FROM order_exports")] == ["IO-before"]
    again = export(site, "IO-since")
    assert (again["orderId"], again["orderNumber"]) == (since["orderId"], since["orderNumber"])
    recreated = site.a4s("create-customer", customer_file(site, "K9"), "--json").json()
    assert recreated["externalId"] == created["externalId"]
    export(site, "IO-after")
    assert booked(site) == ["IO-after", "IO-before", "IO-since"]


def test_a_gateway_that_cannot_be_asked_after_a_restore_keeps_anything_from_being_sent(
    site: Installation,
) -> None:
    site.sync()
    backup = str(site.folder / "backup")
    assert site.a4s("backup", backup).status == 0
    assert site.a4s("restore", backup, "--replace").status == 0
    site.sandbox.faults.unavailable, site.sandbox.faults.routes = 1.0, frozenset({"exported_order"})
    site.sandbox.faults.retry_after_seconds = 0
    failed = site.a4s("export-order", order_file(site, "IO-1"))
    site.sandbox.faults.unavailable = 0.0
    assert failed.status == 1
    assert booked(site) == []
    export(site, "IO-1")
    assert booked(site) == ["IO-1"]


def test_a_backup_made_in_the_middle_of_imports_and_exports_is_one_state(site: Installation) -> None:
    for number in range(60):
        site.put(f"O-{number}", day=f"2024-03-05T09:{number:02d}:00")
    over = threading.Event()

    def sync() -> None:
        site.sync()
        over.set()

    syncing = threading.Thread(target=sync)
    syncing.start()
    made = 0
    while made == 0 or (made < 3 and not over.is_set()):
        target = site.folder / f"backup-{made}"
        assert site.a4s("backup", str(target)).status == 0
        made += 1
    syncing.join()
    site.folder.joinpath("data").rename(site.folder / "lost")
    for number in range(made):
        assert site.a4s("restore", str(site.folder / f"backup-{number}"), "--replace").status == 0
        without = site.query("SELECT count(*) FROM orders_without_lines")
        held, lines = site.query("SELECT count(*), (SELECT count(*) FROM order_lines) FROM orders")[0]
        assert without == [(0,)]
        assert held == lines
        site.sync()
        assert len(site.held()) == 60


def test_requests_and_files_beside_the_store_come_back(site: Installation) -> None:
    site.sync()
    kept = {
        "inbox/waiting.json": "{}",
        "inbox/done/one.json": "1",
        "inbox/.answers/one.json": "2",
        "outbox/one.json": "3",
        "reference/cost_prices.csv": "item_code,cost_price\n",
        "failures.log": "a line\n",
    }
    data = site.folder / "data"
    for name, text in kept.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    assert site.a4s("backup", str(site.folder / "backup")).status == 0
    data.rename(site.folder / "elsewhere")
    assert site.a4s("restore", str(site.folder / "backup")).status == 0
    assert {name: (data / name).read_text() for name in kept} == kept


def test_a_restore_replaces_nothing_unasked_and_takes_no_backup_that_is_not_whole(site: Installation) -> None:
    site.put("O-1")
    site.sync()
    backup = site.folder / "backup"
    assert site.a4s("backup", str(backup)).status == 0
    taken = site.a4s("restore", str(backup))
    assert (taken.status, "--replace" in taken.err) == (1, True)
    again = site.a4s("backup", str(backup))
    assert (again.status, "is taken" in again.err) == (1, True)

    store = backup / "warehouse.duckdb"
    store.write_bytes(store.read_bytes()[:-1] + b"x")
    damaged = site.a4s("restore", str(backup), "--replace")
    assert (damaged.status, "has changed since the backup" in damaged.err) == (1, True)
    no_backup = site.a4s("restore", str(site.folder), "--replace")
    assert (no_backup.status, "is not a backup" in no_backup.err) == (1, True)
    assert site.held() == ["O-1"]


def test_what_stood_there_is_moved_aside_and_named(site: Installation) -> None:
    site.put("O-1")
    site.sync()
    assert site.a4s("backup", str(site.folder / "backup")).status == 0
    done = site.a4s("restore", str(site.folder / "backup"), "--replace", "--json").json()
    assert (Path(done["movedTo"]) / "warehouse.duckdb").is_file()


def modes(site: Installation, *names: str) -> dict[str, str]:
    return {name: f"{(site.folder / name).stat().st_mode & 0o777:o}" for name in names}


def test_nobody_else_reads_a_backup_and_a_restore_leaves_the_access_that_others_were_given(
    site: Installation,
) -> None:
    site.sync()
    given = {"data": 0o750, "data/inbox": 0o770, "data/outbox": 0o755}
    for name, mode in given.items():
        (site.folder / name).mkdir(exist_ok=True)
        (site.folder / name).chmod(mode)
    inboxes = [(site.folder / name).stat().st_ino for name in given]
    (site.folder / "data" / "inbox" / "shop-1.json").write_text("{}")
    assert site.a4s("backup", str(site.folder / "backup")).status == 0
    (site.folder / "for-all").mkdir(mode=0o755)
    assert site.a4s("backup", str(site.folder / "for-all")).status == 0
    assert modes(site, "backup", "for-all") == {"backup": "700", "for-all": "755"}

    done = site.a4s("restore", str(site.folder / "backup"), "--replace", "--json").json()
    assert modes(site, *given) == {name: f"{mode:o}" for name, mode in given.items()}
    assert [(site.folder / name).stat().st_ino for name in given] == inboxes
    for inbox in (site.folder / "data" / "inbox", Path(done["movedTo"]) / "inbox"):
        assert [path.name for path in inbox.iterdir()] == ["shop-1.json"]


def test_folders_that_wait_for_their_first_request_are_nothing_to_replace(site: Installation) -> None:
    site.sync()
    assert site.a4s("backup", str(site.folder / "backup")).status == 0
    (site.folder / "data").rename(site.folder / "elsewhere")
    (site.folder / "data" / "inbox" / "done").mkdir(parents=True)
    assert site.a4s("restore", str(site.folder / "backup")).status == 0


def test_whoever_was_forgotten_since_the_backup_is_named(site: Installation) -> None:
    for code in ("K1", "K 2"):
        site.source.put_customer({"customerCode": code, "name": "One"})
    assert site.a4s("sync", "customers").status == 0
    assert site.a4s("forget-customer", "K1").status == 0
    backup = str(site.folder / "backup")
    assert site.a4s("backup", backup).status == 0
    assert site.a4s("forget-customer", "K 2").status == 0
    restored = site.a4s("restore", backup, "--replace")
    assert restored.status == 0
    assert restored.err.splitlines() == [
        "customer K 2 of demo was forgotten since the backup, and is back: "
        "`a4s forget-customer 'K 2' --connector demo`"
    ]


@contextmanager
def process(site: Installation, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A command in its own process, killed at the end."""
    command = [str(Path(sys.executable).with_name("a4s")), *arguments]
    environment = {**foreign_environment(), **site.settings}
    with subprocess.Popen(
        command, cwd=site.folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def test_nothing_is_restored_beneath_a_server_or_a_sync(site: Installation) -> None:
    site.put("O-1")
    site.sync()
    backup = str(site.folder / "backup")
    assert site.a4s("backup", backup).status == 0
    site.put("O-2")
    site.sync()
    with process(site, "serve", "--port", "0") as serving:
        assert serving.stderr is not None
        assert serving.stderr.readline().startswith("serving ")
        refused = site.a4s("restore", backup, "--replace")
    assert (refused.status, "at work" in refused.err, "stop" in refused.err) == (1, True, True)

    site.sandbox.clear()
    site.sandbox.faults.script, site.sandbox.faults.hang_seconds = {"orders": ["hang"]}, 300
    with process(site, "sync", "orders"):
        wait_until(lambda: bool(site.sandbox.calls("orders")))
        refused = site.a4s("restore", backup, "--replace", "--json")
    assert refused.json()["error"]["code"] == "InUse"
    assert site.held() == ["O-1", "O-2"]
    assert not list((site.folder / "data").glob("before-restore-*"))
    assert site.a4s("restore", backup, "--replace").status == 0
    assert site.held() == ["O-1"]
