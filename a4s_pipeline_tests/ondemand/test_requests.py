import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
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
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests import (
    KINDS,
    LARGEST_REQUEST,
    answer_request,
    as_document,
    parse_request,
    request_of,
)
from a4s_pipeline.ondemand.sending.send_once import NotRecorded

CONNECTORS = {"demo": "Demo B.V.", "zuid": "Kantoor Zuid B.V."}
RECEIVED_AT = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)

Handler = Callable[[Mapping[str, Any], datetime], Answered]
Noted = tuple[str, str, str, str | None]


class Answers:
    """Answers of one connector, each by the same function."""

    def __init__(self, connector: str, handler: Handler) -> None:
        self.connector = connector
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._handler = handler

    def _answer(self, kind: str, body: Mapping[str, Any], received_at: datetime) -> Answered:
        self.asked.append((kind, body))
        return self._handler(body, received_at)

    def projected_stock(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        return self._answer("projected_stock", body, received_at)

    def export_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        return self._answer("export_order", body, received_at)

    def create_customer(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        return self._answer("create_customer", body, received_at)

    def retrieve_orders(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        return self._answer("retrieve_orders", body, received_at)

    def retrieve_order(self, body: Mapping[str, Any], received_at: datetime) -> Answered:
        return self._answer("retrieve_order", body, received_at)


def well(body: Mapping[str, Any], received_at: datetime) -> Answered:
    return Answered("ok", {"receivedAt": received_at.isoformat()})


def raising(error: BaseException) -> Handler:
    def handler(body: Mapping[str, Any], received_at: datetime) -> Answered:
        raise error

    return handler


def answered(
    body: Mapping[str, Any], handler: Handler = well, connectors: Mapping[str, str] = CONNECTORS
) -> tuple[Answered, list[Noted], list[Answers]]:
    """Answer a request; return that, what was noted, and who was asked."""
    noted: list[Noted] = []
    asked: list[Answers] = []

    def answerers(connector: str) -> Answers:
        asked.append(Answers(connector, handler))
        return asked[-1]

    def note(
        connector: str, flow: str, status: str, started_at: datetime, ended_at: datetime, error: str | None
    ) -> None:
        assert started_at <= ended_at
        noted.append((connector, flow, status, error))

    return answer_request(body, connectors, answerers, RECEIVED_AT, note), noted, asked


def fields(answer: Answered) -> dict[str, str]:
    assert answer.error is not None
    return {fault["field"]: fault["message"] for fault in answer.error["fields"]}


def code(answer: Answered) -> str:
    assert answer.error is not None
    return str(answer.error["code"])


def test_there_are_five_kinds() -> None:
    assert KINDS == (
        "projected_stock",
        "export_order",
        "create_customer",
        "retrieve_orders",
        "retrieve_order",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_answered_by_its_own_handler_of_its_own_connector(kind: str) -> None:
    body = {"kind": kind, "connector": "zuid", "items": [1]}
    answer, noted, (asked,) = answered(body)
    assert answer == Answered("ok", {"receivedAt": RECEIVED_AT.isoformat()})
    assert asked.connector == "zuid"
    assert asked.asked == [(kind, body)]
    assert noted == [("zuid", kind, "ok", None)]


@pytest.mark.parametrize(
    "kind", ["update_customer", "delete_customer", "prices", "attachments", "restock_orders"]
)
@pytest.mark.parametrize("connector", ["demo", "nobody", None])
def test_what_the_gateway_has_no_such_thing_of_is_not_supported_and_says_why(
    kind: str, connector: Any
) -> None:
    answer, _, asked = answered({"kind": kind, "connector": connector})
    assert (answer.status, code(answer)) == ("refused", "NotSupported")
    assert answer.error is not None
    assert len(answer.error["message"].split()) > 4
    assert asked == []


@pytest.mark.parametrize(
    "kind", [None, "", "stock", "Projected_stock", " projected_stock", 7, True, [], {}, "__init__", "asked"]
)
def test_a_kind_that_is_none_is_refused_with_those_there_are(kind: Any) -> None:
    answer, noted, asked = answered({"kind": kind, "connector": "demo"})
    assert (answer.status, code(answer)) == ("refused", "Invalid")
    assert fields(answer) == {"kind": f"must be one of {', '.join(KINDS)}"}
    assert (noted, asked) == ([], [])


@pytest.mark.parametrize("connector", [None, "", "Demo", "Demo B.V.", 7, ["demo"], {}])
def test_a_connector_that_is_none_is_refused_with_those_there_are(connector: Any) -> None:
    answer, _, asked = answered({"kind": "projected_stock", "connector": connector})
    assert answer.status == "refused"
    assert fields(answer) == {"connector": "must be one of demo, zuid"}
    assert asked == []


def test_both_faults_are_named_at_once() -> None:
    assert fields(answered({})[0]).keys() == {"kind", "connector"}


def test_without_any_connector_configured_the_answer_says_so() -> None:
    answer, _, _ = answered({"kind": "projected_stock", "connector": "demo"}, connectors={})
    assert fields(answer) == {"connector": "must be one of (none is configured)"}


def test_the_connector_may_be_left_out_where_there_is_one() -> None:
    request = request_of({"kind": "projected_stock"}, {"demo": "Demo B.V."})
    assert request.connector == "demo"


@pytest.mark.parametrize(
    "raw",
    [
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
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ChangeRequest, match="not JSON") as refused:
        parse_request(raw)
    assert refused.value.code == "Invalid"


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"7", b"null", b"true", b"NaN"])
def test_json_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ChangeRequest, match="must be a JSON object"):
        parse_request(raw)


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
    error: A4sError, status: str, code_shown: str
) -> None:
    answer, noted, _ = answered({"kind": "export_order", "connector": "demo"}, raising(error))
    assert (answer.status, code(answer), answer.answer) == (status, code_shown, None)
    assert noted == [("demo", "export_order", status, str(error))]


def test_wrong_settings_of_the_platform_are_no_fault_of_the_request() -> None:
    answer, _, _ = answered(
        {"kind": "export_order", "connector": "demo"}, raising(ChangeSettings("A4S_ORDER_HOOK: is gone"))
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
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer, noted, _ = answered({"kind": "projected_stock", "connector": "demo"}, raising(error))
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


def test_the_document_is_what_was_promised() -> None:
    error = ChangeRequest("change it", code="Invalid", fields=(FieldFault("lines.0.quantity", "is missing"),))
    answer, _, _ = answered({"kind": "export_order", "connector": "demo"}, raising(error))
    before = datetime.now(UTC)
    document = as_document("order-1", {"kind": "export_order", "connector": "demo"}, answer, RECEIVED_AT)
    answered_at = datetime.fromisoformat(document.pop("answeredAt"))
    assert before <= answered_at <= datetime.now(UTC)
    assert document == {
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
    }


@pytest.mark.parametrize("strange", [7, None, True, [], {"a": 1}])
def test_a_kind_or_connector_that_is_no_text_is_not_repeated(strange: Any) -> None:
    document = as_document("1", {"kind": strange, "connector": strange}, Answered("refused"), RECEIVED_AT)
    assert (document["kind"], document["connector"]) == (None, None)
