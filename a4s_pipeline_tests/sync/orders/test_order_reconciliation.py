from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from a4s_pipeline.errors import GatewayUnavailable, HistoryNotConfigured
from a4s_pipeline.sync.reconcile.order_reconciliation import Reconciled
from a4s_pipeline.sync.reconcile.reconciliation import MonthCompared
from a4s_pipeline.sync.windows import Months
from a4s_pipeline_tests.sync.conftest import Site, header, line


def _reconcile(site: Site, months: Months | None = None) -> Reconciled:
    return site.platform.reconcile_orders("demo", months, run_id="compared")


def _month(found: Reconciled, month: date) -> MonthCompared:
    (one,) = [one for one in found.months if one.month == month]
    return one


MARCH = date(2024, 3, 1)


def _three_years(site: Site) -> None:
    for year in (2022, 2023, 2024):
        for month in (1, 3, 12):
            site.put(f"{year}-{month}", f"{year}-{month:02d}-05T09:00:00")
    site.sync()


def test_after_a_sync_every_month_agrees_without_a_call_for_lines(site: Site) -> None:
    _three_years(site)
    site.sandbox.clear()
    found = _reconcile(site)
    assert found.differing == []
    assert found.months[0].month == date(2015, 1, 1)
    assert sum(month.listed for month in found.months) == sum(month.stored for month in found.months) == 9
    assert site.line_calls() == []
    # One call a month, one more for the end of each that has orders, and one for the status.
    months_with_orders = sum(month.listed > 0 for month in found.months)
    assert found.calls == len(site.sandbox.requests) == len(found.months) + months_with_orders + 1


def test_what_came_late_what_changed_and_what_is_gone_is_found_in_its_month(site: Site) -> None:
    _three_years(site)
    site.put("LATE", "2022-03-31T23:59:59")
    site.put("2023-3", "2023-03-05T09:00:00", status="changed")
    site.source.remove_order("2024-3")
    found = _reconcile(site)
    assert [month.month for month in found.differing] == [date(year, 3, 1) for year in (2022, 2023, 2024)]
    late, changed, gone = found.differing
    assert (late.missing, late.listed, late.stored) == (("LATE",), 2, 1)
    assert (changed.changed, changed.listed, changed.stored) == (("2023-3",), 1, 1)
    assert (gone.gone, gone.listed, gone.stored) == (("2024-3",), 0, 1)
    assert not any(month.waiting for month in found.differing)


def test_what_was_found_is_kept_by_month(site: Site) -> None:
    _three_years(site)
    site.source.remove_order("2024-3")
    found = _reconcile(site)
    columns = "month, gateway_orders, store_orders, gone, differs, examples, run_id"
    differing = site.query(f"SELECT {columns} FROM reconciled_months WHERE differs")
    assert differing == [(MARCH, 0, 1, 1, True, '{"gone":["2024-3"]}', "compared")]
    assert site.value("SELECT count(*) FROM reconciled_months") == len(found.months)
    assert site.query("SELECT flow, status FROM flow_executions WHERE flow LIKE 'reconcile%'") == [
        ("reconcile_orders", "ok")
    ]
    site.put("2024-3", "2024-03-05T09:00:00")
    _reconcile(site, Months(MARCH, MARCH))
    assert site.query("SELECT month FROM reconciled_months WHERE differs") == []
    assert site.value("SELECT count(*) FROM reconciled_months") == len(found.months)


def test_nothing_of_the_orders_is_touched(site: Site) -> None:
    _three_years(site)
    site.source.remove_order("2024-3")
    site.put("LATE", "2022-03-31T23:59:59")
    before = site.query("SELECT * FROM orders ORDER BY ALL"), site.query("SELECT * FROM sync_state")
    _reconcile(site)
    assert before == (site.query("SELECT * FROM orders ORDER BY ALL"), site.query("SELECT * FROM sync_state"))


def test_orders_that_the_next_sync_brings_in_are_told_apart(site: Site) -> None:
    now = datetime.now(UTC)
    site.put("A1", (now - timedelta(days=1)).isoformat())
    site.sync()
    site.put("NEW", now.isoformat())
    site.put("FUTURE", (now + timedelta(days=800)).isoformat())
    found = _reconcile(site)
    assert sum(month.differing for month in found.months) == sum(month.waiting for month in found.months) == 2
    assert all(month.differing == month.waiting for month in found.months)


def test_orders_of_the_future_count_to_the_month_that_is_running(site: Site) -> None:
    site.put("FUTURE", (datetime.now(UTC) + timedelta(days=800)).isoformat())
    site.sync()
    found = _reconcile(site)
    assert (found.months[-1].listed, found.months[-1].stored, found.differing) == (1, 1, [])


@pytest.mark.parametrize("day", ["2024-03-31T23:59:59", "2024-04-01T00:00:00", "2024-03-31T22:00:00Z"])
def test_the_months_are_those_of_the_administration(site: Site, day: str) -> None:
    site.put("A1", day)
    site.sync()
    found = _reconcile(site, Months(MARCH, date(2024, 4, 1)))
    month = MARCH if day == "2024-03-31T23:59:59" else date(2024, 4, 1)
    assert (_month(found, month).listed, _month(found, month).stored) == (1, 1)
    assert found.differing == []


def test_an_order_that_cannot_be_read_is_counted_and_is_no_difference(site: Site) -> None:
    site.put("A1")
    site.source.put_order(header("BROKEN", "2024-03-06T09:00:00", customerCode=None), [line()])
    site.source.put_order(header("NAMED", "2024-03-07T09:00:00", customerCode=["K1"]), [line()])
    site.sync()
    month = _month(_reconcile(site), MARCH)
    assert (month.listed, month.stored, month.set_aside, month.differs) == (3, 1, 2, False)


def test_an_order_that_comes_between_the_two_looks_is_no_difference(site: Site) -> None:
    site.put("A1")
    site.sync()
    site.source.remove_order("A1")

    def come_back(_route: str, _administration: str, _page: int) -> None:
        site.put("A1")

    site.faults.on_page = come_back
    assert _reconcile(site, Months(MARCH, MARCH)).differing == []


def test_a_month_whose_listing_keeps_moving_is_not_compared(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2)
    site.put_month(6)
    site.sync()
    extra: list[str] = []

    def insert(_route: str, _administration: str, page: int) -> None:
        if page == 1:
            extra.append(f"X{len(extra)}")
            site.put(extra[-1], "2024-03-01T00:30:00Z")

    site.faults.on_page = insert
    found = _reconcile(site, Months(MARCH, MARCH))
    assert (found.differing, [month.month for month in found.not_compared]) == ([], [MARCH])
    assert site.query("SELECT differs FROM reconciled_months") == [(None,)]


def test_pages_that_shift_once_are_read_again(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2)
    codes = site.put_month(7)
    site.sync()
    shifted: list[int] = []

    def shift(_route: str, _administration: str, page: int) -> None:
        if page == 1 and not shifted:
            shifted.append(page)
            site.source.remove_order(codes[0])

    site.faults.on_page = shift
    month = _month(_reconcile(site, Months(MARCH, MARCH)), MARCH)
    assert (month.gone, month.missing, month.listed, month.stored) == ((codes[0],), (), 6, 7)


def test_a_gateway_that_ignores_the_end_of_the_month_gives_the_same_answer(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=2)
    site.faults.ignore_order_date_to = True
    site.put_month(5)
    site.put("APRIL", "2024-04-05T09:00:00")
    site.source.put_order(header("UNREAD", "2024-04-06T09:00:00", customerCode=None), [line()])
    site.put("MAY", "2024-05-05T09:00:00")
    site.put("MAY2", "2024-05-06T09:00:00")
    site.sync()
    site.source.remove_order("A001")
    found = _reconcile(site, Months(MARCH, date(2024, 4, 1)))
    assert [(month.listed, month.stored, month.set_aside, month.gone) for month in found.months] == [
        (4, 5, 0, ("A001",)),
        (2, 1, 1, ()),
    ]


def test_a_gateway_that_ignores_the_beginning_of_the_month_gives_the_same_answer(site: Site) -> None:
    site.put("MARCH")
    site.put("APRIL", "2024-04-05T09:00:00")
    site.sync()
    site.faults.ignore_order_date_from = True
    found = _reconcile(site, Months(MARCH, date(2024, 4, 1)))
    assert [(month.listed, month.differs) for month in found.months] == [(1, False), (1, False)]


def test_without_a_focus_connector_there_is_nothing_to_compare(site: Site) -> None:
    site.source.focus_connector = None
    found = _reconcile(site)
    assert (found.has_history, found.months, found.error) == (False, [], None)
    assert site.query("SELECT flow, status FROM flow_executions") == [("reconcile_orders", "ok")]


def test_a_history_that_went_away_cannot_be_compared(site: Site) -> None:
    site.put("A1")
    site.sync()
    site.source.focus_connector = None
    with pytest.raises(HistoryNotConfigured):
        _reconcile(site)


def test_a_gateway_that_goes_away_fails_it_and_keeps_what_was_compared(site: Site) -> None:
    _three_years(site)
    site.faults.script = {"orders": ["ok"] * 30 + ["server_error"] * 500}
    with pytest.raises(GatewayUnavailable):
        _reconcile(site)
    assert site.value("SELECT count(*) FROM reconciled_months") >= 12
    assert site.query("SELECT status FROM flow_executions WHERE flow = 'reconcile_orders'") == [("failed",)]


def test_another_connector_of_the_same_store_is_left_out(site: Site) -> None:
    site.put("A1")
    site.sync()
    other = site.with_settings(connectors={"demo": "Demo B.V.", "noord": "Demo B.V."})
    other.sync(connector="noord")
    site.source.remove_order("A1")
    assert other.platform.reconcile_orders("noord", Months(MARCH, MARCH), run_id="r").months[0].stored == 1
