"""A full disk, or a file that may not grow: a clear error, a true state, and a way forward."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from a4s_pipeline_tests.kills.conftest import Said, Site, Workers
from a4s_pipeline_tests.kills.test_inbox_kills import request
from a4s_pipeline_tests.kills.test_sending_kills import exports
from a4s_pipeline_tests.kills.versions import all_rows, assert_true_state, put_customer, put_item, put_order
from a4s_pipeline_tests.support.nightly import at_night

ADVICE = "free disk space"


def assert_told(said: Said, path: Path) -> None:
    """Status 1, and one line that says where there is no room and what to do."""
    (line,) = said.err
    assert said.status == 1
    assert str(path) in line
    assert ADVICE in line


@pytest.mark.parametrize("limit", [4_096, 700_000, *at_night(300_000)])
def test_a_sync_on_a_full_disk_says_so_and_a_later_one_completes(
    site_of: Callable[..., Site], commands: Workers, limit: int
) -> None:
    site = site_of()
    for number in range(500):
        put_order(site.source, number)
    assert_told(commands.a4s(site, "sync", "orders", limit=limit), site.data_dir)
    assert_true_state(site)
    assert commands.a4s(site, "sync", "orders").status == 0
    assert_true_state(site)
    assert len(site.published("SELECT * FROM orders WHERE lines_synced_at IS NOT NULL")) == 500
    assert site.temporaries() == []


@pytest.mark.parametrize("put", [put_item, *at_night(put_customer)])
def test_so_does_a_sync_of_items_or_customers(
    site_of: Callable[..., Site], commands: Workers, put: Callable[..., None]
) -> None:
    site, stream = site_of(), "items" if put is put_item else "customers"
    for number in range(500):
        put(site.source, number)
    assert_told(commands.a4s(site, "sync", stream, limit=400_000), site.data_dir)
    assert_true_state(site)
    assert commands.a4s(site, "sync", stream).status == 0
    assert_true_state(site)
    assert site.published(f"SELECT count(*) FROM {stream}") == [(500,)]


def test_a_copy_without_room_on_the_disk_leaves_the_last_one(
    site_of: Callable[..., Site], commands: Workers
) -> None:
    site = site_of()
    for number in range(500):
        put_order(site.source, number)
    commands.do("sync", settings=site.chosen, streams=["orders", "publish"])
    put_order(site.source, 500)
    commands.do("sync", settings=site.chosen, streams=["orders"])
    said = commands.a4s(site, "publish", limit=200_000)
    assert_told(said, site.settings.analytics_path)
    assert "the last copy stays" in said.err[0]
    assert site.published("SELECT count(*) FROM orders") == [(500,)]
    assert site.temporaries() == []
    assert commands.a4s(site, "publish").status == 0
    assert site.published("SELECT count(*) FROM orders") == [(501,)]


def test_nothing_is_exported_that_the_ledger_could_not_record_first(
    site_of: Callable[..., Site], commands: Workers, tmp_path: Path
) -> None:
    site = site_of()
    put_customer(site.source, 1)
    commands.do("first_opening", path=str(site.settings.warehouse_path))
    site.sandbox.faults.dedupe = False
    seen = set()
    file = tmp_path / "order.json"
    limits = range(1_000, 17_000, 2_500)
    for limit in limits:
        file.write_text(json.dumps(exports(f"IO-{limit}")["order"] | {"customerCode": "K0001"}))
        said = commands.a4s(site, "export-order", str(file), limit=limit)
        booked = [order.external_id for order in site.source.booked]
        recorded = dict(site.query("SELECT intake_order_id, status FROM order_exports"))
        assert set(booked) <= set(recorded)
        outcome = (booked.count(f"IO-{limit}"), recorded.get(f"IO-{limit}"), said.status)
        seen.add(outcome)
        assert said.status == 0 or ADVICE in said.err[0]
    # Not begun; about to be sent or sent, with what became of it not recorded; done.
    steps = {(0, None, 1), (0, "sending", 1), (1, "sending", 1), (1, "ok", 0)}
    assert {(0, None, 1), (1, "ok", 0)} <= seen <= steps
    for limit in limits:
        file.write_text(json.dumps(exports(f"IO-{limit}")["order"] | {"customerCode": "K0001"}))
        while commands.a4s(site, "export-order", str(file)).status != 0:
            pass
    assert sorted(order.external_id for order in site.source.booked) == sorted(
        f"IO-{limit}" for limit in limits
    )


def test_requests_that_cannot_be_answered_on_a_full_disk_wait_in_the_inbox(
    site_of: Callable[..., Site], commands: Workers
) -> None:
    site = site_of()
    site.source.put_item({"itemCode": "A1", "names": {}})
    site.source.put_customer({"customerCode": "K1", "name": "Kwekerij Bos"})
    inbox = site.data_dir / "inbox"
    inbox.mkdir(parents=True)
    for kind in ("stock", "order", "nonsense"):
        (inbox / f"{kind}.json").write_bytes(request(kind, 1))
    said = commands.a4s(site, "worker", limit=100)
    assert len([line for line in said.err if ADVICE in line]) >= 1
    assert sorted(path.name for path in inbox.glob("*.json")) == ["nonsense.json", "order.json", "stock.json"]
    assert list((site.data_dir / "outbox").iterdir()) == []
    assert site.source.booked == []
    assert commands.a4s(site, "worker").status == 0
    status = {
        path.stem: json.loads(path.read_bytes())["status"] for path in (site.data_dir / "outbox").iterdir()
    }
    assert status == {"stock": "ok", "order": "ok", "nonsense": "refused"}
    assert len(site.source.booked) == 1


def test_a_picture_without_room_on_the_disk_is_fetched_later(
    site_of: Callable[..., Site], commands: Workers
) -> None:
    site = site_of()
    picture = b"\x89PNG\r\n\x1a\n" + b"x" * 50_000 + b"IEND\xaeB`\x82"
    site.source.put_image("a" * 40, picture)
    site.source.put_item({"itemCode": "A1", "names": {}, "images": [{"hash": "a" * 40, "sequence": 1}]})
    commands.do("sync", settings=site.chosen, streams=["items", "publish"])
    assert_told(commands.a4s(site, "images", limit=20_000), site.data_dir / "images")
    assert commands.a4s(site, "images").status == 0
    assert [path.stat().st_size for path in (site.data_dir / "images").iterdir()] == [len(picture)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, if this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill_up(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as opened:
        while True:
            opened.write(b"x" * 512)


def test_a_disk_that_is_really_full_and_then_made_larger(
    site_of: Callable[..., Site], commands: Workers, small_disk: Path
) -> None:
    site = site_of(f"{small_disk.name}/data")
    for number in range(700):
        put_order(site.source, number)
    site.source.put_item({"itemCode": "A1", "names": {}})
    assert_told(commands.a4s(site, "sync", "orders"), site.data_dir)
    assert_true_state(site)
    fill_up(small_disk / "fill")
    said = commands.a4s(site, "stock", "A1")
    assert (said.status, said.err) == (0, [])
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    assert commands.a4s(site, "sync", "orders").status == 0
    calm = site_of("calm")
    commands.do("sync", settings=calm.chosen, streams=["orders"])
    assert all_rows(site) == all_rows(calm)
