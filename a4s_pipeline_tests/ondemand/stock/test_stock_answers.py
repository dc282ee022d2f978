import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.projected_stock import MOST_ITEMS
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.runtime import MACHINE
from a4s_pipeline_tests.support.answers import answer_body
from a4s_pipeline_tests.support.installed_site import Site, installed, stock_of, wait_until

AWKWARD = ["A/1", "A#1", "A?1", "A%1", "A%2F1", "A 1", "é1", "a1", "A1", ".a", "...", "A+1", "A&1", '"', "{}"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as site:
        yield site


def ask(site: Site, items: Any) -> Answered:
    with site.service() as service:
        return answer_of(service, items)


def answer_of(service: OnDemand, items: Any) -> Answered:
    body = {"kind": "projected_stock", "connector": "demo", "items": items}
    return answer_body(service, body, datetime.now(UTC))


def entries(site: Site, items: Any) -> list[dict[str, Any]]:
    answered = ask(site, items)
    assert answered.status == "ok", answered
    assert answered.answer is not None
    assert answered.answer.keys() == {"items"}
    return list(answered.answer["items"])


def faults(answered: Answered) -> dict[str, str]:
    assert answered.status == "refused"
    assert answered.error is not None
    return {fault["field"]: fault["message"] for fault in answered.error["fields"]}


def test_an_entry_has_the_shape_that_was_promised(site: Site) -> None:
    site.put_stock(stock_of("A1", 10, 4, [("2026-03-01", 5), ("2026-04-01", 6), (None, 7)]))
    before = datetime.now(UTC).replace(microsecond=0)
    (entry,) = entries(site, [{"itemCode": "A1", "date": "2026-03-10"}])
    as_of = datetime.fromisoformat(entry.pop("asOf"))
    assert before <= as_of <= datetime.now(UTC)
    assert entry == {
        "itemCode": "A1",
        "date": "2026-03-10",
        "projected": "11",
        "shelfStock": "10",
        "toBeDelivered": "4",
        "incoming": "5",
        "entriesWithoutDate": 1,
    }


@pytest.mark.parametrize(
    ("shelf", "shown"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1500, "1500"),
        (2.50, "2.5"),
        (-7, "-7"),
        ("1E+3", "1000"),
        ("0.000001", "0.000001"),
    ],
)
def test_quantities_are_plain_decimals_without_exponent(site: Site, shelf: Any, shown: str) -> None:
    site.put_stock(stock_of("A1", shelf))
    (entry,) = entries(site, [{"itemCode": "A1"}])
    assert entry["shelfStock"] == shown
    assert entry["projected"] == shown


def test_many_items_and_days_are_answered_in_the_order_they_were_asked(site: Site) -> None:
    for number in range(40):
        site.put_stock(stock_of(f"A{number}", number, 0, [("2026-03-10", 100)]))
    asked = [
        {"itemCode": f"A{number}", "date": day}
        for day in ("2026-03-09", "2026-03-10")
        for number in range(40)
    ]
    found = [(entry["itemCode"], entry["date"], entry["projected"]) for entry in entries(site, asked)]
    assert found == [
        *[(f"A{number}", "2026-03-09", str(number)) for number in range(40)],
        *[(f"A{number}", "2026-03-10", str(number + 100)) for number in range(40)],
    ]


def test_an_item_is_asked_for_once_however_many_days(site: Site) -> None:
    site.put_items("A1", "A2")
    days = [f"2026-03-{day:02}" for day in range(1, 31)]
    found = entries(site, [{"itemCode": code, "date": day} for day in days for code in ("A1", "A2", "A9")])
    assert len(found) == 90
    assert sorted(call.code for call in site.sandbox.calls("stock")) == ["A1", "A2", "A9"]


def test_items_are_asked_for_side_by_side_and_no_more_than_may_be_in_flight(tmp_path: Path) -> None:
    with installed(tmp_path, latency_ms=50, max_connections=7) as site:
        codes = [f"A{number}" for number in range(40)]
        site.put_items(*codes)
        assert len(entries(site, [{"itemCode": code} for code in codes])) == 40
        assert site.sandbox.most_in_flight == 7


def test_a_request_with_many_items_does_not_keep_others_waiting_until_it_is_done(tmp_path: Path) -> None:
    with installed(tmp_path, latency_ms=20, max_connections=2) as site, site.service() as service:
        codes = [f"A{number}" for number in range(200)]
        site.put_items("one", *codes)
        with ThreadPoolExecutor(1) as pool:
            many: Future[Answered] = pool.submit(answer_of, service, [{"itemCode": code} for code in codes])
            wait_until(lambda: len(site.sandbox.calls("stock")) > 2)
            assert answer_of(service, [{"itemCode": "one"}]).status == "ok"
            assert not many.done()
            asked = [call.code for call in site.sandbox.calls("stock")]
            assert asked.index("one") < 100
            assert many.result(timeout=30).status == "ok"


def test_an_unknown_item_is_an_entry_with_an_error_and_the_others_are_answered(site: Site) -> None:
    site.put_items("A1", "A3")
    first, unknown, third = entries(
        site, [{"itemCode": code, "date": "2026-03-10"} for code in ("A1", "A2", "A3")]
    )
    assert (first["projected"], third["projected"]) == ("5", "5")
    assert unknown.keys() == {"itemCode", "date", "error"}
    assert (unknown["itemCode"], unknown["date"]) == ("A2", "2026-03-10")
    assert unknown["error"]["code"] == "UnknownItem"
    assert "'A2'" in unknown["error"]["message"]
    assert len(site.sandbox.calls("stock")) == 3


def test_a_request_whose_only_item_is_unknown_is_answered_with_that(site: Site) -> None:
    (entry,) = entries(site, [{"itemCode": "A2"}])
    assert entry["error"]["code"] == "UnknownItem"


@pytest.mark.parametrize(
    "unreadable",
    [
        {"itemCode": "A2", "toBeDelivered": 0, "deliveryDates": []},
        {"itemCode": "A2", "shelfStock": "many", "toBeDelivered": 0, "deliveryDates": []},
        {"itemCode": "A2", "shelfStock": None, "toBeDelivered": 0, "deliveryDates": []},
        {"itemCode": "A2", "shelfStock": 1, "toBeDelivered": 0, "deliveryDates": "none"},
        stock_of("A2", 1, 0, [("2026-03-10", None)]),
        stock_of("A2", 1, 0, [("2026-03-10", "1E+999999999")]),
    ],
)
def test_a_stock_that_cannot_be_read_is_no_guess_and_harms_no_other(site: Site, unreadable: Any) -> None:
    site.put_items("A1")
    site.put_stock(unreadable)
    well, ill = entries(site, [{"itemCode": "A1"}, {"itemCode": "A2"}])
    assert well["projected"] == "5"
    assert ill["error"]["code"] == "ReplyUnreadable"
    assert "projected" not in ill


@pytest.mark.parametrize("fault", ["cut", "clipped", "html", "reset", "server_error"])
def test_a_reply_that_is_lost_once_is_asked_for_again(site: Site, fault: str) -> None:
    site.put_items("A1")
    site.sandbox.faults.script = {"stock": [fault]}
    (entry,) = entries(site, [{"itemCode": "A1"}])
    assert entry["projected"] == "5"
    assert len(site.sandbox.calls("stock")) == 2


def test_where_the_gateway_answers_nothing_the_request_failed_and_may_be_tried_again(site: Site) -> None:
    site.put_items("A1", "A2")
    site.sandbox.faults.server_error = 1
    answered = ask(site, [{"itemCode": "A1"}, {"itemCode": "A2"}])
    assert (answered.status, answered.answer) == ("failed", None)
    assert answered.error is not None
    assert answered.error["code"] == "GatewayUnavailable"


def test_where_the_gateway_answers_for_some_items_those_are_answered(tmp_path: Path) -> None:
    with installed(tmp_path, max_connections=1) as site:
        site.put_items("A1", "A2", "A3")
        # One call at a time, and each is tried five times: the faults are all of the second item.
        site.sandbox.faults.script = {"stock": ["ok", *["server_error"] * 5]}
        items = [{"itemCode": code} for code in ("A1", "A2", "A3")]
        codes = [entry.get("error", {}).get("code") for entry in entries(site, items)]
    assert codes == [None, "GatewayUnavailable", None]


@pytest.mark.parametrize("code", AWKWARD)
def test_a_code_is_asked_for_to_the_letter(site: Site, code: str) -> None:
    site.put_items(*AWKWARD)
    site.put_items(code, shelf=77)
    (entry,) = entries(site, [{"itemCode": code}])
    assert (entry["itemCode"], entry["projected"]) == (code, "77")
    (call,) = site.sandbox.calls("stock")
    assert call.code == code


@pytest.mark.parametrize("code", [".", "..", "\ud800"])
def test_a_code_that_no_path_can_hold_is_unknown_and_nothing_is_asked_in_its_name(
    site: Site, code: str
) -> None:
    site.put_items("A1")
    well, ill = entries(site, [{"itemCode": "A1"}, {"itemCode": code}])
    assert well["projected"] == "5"
    assert (ill["itemCode"], ill["error"]["code"]) == (code, "UnknownItem")
    assert [request.route_name for request in site.sandbox.requests] == ["stock"]


def test_without_a_date_today_in_amsterdam_is_meant(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    late_in_the_evening = datetime(2026, 7, 10, 22, 30, tzinfo=UTC)
    monkeypatch.setattr(MACHINE, "now", lambda: late_in_the_evening)
    site.put_stock(stock_of("A1", 0, 0, [("2026-07-11", 1)]))
    assert [
        (entry["date"], entry["projected"])
        for entry in entries(site, [{"itemCode": "A1"}, {"itemCode": "A1", "date": None}])
    ] == [("2026-07-11", "1")] * 2


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("2026-03-10", "2026-03-10"),
        ("2026-03-10T23:59:59", "2026-03-10"),
        ("2026-03-10T23:30:00Z", "2026-03-11"),
        ("2026-03-11T00:30:00+02:00", "2026-03-10"),
    ],
)
def test_a_date_asked_for_with_a_time_is_its_day_in_amsterdam(site: Site, given: str, day: str) -> None:
    site.put_stock(stock_of("A1", 0, 0, [("2026-03-11", 1)]))
    (entry,) = entries(site, [{"itemCode": "A1", "date": given}])
    assert (entry["date"], entry["projected"]) == (day, "1" if day == "2026-03-11" else "0")


@pytest.mark.parametrize("items", [None, [], {}, "A1", 7, {"itemCode": "A1"}])
def test_a_request_without_a_list_of_items_is_refused(site: Site, items: Any) -> None:
    answered = ask(site, items)
    assert faults(answered).keys() == {"items"}
    assert site.sandbox.requests == []


def test_a_request_for_more_items_than_any_answer_could_hold_is_refused(site: Site) -> None:
    assert faults(ask(site, [{"itemCode": "A1"}] * (MOST_ITEMS + 1))) == {
        "items": "must be a list of 1 to 10,000 objects with itemCode and date"
    }
    assert site.sandbox.requests == []


def test_every_fault_of_a_request_is_named_by_its_field(site: Site) -> None:
    items = [
        {"itemCode": "A1", "date": "2026-03-10"},
        {"itemCode": "", "date": "2026-03-10"},
        {"itemCode": 7, "date": "soon"},
        {"date": "2026-02-30"},
        "A1",
        None,
        {"itemCode": "A1", "date": 20260310},
        {"itemCode": "A1", "date": ""},
        {"itemCode": "A1", "date": "9999-12-31"},
    ]
    assert faults(ask(site, items)).keys() == {
        "items.1.itemCode",
        "items.2.itemCode",
        "items.2.date",
        "items.3.itemCode",
        "items.3.date",
        "items.4",
        "items.5",
        "items.6.date",
        "items.7.date",
        "items.8.date",
    }
    assert site.sandbox.requests == []


def test_requests_at_the_same_time_get_their_own_answers(site: Site) -> None:
    for number in range(30):
        site.put_items(f"A{number}", shelf=number)
    with site.service() as service, ThreadPoolExecutor(30) as pool:
        together = threading.Barrier(30)

        def one(number: int) -> Answered:
            together.wait(10)
            return answer_of(service, [{"itemCode": f"A{number}"}])

        answers = list(pool.map(one, range(30)))
    told = [answered.answer["items"][0]["projected"] for answered in answers if answered.answer]
    assert told == [str(number) for number in range(30)]
