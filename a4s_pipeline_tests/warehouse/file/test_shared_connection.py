import threading
import time
from pathlib import Path
from typing import cast

import pytest

from a4s_pipeline.warehouse.file.opened import OpenedFile
from a4s_pipeline.warehouse.file.shared_connection import SharedConnection, shared_connection_of


class Connection:
    """Stands for an open file."""

    def __init__(self) -> None:
        self.is_open = True
        self.is_reusable = True

    def close(self, *, is_sound: bool = True) -> None:
        self.is_open = False


@pytest.fixture
def connection() -> Connection:
    return Connection()


def as_file(connection: Connection) -> OpenedFile:
    return cast("OpenedFile", connection)


def test_the_connection_is_closed_where_nobody_waits(connection: Connection) -> None:
    ours = SharedConnection()
    assert ours.acquire(1)
    assert ours.kept() is None
    ours.release(as_file(connection), is_sound=True)
    assert not connection.is_open


@pytest.mark.parametrize(("is_sound", "is_reusable"), [(True, True), (False, True), (True, False)])
def test_the_connection_is_handed_on_to_who_waits_unless_it_failed_or_its_file_was_replaced(
    connection: Connection, is_sound: bool, is_reusable: bool
) -> None:
    connection.is_reusable = is_reusable
    ours = SharedConnection()
    assert ours.acquire(1)
    assert ours.kept() is None
    got: list[object] = []

    def wait() -> None:
        assert ours.acquire(10)
        got.append(ours.kept())
        ours.release(as_file(connection), is_sound=True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while ours._waiting == 0:
        pass
    ours.release(as_file(connection), is_sound=is_sound)
    waiting.join(10)
    assert got == [connection if is_sound and is_reusable else None]
    assert not connection.is_open


def test_a_connection_that_does_not_come_in_time_is_given_up() -> None:
    ours = SharedConnection()
    came: list[bool] = []
    with_the_lock = threading.Thread(target=lambda: came.append(ours.acquire(0.05)))
    assert ours.acquire(1)
    with_the_lock.start()
    with_the_lock.join(10)
    assert came == [False]


def test_a_connection_kept_for_somebody_who_gives_up_meanwhile_is_closed(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Left open, it would keep every other process from the file until this one uses it again.
    ours = SharedConnection()
    assert ours.acquire(1)
    assert ours.kept() is None
    impatient = threading.Thread(target=lambda: ours.acquire(0.1))
    impatient.start()
    while ours._waiting == 0:
        pass
    now = time.monotonic()

    def until_it_gave_up() -> float:
        impatient.join(10)
        return now

    monkeypatch.setattr("a4s_pipeline.warehouse.file.shared_connection.time.monotonic", until_it_gave_up)
    ours.release(as_file(connection), is_sound=True)
    assert not impatient.is_alive()
    assert not connection.is_open


def test_threads_share_one_connection_a_file(tmp_path: Path) -> None:
    assert shared_connection_of(tmp_path / "a") is shared_connection_of(tmp_path / "a")
    assert shared_connection_of(tmp_path / "a") is not shared_connection_of(tmp_path / "b")


def test_a_process_that_kept_the_file_through_a_whole_wait_is_not_waited_for_as_long_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ours = SharedConnection()
    assert ours.longest_wait(30) == 30
    ours.note_locked(is_locked=True)
    assert [ours.longest_wait(usual) for usual in (30, 0.2)] == [1, 0.2]
    now += 30
    assert ours.longest_wait(30) == 30
    ours.note_locked(is_locked=True)
    ours.note_locked(is_locked=False)
    assert ours.longest_wait(30) == 30
