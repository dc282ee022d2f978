import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER
from a4s_pipeline_tests.api.conftest import DEMO, Serve, Served, serving
from a4s_pipeline_tests.support.installed_site import exports, wait_until

CUSTOMER = {"customerCode": "K/9", "name": "Kwekerij Bos"}


def order(order_id: str, **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = exports(order_id, **more)["order"]
    return sent


def send(served: Served, order_id: str, **more: Any) -> Any:
    return served.post(f"{DEMO}/orders", order(order_id, **more))


def export_of(served: Served, order_id: str) -> Any:
    return served.get(f"{DEMO}/exports/{quote(order_id, safe='')}")


def test_an_order_is_201_the_same_again_200_and_other_content_409(served: Served) -> None:
    first = send(served, "IO/1")
    assert first.status == 201
    assert first.json | {"orderId": "", "notice": ""} == {
        "intakeOrderId": "IO/1",
        "status": "ok",
        "externalId": "IO/1",
        "orderId": "",
        "orderNumber": "TP000001",
        "attempts": 1,
        "notSent": [],
        "notice": "",
    }
    again = send(served, "IO/1")
    assert (again.status, again.json) == (200, first.json)
    other = send(served, "IO/1", notes="other")
    assert (other.status, other.json["code"]) == (409, "DuplicateRequest")
    assert len(served.site.source.booked) == 1
    known = served.get(first.headers["location"])
    assert (known.status, known.json["status"], known.json["orderNumber"]) == (200, "ok", "TP000001")


def test_a_hundred_that_send_the_same_order_at_once_book_it_once(served: Served) -> None:
    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda _: send(served, "IO-1"), range(100)))
    assert sorted(reply.status for reply in replies) == [200] * 99 + [201]
    assert {reply.json["orderNumber"] for reply in replies} == {"TP000001"}
    assert len(served.site.source.booked) == 1


def test_a_gateway_has_no_more_orders_at_once_than_it_is_to_have_calls(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: Counter[str] = Counter()
    most: list[int] = []
    lock = threading.Lock()

    def export(*arguments: Any) -> dict[str, str]:
        with lock:
            at_once["calls"] += 1
            most.append(at_once["calls"])
        time.sleep(0.05)
        with lock:
            at_once["calls"] -= 1
        return {"orderId": "1", "orderNumber": "TP1"}

    monkeypatch.setattr("a4s_pipeline.ondemand.orders.order_export.export_order", export)
    with serve(max_connections=2) as served, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda number: send(served, f"IO-{number}"), range(8)))
    assert [reply.status for reply in replies] == [201] * 8
    assert max(most) <= 2


def test_what_is_refused_is_422_with_its_fields_and_may_be_sent_corrected(served: Served) -> None:
    refused = served.post(f"{DEMO}/orders", {"intakeOrderId": "IO-1", "customerCode": "", "lines": []})
    assert refused.status == 422
    assert refused.faults.keys() >= {"customerCode", "lines"}
    unknown = send(served, "IO-1", customerCode="K9")
    assert (unknown.status, unknown.json["code"]) == (422, "UnknownCustomer")
    assert export_of(served, "IO-1").json["status"] == "refused"
    assert send(served, "IO-1").status == 201


def test_a_gateway_that_took_nothing_is_503_and_the_same_may_be_sent_again(served: Served) -> None:
    served.site.sandbox.faults.script = {"export_order": ["too_many"]}
    failed = send(served, "IO-1")
    assert failed.status == 503
    assert int(failed.headers["retry-after"]) >= 1
    assert served.site.source.booked == []
    time.sleep(1.2)
    assert served.post(f"{DEMO}/exports/IO-1/retry", None).status == 201
    assert served.post(f"{DEMO}/exports/IO-1/retry", None).status == 200
    assert len(served.site.source.booked) == 1


def test_the_pause_a_gateway_asked_for_is_reported_with_what_it_did_not_take(served: Served) -> None:
    served.site.sandbox.faults.script = {"export_order": ["too_many"], "create_customer": ["too_many"]}
    served.site.sandbox.faults.retry_after_seconds = 3600
    for path, body in (("orders", order("IO-1")), ("customers", CUSTOMER)):
        failed = served.post(f"{DEMO}/{path}", body)
        assert (failed.status, failed.headers["retry-after"]) == (503, "3600"), path
        assert failed.json["retryAfterSeconds"] == 3600
    assert "retryAfterSeconds" not in export_of(served, "IO-1").json["error"]
    assert "retryAfterSeconds" not in served.get(f"{DEMO}/customers/K%2F9").json["error"]


def test_an_unknown_outcome_is_202_with_where_to_ask_and_is_settled(served: Served) -> None:
    served.site.sandbox.faults.script = {"export_order": ["lose_post_reply"]}
    unknown = send(served, "IO/1")
    assert (unknown.status, unknown.json["status"]) == (202, "unknown")
    assert unknown.headers["location"] == f"{DEMO}/exports/IO%2F1"
    assert served.get(unknown.headers["location"]).json["status"] in ("unknown", "ok")
    again = send(served, "IO/1")
    assert (again.status, again.json["orderNumber"]) == (200, "TP000001")
    assert len(served.site.source.booked) == 1


def test_an_unknown_outcome_is_asked_for_soon_though_nobody_sends_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_EVERY", 3600.0)
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.upkeep._SETTLE_FIRST_AFTER", 0.1)
    served.site.sandbox.faults.script = {
        "export_order": ["lose_post_reply"],
        "exported_order": ["server_error"],
    }
    unknown = send(served, "IO-1")
    assert unknown.status == 202
    wait_until(lambda: served.get(unknown.headers["location"]).json["status"] == "ok")
    assert len(served.site.source.booked) == len(served.site.sandbox.calls("export_order")) == 1


def test_a_send_that_takes_longer_than_the_call_goes_on_and_is_joined_by_the_next(serve: Serve) -> None:
    with serve(callbacks={"shop": "http://127.0.0.1:9/told"}) as served:
        served.site.sandbox.faults.script = {"export_order": ["hang"]}
        served.site.sandbox.faults.hang_seconds = 60
        slow = served.post(f"{DEMO}/orders", order("IO-1"), X_Request_Timeout="0.5")
        assert (slow.status, slow.json["status"]) == (202, "sending")
        assert served.get(slow.headers["location"]).json["status"] in ("pending", "sending")
        served.site.sandbox.faults.hang_seconds = 0
        assert send(served, "IO-1").status in (200, 202)
        wait_until(lambda: export_of(served, "IO-1").json["status"] == "ok")
        assert len(served.site.source.booked) == 1
        assert len(served.site.sandbox.calls("export_order")) == 1
        with served.site.service() as service:
            ledger = service.connector("demo").ledger(ORDER_LEDGER)
            since = datetime.now(UTC) - timedelta(hours=1)
            wait_until(lambda: [entry.key for entry in ledger.unannounced(since)] == ["IO-1"])


def test_a_dry_run_says_what_would_be_sent_and_sends_and_records_nothing(served: Served) -> None:
    tried = served.post(f"{DEMO}/orders?dryRun=true", order("IO-1", addresses=[{"city": "Delft"}]))
    assert tried.status == 200
    assert (tried.json["order"]["externalId"], tried.json["notSent"]) == ("IO-1", ["addresses"])
    assert served.post(f"{DEMO}/orders?dryRun=true", {"intakeOrderId": "IO-1"}).status == 422
    assert served.post(f"{DEMO}/orders?dryRun=yes", order("IO-1")).status == 422
    assert export_of(served, "IO-1").status == 404
    assert served.site.source.booked == []


def test_an_idempotency_key_must_agree_with_the_id(served: Served) -> None:
    other = served.post(f"{DEMO}/orders", order("IO-1"), Idempotency_Key="another")
    assert (other.status, set(other.faults)) == (422, {"Idempotency-Key"})
    assert served.post(f"{DEMO}/orders", order("IO-1"), Idempotency_Key="IO-1").status == 201
    assert served.post(f"{DEMO}/customers", CUSTOMER, Idempotency_Key="x").status == 422
    assert len(served.site.source.booked) == 1


def test_the_ledger_is_listed_by_status_and_page(served: Served) -> None:
    for number in range(3):
        send(served, f"IO-{number}")
    send(served, "IO-9", customerCode="K9")
    listed = served.get(f"{DEMO}/exports").json
    assert ([row["intakeOrderId"] for row in listed["exports"]], listed["total"]) == (
        ["IO-0", "IO-1", "IO-2", "IO-9"],
        4,
    )
    refused = served.get(f"{DEMO}/exports?status=refused").json
    assert [row["error"]["code"] for row in refused["exports"]] == ["UnknownCustomer"]
    page = served.get(f"{DEMO}/exports?limit=1&offset=1").json
    assert [row["intakeOrderId"] for row in page["exports"]] == ["IO-1"]
    for query in ("status=done", "limit=0", "limit=x", "offset=-1", "state=ok"):
        assert served.get(f"{DEMO}/exports?{query}").status == 422, query
    assert export_of(served, "IO-7").json["code"] == "UnknownExport"
    assert served.post(f"{DEMO}/exports/IO-7/retry", None).status == 404


def test_a_customer_is_201_the_same_again_200_and_other_content_409(served: Served) -> None:
    first = served.post(f"{DEMO}/customers", CUSTOMER)
    assert (first.status, first.json.keys()) == (201, {"customerCode", "externalId"})
    again = served.post(f"{DEMO}/customers", CUSTOMER)
    assert (again.status, again.json) == (200, first.json)
    other = served.post(f"{DEMO}/customers", CUSTOMER | {"name": "Kwekerij Els"})
    assert (other.status, set(other.faults)) == (409, {"name"})
    known = served.get(first.headers["location"]).json
    assert (known["status"], known["externalId"]) == ("ok", first.json["externalId"])
    assert served.get(f"{DEMO}/customers/K8").status == 404
    assert served.post(f"{DEMO}/customers", CUSTOMER | {"mail": "x"}).status == 422
    assert len(served.site.sandbox.calls("create_customer")) == 1


def test_two_servers_on_one_ledger_book_an_order_once(serve: Serve) -> None:
    with serve() as one, serving(one.site) as other, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda n: send((one, other)[n % 2], f"IO-{n // 4}"), range(40)))
        assert {reply.status for reply in replies} <= {200, 201, 202}
        assert sorted(booked.external_id for booked in one.site.source.booked) == sorted(
            f"IO-{number}" for number in range(10)
        )
