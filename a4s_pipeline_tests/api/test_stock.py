import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from a4s_pipeline_tests.api.conftest import DEMO, Serve, Served
from a4s_pipeline_tests.support.installed_site import wait_until


def test_one_item_on_a_day_is_its_entry(served: Served) -> None:
    reply = served.stock("A1", "?on=2026-03-10")
    assert reply.status == 200
    entry = reply.json
    assert datetime.fromisoformat(entry.pop("asOf")).tzinfo is not None
    assert entry == {
        "itemCode": "A1",
        "date": "2026-03-10",
        "projected": "11",
        "shelfStock": "10",
        "toBeDelivered": "4",
        "incoming": "5",
        "entriesWithoutDate": 1,
    }


def test_until_gives_the_days_on_which_it_changes(served: Served) -> None:
    reply = served.stock("A1", "?on=2026-03-10&until=2026-12-31")
    assert [(entry["date"], entry["projected"]) for entry in reply.json["items"]] == [
        ("2026-03-10", "11"),
        ("2026-04-01", "17"),
    ]


def test_a_code_may_hold_whatever_a_code_holds(served: Served) -> None:
    assert served.stock("A/2 é#?%..").json["itemCode"] == "A/2 é#?%.."


def test_what_the_gateway_does_not_know_is_404_by_itself_and_an_entry_among_others(served: Served) -> None:
    for code in ("A9", "..", ".", "a1", "A1 "):
        reply = served.stock(code)
        assert (reply.status, reply.json["code"]) == (404, "UnknownItem"), code
        assert reply.headers["content-type"] == "application/problem+json"
    many = served.post(f"{DEMO}/projected-stock", {"items": [{"itemCode": "A9"}, {"itemCode": "A1"}]})
    assert many.status == 200
    assert [entry.get("error", {}).get("code") for entry in many.json["items"]] == ["UnknownItem", None]


def test_what_is_asked_wrongly_is_422_and_each_fault_named_as_it_was_written(served: Served) -> None:
    for query, fields in {
        "?on=soon": {"on"},
        "?on=": {"on"},
        "?on=2026-02-30&until=x": {"on", "until"},
        "?on=2026-03-10&until=2026-03-09": {"until"},
        "?day=2026-03-10": {"day"},
        "?on=2026-03-10&on=2026-03-11": {"on"},
    }.items():
        reply = served.stock("A1", query)
        assert (reply.status, set(reply.faults)) == (422, fields), query
        assert reply.json.keys() >= {"type", "title", "status", "detail", "code", "fields"}
    assert served.stock("A1", X_Request_Timeout="soon").faults.keys() == {"X-Request-Timeout"}
    wrong: list[dict[str, object]] = [
        {},
        {"items": []},
        {"items": [{"itemcode": "A1"}]},
        {"items": [{"itemCode": "A1"}], "day": 1},
    ]
    for body in wrong:
        assert served.post(f"{DEMO}/projected-stock", body).status == 422
    for raw in (b"", b"[]", b"{", b"\xff"):
        assert served.post(f"{DEMO}/projected-stock", raw).status == 422
    assert served.site.sandbox.calls("stock") == []


def test_a_gateway_that_never_answers_is_reported_by_the_deadline_of_the_call(serve: Serve) -> None:
    with serve(answer_seconds=20, timeout_seconds=90) as served:
        served.site.put_items("A1")
        served.site.sandbox.faults.hang = 1
        served.site.sandbox.faults.hang_seconds = 60
        reply = served.stock("A1", X_Request_Timeout="0.3")
        assert [call.status for call in served.site.sandbox.calls("stock")] == [0]
        served.site.sandbox.faults.hang_seconds = 0
        assert (reply.status, reply.json["code"]) == (503, "GatewayUnavailable")
        assert int(reply.headers["retry-after"]) >= 1


def test_a_busy_gateway_is_reported_at_once_with_when_to_come_back(served: Served) -> None:
    served.site.sandbox.faults.too_many = 1
    served.site.sandbox.faults.retry_after_seconds = 30
    reply = served.stock("A1")
    assert reply.status == 503
    assert 0 < int(reply.headers["retry-after"]) <= 31


def test_while_one_connector_waits_for_its_gateway_the_others_are_answered(serve: Serve) -> None:
    with serve(
        connectors={"demo": "Demo B.V.", "zuid": "Zuid B.V."}, max_connections=2, answer_seconds=60
    ) as served:
        other = served.site.sandbox.world.add_administration("Zuid B.V.")
        stock = {"itemCode": "B1", "shelfStock": 1, "toBeDelivered": 0, "deliveryDates": []}
        other.put_item({"itemCode": "B1", "names": {}, "stock": stock})
        served.site.put_items(*(f"A{number}" for number in range(20)))
        served.site.sandbox.faults.script = {"stock": ["hang"] * 2}
        served.site.sandbox.faults.hang_seconds = 60
        with ThreadPoolExecutor(20) as threads:
            waiting = [threads.submit(served.stock, f"A{number}") for number in range(20)]
            wait_until(lambda: len(served.site.sandbox.calls("stock")) == 2)
            assert served.get("/v1/connectors/zuid/items/B1/projected-stock").status == 200
            assert served.get("/healthz").status == 200
            assert not any(future.done() for future in waiting)
            served.site.sandbox.faults.hang_seconds = 0
            assert {future.result().status for future in waiting} == {200}


def test_more_than_can_be_answered_in_time_is_turned_away_and_told_when_to_return(serve: Serve) -> None:
    with serve(latency_ms=200, max_connections=1) as served:
        codes = [f"A{number}" for number in range(30)]
        served.site.put_items(*codes)
        assert served.stock("A0").status == 200
        begun = threading.Barrier(30)

        def ask(code: str) -> int:
            begun.wait(20)
            reply = served.stock(code, X_Request_Timeout="1")
            assert reply.status == 200 or int(reply.headers["retry-after"]) >= 1
            return reply.status

        with ThreadPoolExecutor(30) as threads:
            statuses = list(threads.map(ask, codes))
        assert 429 in statuses
        assert 200 in statuses
