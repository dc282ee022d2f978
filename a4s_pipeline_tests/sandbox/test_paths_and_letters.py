import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from requests.auth import HTTPBasicAuth

from a4s_pipeline_tests.sandbox.conftest import ADMINISTRATION, Client, header, line
from a4s_sandbox import Administration, Sandbox, World
from a4s_sandbox.answers.encoding import decode, encode

AWKWARD = ("a/b", "a#b", "a?b=c&d", "100%", "a%2Fb", "a b", " a ", "é-ÜNÏ", "a+b", "🚚", "lines", "...", "\\")


@pytest.mark.parametrize("code", AWKWARD)
def test_an_order_code_is_found_to_the_letter(
    code: str, administration: Administration, client: Client, sandbox: Sandbox
) -> None:
    administration.put_order(header(code), [line(1), line(2)])
    reply = client.get(ADMINISTRATION, "orders", code, "lines")
    assert [row["lineCode"] for row in reply.json()] == ["1", "2"]
    assert sandbox.calls("order_lines")[0].code == code


@pytest.mark.parametrize("name", ["Café Noord / Groothandel B.V.", " Demo b.v.", "orders", "100% #1? a"])
def test_an_administration_is_found_to_the_letter(name: str, world: World, client: Client) -> None:
    world.add_administration(name)
    assert client.get(name, "status").json()["administration"] == name
    unknown = client.get(name.swapcase(), "status")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UnknownAdministration")


@pytest.mark.parametrize("code", [".", ".."])
def test_a_code_of_dots_leads_into_another_path(
    code: str, administration: Administration, client: Client
) -> None:
    administration.put_order(header(code), [line()])
    assert client.get(ADMINISTRATION, "orders", code, "lines").status_code == 404


def test_item_codes_and_image_hashes_are_found_to_the_letter(
    administration: Administration, client: Client
) -> None:
    stock = {"itemCode": "M8/40 %", "shelfStock": Decimal("2.50"), "toBeDelivered": 1, "deliveryDates": []}
    administration.put_item({"itemCode": "M8/40 %", "names": {}, "images": [], "stock": stock})
    administration.put_image("h/1", b"\x89PNG...")
    assert '"shelfStock":2.50,' in client.get(ADMINISTRATION, "items", "M8/40 %", "stock").text
    picture = client.get(ADMINISTRATION, "images", "h/1")
    assert (picture.content, picture.headers["Content-Type"]) == (b"\x89PNG...", "image/png")


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        (("orders", "X", "lines"), "UnknownOrder"),
        (("items", "X", "stock"), "UnknownItem"),
        (("images", "X"), "UnknownImage"),
        (("third-party", "orders", "X"), "UnknownOrder"),
        (("nowhere",), "UnknownRoute"),
        ((), "UnknownRoute"),
    ],
)
def test_what_is_not_there_is_a_problem_with_its_code(
    segments: tuple[str, ...], code: str, client: Client
) -> None:
    reply = client.get(ADMINISTRATION, *segments)
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.json().keys() == {"type", "title", "status", "detail", "code"}
    assert (reply.status_code, reply.json()["status"], reply.json()["code"]) == (404, 404, code)


def test_a_method_that_a_route_does_not_know_is_refused(client: Client) -> None:
    reply = client.post(ADMINISTRATION, "items")
    assert (reply.status_code, reply.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "number", ["12345678901234.5678", "10.00", "0.12345678", "-25", "0.10", "0.0000001", "1E+3"]
)
def test_a_decimal_is_sent_to_the_letter(number: str, administration: Administration, client: Client) -> None:
    administration.put_order(header("A", total=Decimal(number)), [line(price=Decimal(number))])
    written = format(Decimal(number), "f")
    assert f'"total":{written}' in client.get(ADMINISTRATION, "orders").text
    assert f'"price":{written}' in client.get(ADMINISTRATION, "orders", "A", "lines").text


def test_what_is_encoded_is_what_json_would_read() -> None:
    value = {"a": [1, True, None, 'é\n"\\ \0', {"b": 1.5, "ß": []}], "": {}}
    assert json.loads(encode(value)) == value
    assert decode(b'{"a":1.10}') == {"a": Decimal("1.10")}
    assert str(decode(b"1.10")) == "1.10"


def test_an_order_is_kept_as_it_was_when_it_was_put(administration: Administration) -> None:
    given = header("A", reference="before")
    administration.put_order(given, [line()])
    given["reference"] = "after"
    kept, lines = administration.order("A")
    assert kept["reference"] == "before"
    assert lines == [line()]
    with pytest.raises(KeyError):
        administration.order("B")


def test_the_status_shows_the_last_history_sync(world: World, client: Client, sandbox: Sandbox) -> None:
    fixed = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    world.add_administration("fixed", last_history_sync=fixed)
    world.add_administration("ago", last_history_sync=timedelta(minutes=20))
    assert datetime.fromisoformat(client.get("fixed", "status").json()["lastHistorySync"]) == fixed
    ago = datetime.fromisoformat(client.get("ago", "status").json()["lastHistorySync"])
    assert ago.second == 0
    assert timedelta(minutes=20) <= sandbox.started_at - ago < timedelta(minutes=21)


def test_a_token_is_asked_for_when_one_is_set(
    administration: Administration, world: World, client_of: Callable[[Sandbox], Client]
) -> None:
    with Sandbox(world, token="s3cret") as sandbox:
        client = client_of(sandbox)
        refused = client.get(ADMINISTRATION, "status")
        assert (refused.status_code, refused.json()["code"]) == (401, "Unauthorized")
        assert "s3cret" not in refused.text
        accepted = client.get(ADMINISTRATION, "status", headers={"Authorization": "Bearer s3cret"})
        assert accepted.status_code == 200
        administration.forbidden = True
        forbidden = client.get(ADMINISTRATION, "status", headers={"Authorization": "Bearer s3cret"})
        assert (forbidden.status_code, forbidden.json()["code"]) == (403, "Forbidden")


def test_a_user_and_password_are_asked_for_when_they_are_set(
    administration: Administration, world: World, client_of: Callable[[Sandbox], Client]
) -> None:
    with Sandbox(world) as sandbox:
        sandbox.user, sandbox.password = "Zoë", "p:w"
        client = client_of(sandbox)
        good = HTTPBasicAuth("Zoë".encode(), b"p:w")
        assert client.get(ADMINISTRATION, "status", auth=good).status_code == 200
        assert client.get(ADMINISTRATION, "status", auth=HTTPBasicAuth("Zoe", "p:w")).status_code == 401


def test_a_connection_is_kept_open_and_survives_an_error(client: Client, sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        for target in (b"/nowhere", b"/Demo%20B.V./status"):
            raw.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            reply = raw.recv(65_536)
            assert b"Connection: close" not in reply
        assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
        raw.sendall(b"nonsense\r\n\r\n")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_the_log_holds_what_was_asked(client: Client, sandbox: Sandbox) -> None:
    before = datetime.now(UTC)
    client.get(ADMINISTRATION, "orders", params={"page": 2}, headers={"X-Trace": "7"})
    [request] = sandbox.calls("orders")
    assert (request.method, request.administration, request.query) == ("GET", ADMINISTRATION, {"page": "2"})
    assert (request.status, request.headers["x-trace"], request.headers.get("X-TRACE")) == (200, "7", "7")
    assert before <= request.at <= datetime.now(UTC)
    sandbox.clear()
    assert sandbox.requests == []
