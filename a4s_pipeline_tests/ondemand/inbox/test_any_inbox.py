"""The rules of an inbox, wherever it is: a folder of one machine, a shared folder, or a store."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from a4s_pipeline.locks.file_locks import FileLocks
from a4s_pipeline.ondemand.inbox.inbox import Inbox, Waiting, as_bytes
from a4s_pipeline.ondemand.inbox.remote_inbox import RemoteInbox
from a4s_pipeline.ondemand.inbox.stores import FolderStore, ObjectStore, Store
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST

ONE = PurePosixPath("inbox/one.json")
ANSWER = as_bytes({"status": "ok", "number": 1})


class OneMachine:
    """The inbox of one machine, with requests named as in a store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._inbox = Inbox(folder)
        self.prepare = self._inbox.prepare
        self.earlier_answer = self._inbox.earlier_answer

    def waiting(self) -> list[PurePosixPath]:
        return [PurePosixPath(path.relative_to(self._folder)) for path in self._inbox.waiting()]

    def unsettled(self) -> list[PurePosixPath]:
        return [PurePosixPath(path.relative_to(self._folder)) for path in self._inbox.unsettled()]

    def claimed(self, path: PurePosixPath) -> AbstractContextManager[Waiting | None]:
        return self._inbox.claimed(self._folder / path)

    def answer(
        self, path: PurePosixPath, waiting: Waiting, document: bytes, status: str, *, keep: bool
    ) -> None:
        self._inbox.answer(self._folder / path, waiting, document, status, keep=keep)


AnyInbox = OneMachine | RemoteInbox


@pytest.fixture(autouse=True)
def memory() -> Iterator[dict[str, Any]]:
    """The content of memory://, which the whole process shares."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem.store
    MemoryFileSystem.store.clear()


def on_one_machine(folder: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    return FolderStore(folder / "shared"), lambda: OneMachine(folder / "shared")


def in_memory(folder: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    return of_several(ObjectStore("memory://bucket/a4s"), folder)


def in_a_folder(folder: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    return of_several(FolderStore(folder / "shared"), folder)


def by_a_driver_that_renames(folder: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    return of_several(ObjectStore(f"file://{folder}/shared"), folder)


def of_several(store: Store, folder: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    return store, lambda: RemoteInbox(store, FileLocks(folder / "locks"))


@pytest.fixture(params=[on_one_machine, in_memory, in_a_folder, by_a_driver_that_renames])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Callable[[], AnyInbox]]:
    """Where the requests are, and how to open an inbox there."""
    made: tuple[Store, Callable[[], AnyInbox]] = request.param(tmp_path)
    return made


@pytest.fixture
def store(place: tuple[Store, Callable[[], AnyInbox]]) -> Store:
    return place[0]


@pytest.fixture
def inbox(place: tuple[Store, Callable[[], AnyInbox]]) -> AnyInbox:
    opened = place[1]()
    opened.prepare()
    return opened


def claimed(inbox: AnyInbox, path: PurePosixPath = ONE) -> Waiting | None:
    with inbox.claimed(path) as waiting:
        return waiting


def answered(
    inbox: AnyInbox, document: bytes = ANSWER, status: str = "ok", path: PurePosixPath = ONE
) -> None:
    """Answer the waiting requests as the worker does, unless they have their answer."""
    with inbox.claimed(path) as waiting:
        assert waiting is not None
        earlier = inbox.earlier_answer(waiting)
        inbox.answer(path, waiting, earlier or document, status, keep=earlier is None)


def read(store: Store, path: str) -> bytes | None:
    found = store.fetch(path)
    return None if found is None else found.raw


def names(store: Store, folder: str) -> list[str]:
    return sorted(store.names(folder))


def code_of(waiting: Waiting | None) -> str | None:
    assert waiting is not None
    return None if waiting.refusal is None else waiting.refusal.code


# The rules, wherever it lies.


def test_before_anything_was_dropped_nothing_waits(place: tuple[Store, Callable[[], AnyInbox]]) -> None:
    inbox = place[1]()
    assert inbox.waiting() == inbox.unsettled() == []
    assert claimed(inbox) is None


def test_only_what_is_looked_at_waits(store: Store, inbox: AnyInbox) -> None:
    for name in ("a.json", "b.json", ".c.json", "d.json.tmp", "e.txt", "done/f.json"):
        store.write(f"inbox/{name}", b"{}")
    assert sorted(path.name for path in inbox.waiting()) == ["a.json", "b.json"]
    assert inbox.unsettled() == []


def test_what_another_has_dropped_or_answered_since_is_seen_at_the_next_look(
    store: Store, inbox: AnyInbox
) -> None:
    for _ in range(3):
        assert inbox.waiting() == []
        store.write("inbox/one.json", b"{}")
        assert inbox.waiting() == [ONE]
        store.delete("inbox/one.json")


def test_an_answered_request_is_moved_to_where_it_belongs(store: Store, inbox: AnyInbox) -> None:
    for status, folder in [
        ("ok", "inbox/done"),
        ("refused", "inbox/failed"),
        ("failed", "inbox/failed"),
        ("unknown", "inbox/.unsettled"),
    ]:
        path = PurePosixPath("inbox", f"{status}.json")
        store.write(str(path), b"{}")
        answered(inbox, status=status, path=path)
        assert read(store, f"outbox/{status}.json") == ANSWER
        assert read(store, f"{folder}/{status}.json") == b"{}"
        assert inbox.waiting() == []


def test_what_is_settled_is_moved_on_and_what_is_not_stays(store: Store, inbox: AnyInbox) -> None:
    unsettled = PurePosixPath("inbox/.unsettled/one.json")
    store.write("inbox/one.json", b"{}")
    answered(inbox, as_bytes({"status": "unknown"}), "unknown")
    assert inbox.unsettled() == [unsettled]
    with inbox.claimed(unsettled) as waiting:
        assert waiting is not None
        assert inbox.earlier_answer(waiting) == as_bytes({"status": "unknown"})
        inbox.answer(unsettled, waiting, ANSWER, "unknown", keep=True)
        assert inbox.unsettled() == [unsettled]
        inbox.answer(unsettled, waiting, ANSWER, "ok", keep=True)
    assert inbox.unsettled() == []
    assert names(store, "inbox/done") == ["one.json"]


def test_the_same_request_again_has_the_same_answer(store: Store, inbox: AnyInbox) -> None:
    for number in range(3):
        store.write("inbox/one.json", b"{}")
        answered(inbox, ANSWER if number == 0 else b"another")
        assert read(store, "outbox/one.json") == ANSWER
        store.delete("outbox/one.json")
    assert names(store, "inbox/done") == ["one.json"]


def test_other_content_under_the_same_id_is_refused_and_the_first_keeps_its_answer(
    store: Store, inbox: AnyInbox
) -> None:
    store.write("inbox/one.json", b"{}")
    answered(inbox)
    first = read(store, "outbox/one.json")
    for _ in range(2):
        store.write("inbox/one.json", b"{} ")
        with inbox.claimed(ONE) as waiting:
            assert waiting is not None
            assert code_of(waiting) == "DuplicateRequest"
            assert inbox.earlier_answer(waiting) is None
            inbox.answer(ONE, waiting, b"refused", "refused", keep=False)
    # Nobody has collected the first answer: the refusal lies beside it.
    assert read(store, "outbox/one.json") == first
    (beside,) = set(names(store, "outbox")) - {"one.json"}
    assert read(store, f"outbox/{beside}") == b"refused"
    store.delete("outbox/one.json")
    store.write("inbox/one.json", b" {}")
    with inbox.claimed(ONE) as waiting:
        assert waiting is not None
        inbox.answer(ONE, waiting, b"refused", "refused", keep=False)
    assert read(store, "outbox/one.json") == b"refused"
    assert read(store, "inbox/done/one.json") == b"{}"
    assert "one.json" not in names(store, "inbox/failed")
    assert read(store, f"inbox/failed/{beside}") == b"{} "
    store.write("inbox/one.json", b"{}")
    answered(inbox, b"another")
    assert read(store, "outbox/one.json") == ANSWER


def test_what_is_too_large_is_refused_unread_and_moved(store: Store, inbox: AnyInbox) -> None:
    for byte in (b" ", b"x"):
        store.write("inbox/one.json", byte * (LARGEST_REQUEST + 1))
        with inbox.claimed(ONE) as waiting:
            assert waiting is not None
            assert (code_of(waiting), waiting.raw) == ("TooLarge", b"")
            inbox.answer(ONE, waiting, b"refused", "refused", keep=True)
        assert inbox.waiting() == []
    assert len(names(store, "inbox/failed")) == 2
    store.write("inbox/one.json", b" " * LARGEST_REQUEST)
    assert code_of(claimed(inbox)) is None
    # It was not kept as the answer to a request without a byte.
    store.write("inbox/one.json", b"")
    waiting = claimed(inbox)
    assert waiting is not None
    assert inbox.earlier_answer(waiting) is None


def test_an_id_that_is_no_plain_name_is_refused_under_one_that_is_and_harms_no_other(
    store: Store, inbox: AnyInbox
) -> None:
    for other in ("a1", "ab", "a"):
        store.write(f"inbox/{other}.json", b"{}")
    for name in ("a:b", "a*", "[a]", "a?b", " a", "a" * 201, "a\u202eb"):
        path = PurePosixPath("inbox", f"{name}.json")
        store.write(str(path), b"{}")
        with inbox.claimed(path) as waiting:
            assert code_of(waiting) == ("Invalid" if name != "[a]" else None)
            assert waiting is not None
            inbox.answer(path, waiting, ANSWER, "refused", keep=True)
        assert sorted(path.name for path in inbox.waiting()) == ["a.json", "a1.json", "ab.json"]
        (written,) = names(store, "outbox")
        assert written.startswith("refused-" if name != "[a]" else "[a]")
        assert names(store, "inbox/failed") == [written]
        store.delete(f"outbox/{written}")
        store.delete(f"inbox/failed/{written}")


def test_the_longest_id_leaves_room_for_all_that_is_kept_of_it(store: Store, inbox: AnyInbox) -> None:
    path = PurePosixPath("inbox", "a" * 200 + ".json")
    for raw in (b"{}", b"[]", b"{}"):
        store.write(str(path), raw)
        with inbox.claimed(path) as waiting:
            assert waiting is not None
            inbox.answer(path, waiting, ANSWER, "ok", keep=not waiting.is_duplicate)
    assert inbox.waiting() == []
    assert len(names(store, "inbox/done")) == 2


def test_a_request_that_its_sender_replaced_while_it_was_answered_stays(
    store: Store, inbox: AnyInbox
) -> None:
    store.write("inbox/one.json", b"{}")
    with inbox.claimed(ONE) as waiting:
        assert waiting is not None
        store.write("inbox/one.json", b"[]")
        inbox.answer(ONE, waiting, ANSWER, "ok", keep=True)
    assert read(store, "inbox/one.json") == b"[]"
    assert read(store, "inbox/done/one.json") == b"{}"
    assert code_of(claimed(inbox)) == "DuplicateRequest"


def test_a_request_that_its_sender_took_back_while_it_was_answered_is_answered(
    store: Store, inbox: AnyInbox
) -> None:
    store.write("inbox/one.json", b"{}")
    with inbox.claimed(ONE) as waiting:
        assert waiting is not None
        store.delete("inbox/one.json")
        inbox.answer(ONE, waiting, ANSWER, "ok", keep=True)
    assert inbox.waiting() == []
    assert read(store, "outbox/one.json") == ANSWER


class Killed(BaseException):
    """The process ends here."""


def killed_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """End the process before its next rename, after `steps` of them."""
    left = [steps]

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **named: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*arguments, **named)

        return change

    for of, name in [
        (Path, "replace"),
        (Path, "unlink"),
        (os, "link"),
        (MemoryFileSystem, "pipe_file"),
        (MemoryFileSystem, "rm_file"),
        (LocalFileSystem, "mv"),
        (LocalFileSystem, "rm_file"),
    ]:
        patch.setattr(of, name, dying(getattr(of, name)))


def test_once_an_answer_was_seen_its_id_is_taken_wherever_the_process_was_killed(
    store: Store, inbox: AnyInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = 0
    for steps, status in product(range(9), ("ok", "refused", "unknown")):
        name, answer = f"{status}-{steps}.json", as_bytes({"status": status})
        path = PurePosixPath("inbox", name)
        store.write(str(path), b"{}")
        with monkeypatch.context() as patch, suppress(Killed):
            killed_after(steps, patch)
            answered(inbox, answer, status, path)
        if read(store, f"outbox/{name}") is None:
            # Nobody was told anything: the same request waits.
            assert (code_of(claimed(inbox, path)), read(store, str(path))) == (None, b"{}")
            continue
        told += 1
        store.delete(f"outbox/{name}")
        store.write(str(path), b"[]")
        with inbox.claimed(path) as waiting:
            assert code_of(waiting) == "DuplicateRequest"
            assert waiting is not None
            inbox.answer(path, waiting, b"refused", "refused", keep=False)
        store.write(str(path), b"{}")
        answered(inbox, b"another", status, path)
        shown = {read(store, f"outbox/{one}") for one in names(store, "outbox") if one.startswith(name[:-5])}
        assert shown in ({b"refused", answer}, {answer})
    assert told >= 9


# The claim.


def test_a_request_is_claimed_by_one_at_a_time(
    store: Store, inbox: AnyInbox, place: tuple[Store, Callable[[], AnyInbox]]
) -> None:
    another = place[1]()
    store.write("inbox/one.json", b"{}")
    with inbox.claimed(ONE) as first:
        assert first is not None
        assert claimed(inbox) is claimed(another) is None
    assert claimed(another) is not None


def test_what_was_answered_between_look_and_claim_is_not_claimed(store: Store, inbox: AnyInbox) -> None:
    store.write("inbox/one.json", b"{}")
    (path,) = inbox.waiting()
    answered(inbox)
    assert claimed(inbox, path) is None


def test_an_error_during_a_claim_comes_through_as_it_is(store: Store, inbox: AnyInbox) -> None:
    store.write("inbox/one.json", b"{}")
    error = OSError(errno.ENOSPC, "disk full")
    with pytest.raises(OSError, match="disk full") as caught, inbox.claimed(ONE):
        raise error
    assert caught.value is error
