"""The text of an answer, whatever its bytes are."""

import json
from typing import Any

import pytest

from a4s_pipeline.errors import ReplyUnreadable
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.records.drift import Drift
from a4s_pipeline.gateway.records.mended import mended_texts
from a4s_pipeline.gateway.wire.text import json_of
from a4s_pipeline_tests.gateway.conftest import ONCE, ask, send, settings_for
from a4s_pipeline_tests.gateway.wire.raw_server import answer, raw_server

JSON = "application/json"
CAFE = '{"name": "Caf\u00e9 \u20ac"}'


def test_an_answer_is_read_as_what_it_declares_or_is_marked_as() -> None:
    cases: dict[str, tuple[bytes, str | None, str]] = {
        "nothing declared": (CAFE.encode(), None, "Caf\u00e9 \u20ac"),
        "UTF-8": (CAFE.encode(), f"{JSON}; charset=utf-8", "Caf\u00e9 \u20ac"),
        "UTF-8 with a mark": (CAFE.encode("utf-8-sig"), JSON, "Caf\u00e9 \u20ac"),
        "windows-1252": (CAFE.encode("cp1252"), f"{JSON};charset=Windows-1252", "Caf\u00e9 \u20ac"),
        "Latin-1": (b'{"name": "Caf\xe9"}', f'{JSON}; charset="ISO-8859-1"', "Caf\u00e9"),
        "Latin-9": (CAFE.encode("iso8859-15"), f"{JSON}; charset=iso-8859-15", "Caf\u00e9 \u20ac"),
        "UTF-16 declared": (CAFE.encode("utf-16-le"), f"{JSON}; charset=utf-16le", "Caf\u00e9 \u20ac"),
        "UTF-16 with a mark": (CAFE.encode("utf-16"), JSON, "Caf\u00e9 \u20ac"),
        "UTF-16 that shows": (CAFE.encode("utf-16-be"), JSON, "Caf\u00e9 \u20ac"),
        "no such charset": (CAFE.encode(), f"{JSON}; charset=klingon", "Caf\u00e9 \u20ac"),
        "no charset of texts": (CAFE.encode(), f"{JSON}; charset=hex", "Caf\u00e9 \u20ac"),
        "ASCII that is none": (CAFE.encode(), f"{JSON}; charset=us-ascii", "Caf\u00e9 \u20ac"),
    }
    found = {name: json_of(body, declared) for name, (body, declared, _) in cases.items()}
    assert found == {name: ({"name": expected}, False) for name, (_, _, expected) in cases.items()}


def test_a_byte_or_a_control_character_that_may_not_be_there_costs_no_more_than_itself() -> None:
    cases: dict[str, tuple[bytes, Any]] = {
        "a byte": (b'[{"a": "Caf\xe9 Zuid", "b": 1.50}]', "Caf\ufffd Zuid"),
        "half a character at the end": (b'[{"a": "Caf\xc3", "b": 1.50}]', "Caf\ufffd"),
        "a line break": (b'[{"a": "two\nlines", "b": 1.50}]', "two\nlines"),
        "a zero": (b'[{"a": "zero\x00", "b": 1.50}]', "zero\x00"),
        "both": (b'[{"a": "\xff\x01", "b": 1.50}]', "\ufffd\x01"),
    }
    for name, (body, text) in cases.items():
        raw, is_mended = json_of(body, JSON)
        assert (name, raw[0]["a"], str(raw[0]["b"]), is_mended) == (name, text, "1.50", True)


def test_the_fields_with_such_a_text_are_named() -> None:
    raw = {"a": "x\ufffd", "b": ["fine", {"c": "y\x02"}], "d": 7, "e": None}
    assert mended_texts(raw) == {
        Drift("a", "text", "text"): "x\ufffd",
        Drift("b[].c", "text", "text"): "y\x02",
    }


@pytest.mark.parametrize("call", [ask, send])
def test_what_is_cut_off_is_reported_with_the_place_where_reading_ended(call: Any) -> None:
    body = json.dumps({"orderId": "7", "items": [1, 2]}).encode()[:-3]
    with (
        raw_server(lambda _question, write: write(answer(body))) as server,
        GatewayClient(settings_for(server.url), rule=ONCE) as client,
        pytest.raises(ReplyUnreadable, match=rf"cut off, at character {len(body)} of {len(body)}"),
    ):
        call(client)


def test_a_declared_charset_reaches_every_verb() -> None:
    declared = b"Content-Type: application/json; charset=windows-1252\r\n"
    with (
        raw_server(lambda _question, write: write(answer(CAFE.encode("cp1252"), more=declared))) as server,
        GatewayClient(settings_for(server.url), rule=ONCE) as client,
    ):
        assert ask(client) == send(client) == {"name": "Caf\u00e9 \u20ac"}
