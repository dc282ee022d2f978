"""Callers who were told "not known yet" learn the outcome."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import responses

from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.callbacks import Callbacks, wait_after
from a4s_pipeline.settings.callbacks import read_callbacks
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER
from a4s_pipeline_tests.support.answers import answer_body
from a4s_pipeline_tests.support.installed_site import Site, exports, installed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLlSw"
SHOP, ERP = "https://shop.example.com/told", "https://erp.example.com/told"
NAMED = {
    "shop": {"url": SHOP, "secret": SECRET},
    "erp": ERP,
    "other": {"url": "https://x.example.com", "connectors": ["zuid"]},
}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, resend_after_seconds=0) as site:
        yield site


def tell(service: OnDemand, callbacks: Callbacks) -> int:
    kinds = (ORDER_LEDGER, CUSTOMER_LEDGER)
    return callbacks.tell([service.connector("demo").ledger(kind) for kind in kinds])


def test_what_was_unknown_is_announced_until_each_url_has_taken_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.ondemand.worker.callbacks._FIRST_WAIT", 0)
    site.sandbox.faults.script = {
        "export_order": ["ok", "lose_post_reply"],
        "create_customer": ["lose_post_reply"],
    }
    customer = {
        "kind": "create_customer",
        "connector": "demo",
        "customer": {"customerCode": "K9", "name": "Bos"},
    }
    with site.service() as service, responses.RequestsMock() as posted:
        statuses = [
            answer_body(service, one, NOW).status for one in (exports("IO-1"), exports("IO-2"), customer)
        ]
        assert statuses == ["ok", "unknown", "unknown"]
        callbacks = Callbacks(read_callbacks(json.dumps(NAMED)), service.platform.locks, Network())
        assert tell(service, callbacks) == 0
        service.settle_all()
        shop = [posted.post(SHOP, status=200), posted.post(SHOP, status=204)]
        erp = [posted.post(ERP, status=500), posted.post(ERP, status=500), posted.post(ERP, status=200)]
        assert [tell(service, callbacks) for _ in range(2)] == [2, 0]
        assert tell(service, callbacks) == 0
        order, created = (call.request for each in shop for call in each.calls)
        assert json.loads(order.body or "")["data"] | {"receivedAt": "", "lastSentAt": ""} == {
            "connector": "demo",
            "intakeOrderId": "IO-2",
            "status": "ok",
            "customerCode": "K1",
            "externalId": "IO-2",
            "orderId": site.source.booked[1].order_id,
            "orderNumber": "TP000002",
            "attempts": 1,
            "notSent": [],
            "receivedAt": "",
            "lastSentAt": "",
            "error": None,
            "settledAt": json.loads(order.body or "")["timestamp"],
        }
        assert (json.loads(created.body or "")["type"], order.headers["webhook-signature"][:3]) == (
            "customer.settled",
            "v1,",
        )
        tried = [call.request for each in erp for call in each.calls]
        ids = {order.headers["webhook-id"], created.headers["webhook-id"]}
        assert {request.headers["webhook-id"] for request in tried} == ids
        assert "webhook-signature" not in tried[0].headers


def test_a_url_that_refuses_is_tried_after_twice_the_wait_and_at_least_hourly() -> None:
    assert [wait_after(failures) for failures in (1, 2, 3, 30)] == [5, 10, 20, 3600]


def test_what_is_wrong_with_the_setting_is_reported_without_its_urls_and_secrets() -> None:
    for wrong, told in (
        ("{", "JSON object"),
        ({}, "at least one"),
        ({"shop": 5}, "'shop'"),
        ({"shop": "ftp://key.example.com"}, "'shop'"),
        ({"shop": {"url": SHOP, "key": "x"}}, "'key'"),
        ({"shop": {"url": SHOP, "secret": "s3cret"}}, "whsec_"),
        ({"shop": {"url": SHOP, "connectors": []}}, "connectors"),
    ):
        with pytest.raises(ValueError, match=told) as refused:
            read_callbacks(wrong)
        assert not any(part in str(refused.value) for part in ("s3cret", "key.example.com", "shop.example"))
