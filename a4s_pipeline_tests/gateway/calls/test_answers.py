import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    FieldFault,
    Forbidden,
    GatewayUnavailable,
    HistoryNotConfigured,
    Inconclusive,
    NotThere,
    TryAgain,
    UnknownAdministration,
)
from a4s_pipeline.gateway.calls.answers import error_for, problem_code
from a4s_pipeline.gateway.wire.faults import unreadable

SUBJECT = "order 'VO-1' of 'Demo B.V.'"


def problem(code: Any, **more: Any) -> bytes:
    return json.dumps({"title": "A title", "detail": "A detail", "code": code, **more}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind", "our_code"),
    [
        (401, "Unauthorized", AccessDenied, "AccessDenied"),
        (403, "Forbidden", Forbidden, "AccessDenied"),
        (401, None, AccessDenied, "AccessDenied"),
        (404, "UnknownAdministration", UnknownAdministration, "UnknownAdministration"),
        (404, "UnknownItem", NotThere, "UnknownItem"),
        (404, "UnknownOrder", NotThere, "UnknownOrder"),
        (404, "UnknownImage", NotThere, "UnknownImage"),
        (404, None, NotThere, "NotThere"),
        (409, "FocusConnectorNotConfigured", HistoryNotConfigured, "FocusConnectorNotConfigured"),
        (409, "DuplicateExternalId", ChangeRequest, "DuplicateExternalId"),
        (409, "DuplicateCustomerCode", ChangeRequest, "DuplicateCustomerCode"),
        (422, "ValidationFailed", ChangeRequest, "ValidationFailed"),
        (422, "UnknownCustomer", ChangeRequest, "UnknownCustomer"),
        (400, None, ChangeRequest, "Refused"),
        (405, None, ChangeRequest, "Refused"),
        (301, None, ChangeRequest, "Refused"),
        (302, None, ChangeRequest, "Refused"),
        (308, None, ChangeRequest, "Refused"),
        (408, None, GatewayUnavailable, "GatewayUnavailable"),
        (429, "TooManyRequests", GatewayUnavailable, "GatewayUnavailable"),
        (500, "InternalServerError", GatewayUnavailable, "GatewayUnavailable"),
        (502, None, GatewayUnavailable, "GatewayUnavailable"),
        (503, None, GatewayUnavailable, "GatewayUnavailable"),
        (504, None, GatewayUnavailable, "GatewayUnavailable"),
    ],
)
def test_an_answer_means_an_error(status: int, code: str | None, kind: type[A4sError], our_code: str) -> None:
    error = error_for(status, problem(code) if code else b"<html>", SUBJECT, None)
    assert type(error) is kind
    assert error.code == our_code
    assert SUBJECT in str(error)
    assert str(error).endswith("It says: A detail") is (code not in (None, "FocusConnectorNotConfigured"))


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, None, "check A4S_GATEWAY_TOKEN, or A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD"),
        (404, "UnknownAdministration", "check the AdministrationName in A4S_CONNECTORS"),
        (409, "FocusConnectorNotConfigured", "Have one configured there, or leave orders out"),
        (301, None, "set A4S_GATEWAY_URL to its final address"),
        (422, "UnknownCustomer", "the gateway answered 422 UnknownCustomer for .*: the request must change"),
        (503, None, "the gateway answered 503 for .*: try again later"),
    ],
)
def test_the_message_says_what_to_do(status: int, code: str | None, advice: str) -> None:
    with pytest.raises(A4sError, match=advice):
        raise error_for(status, problem(code), SUBJECT, None)


def test_an_answer_that_says_later_carries_the_pause_it_asks_for() -> None:
    error = error_for(429, b"", SUBJECT, 7.5)
    assert isinstance(error, GatewayUnavailable)
    assert error.wait_seconds == 7.5


def test_a_refusal_names_the_fields_at_fault() -> None:
    body = problem(
        "ValidationFailed",
        errors=[{"field": "lines[0].quantity", "message": "must be a number"}, "odd", {"message": "m" * 999}],
    )
    error = error_for(422, body, SUBJECT, None)
    assert isinstance(error, ChangeRequest)
    assert error.fields == (FieldFault("lines.0.quantity", "must be a number"),)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 409])
@pytest.mark.parametrize("code", [None, "DuplicateExternalId", "FocusConnectorNotConfigured", "InProgress"])
def test_no_409_and_no_redirect_tells_what_a_post_did(status: int, code: str | None) -> None:
    body = problem(code, orderId=7) if code else b'{"message": "busy with it", "orderId": 7}'
    error = error_for(status, body, SUBJECT, None, is_post=True)
    assert isinstance(error, Inconclusive)
    assert error.known == {"orderId": "7"}
    assert error.code == (code or ("Conflict" if status == 409 else "Redirected"))
    assert str(error).endswith("A detail" if code else "busy with it")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (problem("UnknownOrder"), "UnknownOrder"),
        (problem(None), None),
        (problem(404), None),
        (problem(""), None),
        (problem("two words"), None),
        (problem("A" * 61), None),
        (problem("Line\n"), None),
        (problem(["UnknownOrder"]), None),
        (b'["UnknownOrder"]', None),
        (b"<html>502</html>", None),
        (b'{"code": "Unknown', None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
    ],
)
def test_only_a_plain_code_is_taken_from_a_body(body: bytes, code: str | None) -> None:
    assert problem_code(body) == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
problems = st.dictionaries(st.sampled_from(["code", "errors", "status"]), json_values).map(
    lambda held: json.dumps(held).encode()
)


@given(st.integers(300, 599), st.binary() | problems)
def test_any_answer_means_some_error_and_only_some_of_them_pass(status: int, body: bytes) -> None:
    error = error_for(status, body, SUBJECT, None)
    assert isinstance(error, TryAgain) is (status in (408, 429) or status >= 500)


def test_an_answer_that_cannot_be_read_is_tried_again() -> None:
    error = unreadable(SUBJECT, "the body is cut off")
    assert isinstance(error, TryAgain)
    assert str(error) == (
        f"the gateway's answer for {SUBJECT} cannot be read (the body is cut off): try again later"
    )
