from datetime import date
from typing import Any

from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.health import sub_totals_off
from a4s_pipeline_tests.sync.conftest import Site, line

REPAIR = OrdersPlan(sub_totals_off=True)


def _spoil(site: Site, *codes: str) -> None:
    """Give these orders another order's lines, as a mixed-up answer once left them."""
    for code in codes:
        site.query(
            "UPDATE order_lines SET line_total = line_total + 7, description = 'another'"
            " WHERE order_code = ?",
            code,
        )


def _put(site: Site, code: str, day: str, *totals: float | None, **header: Any) -> None:
    lines = [line(str(place), lineTotal=total) for place, total in enumerate(totals, start=1)]
    site.put(code, f"{day}T09:00:00", lines, **header)


def _named(site: Site) -> list[str]:
    with site.platform.warehouse.session() as store:
        return [code for broken in sub_totals_off(store) for code in broken.first]


def test_the_lines_of_orders_whose_sub_total_is_off_are_read_again_and_of_no_others(site: Site) -> None:
    _put(site, "OLD", "2016-02-03", 10, 5, subTotal=15)
    _put(site, "MARCH", "2024-03-05", 10, subTotal=10)
    _put(site, "NEW", "2024-06-07", 2.5, 2.5, subTotal=5)
    _put(site, "A-CENT", "2024-06-07", 2.5, 2.5, subTotal=5.01)
    _put(site, "NO-SUM", "2024-06-07", 3)
    _put(site, "NO-TOTAL", "2024-06-07", 3, None, subTotal=9)
    site.put("NO-LINES", "2024-06-07T10:00:00", [], subTotal=0)
    text = {"itemCode": None, "quantity": None, "description": "Thank you"}
    site.put("TEXT", "2024-06-07T10:00:00", [line("1", lineTotal=4), line("2", **text)], subTotal=4)
    site.put("TEXT-ALONE", "2024-06-07T10:00:00", [line("1", **text)], subTotal=4)
    site.sync()
    assert _named(site) == []
    _spoil(site, "OLD", "NEW", "TEXT", "NO-SUM", "NO-TOTAL")
    state = site.records("SELECT watermark, last_success_at FROM sync_state WHERE stream = 'orders'")
    headers = site.query("SELECT order_code, header_fingerprint FROM orders ORDER BY ALL")
    assert _named(site) == ["NEW", "OLD", "TEXT"]

    result = site.sync_again(REPAIR)
    assert site.line_calls() == ["NEW", "OLD", "TEXT"]
    assert site.sandbox.calls("orders") == []
    assert (result.seen, result.changed, result.new, result.pending, list(result.sub_totals_off)) == (
        3,
        3,
        0,
        0,
        [],
    )
    assert _named(site) == []
    assert site.value("SELECT count(*) FROM order_lines WHERE description = 'another'") == 3
    assert site.records("SELECT watermark, last_success_at FROM sync_state WHERE stream = 'orders'") == state
    assert site.query("SELECT order_code, header_fingerprint FROM orders ORDER BY ALL") == headers

    assert (site.sync_again(REPAIR).seen, site.line_calls()) == (0, [])


def test_an_order_that_is_off_at_the_source_stays_named(site: Site) -> None:
    _put(site, "A1", "2024-03-05", 10, subTotal=10)
    _put(site, "A2", "2024-03-05", 10, subTotal=12)
    site.sync()
    _spoil(site, "A1")
    result = site.sync(REPAIR)
    assert (result.seen, result.changed, list(result.sub_totals_off), result.leaves_work) == (
        2,
        1,
        ["A2"],
        False,
    )
    assert _named(site) == ["A2"]


def test_an_order_that_cannot_be_fetched_now_keeps_its_lines_and_stays_named(site: Site) -> None:
    for code in ("A1", "A2", "A3"):
        _put(site, code, "2024-03-05", 10, subTotal=10)
    site.sync()
    _spoil(site, "A1", "A2", "A3")
    site.faults.lines_404 = {"A1"}
    site.faults.forbidden = {"A2"}
    result = site.sync(REPAIR)
    assert (result.pending, result.changed, list(result.sub_totals_off)) == (2, 1, ["A1", "A2"])
    assert (site.line_codes("A1"), site.without_lines()) == (["1"], [])
    site.faults.lines_404, site.faults.forbidden = set(), set()
    assert list(site.sync(REPAIR).sub_totals_off) == []
    site.assert_as_at_source()


def test_an_order_that_is_gone_is_not_asked_for(site: Site) -> None:
    _put(site, "A1", "2024-03-05", 10, subTotal=10)
    site.sync()
    _spoil(site, "A1")
    site.query("UPDATE orders SET removed_at = now()")
    assert (site.sync_again(REPAIR).seen, site.line_calls()) == (0, [])


def test_an_order_that_is_stored_without_a_line_is_off_unless_its_sub_total_is_nothing(site: Site) -> None:
    _put(site, "A1", "2024-03-05", 10, subTotal=10)
    _put(site, "FREE", "2024-03-05", subTotal=0)
    _put(site, "NO-TOTAL", "2024-03-05")
    _put(site, "APRIL", "2024-04-05", 10, subTotal=10)
    site.sync()
    site.query("DELETE FROM order_lines WHERE order_code IN ('A1', 'APRIL')")
    assert _named(site) == ["A1", "APRIL"]
    march = date(2024, 3, 1)
    result = site.sync_again(OrdersPlan(Months(march, march), sub_totals_off=True))
    assert (site.line_calls(), result.changed, list(result.sub_totals_off)) == (["A1"], 1, [])
    assert _named(site) == ["APRIL"]
    assert (site.sync(REPAIR).changed, _named(site)) == (1, [])
