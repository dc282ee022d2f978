import string
from dataclasses import fields
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.settings.routes import Routes, encoded, is_addressable

UNRESERVED = set(string.ascii_letters + string.digits + "-._~%")


@pytest.mark.parametrize(
    ("route", "code", "path"),
    [
        ("status", None, "/Demo%20B.V./status"),
        ("items", None, "/Demo%20B.V./items"),
        ("stock", "A/1", "/Demo%20B.V./items/A%2F1/stock"),
        ("image", "0f0f", "/Demo%20B.V./images/0f0f"),
        ("customers", None, "/Demo%20B.V./customers"),
        ("orders", None, "/Demo%20B.V./orders"),
        ("order_lines", "VO 100%", "/Demo%20B.V./orders/VO%20100%25/lines"),
        ("third_party_orders", None, "/Demo%20B.V./third-party/orders"),
        ("third_party_order", "IO-1", "/Demo%20B.V./third-party/orders/IO-1"),
    ],
)
def test_each_route_has_its_path(route: str, code: str | None, path: str) -> None:
    assert Routes().path(route, "Demo B.V.", code) == path


def test_no_route_is_forgotten_above() -> None:
    assert len(fields(Routes)) == 9


@pytest.mark.parametrize(
    ("part", "on_the_wire"),
    [
        ("VO/2024#1?a=b&c", "VO%2F2024%231%3Fa%3Db%26c"),
        ("VO%2F2024", "VO%252F2024"),
        (" Spatie vooraf", "%20Spatie%20vooraf"),
        ("a+b", "a%2Bb"),
        ("Café NOORD", "Caf%C3%A9%20NOORD"),
        ("🚚", "%F0%9F%9A%9A"),
        ("...", "..."),
    ],
)
def test_a_part_is_encoded_to_the_letter(part: str, on_the_wire: str) -> None:
    assert encoded(part) == on_the_wire


@given(st.text())
def test_any_part_comes_back_and_holds_nothing_that_a_path_gives_a_meaning(part: str) -> None:
    assert unquote(encoded(part), errors="strict") == part
    assert set(encoded(part)) <= UNRESERVED


@pytest.mark.parametrize("code", ["", ".", "..", "\ud800", "a\udfffb"])
def test_a_code_that_leads_elsewhere_cannot_be_addressed(code: str) -> None:
    assert not is_addressable(code)
    with pytest.raises(ChangeRequest, match="cannot be put in a path"):
        Routes().path("order_lines", "Demo", code)
    with pytest.raises(ChangeRequest, match="cannot be put in a path"):
        Routes().path("status", code)


@pytest.mark.parametrize("code", ["a", "...", ". .", " ", "%2e", "/", "0", "\0"])
def test_every_other_code_can_be_addressed(code: str) -> None:
    assert is_addressable(code)


@pytest.mark.parametrize(("route", "code"), [("order_lines", None), ("orders", "VO-1")])
def test_a_call_gives_a_route_the_parts_it_wants(route: str, code: str | None) -> None:
    with pytest.raises(ValueError, match=f"route '{route}' must have the parts"):
        Routes().path(route, "Demo", code)


def test_a_route_can_be_replaced_for_a_gateway_of_another_dialect() -> None:
    routes = Routes(order_lines="/v2/{a}/salesorders({code})/rows")
    assert routes.path("order_lines", "Demo", "a b") == "/v2/Demo/salesorders(a%20b)/rows"
    assert routes.path("status", "Demo") == "/Demo/status"


@pytest.mark.parametrize(
    "template", ["{a}/orders/{code}", "/{a}/orders", "/orders/{code}", "/{a}/{code}/{more}", "/{a}/{}"]
)
def test_a_replaced_route_must_keep_its_parts(template: str) -> None:
    with pytest.raises(ValueError, match="route 'order_lines' must start with / and hold the same parts"):
        Routes(order_lines=template)
