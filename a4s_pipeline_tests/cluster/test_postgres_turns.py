"""Shared and exclusive locks between machines: nobody waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from a4s_pipeline.errors import SyncUnderWay
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline_tests.cluster.holders import PATIENCE, Hold, Waiter, asked, let_go_later, new_locks, refused

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_an_exclusive_lock_waits_for_shared_ones_and_they_wait_for_it(locks: Locks, hold: Hold) -> None:
    beside = hold("beside", "writing")
    with locks.to_write("writing", 0, SyncUnderWay, is_exclusive=False):
        pass
    with (
        refused(beside.name),
        locks.to_write("writing", 0.2, SyncUnderWay, is_exclusive=True),
    ):
        raise AssertionError("it is not alone")
    beside.let_go()
    with locks.to_write("writing", 0, SyncUnderWay, is_exclusive=True):
        pass
    alone = hold("alone", "writing")
    with (
        refused(alone.name),
        locks.to_write("writing", 0.2, SyncUnderWay, is_exclusive=False),
    ):
        raise AssertionError("the other is not alone")
    alone.kill()
    with locks.to_write("writing", PATIENCE, SyncUnderWay, is_exclusive=False):
        pass


def test_an_exclusive_lock_is_granted_as_soon_as_the_shared_ones_end(locks: Locks, hold: Hold) -> None:
    beside = hold("beside", "writing")
    with (
        let_go_later(beside) as order,
        locks.to_write("writing", PATIENCE, SyncUnderWay, is_exclusive=True),
    ):
        order.append("taken")
    assert order == ["let go", "taken"]


def test_later_shared_locks_do_not_overtake_an_exclusive_one(locks: Locks, hold: Hold, database: str) -> None:
    """If writers overlap without a gap, the longest transaction would never get an exclusive lock."""
    beside = hold("beside", "writing")
    order: list[str] = []

    def alone() -> None:
        with locks.to_write("writing", 60, SyncUnderWay, is_exclusive=True):
            order.append("alone")

    def late(others: Locks) -> None:
        with others.to_write("writing", 60, SyncUnderWay, is_exclusive=False):
            order.append("late")

    threads = [
        threading.Thread(target=alone),
        threading.Thread(target=late, args=(new_locks(database),)),
    ]
    for waiting, thread in enumerate(threads, start=1):
        thread.start()
        while asked(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") < waiting:
            time.sleep(0.05)
    beside.let_go()
    for thread in threads:
        thread.join(60)
    assert order == ["alone", "late"]


def test_a_lock_whose_wait_was_interrupted_belongs_to_nobody(locks: Locks, hold: Hold, database: str) -> None:
    """PostgreSQL's driver reports an interrupt only after the wait, and by then the lock may be ours."""
    beside = hold("beside", "writing")
    waiting = Waiter("writing", database)
    try:
        while not asked(database, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            time.sleep(0.05)
        waiting.interrupt()
        beside.let_go()
        waiting.hear("interrupted")
        with locks.to_write("writing", PATIENCE, SyncUnderWay, is_exclusive=True):
            pass
    finally:
        waiting.kill()
