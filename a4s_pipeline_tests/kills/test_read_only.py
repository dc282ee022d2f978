"""A read-only data folder: clear errors, nothing sent, and reading still works."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from a4s_pipeline_tests.kills.conftest import Said, Site, Workers
from a4s_pipeline_tests.kills.test_inbox_kills import request
from a4s_pipeline_tests.kills.test_sending_kills import creates, exports
from a4s_pipeline_tests.kills.versions import put_customer, put_order


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Keep everyone bound by permissions from writing in a folder."""
    below = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in below}
    for path in reversed(below):
        path.chmod(modes[path] & ~0o222)
    try:
        yield
    finally:
        for path in below:
            path.chmod(modes[path])


@pytest.fixture
def site(site_of: Callable[..., Site], commands: Workers) -> Site:
    """A site with imported and published orders, and some requests."""
    made = site_of()
    put_order(made.source, 1)
    put_customer(made.source, 1)
    made.source.put_item({"itemCode": "A1", "names": {}})
    commands.do("sync", settings=made.chosen, streams=["orders", "publish"])
    return made


def assert_told(said: Said, path: Path) -> None:
    assert said.status == 1
    assert any(str(path) in line and "check the folder, its permissions" in line for line in said.err), said


def test_a_sync_says_where_it_may_not_write(site: Site, commands: Workers) -> None:
    rows = site.query("SELECT * FROM orders")
    put_order(site.source, 2)
    with read_only(site.data_dir):
        said = commands.a4s(site, "sync", "orders", without_privileges=True)
    assert_told(said, site.data_dir)
    assert len(said.err) == 1
    assert site.query("SELECT * FROM orders") == rows
    assert commands.a4s(site, "sync", "orders").status == 0
    assert site.published("SELECT count(*) FROM orders") == [(2,)]


def test_a_sync_into_a_folder_that_cannot_be_made_says_so(
    site: Site, commands: Workers, tmp_path: Path
) -> None:
    nowhere = Site(site.sandbox, site.data_dir / "below" / "data")
    with read_only(site.data_dir):
        said = commands.a4s(nowhere, "sync", "orders", without_privileges=True)
    assert_told(said, nowhere.data_dir)


def test_stock_is_still_answered(site: Site, commands: Workers) -> None:
    with read_only(site.data_dir):
        # Ten times, because one in ten is logged.
        said = [commands.a4s(site, "stock", "A1", "--json", without_privileges=True) for _ in range(10)]
    assert {(one.status, tuple(one.err)) for one in said} == {(0, ())}
    assert json.loads(said[0].out)["items"][0]["projected"] == "0"


@pytest.mark.parametrize("arguments", [("orders", "--json"), ("order", "A0001", "--json")])
def test_orders_are_still_retrieved(site: Site, commands: Workers, arguments: tuple[str, ...]) -> None:
    with read_only(site.data_dir):
        said = commands.a4s(site, *arguments, without_privileges=True)
    assert (said.status, said.err) == (0, [])
    assert "A0001" in said.out


@pytest.mark.parametrize("is_fresh", [False, True])
def test_nothing_is_sent_that_cannot_be_recorded(
    site: Site, commands: Workers, tmp_path: Path, is_fresh: bool
) -> None:
    files = {"export-order": exports("IO-1")["order"], "create-customer": creates("N1")["customer"]}
    if not is_fresh:
        # Where something was sent before, its lock is there already.
        (site.data_dir / "locks").mkdir(exist_ok=True)
    site.sandbox.clear()
    with read_only(site.data_dir):
        for command, content in files.items():
            file = tmp_path / f"{command}.json"
            file.write_text(json.dumps(content))
            assert_told(commands.a4s(site, command, str(file), without_privileges=True), site.data_dir)
    assert [call.method for call in site.sandbox.requests if call.method == "POST"] == []


def test_requests_in_an_inbox_that_cannot_be_answered_are_left_in_it(site: Site, commands: Workers) -> None:
    inbox = site.data_dir / "inbox"
    inbox.mkdir()
    for kind in ("stock", "order"):
        (inbox / f"{kind}.json").write_bytes(request(kind, 1))
    with read_only(site.data_dir):
        assert_told(commands.a4s(site, "worker", without_privileges=True), site.data_dir / "outbox")
    assert commands.a4s(site, "worker").status == 0
    (site.data_dir / "outbox" / "stock.json").unlink()
    for kind in ("stock", "nonsense"):
        (inbox / f"{kind}-again.json").write_bytes(request(kind, 1))
    with read_only(site.data_dir):
        said = commands.a4s(site, "worker", without_privileges=True)
    assert all("check the folder, its permissions" in line for line in said.err)
    assert len([line for line in said.err if line.startswith("request ")]) == 2
    assert sorted(path.stem for path in inbox.glob("*.json")) == ["nonsense-again", "stock-again"]
    assert commands.a4s(site, "worker").status == 0
    assert sorted(path.stem for path in inbox.glob("*.json")) == []
