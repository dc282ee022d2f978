import errno
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.ondemand.inbox.inbox import Inbox, Waiting, as_bytes, is_looked_at, is_plain_id
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST
from a4s_pipeline_tests.support.installed_site import Site, asks, exports, installed, wait_until

SECRET = "root:x:0:0"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as site:
        site.put_items("A1", "A2", "A3")
        yield site


@pytest.fixture
def inbox(site: Site) -> Inbox:
    opened = Inbox(site.data_dir)
    opened.prepare()
    return opened


def claimed(inbox: Inbox, path: Path) -> Waiting | None:
    with inbox.claimed(path) as waiting:
        return waiting


def refusal_of(site: Site, request_id: str) -> tuple[str, str]:
    answer = site.answer(request_id)
    assert answer["answer"] is None
    return answer["status"], answer["error"]["code"]


def refused_beside(site: Site, request_id: str) -> set[str]:
    """The codes of the refusals stored beside the answer of an id."""
    found = [json.loads(path.read_bytes()) for path in site.outbox.glob(f"{request_id}.*.json")]
    assert all((one["id"], one["status"], one["answer"]) == (request_id, "refused", None) for one in found)
    return {one["error"]["code"] for one in found}


def test_a_plain_file_name_is_an_id() -> None:
    for plain in [
        "a",
        "1",
        "order-1",
        "Order_1",
        "a.b",
        "a..b",
        "a b",
        "café",
        "订单",
        "a.json",
        "~a",
        "-",
        "a" * 200,
        "é" * 100,
    ]:
        assert is_plain_id(plain), plain


def test_what_is_no_plain_file_name_everywhere_is_no_id() -> None:
    for other in [
        "",
        ".",
        "..",
        ".hidden",
        "../a",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "..\\a",
        "C:a",
        "a*",
        "a?",
        'a"',
        "a<b",
        "a>b",
        "a|b",
        "a\n",
        "a\tb",
        "a\x00b",
        "a\x7f",
        " a",
        "a ",
        "\u00a0a",
        "a\u202eb",
        "a\u200b",
        "\udcff",
        "a" * 201,
        "é" * 101,
    ]:
        assert not is_plain_id(other), other


def test_names_that_are_hidden_half_written_or_no_json_are_not_looked_at() -> None:
    for name, is_one in [
        ("a.json", True),
        ("a.b.json", True),
        (".a.json", False),
        (".json", False),
        ("a.json.tmp", False),
        ("a.tmp", False),
        ("a.tmp.json", True),
        ("a", False),
        ("a.JSON", False),
        ("a.json~", False),
        ("done", False),
    ]:
        assert is_looked_at(name) is is_one, name


def test_a_request_is_answered_and_then_done(site: Site) -> None:
    path = site.drop("one", asks("A1"))
    raw = path.read_bytes()
    site.serve_what_waits()
    answer = site.answer("one")
    assert answer["status"] == "ok"
    assert (answer["id"], answer["kind"], answer["connector"]) == ("one", "projected_stock", "demo")
    assert answer["answer"]["items"][0]["projected"] == "5"
    assert (site.inbox / "done" / "one.json").read_bytes() == raw
    assert site.names_in() == site.names_in("failed") == []


def test_a_request_that_is_refused_goes_to_failed(site: Site) -> None:
    requests = dict(enumerate([b"not json", b"[]", b"{}", json.dumps(asks()).encode()]))
    for number, request in requests.items():
        site.drop(f"r{number}", request)
    site.serve_what_waits()
    for number, request in requests.items():
        assert refusal_of(site, f"r{number}") == ("refused", "Invalid")
        assert (site.inbox / "failed" / f"r{number}.json").read_bytes() == request
    assert site.names_in() == site.names_in("done") == []


def test_a_request_that_failed_goes_to_failed_too(site: Site) -> None:
    site.sandbox.faults.server_error = 1
    site.drop("one", asks("A1"))
    site.serve_what_waits()
    assert refusal_of(site, "one") == ("failed", "GatewayUnavailable")
    assert site.names_in("failed") == ["one.json"]


def test_a_link_is_never_followed(site: Site) -> None:
    site.drop("first", asks("A2"))
    site.serve_what_waits()
    site.sandbox.clear()
    file = site.data_dir / "elsewhere.json"
    file.write_text(json.dumps(asks("A1")))
    first = site.inbox / "done" / "first.json"
    targets = [file, site.data_dir, site.data_dir / "nowhere", Path("/etc/passwd"), first]
    before = {target: target.read_bytes() for target in targets if target.is_file()}
    for number, target in enumerate(targets):
        (site.inbox / f"r{number}.json").symlink_to(target)
    site.serve_what_waits()
    for number, target in enumerate(targets):
        assert refusal_of(site, f"r{number}") == ("refused", "NotAFile")
        assert (site.inbox / "failed" / f"r{number}.json").readlink() == target
        assert SECRET not in (site.outbox / f"r{number}.json").read_text()
    assert list(site.inbox.glob("*.json")) == []
    assert site.sandbox.requests == []
    assert {target: target.read_bytes() for target in before} == before


def test_a_link_in_the_outbox_is_replaced_and_not_written_through(site: Site) -> None:
    precious = site.data_dir / "precious"
    precious.write_text("precious")
    site.outbox.mkdir()
    (site.outbox / "one.json").symlink_to(precious)
    site.drop("one", asks("A1"))
    site.serve_what_waits()
    assert precious.read_text() == "precious"
    assert not (site.outbox / "one.json").is_symlink()
    assert site.answer("one")["status"] == "ok"


def test_a_file_that_becomes_a_link_while_it_is_looked_at_is_not_followed(
    site: Site, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.drop("one", asks("A1"))
    looked_at = os.lstat(path)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with monkeypatch.context() as patched:
        patched.setattr("a4s_pipeline.ondemand.inbox.inbox.os.lstat", lambda _: looked_at)
        waiting = claimed(inbox, path)
    assert waiting is not None
    assert waiting.raw == b""
    assert waiting.refusal is not None
    assert waiting.refusal.code == "Unreadable"


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(site: Site) -> None:
    (site.inbox / "one.json").mkdir()
    (site.inbox / "one.json" / "inside.json").write_text(json.dumps(asks("A1")))
    site.serve_what_waits()
    assert refusal_of(site, "one") == ("refused", "NotAFile")
    assert (site.inbox / "failed" / "one.json" / "inside.json").exists()
    assert site.sandbox.requests == []


def test_a_pipe_is_refused_and_waited_for_by_nobody(site: Site) -> None:
    os.mkfifo(site.inbox / "one.json")
    site.serve_what_waits()
    assert refusal_of(site, "one") == ("refused", "NotAFile")
    assert site.names_in("failed") == ["one.json"]


def test_a_pipe_that_comes_in_the_place_of_a_file_is_waited_for_by_nobody(
    site: Site, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.drop("one", b"")
    looked_at = os.lstat(path)
    path.unlink()
    os.mkfifo(path)
    ended = threading.Event()

    def claim() -> None:
        claimed(inbox, path)
        ended.set()

    with monkeypatch.context() as patched:
        patched.setattr("a4s_pipeline.ondemand.inbox.inbox.os.lstat", lambda _: looked_at)
        threading.Thread(target=claim, daemon=True).start()
        assert ended.wait(30)


def test_a_request_of_more_than_a_mebibyte_is_refused_unread(site: Site) -> None:
    codes = [{"itemCode": "A1"}]
    fits = json.dumps(asks("A1") | {"items": codes}).encode()
    site.drop("fits", fits + b" " * (LARGEST_REQUEST - len(fits)))
    site.drop("large", fits + b" " * (LARGEST_REQUEST - len(fits) + 1))
    site.serve_what_waits()
    assert site.answer("fits")["status"] == "ok"
    assert refusal_of(site, "large") == ("refused", "TooLarge")
    assert site.names_in("failed") == ["large.json"]
    assert (site.inbox / "failed" / "large.json").stat().st_size == LARGEST_REQUEST + 1


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, number: int, name: str, times: int = 1) -> None:
    """Make the system refuse to open a file, as it does for users other than root."""
    real, left = os.open, [times]

    def opened(path: Any, *arguments: Any, **more: Any) -> int:
        if Path(path).name == name and left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr("a4s_pipeline.ondemand.inbox.inbox.os.open", opened)


def test_a_request_that_may_not_be_read_is_refused(site: Site) -> None:
    for number in (errno.EACCES, errno.EPERM):
        site.drop(f"r{number}", asks("A1"))
        with pytest.MonkeyPatch.context() as patched:
            refuse_to_open(patched, number, f"r{number}.json")
            site.serve_what_waits()
        assert refusal_of(site, f"r{number}") == ("refused", "Unreadable")
        assert f"r{number}.json" in site.names_in("failed")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_request_without_permission_is_refused(site: Site) -> None:
    site.drop("one", asks("A1")).chmod(0)
    site.serve_what_waits()
    assert refusal_of(site, "one") == ("refused", "Unreadable")


def test_what_passes_by_itself_refuses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._TRY_AGAIN_AFTER", 0.05)
    for number in (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM):
        site.drop(f"r{number}", asks("A1"))
        with pytest.MonkeyPatch.context() as patched:
            refuse_to_open(patched, number, f"r{number}.json", times=2)
            site.serve_what_waits()
        assert site.answer(f"r{number}")["status"] == "ok"


def test_an_id_that_is_no_plain_file_name_is_refused_under_a_name_that_is(site: Site) -> None:
    names = ["a:b", "a\\b", "a?b", "a\nb", " a", "a" * 201, "a\u202eb"]
    for name in names:
        (site.inbox / f"{name}.json").write_text(json.dumps(asks("A1")))
    site.serve_what_waits()
    written = list(site.outbox.iterdir())
    assert all(path.name.startswith("refused-") and is_plain_id(path.stem) for path in written)
    answers = [json.loads(path.read_bytes()) for path in written]
    assert {(one["status"], one["error"]["code"]) for one in answers} == {("refused", "Invalid")}
    assert sorted(one["id"] for one in answers) == sorted(names)
    assert site.names_in("failed") == sorted(path.name for path in written)
    assert site.sandbox.requests == []


def test_an_id_that_is_not_a_text_is_refused(site: Site) -> None:
    (Path(os.fsdecode(os.fsencode(site.inbox) + b"/\xff\xfe.json"))).write_bytes(b"{}")
    site.serve_what_waits()
    (written,) = site.outbox.iterdir()
    assert json.loads(written.read_bytes())["error"]["code"] == "Invalid"
    assert site.names_in() == []


def test_a_request_that_was_refused_harms_no_other(site: Site) -> None:
    (site.inbox / "link.json").symlink_to("/etc/passwd")
    (site.inbox / "folder.json").mkdir()
    site.drop("broken", b"{")
    site.drop("deep", b"[" * 100_000)
    for number in range(20):
        site.drop(f"good-{number}", asks("A1"))
    worker = site.serve_what_waits()
    assert {site.answer(f"good-{number}")["status"] for number in range(20)} == {"ok"}
    assert worker.counts.by_status == {"ok": 20, "refused": 4}


# The claim.


def test_a_request_that_was_answered_between_look_and_claim_is_not_claimed(
    site: Site, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.drop("one", asks("A1"))
    real = os.open

    def opened_too_late(*arguments: Any) -> int:
        handle = real(*arguments)
        path.replace(site.inbox / "done" / "one.json")
        return handle

    with monkeypatch.context() as patched:
        patched.setattr("a4s_pipeline.ondemand.inbox.inbox.os.open", opened_too_late)
        assert claimed(inbox, path) is None


def test_an_error_during_a_claim_comes_through_as_it_is(site: Site, inbox: Inbox) -> None:
    paths = [site.drop("one", asks("A1")), site.inbox / "link.json", site.inbox / "gone.json"]
    paths[1].symlink_to("/etc/passwd")
    for path in paths:
        for error in (OSError(errno.ENOSPC, "disk full"), FileNotFoundError("gone")):
            with pytest.raises(OSError, match=r"disk full|gone") as caught, inbox.claimed(path):
                raise error
            assert caught.value is error


def ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def test_a_claim_dies_with_its_process_and_the_request_is_taken_up_again(site: Site) -> None:
    path = site.drop("one", asks("A1"))
    with site.worker_process(program="claim") as holder:
        try:
            ready(holder)
            assert claimed(Inbox(site.data_dir), path) is None
            with site.worker():
                time.sleep(0.3)
                assert site.answered() == set()
                assert site.names_in() == ["one.json"]
                holder.kill()
                assert site.wait_for("one")["status"] == "ok"
        finally:
            holder.kill()


def test_a_process_that_is_killed_while_it_answers_leaves_the_request_to_the_next(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        site.put_items("A1")
        site.sandbox.faults.script = {"stock": ["hang"]}
        site.sandbox.faults.hang_seconds = 60
        site.drop("one", asks("A1"))
        with site.worker_process() as process:
            ready(process)
            wait_until(lambda: len(site.sandbox.calls("stock")) == 1)
            process.kill()
        assert site.names_in() == ["one.json"]
        assert site.answered() == set()
        site.serve_what_waits()
        assert site.answer("one")["status"] == "ok"


def test_two_processes_never_answer_one_request_twice(tmp_path: Path) -> None:
    with installed(tmp_path, linger_seconds=0.2, max_connections=4) as site:
        ids = [f"r{number}" for number in range(60)]
        site.put_items(*ids)
        # More than one process asks for at once: the others wait until both are at it.
        site.sandbox.faults.script = {"stock": ["hang"] * 8}
        site.sandbox.faults.hang_seconds = 60
        for request_id in ids:
            site.drop(request_id, asks(request_id))
        processes = [site.worker_process(), site.worker_process()]
        try:
            for process in processes:
                ready(process)
            wait_until(lambda: len(site.sandbox.calls("stock")) == 8)
            site.sandbox.faults.hang_seconds = 0
            answered = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        assert site.answered() == set(ids)
        assert {site.answer(request_id)["status"] for request_id in ids} == {"ok"}
        # Each did some of it, together they did all of it, and nothing was asked for twice.
        assert all(counts["ok"] > 0 for counts in answered)
        assert sum(counts["ok"] for counts in answered) == len(ids)
        assert sorted(call.code for call in site.sandbox.calls("stock")) == sorted(ids)


# The same id again.


def test_the_same_request_again_has_the_same_answer_even_when_the_first_was_taken_away(site: Site) -> None:
    site.drop("one", asks("A1"))
    site.serve_what_waits()
    first = (site.outbox / "one.json").read_bytes()
    (site.outbox / "one.json").unlink()
    site.put_items("A1", shelf=99)
    site.drop("one", asks("A1"))
    worker = site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == first
    assert len(site.sandbox.calls("stock")) == 1
    assert site.names_in("done") == ["one.json"]
    assert worker.counts.by_status == {}


@pytest.mark.parametrize(
    ("first", "status"), [(asks("A1"), "ok"), (asks(), "refused"), (exports("IO-1", lines=[]), "refused")]
)
def test_other_content_under_the_same_id_is_refused_and_the_first_keeps_its_answer(
    site: Site, first: Any, status: str
) -> None:
    site.drop("one", first)
    site.serve_what_waits()
    answer = (site.outbox / "one.json").read_bytes()
    assert json.loads(answer)["status"] == status
    for other in (asks("A2"), asks("A3"), asks("A2")):
        site.sandbox.clear()
        site.drop("one", other)
        site.serve_what_waits()
        # Nobody has collected the first answer yet.
        assert (site.outbox / "one.json").read_bytes() == answer
        assert refused_beside(site, "one") == {"DuplicateRequest"}
        assert site.sandbox.requests == []
    assert len(site.answered()) == 3
    (site.outbox / "one.json").unlink()
    site.drop("one", asks("A4"))
    site.serve_what_waits()
    assert refusal_of(site, "one") == ("refused", "DuplicateRequest")
    assert site.answer("one")["kind"] == "projected_stock"
    site.drop("one", first)
    site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == answer
    assert site.sandbox.requests == []


@pytest.mark.parametrize("second", [b" " * (LARGEST_REQUEST + 1), None])
def test_an_unreadable_request_under_the_id_of_another_leaves_the_others_answers_alone(
    site: Site, second: bytes | None
) -> None:
    site.drop("one", asks("A1"))
    site.serve_what_waits()
    answer = (site.outbox / "one.json").read_bytes()
    if second is None:
        (site.inbox / "one.json").mkdir()
    else:
        site.drop("one", second)
    site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == answer
    assert refused_beside(site, "one") == {"NotAFile" if second is None else "TooLarge"}
    (site.outbox / "one.json").unlink()
    site.drop("one", asks("A1"))
    site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == answer


def test_other_content_while_the_first_is_not_settled_yet_is_refused_and_stays_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._SETTLE_FIRST_AFTER", 0.1)
    faults = site.sandbox.faults
    faults.script = {"export_order": ["lose_post_reply"]}
    faults.routes = frozenset({"exported_order"})
    faults.server_error = 1
    with site.worker():
        site.drop("one", exports("IO-1"))
        assert site.wait_for("one")["status"] == "unknown"
        # Its sender has seen "unknown", and waits for the answer to be rewritten.
        (site.outbox / "one.json").unlink()
        site.drop("one", asks("A2"))
        wait_until(lambda: refused_beside(site, "one") == {"DuplicateRequest"})
        assert not (site.outbox / "one.json").exists()
        faults.server_error = 0
        # The first is settled, and its answer rewritten.
        assert site.wait_for_status("one", "ok")["kind"] == "export_order"
    site.drop("one", asks("A2"))
    site.serve_what_waits()
    assert (site.answer("one")["status"], site.answer("one")["kind"]) == ("ok", "export_order")
    site.drop("one", exports("IO-1"))
    site.serve_what_waits()
    assert (site.answer("one")["status"], site.answer("one")["kind"]) == ("ok", "export_order")
    assert len(site.source.booked) == 1
    assert site.sandbox.calls("stock") == []


def test_other_content_is_remembered_as_such_when_the_first_ends_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.request_worker._SETTLE_FIRST_AFTER", 0.1)
    # A look-up's "not there" is believed at once, and the order sent again.
    site.choose(resend_after_seconds=0)
    faults = site.sandbox.faults
    faults.script = {"export_order": ["reset"]}
    faults.routes = frozenset({"exported_order"})
    faults.server_error = 1
    with site.worker():
        site.drop("one", exports("IO-1", customerCode="K9"))
        assert site.wait_for("one")["status"] == "unknown"
        site.drop("one", asks("A2"))
        wait_until(lambda: refused_beside(site, "one") == {"DuplicateRequest"})
        assert site.answer("one")["status"] == "unknown"
        faults.server_error = 0
        wait_until(lambda: site.answer("one")["status"] != "unknown")
        settled = site.answer("one")
    assert settled["status"] in ("refused", "failed")
    first = (site.outbox / "one.json").read_bytes()
    site.drop("one", asks("A2"))
    site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == first
    site.drop("one", exports("IO-1", customerCode="K9"))
    site.serve_what_waits()
    assert (site.outbox / "one.json").read_bytes() == first


def test_a_request_that_takes_the_place_of_one_that_is_being_answered_is_not_lost(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        site.put_items("A1", "A2")
        site.sandbox.faults.script = {"stock": ["hang"]}
        site.sandbox.faults.hang_seconds = 60
        with site.worker():
            site.drop("one", asks("A1"))
            wait_until(lambda: len(site.sandbox.calls("stock")) == 1)
            site.drop("one", asks("A2"))
            site.sandbox.faults.hang_seconds = 0
            assert site.wait_for("one")["status"] == "ok"
            wait_until(lambda: refused_beside(site, "one") == {"DuplicateRequest"})
        assert site.answer("one")["answer"]["items"][0]["itemCode"] == "A1"
        assert json.loads((site.inbox / "done" / "one.json").read_bytes()) == asks("A1")
        assert [call.code for call in site.sandbox.calls("stock")] == ["A1"]
        site.drop("one", asks("A1"))
        site.serve_what_waits()
        assert site.answer("one")["answer"]["items"][0]["itemCode"] == "A1"


# Answers appear whole.


def test_a_reader_that_polls_never_sees_half_an_answer(site: Site, inbox: Inbox) -> None:
    over = threading.Event()
    seen: list[bytes] = []
    documents = [as_bytes({"id": "one", "padding": letter * 2_000_000}) for letter in "ab"]

    def poll() -> None:
        while not over.is_set():
            try:
                seen.append((site.outbox / "one.json").read_bytes())
            except FileNotFoundError:
                continue

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for number in range(60):
            path = site.drop("one", b"{}")
            with inbox.claimed(path) as waiting:
                assert waiting is not None
                inbox.answer(path, waiting, documents[number % 2], "ok", keep=True)
    finally:
        over.set()
        reader.join()
    assert set(seen) == set(documents)
    assert len(seen) > 20


def test_two_threads_that_answer_under_one_name_do_not_mix_their_answers(site: Site, inbox: Inbox) -> None:
    """As when a request comes again while its first one is unsettled."""
    documents = [as_bytes({"padding": letter * 300_000}) for letter in "abcd"]
    together = threading.Barrier(4)
    (site.inbox / ".unsettled").mkdir(exist_ok=True)

    def answer(document: bytes) -> set[bytes]:
        seen = set()
        waiting = Waiting("one", b"{}")
        path = site.inbox / ".unsettled" / "one.json"
        together.wait(10)
        for _ in range(60):
            inbox.answer(path, waiting, document, "unknown", keep=True)
            seen.add((site.outbox / "one.json").read_bytes())
        return seen

    with ThreadPoolExecutor(4) as pool:
        seen = set().union(*pool.map(answer, documents))
    assert seen == set(documents)
    assert [path.name for path in site.outbox.iterdir()] == ["one.json"]


def test_an_answer_that_could_not_be_written_leaves_nothing_behind(
    site: Site, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.drop("one", asks("A1"))

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with inbox.claimed(path) as waiting:
        assert waiting is not None
        with pytest.raises(OSError, match="No space"):
            inbox.answer(path, waiting, b"{}", "ok", keep=True)
    assert list(site.outbox.iterdir()) == list((site.inbox / ".answers").iterdir()) == []
    assert site.names_in() == ["one.json"]
