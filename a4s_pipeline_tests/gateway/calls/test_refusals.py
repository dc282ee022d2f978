import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.calls.credentials import CredentialMask
from a4s_pipeline.gateway.calls.refusals import as_path, field_faults, reason_in, with_own_values
from a4s_pipeline.settings.loading import Settings

SHAPES: list[tuple[Any, str | None, list[tuple[str, str]]]] = [
    (
        {"title": "Unprocessable", "detail": "No such customer", "code": "UnknownCustomer"},
        "No such customer",
        [],
    ),
    ({"title": "Unprocessable", "status": 422}, "Unprocessable", []),
    ({"message": "order is blocked"}, "order is blocked", []),
    ({"Message": "The request is invalid."}, "The request is invalid.", []),
    ({"error": "closed period"}, "closed period", []),
    ({"error": {"code": "", "message": {"lang": "en", "value": "as OData says it"}}}, "as OData says it", []),
    ({"error": "invalid_grant", "error_description": "the period is closed"}, "the period is closed", []),
    ("a text of JSON", "a text of JSON", []),
    ({"errors": ["too late", "too much"]}, "too late; too much", []),
    (
        {"title": "T", "errors": [{"field": "lines[0].itemCode", "message": "is not sold any more"}]},
        "lines.0.itemCode: is not sold any more",
        [("lines.0.itemCode", "is not sold any more")],
    ),
    (
        {"title": "T", "errors": {"Lines[0].ItemCode": ["is blocked", "is old"], "": ["all is wrong"]}},
        "all is wrong",
        [("lines.0.itemCode", "is blocked"), ("lines.0.itemCode", "is old")],
    ),
    ({"Message": "no", "ModelState": {"Notes": ["too long"]}}, "no", [("notes", "too long")]),
    (
        {"errors": [{"source": {"pointer": "/lines/1/quantity"}, "detail": "at most 5"}]},
        "lines.1.quantity: at most 5",
        [("lines.1.quantity", "at most 5")],
    ),
    (
        {"detail": [{"loc": ["body", "lines", 0, "price"], "msg": "is required"}]},
        "lines.0.price: is required",
        [("lines.0.price", "is required")],
    ),
    (
        {"error": {"message": "two faults", "details": [{"path": "$.notes", "message": "too long"}]}},
        "two faults",
        [("notes", "too long")],
    ),
    (
        {"errors": {"notes": None, "lines": {"message": "none"}}},
        "notes: not valid; lines: none",
        [("notes", "not valid"), ("lines", "none")],
    ),
    ({"detail": None, "message": "", "title": "kept"}, "kept", []),
    ({"detail": 7}, None, []),
    ({}, None, []),
    ([], None, []),
    (None, None, []),
]


def test_a_reason_and_its_fields_are_found_in_whatever_shape_they_come() -> None:
    for document, reason, fields in SHAPES:
        body = json.dumps(document).encode()
        assert reason_in(body, str) == reason, document
        assert field_faults(body, str) == tuple(FieldFault(*fault) for fault in fields), document


def test_a_text_is_a_reason_and_a_page_or_half_a_document_is_none() -> None:
    texts = {
        b"The period\r\nis closed. ": "The period is closed.",
        b"caf\xe9": "caf�",
        b"": None,
        b" \n": None,
        b"<!DOCTYPE html><h1>Forbidden</h1>": None,
        b'{"detail": "cut': None,
        b"[" * 200_000: None,
    }
    assert {body: reason_in(body, str) for body in texts} == texts
    assert all(field_faults(body, str) == () for body in texts)


def test_a_reason_is_one_line_without_controls_and_of_bounded_length() -> None:
    body = json.dumps(
        {"detail": "a\x1b[2Jb\u202ec\n" + "x" * 10**6, "errors": {"n" * 999: "m" * 999}}
    ).encode()
    reason = reason_in(body, str)
    assert reason is not None
    assert reason.isprintable()
    assert reason.startswith("a [2Jb c xxx")
    assert len(reason) == 200
    [fault] = field_faults(body, str)
    assert (len(fault.field), len(fault.message)) == (200, 300)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["detail", "errors", "error", "message", "title", "Errors", "loc", "field", "details"]
)


@given(
    st.dictionaries(names, values | st.lists(st.dictionaries(names, values, max_size=3), max_size=3)) | values
)
def test_no_body_breaks_the_reading_of_a_reason(document: Any) -> None:
    body = json.dumps(document).encode()
    reason = reason_in(body, str)
    assert reason is None or (reason.isprintable() and 0 < len(reason) <= 200)
    assert all(fault.field.isprintable() and fault.message for fault in field_faults(body, str))


def test_field_paths_of_every_dialect_become_one() -> None:
    one = "lines.0.itemCode"
    for path in (one, "lines[0].itemCode", "Lines[0].ItemCode", "$.lines[0].itemCode", "/lines/0/itemCode"):
        assert as_path(path) == one
    others = {"VATNumber": "vatNumber", "$": "", "": "", "what is this?": "what is this?", "['a']": "a"}
    assert {path: as_path(path) for path in others} == others


def masked(text: str) -> str:
    settings = Settings(gateway_token=None, gateway_user="jan", gateway_password="ge/heim+1")
    return CredentialMask(settings)(text)


def test_credentials_are_masked_our_own_in_every_form_and_what_looks_like_any() -> None:
    told = {
        "ge/heim+1 is wrong": "… is wrong",
        "ge%2Fheim%2B1 is wrong": "… is wrong",
        "amFuOmdlL2hlaW0rMQ== is wrong": "… is wrong",
        "user jan, in January": "user …, in January",
        "Authorization: Bearer abc.def": "Authorization: …",
        "sent with bearer abc.def": "sent with bearer …",
        "password=abc&x=1": "password=…&x=1",
        '"access_token": "abc"': '"access_token": …',
        "at https://me:secret@host/path": "at https://…@host/path",
        "The token of this article is 5": "The token of this article is 5",
    }
    for text, shown in told.items():
        assert "abc" not in masked(text)
        assert "secret" not in masked(text)
        assert masked(text).replace(" …", " …") == shown, text
    assert CredentialMask(Settings(gateway_token="tok-1"))("tok-1 tok-12") == "… …2"


def test_a_refusal_names_our_own_value_where_the_gateway_tells_which() -> None:
    sent = exact_json.loads(
        '{"customerCode": "K77", "lines": [{"itemCode": "A1", "quantity": 2.50}, {"itemCode": "A9"}]}'
    )

    def told(code: str, *faults: tuple[str, str], message: str = "no") -> tuple[str, list[str]]:
        error = ChangeRequest(message, code=code, fields=tuple(FieldFault(*fault) for fault in faults))
        named = with_own_values(error, sent)
        assert named.code == code
        return str(named), [fault.message for fault in named.fields]

    assert told("UnknownCustomer") == ("no (customerCode 'K77')", [])
    assert told("UnknownCustomer", message="there is no K77") == ("there is no K77", [])
    assert told("UnknownItem", ("lines.1.itemCode", "gone")) == ("no (itemCode 'A9')", ["gone ('A9')"])
    assert told("UnknownItem") == ("no", [])
    assert told("ValidationFailed", ("lines.0.quantity", "too few"))[1] == ["too few ('2.50')"]
    odd = ["lines", "lines.9.itemCode", "lines.x", "metadata.a", "", "lines.0.itemCode.x"]
    assert told("Unknown", *[(path, "m") for path in odd]) == ("no", ["m"] * len(odd))


@pytest.mark.parametrize("code", ["NotThere", "Refused"])
def test_a_refusal_without_fields_stays_as_it_is(code: str) -> None:
    assert str(with_own_values(ChangeRequest("no", code=code), {"customerCode": "K1"})) == "no"
