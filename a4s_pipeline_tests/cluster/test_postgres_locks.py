"""Locks and presences between machines: nobody else gets a held lock, and a kill leaves none behind."""

from __future__ import annotations

import os
import queue
import threading
import time

import pytest

from a4s_pipeline.errors import A4sError, ChangeSettings, StoreUnreachable, SyncUnderWay
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline_tests.cluster.holders import (
    PATIENCE,
    Hold,
    asked,
    let_go_later,
    new_locks,
    refused,
    told,
)
from a4s_pipeline_tests.support.installed_site import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_a_lock_of_another_process_is_refused_with_the_name_of_its_holder(locks: Locks, hold: Hold) -> None:
    holder = hold("held", "one")
    for seconds in (0, 0.3):
        with refused(holder.name), locks.exclusive("one", seconds, SyncUnderWay):
            raise AssertionError("two hold the lock")
    with locks.exclusive("other", 0, SyncUnderWay):
        pass
    holder.let_go()
    with locks.exclusive("one", 0, SyncUnderWay):
        pass


def test_a_lock_is_free_as_soon_as_its_process_is_killed(locks: Locks, hold: Hold) -> None:
    holder = hold("held", "one")
    holder.kill()
    with locks.exclusive("one", PATIENCE, SyncUnderWay):
        pass


def test_a_lock_that_is_let_go_comes_to_who_waits_for_it(locks: Locks, hold: Hold) -> None:
    holder = hold("held", "one")
    with let_go_later(holder) as order, locks.exclusive("one", PATIENCE, SyncUnderWay):
        order.append("taken")
    assert order == ["let go", "taken"]


def test_two_threads_of_one_process_exclude_each_other(locks: Locks) -> None:
    refusals: queue.SimpleQueue[object] = queue.SimpleQueue()

    def other() -> None:
        try:
            with locks.exclusive("one", 0.1, SyncUnderWay):
                refusals.put("two hold the lock")
        except SyncUnderWay as error:
            refusals.put(error)

    with locks.exclusive("one", 0, SyncUnderWay):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert isinstance(refusals.get_nowait(), SyncUnderWay)
    with locks.exclusive("one", 0, SyncUnderWay):
        pass


def test_a_lock_is_let_go_when_its_block_fails(locks: Locks, hold: Hold) -> None:
    with pytest.raises(ZeroDivisionError), locks.exclusive("one", 0, SyncUnderWay):
        raise ZeroDivisionError
    hold("held", "one")


def test_a_sign_is_seen_by_another_process_and_goes_with_the_last_who_shows_it(
    locks: Locks, hold: Hold
) -> None:
    assert not locks.is_present("serving")
    first, second = hold("shown", "serving"), hold("shown", "serving")
    assert locks.is_present("serving")
    assert not locks.is_present("another")
    first.let_go()
    assert locks.is_present("serving")
    second.kill()
    wait_until(lambda: not locks.is_present("serving"), PATIENCE)


def test_a_process_that_lost_its_locks_writes_nothing_under_them(
    locks: Locks, hold: Hold, database: str
) -> None:
    with locks.exclusive("one", 0, SyncUnderWay):
        with locks.to_write("writing", 0, SyncUnderWay, is_exclusive=False):
            pass
        cut_all_connections(database)
        # Another may have it from now on.
        holder = hold("held", "one")
        with (
            pytest.raises(StoreUnreachable, match="held the locks of this process was cut off"),
            locks.to_write("writing", 0, SyncUnderWay, is_exclusive=False),
        ):
            raise AssertionError("it writes under a lock that it has lost")
    holder.kill()
    assert_in_order(locks, hold)


def test_a_database_that_was_started_again_is_not_noticed_by_who_holds_nothing(
    locks: Locks, hold: Hold, database: str
) -> None:
    for _ in range(2):
        assert_in_order(locks, hold)
        cut_all_connections(database)


def test_a_sign_is_shown_again_after_its_connection_was_cut_off(
    locks: Locks, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.locks.postgres_locks._ANNOUNCED_EVERY", 0.1)
    others = new_locks(database)
    with locks.announce_presence("serving"), locks.announce_presence("serving"):
        cut_all_connections(database)
        wait_until(lambda: others.is_present("serving"), PATIENCE)
    assert not others.is_present("serving")


def test_a_database_that_ends_idle_sessions_ends_no_lock(locks: Locks, hold: Hold, database: str) -> None:
    if asked(database, "SELECT current_setting('server_version_num')::integer") < 140000:
        pytest.skip("before version 14 there is no such setting")
    told(database, f"ALTER DATABASE {database_name(database)} SET idle_session_timeout = 200")
    with locks.exclusive("one", 0, SyncUnderWay):
        time.sleep(0.8)
        with locks.to_write("writing", 0, SyncUnderWay, is_exclusive=False):
            pass


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_nothing_of_what_its_parent_holds(locks: Locks, database: str) -> None:
    others = new_locks(database)
    with locks.exclusive("one", 0, SyncUnderWay), locks.announce_presence("serving"):
        child = os.fork()
        if child == 0:
            # It has nothing, and is kept out like any other process.
            try:
                with locks.exclusive("one", 0, SyncUnderWay):
                    os._exit(1)
            except SyncUnderWay:
                with locks.to_write("writing", 0, SyncUnderWay, is_exclusive=False):
                    os._exit(0)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert others.is_present("serving")
        with refused(f"process {os.getpid()} on .*"), others.exclusive("one", 0, SyncUnderWay):
            raise AssertionError("the child has let its parent's lock go")
    assert not others.is_present("serving")


def test_an_unreachable_database_is_reported_with_the_reason_and_without_the_password() -> None:
    cases: list[tuple[str, type[A4sError], str]] = [
        (
            "host=127.0.0.1 port=1 password=s3cret dbname=x",
            StoreUnreachable,
            "port 1 failed: Connection refused",
        ),
        ("host=127.0.0.1 port=1 s3cret dbname=x", ChangeSettings, "no connection string of libpq"),
        ("postgresql://a4s:s3cret@[x/lake", ChangeSettings, "no connection string of libpq"),
    ]
    for connection, error, words in cases:
        locks = new_locks(connection)
        with pytest.raises(error, match=words) as refusal, locks.exclusive("one", 0, SyncUnderWay):
            pass
        assert "s3cret" not in str(refusal.value)


def assert_in_order(locks: Locks, hold: Hold) -> None:
    """Locks and presences can be taken and released, and those of others are respected."""
    with (
        locks.exclusive("one", PATIENCE, SyncUnderWay),
        locks.announce_presence("serving"),
        locks.to_write("writing", 0, SyncUnderWay, is_exclusive=True),
    ):
        assert locks.is_present("serving")
    assert not locks.is_present("serving")
    holder = hold("held", "one")
    with refused(holder.name), locks.exclusive("one", 0, SyncUnderWay):
        raise AssertionError("two hold the lock")
    holder.kill()
    with locks.exclusive("one", PATIENCE, SyncUnderWay):
        pass


def cut_all_connections(database: str) -> None:
    """Do to every connection what a restart of the server does."""
    ended = asked(
        database,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert ended >= 1


def database_name(connection: str) -> str:
    """The database name in a connection string."""
    return dict(word.split("=", 1) for word in connection.split())["dbname"]
