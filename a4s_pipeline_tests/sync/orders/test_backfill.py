from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from a4s_pipeline.errors import GatewayUnavailable
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline_tests.support.nightly import at_night
from a4s_pipeline_tests.sync.conftest import AMSTERDAM, EVERYTHING, Site, header, line

MARCH = OrdersPlan(Months(date(2024, 3, 1), date(2024, 3, 1)), whole=True)


def _put_three_months(site: Site) -> None:
    site.put("FEB", "2024-02-29T23:59:59")
    site.put("MAR-FIRST", "2024-03-01T00:00:00")
    site.put("MAR-LAST", "2024-03-31T23:59:59")
    site.put("APR", "2024-04-01T00:00:00")


def test_a_backfill_reads_its_month_in_the_administrations_own_time_and_no_other(site: Site) -> None:
    _put_three_months(site)
    result = site.sync(MARCH)
    assert site.codes() == ["MAR-FIRST", "MAR-LAST"]
    assert result.seen == 2
    call = site.sandbox.calls("orders")[0]
    assert call.query["orderDateFrom"] == "2024-03-01T00:00:00+01:00"
    assert call.query["orderDateTo"] == "2024-04-01T00:00:00+02:00"


def test_a_backfill_asks_for_all_lines_again_whether_or_not_the_header_changed(site: Site) -> None:
    _put_three_months(site)
    site.sync()
    result = site.sync_again(MARCH)
    assert site.line_calls() == ["MAR-FIRST", "MAR-LAST"]
    assert (result.seen, result.changed, result.unchanged) == (2, 0, 2)
    site.assert_as_at_source()


def test_a_line_edited_under_an_unchanged_header_is_found_only_by_a_whole_reading(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2")])
    site.put("A2")
    site.sync()
    site.put("A1", lines=[line("1", quantity=5)])
    assert site.sync().changed == 0
    assert site.line_codes("A1") == ["1", "2"]
    result = site.sync(MARCH)
    assert (result.changed, result.unchanged) == (1, 1)
    site.assert_as_at_source()


def test_a_whole_reading_of_what_the_same_run_wrote_asks_for_nothing_again(site: Site) -> None:
    codes = site.put_month(6)
    site.sync(MARCH, run_id="one")
    site.sync(MARCH, run_id="one")
    assert site.line_calls() == codes


def test_a_backfill_beyond_a_gap_leaves_the_watermark_where_it_was(site: Site) -> None:
    _put_three_months(site)
    site.sync(MARCH)
    assert site.watermark() is None
    site.sync_again()
    assert site.listed_from() == datetime(2015, 1, 1, tzinfo=AMSTERDAM)
    site.assert_as_at_source()
    assert site.watermark() == site.order("APR")["order_date"]


def test_a_backfill_of_old_months_does_not_move_the_watermark_back(site: Site) -> None:
    _put_three_months(site)
    site.sync()
    site.sync(OrdersPlan(Months(date(2024, 1, 1), date(2024, 2, 1)), whole=True))
    assert site.watermark() == site.order("APR")["order_date"]


def test_a_backfill_that_joins_what_was_read_before_moves_the_watermark(site_of: Callable[..., Site]) -> None:
    site = site_of(history_start=date(2024, 2, 1))
    _put_three_months(site)
    site.sync(OrdersPlan(Months(date(2024, 2, 1), date(2024, 2, 1))))
    assert site.watermark() == site.order("FEB")["order_date"]
    site.sync(OrdersPlan(Months(date(2024, 2, 1), date(2024, 3, 1))))
    assert site.watermark() == site.order("MAR-LAST")["order_date"]


@pytest.mark.parametrize("page_size", [1, 300, *at_night(2, 3)])
def test_a_backfill_from_a_gateway_that_ignores_the_end_date_leaves_no_gap_behind_its_watermark(
    site_of: Callable[..., Site], page_size: int
) -> None:
    site = site_of(history_start=date(2024, 2, 1), page_size=page_size)
    _put_three_months(site)
    site.put("MAY", "2024-05-20T09:00:00")
    site.put("JUNE", "2024-06-20T09:00:00")
    site.faults.ignore_order_date_to = True
    result = site.sync(OrdersPlan(Months(date(2024, 2, 1), date(2024, 3, 1)), whole=True))
    assert site.codes() == ["FEB", "MAR-FIRST", "MAR-LAST"]
    assert (result.seen, result.is_complete) == (3, True)
    assert site.watermark() == site.order("MAR-LAST")["order_date"]
    site.sync()
    site.assert_as_at_source()


def test_the_running_month_has_no_end_and_holds_the_orders_of_the_future(site: Site) -> None:
    this_month = datetime.now(AMSTERDAM).date().replace(day=1)
    site.put("NOW", datetime.now(UTC).isoformat())
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=1000)).isoformat())
    site.put("OLD", "2024-03-05T09:00:00")
    site.sync(OrdersPlan(Months(this_month, this_month), whole=True))
    assert site.codes() == ["FUTURE", "NOW"]
    assert site.watermark() is None


def test_months_before_the_history_start_are_cut_off(site_of: Callable[..., Site]) -> None:
    site = site_of(history_start=date(2024, 3, 31))
    _put_three_months(site)
    site.sync(OrdersPlan(Months(date(2024, 1, 1), date(2024, 3, 1)), whole=True))
    assert site.codes() == ["MAR-LAST"]


# What is gone at the source


def test_an_order_that_is_gone_is_marked_by_a_whole_reading_and_kept(site: Site) -> None:
    site.put_month(3)
    site.sync()
    site.source.remove_order("A001")
    assert site.sync().removed == 0
    assert site.order("A001")["removed_at"] is None
    result = site.sync(MARCH)
    assert (result.removed, result.removals_withheld) == (1, None)
    assert site.order("A001")["removed_at"] is not None
    assert site.line_codes("A001") == ["1"]
    site.assert_as_at_source()
    assert site.sync(MARCH).removed == 0


def test_an_order_that_was_gone_and_returns_is_there_again_lines_and_all(site: Site) -> None:
    site.put_month(3)
    site.sync()
    site.source.remove_order("A001")
    site.sync(MARCH)
    site.put("A001", "2024-03-01T01:00:00Z", [line("7")])
    result = site.sync_again()
    assert (result.changed, site.line_calls()) == (1, ["A001"])
    assert site.order("A001")["removed_at"] is None
    site.assert_as_at_source()


def test_a_reading_of_one_month_removes_nothing_of_another(site: Site) -> None:
    _put_three_months(site)
    site.sync()
    for code in ("FEB", "MAR-LAST", "APR"):
        site.source.remove_order(code)
    assert site.sync(MARCH).removed == 1
    assert site.codes() == ["APR", "FEB", "MAR-FIRST"]


def test_an_order_that_moved_to_another_month_is_not_gone(site: Site) -> None:
    _put_three_months(site)
    site.sync()
    site.put("MAR-LAST", "2024-04-02T09:00:00")
    site.sync(OrdersPlan(Months(date(2024, 3, 1), date(2024, 4, 1)), whole=True))
    site.assert_as_at_source()


@pytest.mark.parametrize("to", ["2024-05-02T09:00:00", "2015-01-01T00:00:00", "2090-01-01T00:00:00Z"])
def test_an_order_that_moved_out_of_the_month_that_is_read_is_brought_in_from_where_it_is(
    site: Site, to: str
) -> None:
    _put_three_months(site)
    site.sync()
    site.put("MAR-LAST", to, [line("1"), line("2")], status="moved")
    site.source.remove_order("MAR-FIRST")
    result = site.sync_again(MARCH)
    assert (result.removed, result.changed) == (1, 1)
    assert site.line_calls() == ["MAR-LAST"]
    assert site.order("MAR-LAST")["removed_at"] is None
    site.assert_as_at_source()


def test_an_order_that_moved_and_cannot_be_read_any_more_is_set_aside_and_not_gone(site: Site) -> None:
    _put_three_months(site)
    site.sync()
    site.put("MAR-LAST", "2024-05-02T09:00:00", customerCode=None)
    result = site.sync(MARCH)
    assert (result.removed, set(site.set_aside())) == (0, {"MAR-LAST"})
    assert site.order("MAR-LAST")["removed_at"] is None


def test_an_order_of_the_future_whose_date_cannot_be_read_any_more_is_not_gone(site: Site) -> None:
    site.put("PAST")
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=2)).isoformat())
    site.sync()
    site.put("FUTURE", "2024-02-30T10:00:00")  # listed now among the oldest
    result = site.sync(EVERYTHING)
    assert (result.removed, set(site.set_aside())) == (0, {"FUTURE"})
    assert site.order("FUTURE")["removed_at"] is None


def test_an_order_that_moved_before_the_history_start_is_gone(site_of: Callable[..., Site]) -> None:
    site = site_of(history_start=date(2024, 1, 1))
    _put_three_months(site)
    site.sync()
    site.put("MAR-LAST", "2023-12-31T23:59:59")
    assert site.sync(MARCH).removed == 1


def test_an_order_that_moved_is_found_though_it_slips_between_two_pages_of_the_look_for_it(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=3)
    site.put_month(3)
    for number in range(6):
        site.put(f"MAY{number}", f"2024-05-0{1 + number}T09:00:00")
    site.sync()
    site.put("A002", "2024-05-01T12:00:00")
    slipped: list[str] = []

    def slip(_route: str, _administration: str, page: int) -> None:
        # The look for it has no end; A002 is the first order of its second page.
        if page == 0 and not slipped and "orderDateTo" not in site.sandbox.calls("orders")[-1].query:
            slipped.append("MAY0")
            site.source.remove_order("MAY0")
            site.put("NEW", "2024-06-01T09:00:00")

    site.sandbox.clear()
    site.faults.on_page = slip
    result = site.sync(MARCH)
    assert (slipped, result.removed, result.changed) == (["MAY0"], 0, 1)
    assert site.order("A002")["removed_at"] is None


def test_while_the_whole_listing_keeps_moving_nothing_counts_as_moved_or_gone(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=3)
    site.put_month(3)
    for number in range(6):
        site.put(f"MAY{number}", f"2024-05-0{1 + number}T09:00:00")
    site.sync()
    site.source.remove_order("A001")
    extra: list[str] = []

    def insert(_route: str, _administration: str, page: int) -> None:
        if page == 1:
            extra.append(f"X{len(extra)}")
            site.put(extra[-1], "2024-02-01T00:30:00Z")

    site.faults.on_page = insert
    result = site.sync(MARCH)
    assert (result.removed, result.removals_withheld) == (0, "the listing kept moving while it was read")


def test_orders_of_months_that_were_not_asked_for_stop_none_from_counting_as_gone(
    site: Site,
) -> None:
    codes = site.put_month(30)
    for number in range(60):
        site.put(f"MAY{number:02d}", f"2024-05-05T09:{number:02d}:00")
    site.sync()
    site.faults.ignore_order_date_from = site.faults.ignore_order_date_to = True
    for code in codes[:22]:
        site.source.remove_order(code)
    result = site.sync_again(MARCH)
    assert (result.removed, result.removals_withheld) == (22, None)


def test_an_empty_listing_removes_nothing_and_says_so(site: Site) -> None:
    site.put_month(3)
    site.sync()
    for code in site.codes():
        site.source.remove_order(code)
    result = site.sync(MARCH)
    assert (result.removed, len(site.codes())) == (0, 3)
    assert result.removals_withheld == "the listing came back empty, where 3 orders are stored"


def test_a_month_that_lost_its_only_order_is_believed_where_other_months_have_theirs(site: Site) -> None:
    site.put("MARCH")
    site.put("APRIL", "2024-04-05T09:00:00")
    site.sync()
    site.source.remove_order("MARCH")
    result = site.sync_again(MARCH)
    assert (result.removed, result.removals_withheld) == (1, None)
    assert site.codes() == ["APRIL"]
    # Empty twice, because the first time may have been a slip; then it is looked for in all months.
    sizes = [call.query.get("pageSize") for call in site.sandbox.calls("orders")]
    assert sizes == ["300", "256", "1", "300", "1", "256", "1"]


def test_a_month_that_comes_back_empty_once_loses_nothing(site: Site) -> None:
    site.put("MARCH")
    site.put("APRIL", "2024-04-05T09:00:00")
    site.sync()
    march = site.source.order("MARCH")

    def come_back(_route: str, _administration: str, _page: int) -> None:
        if "MARCH" not in site.source.orders.keys():  # noqa: SIM118
            site.source.put_order(*march)

    site.source.remove_order("MARCH")
    site.faults.on_page = come_back
    assert site.sync(MARCH).removed == 0
    site.assert_as_at_source()


@pytest.mark.parametrize("page", [0, 1])
def test_an_order_that_goes_while_another_comes_shifts_a_third_which_is_not_gone(
    site_of: Callable[..., Site], page: int
) -> None:
    """The total stayed the same while one reading missed an order: the second reading shows it."""
    site = site_of(page_size=4)
    codes = site.put_month(12)
    site.sync()
    moved: list[int] = []

    def move(_route: str, _administration: str, number: int) -> None:
        if number == page and not moved:
            moved.append(number)
            site.source.remove_order(codes[0])
            site.put("NEW", "2024-03-20T09:00:00Z")

    site.faults.on_page = move
    result = site.sync(MARCH)
    assert result.removed == 1
    assert site.order(codes[0])["removed_at"] is not None
    site.assert_as_at_source()


def test_a_reading_that_breaks_off_removes_nothing(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2)
    site.put_month(6)
    site.sync()
    site.source.remove_order("A005")
    site.faults.script = {"orders": ["ok", *["server_error"] * 5]}
    with pytest.raises(GatewayUnavailable):
        site.sync(MARCH)
    assert "A005" in site.codes()


def test_a_listing_that_never_holds_still_removes_nothing(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2)
    site.put_month(6)
    site.sync()
    site.source.remove_order("A005")
    extra: list[str] = []

    def insert(_route: str, _administration: str, page: int) -> None:
        if page == 1:
            extra.append(f"X{len(extra)}")
            site.source.put_order(header(extra[-1], "2024-03-01T00:30:00Z"), [line()])

    site.faults.on_page = insert
    result = site.sync(MARCH)
    assert (result.is_complete, result.removed) == (False, 0)
    assert "A005" in site.codes()


def test_a_listed_order_whose_lines_still_cannot_be_fetched_is_not_gone(site: Site) -> None:
    site.put_month(3)
    site.faults.lines_404 = {"A001"}
    site.sync()
    for plan in (MARCH, EVERYTHING):
        result = site.sync(plan)
        assert (result.removed, result.pending, result.unchanged) == (0, 1, 3)
        assert site.without_lines() == ["A001"]


def test_lines_that_cannot_be_fetched_again_now_are_kept_and_the_next_sync_fetches_them(site: Site) -> None:
    site.put("A1", lines=[line("1"), line("2")])
    site.sync()
    site.put("A1", lines=[line("1", quantity=5)])
    site.sandbox.faults.lines_404 = {"A1"}
    result = site.sync(MARCH)
    assert (result.pending, result.without_lines) == (1, 1)
    assert site.line_codes("A1") == ["1", "2"]
    site.sandbox.faults.lines_404 = set()
    assert site.sync().without_lines == 0
    site.assert_as_at_source()


def test_an_order_that_is_gone_before_its_lines_came_is_asked_for_no_more(site: Site) -> None:
    site.put_month(3)
    site.faults.lines_404 = {"A001"}
    site.sync()
    site.source.remove_order("A001")
    assert site.sync(MARCH).removed == 1
    assert site.without_lines() == []
    site.sync_again()
    assert site.line_calls() == []


def test_lines_set_aside_of_an_order_that_is_gone_are_forgotten(site: Site) -> None:
    site.put("A1")
    site.put("A2", lines=["x"])
    site.sync()
    assert set(site.set_aside()) == {"A2"}
    site.source.remove_order("A2")
    assert site.sync(MARCH).removed == 1
    assert site.set_aside() == {}


def test_a_full_reading_brings_all_of_history_up_to_date(site: Site) -> None:
    site.put("OLD", "2016-03-05T09:00:00")
    site.put("GONE", "2017-03-05T09:00:00")
    site.put("NEW", "2024-03-05T09:00:00")
    site.sync()
    site.put("OLD", "2016-03-05T09:00:00", [line("9")])
    site.put("LATE", "2015-03-05T09:00:00")
    site.source.remove_order("GONE")
    result = site.sync_again(EVERYTHING)
    assert (result.seen, result.new, result.changed, result.unchanged, result.removed) == (3, 1, 1, 1, 1)
    assert site.listed_from() == datetime(2015, 1, 1, tzinfo=AMSTERDAM)
    site.assert_as_at_source()
