"""A question gets the same answer, code and fields over HTTP, through the inbox and from a command."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.files import exact_json
from a4s_pipeline_tests.api.conftest import DEMO, Reply, Served
from a4s_pipeline_tests.api.test_history import put, sync
from a4s_pipeline_tests.cli.conftest import Ended, here
from a4s_pipeline_tests.support.answers import answer_body
from a4s_pipeline_tests.support.installed_site import exports

__all__ = ["here"]

_OF_A_MOMENT = ("asOf", "attempts", "createdAt")
# What a parameter fills, and the place of the only item that it asks about.
_NAMES = {"customerCode": "customer", "orderDateFrom": "from", "items.0.until": "until", "items.0.date": "on"}


def told(answer: Any, error: Any) -> Any:
    """What is the same everywhere: the answer itself, or the error's code and fields."""
    if error is None:
        return json.loads(exact_json.dumps(answer), object_hook=without_moments)
    faults = {_NAMES.get(fault["field"], fault["field"]): fault["message"] for fault in error["fields"]}
    return error["code"], error["message"], faults


def without_moments(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OF_A_MOMENT}


def over_http(reply: Reply) -> Any:
    if reply.status >= 400:
        return told(None, {**reply.json, "message": reply.json["detail"]})
    answer = reply.json
    # The route adds what a file has around its answer.
    return told(
        {name: value for name, value in answer.items() if name not in ("status", "intakeOrderId")}, None
    )


def from_the_inbox(served: Served, body: dict[str, Any]) -> Any:
    with served.site.service() as service:
        answered = answer_body(service, {"connector": "demo", **body}, datetime.now(UTC))
    return told(answered.answer, answered.error)


def by_command(ended: Ended) -> Any:
    document = ended.json()
    return told(document, document.get("error"))


def test_the_same_question_has_the_same_answer_from_each_face(
    served: Served, here: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(served, "B/1", "2024-03-05T09:00:00")
    put(served, "B2", "2024-03-06T09:00:00", "K2")
    sync(served)
    monkeypatch.setenv("A4S_GATEWAY_URL", served.site.sandbox.url)
    monkeypatch.setenv("A4S_CONNECTORS", json.dumps({"demo": "Demo B.V."}))
    monkeypatch.setenv("A4S_DATA_DIR", str(served.site.data_dir))

    day = "2026-03-01"
    for path, command, body in (
        ("/orders/B%2F1", ("order", "B/1"), {"kind": "retrieve_order", "orderCode": "B/1"}),
        ("/orders/B9", ("order", "B9"), {"kind": "retrieve_order", "orderCode": "B9"}),
        ("/orders?limit=1&offset=1", ("orders", "--limit=1", "--offset=1"), {"limit": 1, "offset": 1}),
        ("/orders?customer=K2", ("orders", "--customer=K2"), {"customerCode": "K2"}),
        ("/orders?customer=", ("orders", "--customer="), {"customerCode": ""}),
        ("/orders?from=1900-01-01", ("orders", "--from=1900-01-01"), {"orderDateFrom": "1900-01-01"}),
        # A day is wanted itself by who asks for it; a file asks as the gateway does, up to an instant.
        ("/orders?to=2024-03-05", ("orders", "--to=2024-03-05"), {"orderDateTo": "2024-03-06"}),
        ("/orders?to=20240305", ("orders", "--to=2024-03-05"), {"orderDateTo": "2024-03-06"}),
        ("/orders?from=0001-01-01&to=9999-12-31", ("orders", "--from=0001-01-01", "--to=9999-12-31"), {}),
        ("/customers/K2/orders", ("orders", "--customer=K2"), {"customerCode": "K2"}),
        (
            f"/items/A1/projected-stock?on={day}&until=2026-04-01",
            ("stock", "A1", f"--on={day}", "--until=2026-04-01"),
            {"kind": "projected_stock", "items": [{"itemCode": "A1", "date": day, "until": "2026-04-01"}]},
        ),
    ):
        assert_same(
            path,
            over_http(served.get(DEMO + path)),
            by_command(here(*command, "--json")),
            from_the_inbox(served, {"kind": "retrieve_orders", **body}),
        )
    order = exports("IO-1")["order"]
    file = tmp_path / "sent.json"
    for kind, document in (
        ("order", order),
        ("order", {}),
        ("order", {**order, "lines": [{"itemCode": "A1", "quantity": 0, "discount": 101}]}),
        ("order", {**order, "intakeOrderId": ".."}),
        ("order", {**order, "notes": "other than before"}),
        ("order", {**order, "intakeOrderId": "IO-2", "customerCode": "K8"}),
        ("customer", {"customerCode": "K9", "name": "Kwekerij Bos"}),
        ("customer", {}),
    ):
        named = {
            "order": ("export_order", "export-order"),
            "customer": ("create_customer", "create-customer"),
        }
        name, command_name = named[kind]
        file.write_text(json.dumps(document))
        assert_same(
            document,
            over_http(served.post(f"{DEMO}/{kind}s", document)),
            by_command(here(command_name, str(file), "--json")),
            from_the_inbox(served, {"kind": name, kind: document}),
        )
    file.write_text(json.dumps(order))
    assert_same(
        "dry run",
        over_http(served.post(f"{DEMO}/orders?dryRun=true", order)),
        by_command(here("export-order", str(file), "--dry-run")),
    )


def assert_same(asked: Any, *answers: Any) -> None:
    assert all(answer == answers[0] for answer in answers), (asked, answers)


def test_until_a_day_that_is_over_is_refused_though_no_day_is_asked_for(served: Served) -> None:
    over_http = served.stock("A1", "?until=2020-01-01")
    assert (over_http.status, over_http.faults) == (422, {"until": "lies before the day asked for"})


def test_the_ledger_is_listed_the_same_over_http_and_by_command(
    served: Served, here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    for order_id, customer in (("IO-1", "K1"), ("IO-2", "K8")):
        served.post(f"{DEMO}/orders", exports(order_id, customerCode=customer)["order"])
    monkeypatch.setenv("A4S_GATEWAY_URL", served.site.sandbox.url)
    monkeypatch.setenv("A4S_CONNECTORS", json.dumps({"demo": "Demo B.V."}))
    monkeypatch.setenv("A4S_DATA_DIR", str(served.site.data_dir))
    listed = here("exports", "--json").json()["exports"]
    ours = ("connector", "errorCode")
    assert [{name: row[name] for name in row if name not in ours} for row in listed] == served.get(
        f"{DEMO}/exports"
    ).json["exports"]
    assert [row["errorCode"] for row in listed] == [None, "UnknownCustomer"]
    for code in (
        here("retry", "IO-9", "--json").json()["error"]["code"],
        served.post(f"{DEMO}/exports/IO-9/retry", None).json["code"],
    ):
        assert code == "UnknownExport"
