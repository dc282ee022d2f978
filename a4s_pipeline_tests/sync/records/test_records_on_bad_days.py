"""Items and customers on bad days: both use the same code, so by day only items are tested."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from a4s_pipeline.errors import AccessDenied, GatewayUnavailable, ReplyUnreadable, SyncUnderWay
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.sync.stream_run import stream_lock
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS, Stream, counts
from a4s_sandbox import Administration, Faults

pytestmark = pytest.mark.parametrize("stream", [ITEMS, *at_night(CUSTOMERS)], ids=lambda stream: stream.name)


# Pages that shift


Move = Callable[[Stream, Administration], None]


def _insert_before(stream: Stream, source: Administration) -> None:
    stream.put_record(source, stream.make("A0000"))


def _remove_before(stream: Stream, source: Administration) -> None:
    stream.remove(source, "A001")


def _remove_before_and_append(stream: Stream, source: Administration) -> None:
    """The count stays the same while a third record moves from the next page to the previous one."""
    stream.remove(source, "A001")
    stream.put_record(source, stream.make("ZZZ"))


def _insert_before_and_remove_after(stream: Stream, source: Administration) -> None:
    stream.put_record(source, stream.make("A0000"))
    stream.remove(source, "A014")


MOVES = [_insert_before, _remove_before, _remove_before_and_append, _insert_before_and_remove_after]


def _once(stream: Stream, page: int, site: Site, move: Move) -> Callable[[str, str, int], None]:
    done: list[int] = []

    def on_page(_route: str, _administration: str, number: int) -> None:
        if number == page and not done:
            done.append(number)
            move(stream, site.source)

    return on_page


@pytest.mark.parametrize("connections", [4, *at_night(1)])
@pytest.mark.parametrize("page", [1, 3, *at_night(0)])
@pytest.mark.parametrize("move", MOVES)
def test_records_that_come_and_go_between_pages_lose_nothing_and_take_nothing_for_gone(
    stream: Stream, site_of: Callable[..., Site], move: Move, page: int, connections: int
) -> None:
    site = site_of(page_size=4, max_connections=connections)
    stream.put_many(site, 16)
    stream.sync(site)
    site.faults.on_page = _once(stream, page, site, move)
    result = stream.sync(site)
    assert result.is_complete
    still_there = set(getattr(site.source, stream.name).keys())
    assert set(stream.removed(site)).isdisjoint(still_there)
    if result.removed:
        assert stream.removed(site) == sorted({f"A{number:03d}" for number in range(16)} - still_there)
    stream.sync(site)
    stream.assert_as_at_source(site)


def test_one_that_goes_while_another_comes_makes_no_third_one_gone(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=4, max_connections=1)
    stream.put_many(site, 16)
    stream.sync(site)
    site.faults.on_page = _once(stream, 0, site, _remove_before_and_append)
    result = stream.sync(site)
    assert (result.removed, result.removals_withheld) == (1, None)
    assert stream.removed(site) == ["A001"]
    stream.assert_as_at_source(site)


def test_a_listing_that_never_holds_still_removes_nothing_and_says_so(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=4, max_connections=1)
    stream.put_many(site, 12)
    stream.sync(site)
    (success,) = site.query("SELECT last_success_at FROM sync_state")
    stream.remove(site.source, "A011")
    extra: list[str] = []

    def insert(_route: str, _administration: str, page: int) -> None:
        if page == 0:
            extra.append(f"A00{len(extra)}x")
            stream.put_record(site.source, stream.make(extra[-1]))

    site.faults.on_page = insert
    result = stream.sync(site)
    assert (result.is_complete, result.leaves_work, result.removed) == (False, True, 0)
    assert result.removals_withheld == "the listing kept moving while it was read"
    assert "A011" in stream.codes(site)
    assert site.query("SELECT last_success_at FROM sync_state") == [success]
    site.faults.on_page = None
    assert stream.sync(site).removed == 1
    stream.assert_as_at_source(site)


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_that_overlap_lose_nothing_and_double_nothing(
    stream: Stream, site_of: Callable[..., Site], rows: int
) -> None:
    site = site_of(page_size=4)
    stream.put_many(site, 18)
    site.faults.repeat_rows = rows
    assert counts(stream.sync(site)) == (18, 18, 0, 0, 0)
    stream.assert_as_at_source(site)
    stream.remove(site.source, "A007")
    assert counts(stream.sync(site)) == (17, 0, 0, 17, 1)
    stream.assert_as_at_source(site)


def test_a_gateway_that_lists_one_record_twice_for_ever_removes_nothing_and_says_so(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=4)
    stream.put_many(site, 6)
    stream.sync(site)
    stream.put_body(site.source, "A003 again", getattr(site.source, stream.name).get("A003").body)
    assert stream.sync(site).removals_withheld is None
    stream.remove(site.source, "A004")
    result = stream.sync(site)
    assert (result.is_complete, result.removed) == (True, 0)
    assert result.removals_withheld == "the listing names a record twice, so its count cannot be trusted"
    assert "A004" in stream.codes(site)


@pytest.mark.parametrize(("page_size", "calls"), [(10, 2 + 2), (4, 3 + 4)])
def test_what_is_missing_is_gone_once_a_second_reading_agrees(
    stream: Stream, site_of: Callable[..., Site], page_size: int, calls: int
) -> None:
    site = site_of(page_size=page_size)
    stream.put_many(site, 8)
    stream.sync(site)
    stream.remove(site.source, "A004")
    site.sandbox.clear()
    assert stream.sync(site).removed == 1
    assert len(site.sandbox.requests) == calls


# Bad days


def test_calls_are_tried_again_on_what_may_pass(stream: Stream, site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=3, max_connections=1)
    stream.put_many(site, 24)
    site.faults.retry_after_seconds = 0
    site.faults.script = {
        stream.name: [
            "reset",
            "cut",
            "ok",
            "clipped",
            "html",
            "ok",
            "server_error",
            "bad_gateway",
            "too_many",
        ]
    }
    assert stream.sync(site).retries == 7
    stream.assert_as_at_source(site)


def test_a_stormy_gateway_brings_the_same_rows_as_a_calm_one(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=3)
    stream.put_many(site, 60)
    site.sandbox.faults = Faults(
        reset=0.08, cut=0.08, clipped=0.08, html=0.08, server_error=0.08, bad_gateway=0.08, seed=7
    )
    for _ in range(6):
        try:
            stream.sync(site)
        except (GatewayUnavailable, ReplyUnreadable):
            continue
    site.sandbox.faults = Faults()
    assert stream.sync(site).removed == 0
    stream.assert_as_at_source(site)


def test_credentials_that_are_refused_half_way_end_the_run_and_what_came_in_is_kept(
    stream: Stream, site_of: Callable[..., Site]
) -> None:
    site = site_of(page_size=2, max_connections=1, gateway_token="t0")
    site.sandbox.token = "t0"
    codes = stream.put_many(site, 10)

    def revoke(_route: str, _administration: str, page: int) -> None:
        if page == 2:
            site.sandbox.token = "t1"

    site.faults.on_page = revoke
    with pytest.raises(AccessDenied) as refusal:
        stream.sync(site)
    assert "t0" not in str(refusal.value)
    assert stream.codes(site) == codes[:6]


def test_two_syncs_of_one_stream_never_run_at_once_and_other_streams_are_not_delayed(
    stream: Stream, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.sync.stream_run.stream_lock", _impatient)
    stream.put(site, "A1")
    other = CUSTOMERS if stream is ITEMS else ITEMS
    with stream_lock(site.platform.locks, "demo", stream.name):
        with pytest.raises(SyncUnderWay, match=f"a sync of the {stream.name} of 'demo' is running"):
            stream.sync(site)
        other.sync(site)
        site.sync()
    assert [result.error is None for result in site.platform.results] == [False, True, True]
    assert stream.sync(site).new == 1


def _impatient(locks: Locks, connector: str, stream: str) -> AbstractContextManager[None]:
    return stream_lock(locks, connector, stream, wait_seconds=0.1)


# Kills


_SYNC = """
import sys
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync import batches

url, data_dir, stream = sys.argv[1:]
assert batches.LARGEST_BATCH
batches.LARGEST_BATCH = 20
settings = Settings(
    gateway_url=url, connectors={"demo": "Demo B.V."}, data_dir=data_dir, page_size=10, max_connections=1
)
Platform(settings).sync(stream, "demo", run_id="killed").or_raise()
"""


def _kill_at_page(site: Site, stream: Stream, number: int) -> None:
    """Kill a sync while its only connection waits for a page."""
    held, killed = threading.Event(), threading.Event()

    def hold(_route: str, _administration: str, page: int) -> None:
        if page == number:
            held.set()
            killed.wait(60)

    site.faults.on_page = hold
    assert site.settings.gateway_url is not None
    arguments = [site.settings.gateway_url, str(site.settings.data_dir), stream.name]
    with subprocess.Popen([sys.executable, "-c", _SYNC, *arguments], stderr=subprocess.PIPE) as process:
        assert held.wait(60)
        process.kill()
        _, errors = process.communicate()
    site.faults.on_page = None
    killed.set()
    assert (process.returncode, errors) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize("pages", [9, *at_night(2, 19)])
def test_a_killed_sync_leaves_whole_records_and_the_next_one_completes_them(
    stream: Stream, cold_site_of: Callable[..., Site], pages: int
) -> None:
    site = cold_site_of(page_size=10)
    codes = stream.put_many(site, 200)
    stream.put(site, "A000", attributes={"a": 1, "b": 2})
    _kill_at_page(site, stream, pages)
    had = stream.codes(site)
    assert had == codes[: len(had)]
    if pages == 19:
        assert len(had) >= 60
    for name, rows in stream.everything(site).items():
        assert len(rows) == len(set(rows)), name
    result = stream.sync(site)
    assert counts(result) == (200, 200 - len(had), 0, len(had), 0)
    stream.assert_as_at_source(site)


def test_a_sync_that_was_killed_does_not_keep_the_next_one_out(
    stream: Stream, cold_site_of: Callable[..., Site]
) -> None:
    site = cold_site_of()
    stream.put_many(site, 5)
    _kill_at_page(site, stream, 0)
    assert stream.sync(site).new == 5
