import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from a4s_pipeline.errors import StoreHeld, SyncUnderWay
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import EVERYTHING, Site

_SYNC = """
import sys
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync import batches
from a4s_pipeline.sync.orders import order_pages
from a4s_pipeline.sync.windows import OrdersPlan

url, data_dir, batch = sys.argv[1:]
# Small bounds: after so many line calls a known number of orders is written, however slow the machine.
assert batches.LARGEST_BATCH and order_pages._ORDERS_IN_FLIGHT_PER_CONNECTION
batches.LARGEST_BATCH, order_pages._ORDERS_IN_FLIGHT_PER_CONNECTION = int(batch), 10
settings = Settings(
    gateway_url=url, connectors={"demo": "Demo B.V."}, data_dir=data_dir, page_size=10, max_connections=1
)
Platform(settings).sync("orders", "demo", run_id="killed").or_raise()
"""


def _start(site: Site, batch: int = 10) -> subprocess.Popen[bytes]:
    assert site.settings.gateway_url is not None
    arguments = [site.settings.gateway_url, str(site.settings.data_dir), str(batch)]
    return subprocess.Popen([sys.executable, "-c", _SYNC, *arguments], stderr=subprocess.PIPE)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (-signal.SIGKILL, b"")


def _wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _kill_at_lines(site: Site, call: int, batch: int = 10) -> None:
    """Kill an import while its only connection waits for the nth call for lines."""
    site.sandbox.clear()
    site.faults.script["order_lines"] = ["ok"] * (call - 1) + ["hang"]
    site.faults.hang_seconds = 60
    process = _start(site, batch)
    _wait_until(lambda: len(site.sandbox.calls("order_lines")) == call)
    _kill(process)


def _hold_pages(site: Site) -> Event:
    """Delay every page of the gateway until the event is set."""
    come = Event()
    site.faults.on_page = lambda *_: come.wait(60)
    return come


def _assert_true_state(site: Site) -> None:
    """All or nothing: lines for each order marked complete, none for others, and no watermark ahead."""
    held = {
        code: (lines_in, lines)
        for code, lines_in, lines in site.query(
            """
            SELECT order_code, lines_synced_at IS NOT NULL,
                   (SELECT count(*) FROM order_lines WHERE order_lines.order_code = orders.order_code)
            FROM orders
            """
        )
    }
    for code, (lines_in, lines) in held.items():
        assert lines == (len(site.source.order(code)[1]) if lines_in else 0)
    watermark = site.watermark()
    if watermark is not None:
        (passed,) = site.query("SELECT count(*) FROM orders WHERE order_date <= $1", watermark)
        listed = [code for code in site.source.orders.keys() if code in held]  # noqa: SIM118
        assert passed[0] == len(listed) == site.source.orders.keys().index(listed[-1]) + 1


@pytest.mark.slow
@pytest.mark.parametrize(("line_calls", "at_least"), [(45, 10), *at_night((3, 0), (68, 30))])
def test_a_killed_import_leaves_a_true_state_and_the_next_goes_on_where_it_stopped(
    cold_site_of: Callable[..., Site], line_calls: int, at_least: int
) -> None:
    site = cold_site_of(page_size=10)
    codes = site.put_month(70)
    _kill_at_lines(site, line_calls)
    _assert_true_state(site)
    had = site.codes()
    assert had == codes[: len(had)]
    assert at_least <= len(had) < len(codes)
    site.sync_again()
    assert site.line_calls() == codes[len(had) :]
    site.assert_as_at_source()


@pytest.mark.slow
def test_an_import_that_is_killed_again_and_again_gets_to_the_end(cold_site_of: Callable[..., Site]) -> None:
    site = cold_site_of(page_size=10)
    codes = site.put_month(100)
    site.faults.lines_404 = {"A005"}
    for _ in range(2):
        before = len(site.codes())
        _kill_at_lines(site, 45)
        _assert_true_state(site)
        assert before < len(site.codes()) < len(codes)
    site.faults.lines_404 = set()
    had = set(site.codes()) - set(site.without_lines())
    assert had
    site.sync_again()
    assert site.line_calls() == sorted(set(codes) - had)
    site.assert_as_at_source()


@pytest.mark.slow
def test_an_import_that_is_killed_before_anything_was_written_starts_again(
    cold_site_of: Callable[..., Site],
) -> None:
    site = cold_site_of()
    codes = site.put_month(30)
    _kill_at_lines(site, 5, batch=1000)
    assert (site.codes(), site.watermark()) == ([], None)
    site.sync_again()
    assert site.line_calls() == codes
    site.assert_as_at_source()


@pytest.mark.slow
def test_a_whole_reading_after_a_kill_marks_only_what_is_gone(cold_site_of: Callable[..., Site]) -> None:
    site = cold_site_of(page_size=10)
    codes = site.put_month(60)
    _kill_at_lines(site, 45)
    assert "A003" in site.codes()
    site.source.remove_order("A003")
    site.sync(EVERYTHING)
    assert site.codes() == [code for code in codes if code != "A003"]
    site.assert_as_at_source()


def test_a_second_sync_of_the_same_connector_waits_for_the_first_and_then_gives_way(
    cold_site_of: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = cold_site_of()
    site.put_month(10)
    come = _hold_pages(site)
    process = _start(site)
    try:
        _wait_until(lambda: len(site.sandbox.calls("orders")) == 1)
        monkeypatch.setattr("a4s_pipeline.sync.stream_run.stream_lock.__wrapped__.__defaults__", (0.2,))
        calls = len(site.sandbox.requests)
        with pytest.raises(SyncUnderWay, match=f"orders of 'demo' is running \\(process {process.pid}\\)"):
            site.sync()
        assert len(site.sandbox.requests) == calls
    finally:
        _kill(process)
        come.set()
    site.sync()
    site.assert_as_at_source()


@pytest.mark.slow
def test_an_analyst_who_holds_the_warehouse_stops_a_sync_with_a_clear_message_and_no_call(
    cold_site_of: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = cold_site_of()
    site.put_month(3)
    site.sync()
    path = site.settings.warehouse_path
    analyst = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True);"
            "print('held', flush=True); sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert analyst.stdout is not None
        assert analyst.stdout.readline() == b"held\n"
        monkeypatch.setattr(site.platform.warehouse, "_wait_seconds", 0.2)
        site.sandbox.clear()
        with pytest.raises(StoreHeld, match=f"{path} is held by process {analyst.pid}, waited 0.2 s"):
            site.sync()
        assert site.sandbox.requests == []
    finally:
        analyst.communicate()
    site.sync()
    site.assert_as_at_source()


@pytest.mark.slow
def test_a_sync_waits_for_a_reader_that_is_soon_gone(cold_site_of: Callable[..., Site]) -> None:
    site = cold_site_of()
    site.put_month(3)
    site.sync()
    analyst = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys, time; held = duckdb.connect(sys.argv[1], read_only=True);"
            "print('held', flush=True); time.sleep(0.4)",
            str(site.settings.warehouse_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert analyst.stdout is not None
    assert analyst.stdout.readline() == b"held\n"
    assert site.sync().unchanged == 3
    analyst.communicate()


@pytest.mark.slow
def test_the_warehouse_is_free_for_others_while_a_sync_waits_for_the_gateway(
    cold_site_of: Callable[..., Site],
) -> None:
    site = cold_site_of()
    site.put_month(3)
    site.sync()
    site.sandbox.clear()
    come = _hold_pages(site)
    process = _start(site)
    try:
        _wait_until(lambda: len(site.sandbox.calls("orders")) == 1)
        assert site.codes() == ["A000", "A001", "A002"]
        assert process.poll() is None
    finally:
        _kill(process)
        come.set()


def test_two_connectors_sync_side_by_side(cold_site_of: Callable[..., Site]) -> None:
    site = cold_site_of(connectors={"demo": "Demo B.V.", "noord": "Noord"})
    noord = site.sandbox.world.add_administration("Noord")
    site.put_month(40)
    for code in site.source.orders.keys():  # noqa: SIM118
        noord.put_order(*site.source.order(code))
    site.sandbox.latency_ms = 2
    process = _start(site)
    site.platform.sync("orders", "noord", run_id="beside").or_raise()
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")
    site.assert_as_at_source()
    site.assert_as_at_source("noord", noord)


@pytest.mark.slow
def test_the_lock_file_is_no_obstacle_after_its_process_died(cold_site_of: Callable[..., Site]) -> None:
    site = cold_site_of()
    lock = site.settings.data_dir / "locks" / "demo.orders.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(str(os.getpid()))
    site.put_month(2)
    assert site.sync().new == 2
