import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import dagster as dg
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.ondemand.inbox.inbox import Inbox, as_bytes
from a4s_pipeline.ondemand.inbox.inboxes import inbox_of
from a4s_pipeline.ondemand.inbox.remote_inbox import RemoteInbox
from a4s_pipeline.ondemand.inbox.stores import FolderStore, ObjectStore, Store
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.orchestration.automation.on_demand import on_demand_requests
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.settings.urls import requests_location
from a4s_pipeline_tests.kills.conftest import Workers, kill
from a4s_pipeline_tests.ondemand.inbox.test_inbox import ready
from a4s_pipeline_tests.support.installed_site import Site, asks, exports, installed, wait_until
from a4s_pipeline_tests.support.project import ROOT
from a4s_pipeline_tests.support.tables import row

ONE = PurePosixPath("inbox/one.json")
ANSWER = as_bytes({"status": "ok", "number": 1})
# Serves a folder by the rules of stores, and writes down what it puts there.
PROGRAM = """
import json, os, sys
from a4s_pipeline.ondemand.inbox.stores import FolderStore
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline_tests.support.worker_process import serve

log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def told(real):
    def change(self, path, *content):
        real(self, path, *content)
        os.write(log, f"{real.__name__} {path}\\n".encode())
    return change

FolderStore.write, FolderStore.delete = told(FolderStore.write), told(FolderStore.delete)
serve(GivenSettings(**json.loads(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def _swift_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoteInbox, "look_every", 0.02)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._SETTLE_FIRST_AFTER", 0.1)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._TRY_AGAIN_AFTER", 0.1)


@pytest.fixture(autouse=True)
def memory() -> Iterator[dict[str, Any]]:
    """The content of memory://, which the whole process shares."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem.store
    MemoryFileSystem.store.clear()


def read(store: Store, path: str) -> bytes | None:
    found = store.fetch(path)
    return None if found is None else found.raw


def names(store: Store, folder: str) -> list[str]:
    return sorted(store.names(folder))


def test_what_the_inbox_of_one_machine_answered_has_the_same_answer(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        site.put_items("A1")
        site.drop("one", asks("A1"))
        site.serve_what_waits()
        first = (site.outbox / "one.json").read_bytes()
        site.choose(requests=f"file://{site.data_dir}")
        site.drop("one", asks("A1"))
        site.serve_what_waits()
        assert (site.outbox / "one.json").read_bytes() == first
        site.drop("one", asks("A2"))
        site.serve_what_waits()
        assert (site.outbox / "one.json").read_bytes() == first
        assert len(site.answered()) == 2
        assert len(site.sandbox.calls("stock")) == 1


# The claim.


def test_ids_share_a_lock_among_files_and_have_their_own_in_a_database(tmp_path: Path) -> None:
    asked = [f"inbox/r{number}.json" for number in range(3000)]
    groups = RemoteInbox(FolderStore(tmp_path), FileLocks(tmp_path))
    assert len({groups._lock_of(name) for name in asked}) <= 1024
    locks = FileLocks(tmp_path)
    locks.reach_other_machines = True
    each = RemoteInbox(FolderStore(tmp_path), locks)
    assert len({each._lock_of(name) for name in asked}) == 3000


def test_what_shares_its_lock_with_another_is_only_delayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.inbox.remote_inbox._LOCK_GROUPS", 1)
    with installed(tmp_path) as site:
        site.choose(requests=f"file://{site.data_dir}")
        site.put_items("A1")
        for number in range(20):
            site.drop(f"r{number}", asks("A1"))
        assert site.serve_what_waits().counts.by_status == {"ok": 20}
        assert len(site.sandbox.calls("stock")) == 20


# Links, where there are such.


def test_a_link_in_a_folder_is_never_followed(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        site.choose(requests=f"file://{site.data_dir}")
        (site.inbox / "one.json").symlink_to("/etc/passwd")
        site.serve_what_waits()
        assert site.answer("one")["error"]["code"] == "NotAFile"
        assert (site.inbox / "failed" / "one.json").is_symlink()


# The request worker.


def drop(memory: str, request_id: str, request: Any) -> None:
    ObjectStore(memory).write(f"inbox/{request_id}.json", json.dumps(request).encode())


def serve(site: Site) -> RequestWorker:
    with site.service() as service:
        worker = RequestWorker(service)
        inbox = inbox_of(service.platform)
        deadline = time.monotonic() + 30
        worker.serve(lambda: not inbox.waiting() or time.monotonic() > deadline)
    return worker


def test_an_object_store_is_answered_like_a_folder(tmp_path: Path) -> None:
    place = "memory://bucket/a4s"
    with installed(tmp_path, requests=place) as site:
        site.put_items("A1")
        for number in range(10):
            drop(place, f"r{number}", asks("A1"))
        drop(place, "order", exports("IO-1"))
        drop(place, "bad", {"kind": "prices"})
        worker = serve(site)
        store = ObjectStore(place)
        assert worker.counts.by_status == {"ok": 11, "refused": 1}
        answer = json.loads(read(store, "outbox/order.json") or b"")
        assert (answer["id"], answer["status"], answer["kind"]) == ("order", "ok", "export_order")
        assert len(names(store, "inbox/done")) == 11
        assert names(store, "inbox/failed") == ["bad.json"]
        assert len(site.source.booked) == 1
        assert site.names_in() == []


def test_in_an_object_store_an_unknown_export_is_settled_too(tmp_path: Path) -> None:
    place = "memory://bucket/a4s"
    with installed(tmp_path, requests=place) as site:
        site.put_items("A1")
        faults = site.sandbox.faults
        faults.script = {"export_order": ["lose_post_reply"]}
        faults.routes = frozenset({"exported_order"})
        faults.server_error = 1
        store = ObjectStore(place)

        def status() -> Any:
            return json.loads(read(store, "outbox/order.json") or b'{"status": null}')["status"]

        drop(place, "order", exports("IO-1"))
        with site.worker():
            wait_until(lambda: status() == "unknown")
            first = json.loads(read(store, "outbox/order.json") or b"")
            wait_until(lambda: names(store, "inbox/.unsettled") == ["order.json"])
            faults.server_error = 0
            wait_until(lambda: status() == "ok")
        settled = json.loads(read(store, "outbox/order.json") or b"")
        assert settled["receivedAt"] == first["receivedAt"]
        assert names(store, "inbox/done") == ["order.json"]
        assert names(store, "inbox/.unsettled") == names(store, "inbox") == []
        assert len(site.source.booked) == 1


class Reset(Exception):
    """Errors like those of the stores' drivers: no OSError, and with a secret in the message."""

    def __init__(self) -> None:
        super().__init__("no answer from https://user:hush@bucket/inbox?sig=hush\nmore")


def broken(method: str, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Make the driver fail this many times."""
    real, left = getattr(MemoryFileSystem, method), [times]

    def fails(self: Any, *arguments: Any, **more: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise Reset
        return real(self, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, method, fails)


@pytest.mark.parametrize("method", ["ls", "info", "cat_file", "pipe_file", "rm_file"])
def test_a_store_that_fails_for_a_while_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    place = "memory://bucket/a4s"
    with installed(tmp_path, requests=place, linger_seconds=1) as site:
        site.put_items("A1")
        drop(place, "one", asks("A1"))
        broken(method, monkeypatch, 2)
        with site.service() as service, caplog.at_level(logging.WARNING):
            RequestWorker(service).serve(lambda: False)
        assert json.loads(read(ObjectStore(place), "outbox/one.json") or b"")["status"] == "ok"
        assert names(ObjectStore(place), "inbox") == []
        assert "is tried again" in caplog.text
        assert "memory://bucket/a4s cannot be used now (Reset: no answer from https://…" in caplog.text
        assert "hush" not in caplog.text
        assert "Traceback" not in caplog.text


# Processes, and their ends.


def worker_process(site: Site) -> "subprocess.Popen[str]":
    chosen = {**site.chosen, "data_dir": str(site.data_dir)}
    log = str(site.data_dir / "changes")
    command = [sys.executable, "-c", PROGRAM, log, json.dumps(chosen)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_two_processes_never_answer_one_request_twice(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    with installed(tmp_path, linger_seconds=0.5, max_connections=4) as site:
        site.choose(requests=f"file://{shared}")
        site.inbox, site.outbox = shared / "inbox", shared / "outbox"
        site.inbox.mkdir(parents=True)
        ids = [f"r{number}" for number in range(60)]
        site.put_items(*ids)
        # More than one process asks for at once: the others wait until both are at it.
        site.sandbox.faults.script = {"stock": ["hang"] * 8}
        site.sandbox.faults.hang_seconds = 60
        for request_id in ids:
            site.drop(request_id, asks(request_id))
        processes = [worker_process(site), worker_process(site)]
        try:
            for process in processes:
                ready(process)
            wait_until(lambda: len(site.sandbox.calls("stock")) == 8)
            site.sandbox.faults.hang_seconds = 0
            counts = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        assert {site.answer(request_id)["status"] for request_id in ids} == {"ok"}
        # Each did some of it, together they did all of it, and nothing was asked for or answered twice.
        assert all(each["ok"] > 0 for each in counts)
        assert sum(each["ok"] for each in counts) == len(ids)
        assert sorted(call.code for call in site.sandbox.calls("stock")) == sorted(ids)
        changes = (site.data_dir / "changes").read_text().splitlines()
        written = [change for change in changes if change.startswith("write outbox/")]
        assert sorted(written) == sorted(f"write outbox/{request_id}.json" for request_id in ids)
        assert site.names_in() == []
        assert len(site.names_in("done")) == len(ids)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.mark.parametrize("request_", [asks("A1"), exports("IO-1")], ids=["stock", "export"])
def test_a_process_that_is_killed_between_any_two_steps_leaves_the_rest_to_the_next(
    tmp_path: Path, workers: Workers, request_: Any
) -> None:
    """Its steps: store the answer, copy the request, write to the outbox, remove the request."""
    for steps in range(5):
        with installed(tmp_path / f"{steps}") as site:
            site.choose(requests=f"file://{site.data_dir}")
            site.put_items("A1")
            path = site.drop("one", request_)
            raw = path.read_bytes()
            chosen = {**site.chosen, "data_dir": str(site.data_dir)}
            process = workers.start("worker_that_dies", settings=chosen, before_change=steps)
            if steps == 4:
                wait_until(lambda site=site: not site.names_in())  # type: ignore[misc]
                kill(process)
            assert workers.ended() == -signal.SIGKILL
            first = (site.outbox / "one.json").read_bytes() if steps >= 3 else None
            assert (site.outbox / "one.json").exists() is (steps >= 3)
            assert path.exists() is (steps < 4)
            assert (site.inbox / "done" / "one.json").exists() is (steps >= 2)
            site.serve_what_waits()
            assert site.answer("one")["status"] == "ok"
            assert first in (None, (site.outbox / "one.json").read_bytes())
            assert (site.inbox / "done" / "one.json").read_bytes() == raw
            assert site.names_in() == site.names_in("failed") == []
            if request_["kind"] == "export_order":
                assert len(site.source.booked) == len(site.sandbox.calls("export_order")) == 1
            else:
                assert len(site.sandbox.calls("stock")) == (2 if steps == 0 else 1)


def test_a_claim_dies_with_its_process(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        site.choose(requests=f"file://{site.data_dir}")
        site.put_items("A1")
        site.sandbox.faults.script = {"stock": ["hang"]}
        site.sandbox.faults.hang_seconds = 60
        site.drop("one", asks("A1"))
        with worker_process(site) as process:
            wait_until(lambda: len(site.sandbox.calls("stock")) == 1)
            with site.worker():
                time.sleep(0.3)
                assert site.answered() == set()
                process.kill()
                assert site.wait_for("one")["status"] == "ok"
        assert len(site.sandbox.calls("stock")) == 2


# Which inbox it is, and its setting.


class OtherMachines(FileLocks):
    reach_other_machines = True


def platform(tmp_path: Path, requests: str | None = None) -> Platform:
    return Platform(GivenSettings(data_dir=tmp_path / "data", requests=requests))


def test_a_folder_of_one_machine_is_claimed_file_by_file(tmp_path: Path) -> None:
    assert isinstance(inbox_of(platform(tmp_path)), Inbox)
    elsewhere = inbox_of(platform(tmp_path, str(tmp_path / "elsewhere")))
    assert isinstance(elsewhere, Inbox)
    elsewhere.prepare()
    assert (tmp_path / "elsewhere" / "outbox").is_dir()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("requests", [None, "shared"])
def test_a_folder_of_several_machines_is_claimed_by_their_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    several = platform(tmp_path, requests)
    several.locks = OtherMachines(tmp_path / "locks")
    inbox = inbox_of(several)
    assert isinstance(inbox, RemoteInbox)
    assert inbox.where == str(tmp_path / (requests or "data") / "inbox")


@pytest.mark.parametrize(
    ("requests", "where"),
    [("memory://bucket/a4s/", "memory://bucket/a4s/inbox"), ("file:///srv/a4s", "/srv/a4s/inbox")],
)
def test_a_url_is_claimed_by_locks(tmp_path: Path, requests: str, where: str) -> None:
    inbox = inbox_of(platform(tmp_path, requests))
    assert isinstance(inbox, RemoteInbox)
    assert inbox.where == where


def test_a_folder_or_a_url_is_a_place_for_requests() -> None:
    for place in [
        *("data", "/srv/a4s", "a b/c#d", "C:/a4s", "s3://bucket", "s3://bucket/a4s/", "gs://b/a", "az://c/a"),
        *("memory://", "memory://a/b", "file:///srv/a4s", "abfs://container@account.dfs.core.windows.net/a"),
        *("sftp://user@host:22/srv/a4s",),
    ]:
        assert requests_location(place) == place, place


def test_what_can_be_no_place_for_requests_is_refused() -> None:
    for place, reason in [
        ("s3://key:hush@bucket/a4s", "credentials"),
        ("s3://key@bucket/a4s", "credentials"),
        ("sftp://user:hush@host/srv", "credentials"),
        ("az://container/a4s?sig=hush", r"before any \?"),
        ("s3://bucket/a4s#hush", "or #"),
        ("simplecache::s3://bucket", "one store"),
        ("://bucket", "such as"),
        ("s3://", "such as s3://bucket/a4s"),
        ("file://srv/a4s", "absolute path"),
        ("a\nb", "control characters"),
        ("s3://[bucket", "is not a URL"),
    ]:
        with row(place), pytest.raises(ValueError, match=reason) as caught:
            requests_location(place)
        assert "hush" not in str(caught.value), place


def test_a_url_is_recognized_by_its_scheme_in_lower_case() -> None:
    assert requests_location("S3://Bucket/A4S") == "s3://Bucket/A4S"


def test_a_scheme_that_nobody_knows_is_a_wrong_setting() -> None:
    with pytest.raises(ChangeSettings, match="A4S_REQUESTS: fsspec has no driver for nosuch://"):
        ObjectStore("nosuch://bucket/a4s").names("inbox")


@pytest.mark.parametrize(
    ("url", "todo"),
    [("s3://b/a", "pip install s3fs"), ("gs://b/a", "pip install gcsfs"), ("oss://b/a", "Install it")],
)
def test_a_driver_that_is_not_installed_is_a_wrong_setting_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, todo: str
) -> None:
    def missing(_: str) -> None:
        raise ImportError("Install it")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(ChangeSettings, match=f"A4S_REQUESTS: .*{todo}"):
        ObjectStore(url).names("inbox")


def test_no_command_pays_for_the_drivers_of_stores() -> None:
    program = "import sys, a4s_pipeline.ondemand.inbox.inboxes; print('fsspec' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"


# The sensor.


def tick(site: Site, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    with dg.build_sensor_context(instance, resources={"platform": Platform(site.settings)}) as context:
        data = on_demand_requests.evaluate_tick(context)
    return data.run_requests[0] if data.run_requests else str(data.skip_message)


def test_the_sensor_looks_where_the_requests_are(tmp_path: Path) -> None:
    place = "memory://bucket/a4s"
    with installed(tmp_path, requests=place) as site, dg.DagsterInstance.ephemeral() as instance:
        site.drop("elsewhere", asks("A1"))
        assert tick(site, instance) == "no request waits in memory://bucket/a4s/inbox"
        drop(place, "one", asks("A1"))
        assert isinstance(tick(site, instance), dg.RunRequest)


def test_a_store_that_the_sensor_cannot_look_at_is_a_line_and_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        installed(tmp_path, requests="memory://bucket/a4s") as site,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        broken("ls", monkeypatch, 1)
        said = tick(site, instance)
        assert isinstance(said, str)
        assert "cannot be used now" in said
        site.choose(requests="nosuch://bucket")
        said = tick(site, instance)
        assert isinstance(said, str)
        assert "A4S_REQUESTS" in said
