import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSettings,
    FieldFault,
    GatewayUnavailable,
    NotThere,
    StoreHeld,
)
from a4s_pipeline.gateway.calls.deadline import seconds_left
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.answering import as_document, request_of
from a4s_pipeline.ondemand.requests.kind import ThreadPool
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST, parse_request
from a4s_pipeline.ondemand.requests.registry import KINDS
from a4s_pipeline.ondemand.sending.send_once import NotRecorded
from a4s_pipeline.ondemand.service import ConnectorAnswers, OnDemand
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.rows.ondemand.flows import FlowExecution
from a4s_pipeline_tests.support.answers import answer_body
from a4s_pipeline_tests.support.tables import row

CONNECTORS = {"demo": "Demo B.V.", "zuid": "Kantoor Zuid B.V."}
RECEIVED_AT = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
EXAMPLES: dict[str, dict[str, Any]] = {
    "projected_stock": {"items": [{"itemCode": "A1"}]},
    "export_order": {"order": {}},
    "create_customer": {"customer": {}},
    "retrieve_orders": {},
    "retrieve_customer_orders": {"customerCode": "K1"},
    "retrieve_order": {"orderCode": "B1"},
}

Handler = Callable[[ConnectorAnswers, Any, datetime], Answered]
Noted = tuple[str, str, str, str | None]


def well(answers: ConnectorAnswers, request: Any, received_at: datetime) -> Answered:
    return Answered("ok", {"connector": answers.name, "receivedAt": received_at.isoformat()})


def raising(error: BaseException) -> Handler:
    def handler(answers: ConnectorAnswers, request: Any, received_at: datetime) -> Answered:
        raise error

    return handler


class Asking:
    """Answers requests of all kinds by one handler, and keeps what was recorded of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def __call__(
        self,
        body: Mapping[str, Any],
        handler: Handler = well,
        connectors: Mapping[str, str] = CONNECTORS,
    ) -> tuple[Answered, list[Noted]]:
        noted: list[Noted] = []
        for name, kind in list(KINDS.items()):
            self._monkeypatch.setitem(KINDS, name, replace(kind, handle=handler))
        chosen: dict[str, Any] = {"connectors": connectors} if connectors else {}
        service = OnDemand(Platform(GivenSettings(data_dir=self._folder, **chosen)), "run")

        def note(execution: FlowExecution, *, always: bool) -> None:
            assert execution.started_at <= execution.ended_at
            assert always is (execution.flow in ("export_order", "create_customer"))
            noted.append((execution.connector, execution.flow, execution.status, execution.error))

        self._monkeypatch.setattr(service.log, "note", note)
        return answer_body(service, body, RECEIVED_AT), noted


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(tmp_path, monkeypatch)


def fields(answer: Answered) -> dict[str, str]:
    assert answer.error is not None
    return {fault["field"]: fault["message"] for fault in answer.error["fields"]}


def code(answer: Answered) -> str:
    assert answer.error is not None
    return str(answer.error["code"])


def test_there_are_these_kinds_and_each_is_answered_by_its_own_threads() -> None:
    assert {name: kind.pool for name, kind in KINDS.items()} == {
        "projected_stock": ThreadPool.LIVE,
        "export_order": ThreadPool.SENDING,
        "create_customer": ThreadPool.SENDING,
        "retrieve_orders": ThreadPool.LOCAL,
        "retrieve_customer_orders": ThreadPool.LOCAL,
        "retrieve_order": ThreadPool.LOCAL,
    }
    assert EXAMPLES.keys() == KINDS.keys()


def test_each_kind_is_answered_for_its_own_connector_and_noted_once(answered: Asking) -> None:
    for kind, more in EXAMPLES.items():
        answer, noted = answered({"kind": kind, "connector": "zuid", **more})
        assert answer == Answered("ok", {"connector": "zuid", "receivedAt": RECEIVED_AT.isoformat()})
        assert noted == [("zuid", kind, "ok", None)]


def test_a_field_that_no_kind_knows_is_refused_by_each(answered: Asking) -> None:
    for kind, more in EXAMPLES.items():
        for name in ("customerCodes", "day", "ID", "Kind"):
            answer, _ = answered({"kind": kind, "connector": "zuid", **more, name: "K1"})
            assert (answer.status, code(answer)) == ("refused", "Invalid"), kind
            assert name in fields(answer)


def test_what_a_kind_cannot_do_without_is_missing_and_never_guessed(answered: Asking) -> None:
    for kind, more in EXAMPLES.items():
        if more:
            answer, _ = answered({"kind": kind, "connector": "zuid"})
            assert fields(answer) in ({name: "is missing"} for name in more)


def test_only_questions_to_the_gateway_have_a_deadline(answered: Asking) -> None:
    left: dict[str, float] = {}

    def handler(answers: ConnectorAnswers, request: Any, received_at: datetime) -> Answered:
        left[kind] = seconds_left(time.monotonic())
        return Answered("ok")

    many = {"items": [{"itemCode": f"A{number}"} for number in range(5000)]}
    for kind, more in (EXAMPLES | {"projected_stock ": many}).items():
        answered({"kind": kind.strip(), "connector": "demo", **more}, handler)
    assert 9 < left.pop("projected_stock") <= 10
    assert 90 < left.pop("projected_stock ") <= 100
    assert set(left.values()) == {float("inf")}


def test_what_the_gateway_has_no_such_thing_of_is_not_supported_and_says_why(answered: Asking) -> None:
    for kind in ("update_customer", "delete_customer", "prices", "attachments", "restock_orders"):
        for connector in ("demo", "nobody", None):
            answer, noted = answered({"kind": kind, "connector": connector})
            assert (answer.status, code(answer)) == ("refused", "NotSupported")
            assert answer.error is not None
            assert len(answer.error["message"].split()) > 4
            assert noted == []


@pytest.mark.parametrize(
    "kind", [None, "", "stock", "Projected_stock", " projected_stock", 7, True, [], {}, "__init__", "asked"]
)
def test_a_kind_that_is_none_is_refused_with_those_there_are(answered: Asking, kind: Any) -> None:
    answer, noted = answered({"kind": kind, "connector": "demo"})
    assert (answer.status, code(answer)) == ("refused", "Invalid")
    assert fields(answer) == {"kind": f"must be one of {', '.join(KINDS)}"}
    assert noted == []


@pytest.mark.parametrize("connector", [None, "", "Demo", "Demo B.V.", 7, ["demo"], {}])
def test_a_connector_that_is_none_is_refused_with_those_there_are(answered: Asking, connector: Any) -> None:
    answer, _ = answered({"kind": "projected_stock", "connector": connector})
    assert answer.status == "refused"
    assert fields(answer) == {"connector": "must be one of demo, zuid"}


def test_both_faults_are_named_at_once(answered: Asking) -> None:
    assert fields(answered({})[0]).keys() == {"kind", "connector"}


def test_without_any_connector_configured_the_answer_says_so(answered: Asking) -> None:
    answer, _ = answered({"kind": "projected_stock", "connector": "demo"}, connectors={})
    assert fields(answer) == {"connector": "must be one of (none is configured)"}


def test_the_connector_may_be_left_out_where_there_is_one() -> None:
    request = request_of({"kind": "projected_stock"}, {"demo": "Demo B.V."})
    assert request.connector == "demo"


def test_what_is_not_json_is_refused() -> None:
    for raw in [
        b"",
        b" ",
        b"{",
        b'{"kind": }',
        b"not json",
        b"\xff\xfe\xfa",
        b"\x00",
        b"{}{}",
        b"[" * 100_000,
        b'{"a": 1,}',
    ]:
        with row(raw), pytest.raises(ChangeRequest, match="not JSON") as refused:
            parse_request(raw)
        assert refused.value.code == "Invalid", raw


def test_where_json_is_broken_is_reported_and_not_what_it_says_there() -> None:
    with pytest.raises(ChangeRequest) as refused:
        parse_request(b'{"notes": "secret",}')
    # From Python 3.13 on, it is the comma that is told.
    assert re.fullmatch(
        "the request is not JSON, or is cut off, at character (19|20) of 20", str(refused.value)
    )


def test_json_that_is_no_object_is_refused() -> None:
    for raw in [b"[]", b'"text"', b"7", b"null", b"true", b"NaN"]:
        with row(raw), pytest.raises(ChangeRequest, match="must be a JSON object"):
            parse_request(raw)


def test_a_request_that_names_a_field_twice_is_refused() -> None:
    with pytest.raises(ChangeRequest, match="names 'quantity' twice in one object") as refused:
        parse_request(b'{"lines": [{"quantity": 1, "itemCode": "A1", "quantity": 20}]}')
    assert refused.value.code == "Invalid"
    assert parse_request(b'{"lines": [{"quantity": 1}, {"quantity": 20}]}')


def test_a_request_of_a_mebibyte_is_read_and_a_byte_more_is_too_large() -> None:
    largest = b'{"a": "' + b"x" * (LARGEST_REQUEST - 9) + b'"}'
    assert len(largest) == LARGEST_REQUEST == 1024 * 1024
    assert len(parse_request(largest)["a"]) == LARGEST_REQUEST - 9
    with pytest.raises(ChangeRequest, match="larger than 1 MiB") as refused:
        parse_request(largest + b" ")
    assert refused.value.code == "TooLarge"


def test_amounts_are_read_exactly() -> None:
    assert (
        str(parse_request(b'{"a": 0.10000000000000000000000000001}')["a"])
        == "0.10000000000000000000000000001"
    )


@pytest.mark.parametrize(
    ("error", "status", "code_shown"),
    [
        (ChangeRequest("change it", code="Invalid"), "refused", "Invalid"),
        (NotThere("there is none", code="UnknownItem"), "refused", "UnknownItem"),
        (GatewayUnavailable("later"), "failed", "GatewayUnavailable"),
        (AccessDenied("wrong token"), "failed", "AccessDenied"),
        (StoreHeld("held"), "failed", "StoreHeld"),
        (NotRecorded("sent, and not recorded"), "unknown", "OutcomeUnknown"),
    ],
)
def test_an_expected_failure_is_refused_failed_or_unknown_by_what_to_do_about_it(
    answered: Asking, error: A4sError, status: str, code_shown: str
) -> None:
    answer, noted = answered({"kind": "export_order", "connector": "demo", "order": {}}, raising(error))
    assert (answer.status, code(answer), answer.answer) == (status, code_shown, None)
    assert noted == [("demo", "export_order", status, str(error))]


def test_wrong_settings_of_the_platform_are_no_fault_of_the_request(answered: Asking) -> None:
    answer, _ = answered(
        {"kind": "export_order", "connector": "demo", "order": {}},
        raising(ChangeSettings("A4S_ORDER_HOOK: is gone")),
    )
    assert answer.status == "failed"
    assert answer.error == {
        "code": "WrongSettings",
        "message": "the platform's settings are wrong: A4S_ORDER_HOOK: is gone",
        "fields": [],
    }


@pytest.mark.parametrize(
    "error", [RuntimeError("s3cret"), KeyError("s3cret"), RecursionError(), MemoryError()]
)
def test_an_unexpected_exception_is_failed_without_traceback_and_the_log_has_it(
    answered: Asking, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer, noted = answered(
            {"kind": "projected_stock", "connector": "demo", **EXAMPLES["projected_stock"]}, raising(error)
        )
    assert answer.status == "failed"
    assert answer.error == {
        "code": "Unexpected",
        "message": f"an unexpected {type(error).__name__}; the run's log has more",
        "fields": [],
    }
    assert [flow[:3] for flow in noted] == [("demo", "projected_stock", "failed")]
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_the_document_is_what_was_promised(answered: Asking) -> None:
    error = ChangeRequest("change it", code="Invalid", fields=(FieldFault("lines.0.quantity", "is missing"),))
    answer, _ = answered({"kind": "export_order", "connector": "demo", "order": {}}, raising(error))
    body = {"kind": "export_order", "connector": "demo"}
    answered_at = RECEIVED_AT + timedelta(seconds=2)
    assert as_document("order-1", body, answer, RECEIVED_AT, answered_at) == {
        "id": "order-1",
        "kind": "export_order",
        "connector": "demo",
        "status": "refused",
        "answer": None,
        "error": {
            "code": "Invalid",
            "message": "change it",
            "fields": [{"field": "lines.0.quantity", "message": "is missing"}],
        },
        "receivedAt": "2026-03-10T08:30:00+00:00",
        "answeredAt": "2026-03-10T08:30:02+00:00",
    }


def test_a_kind_or_connector_that_is_no_text_is_not_repeated() -> None:
    others: list[Any] = [7, None, True, [], {"a": 1}]
    for strange in others:
        body = {"kind": strange, "connector": strange}
        document = as_document("1", body, Answered("refused"), RECEIVED_AT, RECEIVED_AT)
        assert (document["kind"], document["connector"]) == (None, None), strange
