from collections.abc import Callable
from typing import Any

import pytest

from a4s_pipeline.errors import GatewayUnavailable
from a4s_pipeline_tests.sync.conftest import EVERYTHING, Site, line
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS, Stream, customer
from a4s_sandbox import Faults

BOTH = pytest.mark.parametrize("stream", [ITEMS, CUSTOMERS], ids=lambda stream: stream.name)


def found(site: Site, run_id: str) -> list[tuple[Any, ...]]:
    return site.query(
        "SELECT stream, field, drift, found, example, records FROM drift "
        "WHERE connector = 'demo' AND run_id = ? ORDER BY ALL",
        run_id,
    )


def test_a_sync_of_orders_keeps_what_drifts_in_headers_and_in_lines(site: Site) -> None:
    site.put("O1", lines=[line("1", batch="B77"), line("2", batch="B78")], warehouse="MAG-1")
    site.put("O2", deliveryAddress={"type": "Visit", "floor": 3})
    site.put("O3", orderNumber=12, lines=[line(quantity="2,5")])
    site.sync(run_id="r1")
    assert found(site, "r1") == [
        ("order_lines", "batch", "unknown", "text", "X99", 2),
        ("order_lines", "quantity", "kind", "text", "9,9", 1),
        ("orders", "deliveryAddress.floor", "unknown", "number", "9", 1),
        ("orders", "orderNumber", "kind", "number", "99", 1),
        ("orders", "warehouse", "unknown", "text", "XXX-9", 1),
    ]


def test_a_record_that_cannot_be_read_is_counted_by_what_keeps_it_from_being_read(site: Site) -> None:
    site.put("..", customerCode=None)
    site.sync(run_id="r1")
    assert len(site.set_aside()) == 1
    assert found(site, "r1") == [("orders", "customerCode", "missing", "nothing", None, 1)]


def test_a_sync_of_customers_keeps_what_drifts_within_them(site: Site) -> None:
    person = {"lastName": "Visser", "contactDetails": [{"type": "Email", "value": "a@b.nl", "note": "x"}]}
    CUSTOMERS.put_record(site.source, customer("K1", contactPersons=[person, person | {"age": 40}]))
    CUSTOMERS.put_record(site.source, customer("K2", addresses=None))
    CUSTOMERS.sync(site, run_id="r1")
    assert found(site, "r1") == [
        ("customers", "addresses", "missing", "nothing", None, 1),
        ("customers", "contactPersons[].age", "unknown", "number", "99", 1),
        ("customers", "contactPersons[].contactDetails[].note", "unknown", "text", "x", 1),
    ]


@BOTH
def test_a_run_without_drift_keeps_nothing(site: Site, stream: Stream) -> None:
    stream.put_many(site, 5)
    site.put("O1")
    assert stream.sync(site).drifts == []
    assert site.sync().drifts == []
    assert site.query("FROM drift") == []


@BOTH
def test_each_run_counts_from_zero_and_says_since_when(site: Site, stream: Stream) -> None:
    for code in ("A1", "A2"):
        stream.put(site, code, route="R1")
    stream.sync(site, run_id="r1")
    stream.put(site, "A3", route="R1", floor=1)
    stream.sync(site, run_id="r2")
    rows = site.query(
        "SELECT run_id, field, records, first_seen_at = min(synced_at) OVER (), first_seen_at = synced_at "
        "FROM drift ORDER BY ALL"
    )
    assert rows == [
        ("r1", "route", 2, True, True),
        ("r2", "floor", 1, False, True),
        ("r2", "route", 3, True, False),
    ]


@BOTH
def test_what_came_before_a_run_failed_is_counted(site_of: Callable[..., Site], stream: Stream) -> None:
    site = site_of(page_size=2)
    for number in range(6):
        stream.put(site, f"A{number}", route="R1")

    def fail_after_the_first(_route: str, _administration: str, page: int) -> None:
        if page == 0:
            site.faults.script["*"] = ["server_error"] * 100

    site.sandbox.faults = Faults(on_page=fail_after_the_first)
    with pytest.raises(GatewayUnavailable):
        stream.sync(site, run_id="r1")
    assert found(site, "r1") == [(stream.name, "route", "unknown", "text", "X9", 2)]


def test_what_came_before_a_sync_of_orders_failed_is_counted(site_of: Callable[..., Site]) -> None:
    site = site_of(page_size=2, max_connections=1)
    for number in range(6):
        site.put(f"A{number}", f"2024-03-0{number + 1}T09:00:00", floor=number)

    def fail_after_the_first(_route: str, _administration: str, page: int) -> None:
        if page == 0:
            site.faults.script["orders"] = ["server_error"] * 100

    site.sandbox.faults = Faults(on_page=fail_after_the_first)
    with pytest.raises(GatewayUnavailable):
        site.sync(run_id="r1")
    assert found(site, "r1") == [("orders", "floor", "unknown", "number", "9", 2)]


@BOTH
def test_a_listing_that_moves_and_is_read_again_counts_its_records_once(
    site_of: Callable[..., Site], stream: Stream
) -> None:
    site = site_of(page_size=2, max_connections=1)
    for number in range(7):
        stream.put(site, f"A{number}", route="R1")
    moves = iter(("A7",))

    def move(_route: str, _administration: str, page: int) -> None:
        for code in moves if page == 1 else ():
            stream.put(site, code, route="R1")

    site.sandbox.faults = Faults(on_page=move)
    assert stream.sync(site, run_id="r1").calls > 8 / 2 + 1
    assert found(site, "r1") == [(stream.name, "route", "unknown", "text", "X9", 8)]


def test_orders_that_move_and_are_read_again_count_once_and_their_lines_too(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(page_size=2)
    for number in range(1, 8):
        site.put(f"A{number}", f"2024-03-0{number + 1}T09:00:00", floor=1, lines=[line(batch="B1")])
    moves = iter((("A0", "2024-03-01T09:00:00"),))

    def move(_route: str, _administration: str, page: int) -> None:
        for code, day in moves if page == 1 else ():
            site.put(code, day, floor=1, lines=[line(batch="B1")])

    site.sandbox.faults = Faults(on_page=move)
    site.sync(EVERYTHING, run_id="r1")
    assert len(site.sandbox.calls("orders")) > 8 / 2 + 2
    assert found(site, "r1") == [
        ("order_lines", "batch", "unknown", "text", "X9", 8),
        ("orders", "floor", "unknown", "number", "9", 8),
    ]


def test_orders_that_were_not_asked_for_are_not_counted(site: Site) -> None:
    site.put("A1", "2024-03-05T09:00:00", floor=1)
    site.put("A2", "2031-03-05T09:00:00", floor=1)
    site.sandbox.faults = Faults(ignore_order_date_to=True)
    site.sync(EVERYTHING, run_id="r1")
    # The second is beyond the end of the first listing, and alone in the one of what is to come.
    assert found(site, "r1") == [("orders", "floor", "unknown", "number", "9", 2)]


def test_lines_are_counted_for_new_and_changed_orders_only(site: Site) -> None:
    site.put("O1", lines=[line(batch="B1")])
    site.sync(run_id="r1")
    site.sync(run_id="r2")
    assert [len(found(site, run)) for run in ("r1", "r2")] == [1, 0]


def test_lines_that_were_left_by_an_earlier_sync_are_counted_when_they_come(site: Site) -> None:
    site.put("O1", lines=[line(batch="B1")])
    site.sandbox.faults = Faults(lines_500={"O1"})
    site.sync(run_id="r1")
    site.sandbox.faults = Faults()
    site.sync(run_id="r2")
    assert found(site, "r1") == []
    assert found(site, "r2") == [("order_lines", "batch", "unknown", "text", "X9", 1)]


def test_no_value_and_no_strange_name_reaches_the_table(site: Site) -> None:
    strange: dict[str, Any] = {"a\nb\x00<script>": "Wachtwoord-123", "n" * 300: "x", "half \ud800": 1}
    site.put("O1", **strange)
    site.sync(run_id="r1")
    fields = {row[1]: row[4] for row in found(site, "r1")}
    assert fields == {"a?b?<script>": "Xxxxxxxxxx-999", "n" * 79 + "…": "x", "half ?": "9"}


def test_the_command_line_says_nothing_of_drift(site: Site) -> None:
    site.put("O1", floor=1)
    assert "drift" not in str(site.sync().as_json())


def test_a_bad_byte_costs_one_character_and_is_reported_as_drift(site: Site) -> None:
    site.put("O1", customerName="Bos", lines=[line("1", description="Varen")])
    # Whichever order's lines are asked for first.
    site.put("O2", customerName="Vos", lines=[line("1", description="Klimop")])
    CUSTOMERS.put_record(site.source, customer("K1"))
    ITEMS.put_many(site, 1)
    site.sandbox.faults = Faults(
        script={name: ["bad_byte"] for name in ("orders", "order_lines", "customers", "items")}
    )
    result = site.sync(run_id="r1")
    CUSTOMERS.sync(site, run_id="r1")
    assert (result.retries, site.set_aside()) == (0, {})
    assert ("orders", "customerName", "text", "text", "Xxx?", 1) in found(site, "r1")
    assert [row[:4] for row in found(site, "r1") if row[0] != "orders"] == [
        ("customers", "name", "text", "text"),
        ("order_lines", "description", "text", "text"),
    ]
    assert site.query("SELECT customer_name FROM orders ORDER BY order_code") == [("Bos\ufffd",), ("Vos",)]


def test_a_key_with_a_bad_byte_sets_its_record_aside_and_no_other(site: Site) -> None:
    site.put("O\ufffd1")
    site.put("O2")
    site.sync(run_id="r1")
    assert site.codes() == ["O2"]
    assert len(site.set_aside()) == 1
