from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import EVERYTHING, Site, header, line
from a4s_sandbox import Administration

Move = Callable[[Administration], None]


def _insert_before(source: Administration) -> None:
    source.put_order(header("LATE", "2024-02-01T09:00:00Z"), [line()])


def _remove_before(source: Administration) -> None:
    source.remove_order("A001")


def _remove_and_insert(source: Administration) -> None:
    source.remove_order("A014")
    source.put_order(header("LATE", "2024-02-01T09:00:00Z"), [line()])


def _move_to_the_end(source: Administration) -> None:
    source.put_order(header("A001", "2024-03-20T09:00:00Z", status="moved"), [line("1"), line("2")])


def _move_to_the_front(source: Administration) -> None:
    source.put_order(header("A014", "2024-02-01T09:00:00Z", status="moved"), [line("1"), line("2")])


def _arrive_at_the_end(source: Administration) -> None:
    source.put_order(header("NEW", datetime.now(UTC).isoformat()), [line()])


def _once(page: int, site: Site, move: Move) -> Callable[[str, str, int], None]:
    done: list[int] = []

    def on_page(_route: str, _administration: str, number: int) -> None:
        if number == page and not done:
            done.append(number)
            move(site.source)

    return on_page


@pytest.mark.parametrize("page", [1, *at_night(0, 3)])
@pytest.mark.parametrize("move", [_insert_before, _remove_before, _remove_and_insert, _move_to_the_front])
def test_orders_that_come_and_go_between_pages_lose_nothing_and_double_nothing(
    site_of: Callable[..., Site], move: Move, page: int
) -> None:
    site = site_of(page_size=4)
    site.put_month(16)
    site.faults.on_page = _once(page, site, move)
    result = site.sync()
    assert result.is_complete
    if page < 3:  # what happens after the last page is for the next sync to find
        assert set(site.source.orders.keys()) <= set(site.codes())
    site.sync(EVERYTHING)
    site.assert_as_at_source()


@pytest.mark.parametrize("move", [_insert_before, _remove_before, _remove_and_insert])
def test_a_listing_that_moved_is_read_again_at_once_without_asking_for_lines_twice(
    site_of: Callable[..., Site], move: Move
) -> None:
    site = site_of(page_size=4)
    site.put_month(16)
    site.faults.on_page = _once(1, site, move)
    result = site.sync()
    assert set(site.source.orders.keys()) <= set(site.codes())
    assert len(site.line_calls()) == len(set(site.line_calls())) == result.new
    assert [call.query["page"] for call in site.sandbox.calls("orders")].count("0") >= 3


def test_an_order_that_moves_while_it_is_read_is_stored_once_and_as_it_is_now(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4)
    site.put_month(16)
    site.faults.on_page = _once(1, site, _move_to_the_end)
    site.sync()
    site.assert_as_at_source()


def test_an_order_that_changes_while_it_is_read_and_loses_its_lines_holds_none(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4, max_connections=1)
    site.put_month(16)

    def move_without_lines(source: Administration) -> None:
        assert "A001" in site.line_calls()
        _move_to_the_end(source)
        site.faults.lines_404 = {"A001"}

    site.faults.on_page = _once(2, site, move_without_lines)
    site.sync()
    assert (site.line_codes("A001"), site.without_lines()) == ([], ["A001"])


def test_orders_that_arrive_at_the_end_all_the_time_do_not_make_a_long_listing_be_read_again(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4)
    site.put_month(16)

    def arrive(_route: str, administration: str, page: int) -> None:
        site.source.put_order(header(f"N{len(site.source.orders)}", datetime.now(UTC).isoformat()), [line()])

    site.faults.on_page = arrive
    site.sync()
    bounded = [call for call in site.sandbox.calls("orders") if "orderDateTo" in call.query]
    assert [call.query["page"] for call in bounded] == ["0", "1", "2", "3", "4"]
    site.faults.on_page = None
    site.sync()
    site.assert_as_at_source()


def test_a_listing_that_keeps_moving_is_reported_and_its_watermark_stays_behind_the_gap(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=1)
    site.put_month(12)
    # One of these is dated at the very second of the gateway's clock: it is read whole, beyond the gap.
    site.faults.clock_skew_seconds = -3600
    for second in range(-2, 4):
        at = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=second)
        site.put(f"NOW{second}", at.replace(microsecond=0).isoformat())
    extra: list[str] = []

    def insert(_route: str, _administration: str, page: int) -> None:
        if page == 0:
            extra.append(f"X{len(extra):02d}")
            site.source.put_order(header(extra[-1], f"2024-02-28T{len(extra):02d}:00:00Z"), [line()])

    site.faults.on_page = insert
    result = site.sync()
    assert (result.is_complete, result.leaves_work) == (False, True)
    assert site.value("SELECT last_success_at FROM sync_state") is None
    watermark = site.watermark()
    assert watermark is not None
    assert watermark < datetime(2024, 3, 1, 12, tzinfo=UTC)
    site.faults.on_page = None
    site.faults.clock_skew_seconds = 0
    assert site.sync().is_complete
    site.assert_as_at_source()


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_that_overlap_lose_nothing_and_double_nothing(site_of: Callable[..., Site], rows: int) -> None:
    site = site_of(page_size=4)
    codes = site.put_month(18)
    site.faults.repeat_rows = rows
    result = site.sync()
    assert (result.is_complete, result.seen, result.new, result.unchanged) == (True, 18, 18, 0)
    assert site.line_calls() == codes
    assert site.watermark() == site.order("A017")["order_date"]
    site.assert_as_at_source()


def test_pages_that_repeat_a_record_without_a_code_come_whole(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=4)
    codes = site.put_month(9)
    for body in (b'{"orderDate":"2024-03-01T02:30:00Z"}', b"null"):
        site.source.put_encoded_order(f"\0{body!r}", 1709260200_000000, body, b"[]")
    site.faults.repeat_rows = 4
    result = site.sync()
    assert (result.is_complete, site.codes(), len(site.set_aside())) == (True, codes, 2)
    assert (result.seen, result.new, result.set_aside, result.unchanged) == (11, 9, 2, 0)


@pytest.mark.parametrize("with_future", [False, True])
def test_a_gateway_that_ignores_the_end_date_does_no_harm(
    site_of: Callable[..., Site], with_future: bool
) -> None:
    site = site_of(page_size=4)
    codes = site.put_month(14)
    if with_future:
        site.put("FUTURE", "2099-01-01T09:00:00Z")
    site.faults.ignore_order_date_to = True
    result = site.sync()
    assert (result.is_complete, result.new) == (True, 14 + with_future)
    assert site.line_calls() == codes + ["FUTURE"] * with_future
    assert site.watermark() == site.order("A013")["order_date"]
    site.assert_as_at_source()


def test_a_gateway_that_lists_one_order_twice_for_ever_ends_and_all_is_in(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4)
    site.put_month(6)
    body = b'{"orderCode":"A003","orderDate":"2024-03-01T03:00:00Z","customerCode":"K1"}'
    site.source.put_encoded_order("A003 again", 1709262000_000000, body, b"[]")
    result = site.sync()
    assert (result.is_complete, result.new) == (True, 6)
    assert site.watermark() == site.order("A005")["order_date"]


def test_a_whole_reading_of_a_listing_that_lists_one_order_twice_removes_nothing(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=4)
    site.put_month(6)
    site.sync()
    body = b'{"orderCode":"A003","orderDate":"2024-03-01T03:00:00Z","customerCode":"K1"}'
    site.source.put_encoded_order("A003 again", 1709262000_000000, body, b"[]")
    site.source.remove_order("A004")
    assert site.sync(EVERYTHING).removed == 0
