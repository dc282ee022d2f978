"""The published copy, read by many while it is replaced again and again."""

import os
import threading
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.store import NotPublished


def publish(path: Path, number: int) -> None:
    aside = path.with_suffix(".tmp")
    with duckdb.connect(str(aside)) as connection:
        connection.execute("CREATE TABLE t AS SELECT ? AS number", [number])
    os.replace(aside, path)


def read(copy: PublishedCopy) -> int:
    with copy.reading() as connection:
        row = connection.execute("SELECT number FROM t").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def copy(tmp_path: Path) -> PublishedCopy:
    return PublishedCopy(tmp_path / "analytics.duckdb")


def test_whoever_begins_to_read_after_it_was_replaced_reads_the_new_one(copy: PublishedCopy) -> None:
    with pytest.raises(NotPublished):
        read(copy)
    for is_kept in (False, True):
        publish(copy.path, 1)
        if not is_kept:
            assert read(copy) == 1
            publish(copy.path, 2)
            assert read(copy) == 2
            continue
        with copy.kept_open():
            assert read(copy) == 1
            publish(copy.path, 2)
            assert read(copy) == 2
    publish(copy.path, 3)
    assert read(copy) == 3


def test_readers_that_overlap_for_ever_do_not_keep_the_old_one_alive(copy: PublishedCopy) -> None:
    publish(copy.path, 0)
    over = threading.Event()
    newest: list[int] = [0]
    wrong: list[tuple[int, int]] = []

    def keep_reading() -> None:
        while not over.is_set():
            least = newest[0]
            found = read(copy)
            if found < least:
                wrong.append((found, least))

    with copy.kept_open():
        threads = [threading.Thread(target=keep_reading) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(1, 10):
            publish(copy.path, number)
            newest[0] = number
            assert read(copy) == number
        over.set()
        for thread in threads:
            thread.join(30)
    assert wrong == []


def test_who_reads_an_old_one_is_undisturbed(copy: PublishedCopy) -> None:
    publish(copy.path, 1)
    begun, may_end, found = threading.Event(), threading.Event(), list[int]()

    def slow() -> None:
        with copy.reading() as connection:
            begun.set()
            may_end.wait(20)
            row = connection.execute("SELECT number FROM t").fetchone()
            found.append(row[0] if row else -1)

    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(20)
    publish(copy.path, 2)
    later = threading.Timer(0.2, may_end.set)
    later.start()
    assert read(copy) == 2
    thread.join(20)
    assert found == [1]
