"""Who is let in, who is turned away, and what the server reveals about itself."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from a4s_pipeline.api.document.openapi import as_text
from a4s_pipeline.api.serving import open_server
from a4s_pipeline.errors import ChangeSettings, ChangeSite
from a4s_pipeline.metrics.collecting import InstallationNumbers
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.api.conftest import DEMO, Reply, Serve, Served
from a4s_pipeline_tests.support.installed_site import wait_until
from a4s_pipeline_tests.support.project import ROOT

KEYS = {
    "shop": "s3cret-of-the-shop",
    "counter": {
        "sha256": sha256(b"s3cret-of-the-counter").hexdigest(),
        "connectors": ["zuid"],
        "may": ["stock"],
    },
}
BOTH = {"demo": "Demo B.V.", "zuid": "Zuid B.V."}


def by(served: Served, key: str, path: str, method: str = "GET", body: Any = None) -> Reply:
    return served.call(method, path, body, Authorization=f"Bearer {key}")


def test_without_a_known_key_nothing_is_answered_and_nobody_learns_what_there_is(serve: Serve) -> None:
    with serve(api_keys=KEYS, connectors=BOTH) as served:
        paths = (DEMO + "/orders", "/v1/connectors", "/v1/connectors/none/orders", "/metrics", "/nowhere")
        for path in paths:
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic c2hvcDp4"}):
                reply = served.get(path, **header)
                assert (reply.status, reply.json["code"]) == (401, "Unauthorized"), path
                assert "bearer" in reply.headers["www-authenticate"].lower()
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert served.get(path).status == 200


def test_a_key_may_what_it_may_and_no_more(serve: Serve) -> None:
    with serve(api_keys=KEYS, connectors=BOTH) as served:
        served.site.put_items("A1")
        assert by(served, "s3cret-of-the-shop", f"{DEMO}/items/A1/projected-stock").status == 200
        assert by(served, "s3cret-of-the-shop", "/v1/connectors").json == {
            "connectors": [{"name": "demo"}, {"name": "zuid"}]
        }
        counter = "s3cret-of-the-counter"
        assert by(served, counter, "/v1/connectors").json == {"connectors": [{"name": "zuid"}]}
        for path in (f"{DEMO}/items/A1/projected-stock", "/v1/connectors/none/orders"):
            assert by(served, counter, path).status == 403
        zuid = "/v1/connectors/zuid"
        for method, path in (
            ("GET", "/orders"),
            ("GET", "/orders/1"),
            ("GET", "/exports"),
            ("POST", "/orders"),
            ("POST", "/customers"),
            ("POST", "/exports/1/retry"),
            ("GET", "/customers/K1/orders"),
        ):
            assert by(served, counter, zuid + path, method).status == 403, path
        assert b"s3cret" not in by(served, "s3cret-of-the-shop", "/metrics").raw


def test_without_keys_only_this_machine_is_served(serve: Serve) -> None:
    with serve() as served:
        for host in ("0.0.0.0", "192.0.2.1", "::", "example.com"):
            with pytest.raises(ChangeSettings, match="A4S_API_KEYS"):
                open_server(served.site.settings, host, 0, lambda _: None)
        for name, status in {
            "localhost": 200,
            "[::1]": 200,
            "evil.example": 403,
            "127.0.0.1.evil.example": 403,
        }.items():
            assert served.get(f"{DEMO}/exports", Host=name).status == status, name
        assert served.get("/healthz", Origin="https://evil.example").status == 403
        assert served.post(f"{DEMO}/orders", {}, Origin="null").status == 403


def test_what_is_missing_is_reported_as_a_problem(served: Served) -> None:
    for method, path, status, code in (
        ("GET", "/", 404, "NotFound"),
        ("GET", "/v1", 404, "NotFound"),
        ("GET", "/v1/connectors/", 404, "NotFound"),
        ("GET", f"{DEMO}/orders/1/lines", 404, "NotFound"),
        ("GET", "/v1/connectors/none/orders", 404, "UnknownConnector"),
        ("GET", "/v1/connectors/Demo/orders", 404, "UnknownConnector"),
        ("DELETE", f"{DEMO}/orders", 405, "MethodNotAllowed"),
        ("OPTIONS", f"{DEMO}/orders", 405, "MethodNotAllowed"),
        ("PUT", f"{DEMO}/customers/K1", 501, "NotSupported"),
        ("PATCH", f"{DEMO}/customers/K%2F1", 501, "NotSupported"),
        ("DELETE", f"{DEMO}/customers/K1", 501, "NotSupported"),
        ("GET", f"{DEMO}/prices", 501, "NotSupported"),
        ("GET", f"{DEMO}/attachments?x=1", 501, "NotSupported"),
        ("GET", f"{DEMO}/restock-orders", 501, "NotSupported"),
    ):
        reply = served.call(method, path)
        assert (reply.status, reply.json["code"]) == (status, code), (method, path)
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["status"] == status
        assert "access-control-allow-origin" not in reply.headers
    assert served.call("DELETE", f"{DEMO}/orders").headers["allow"] == "GET, POST"


def test_a_body_beyond_a_mebibyte_is_413_before_it_is_read(served: Served) -> None:
    for path, size in (("/orders", 1 << 20), ("/customers", 1 << 22), ("/projected-stock", 15 << 20)):
        # The caller sends all of it before it reads: it must find its answer, and no broken pipe.
        large = b'{"a": "' + b"x" * size + b'"}'
        assert served.post(DEMO + path, large).json["code"] == "TooLarge"
    told = served.talk(
        f"POST {DEMO}/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".encode(), 5
    )
    assert told.startswith(b"HTTP/1.1 413")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = f"POST {DEMO}/orders HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert served.talk(head + chunk * 17 + b"0\r\n\r\n", 5).startswith(b"HTTP/1.1 413")


def test_a_call_that_ends_its_connection_finds_its_answer_though_nobody_reads_its_body(serve: Serve) -> None:
    """Like most callers, this one sends everything before it reads."""
    body, shop = b"x" * (4 << 20), "Bearer s3cret-of-the-shop"
    with serve(api_keys=KEYS) as served:
        served.site.put_items("A1")
        for method, path, key, status in (
            ("POST", f"{DEMO}/orders", "Bearer wrong", 401),
            ("POST", f"{DEMO}/orders", "Bearer s3cret-of-the-counter", 403),
            ("POST", "/nowhere", shop, 404),
            ("POST", "/v1/connectors/none/orders", shop, 404),
            ("DELETE", f"{DEMO}/orders", shop, 405),
            ("PUT", f"{DEMO}/customers/K1", shop, 501),
            ("GET", f"{DEMO}/orders?misspelt=1", shop, 422),
            ("GET", f"{DEMO}/items/A1/projected-stock", shop, 200),
            ("GET", "/healthz", shop, 200),
        ):
            reply = served.call(method, path, body, Authorization=key, Connection="close")
            assert (reply.status, reply.headers["connection"]) == (status, "close"), path
        head = f"POST /nowhere HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        assert b" 401 " in served.talk(head.encode() + b"\r\n" + body)[:20]
        # Whoever waits to be asked for the body gets the answer instead, and sends none.
        expecting = head.replace("1.0", "1.1") + "Expect: 100-continue\r\n\r\n"
        told = served.talk(expecting.encode())
        assert told.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nconnection: close\r\n" in told.lower()


def test_no_answer_is_kept_or_guessed_at_by_whoever_passes_it_on(served: Served) -> None:
    for reply in (served.stock("A1"), served.get(f"{DEMO}/orders"), served.get("/nowhere")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "server" not in reply.headers


def test_whatever_comes_over_the_line_has_a_clear_answer_and_the_server_lives(served: Served) -> None:
    host = b"Host: localhost\r\n"
    for raw, status in {
        b"hello\r\n\r\n": b"400",
        b"GET /healthz HTTP/9.9\r\n" + host + b"\r\n": b"400",
        b"GET \xff\xfe HTTP/1.1\r\n" + host + b"\r\n": b"400",
        b"GET /%zz%ff%00 HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n": b"404",
        b"GET /../../etc/passwd HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n": b"404",
        b"GET /" + b"a/" * 20000 + b" HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n": b"404",
        b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"a" * 3_000_000 + b"\r\n\r\n": b"431",
        b"POST /v1/connectors/demo/orders HTTP/1.1\r\n"
        + host
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x": b"400",
        b"POST /v1/connectors/demo/orders HTTP/1.1\r\n"
        + host
        + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456": b"400",
        b"POST /v1/connectors/demo/orders HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n": b"400",
    }.items():
        told = served.talk(raw, 3)
        assert told[9:12] == status, (raw[:80], told[:200])
    assert served.get("/healthz").status == 200


def test_a_call_whose_head_never_ends_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.api.serving._HEAD_WITHIN", 0.5)
    told = served.talk(b"GET /healthz HTTP/1.1\r\nHost: local", 10)
    assert told.startswith(b"HTTP/1.1 408")
    assert served.talk(b"", 10).startswith(b"HTTP/1.1 408")


def test_a_caller_that_falls_silent_in_a_body_nobody_reads_is_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.api.serving._UNREAD_BODY_WITHIN", 0.5)
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(head + b"a")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 404")
        connection.sendall(b"b")
        assert connection.recv(1 << 16) == b""


def test_without_locks_that_can_be_written_it_still_serves(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_: object) -> None:
        raise ChangeSite("the locks cannot be opened")

    monkeypatch.setattr("a4s_pipeline.ondemand.service.OnDemand.keep_in_use", cannot)
    with serve() as served:
        served.site.put_items("A1")
        assert served.stock("A1").status == 200


def test_a_code_that_holds_anything_has_a_clear_answer(served: Served) -> None:
    for code in ("%ff", "%00", "%2e%2e", "..", "%2F%2F", "%F0%9F%98%80", "%25", "a" * 5000, "%ed%a0%80"):
        for path in (
            "items/{}/projected-stock",
            "orders/{}",
            "exports/{}",
            "customers/{}",
            "customers/{}/orders",
        ):
            reply = served.get(f"{DEMO}/{path.format(code)}")
            assert reply.status in (404, 422, 503), (path, code, reply)
            assert reply.json["code"] != "Unexpected"


def test_it_says_that_it_lives_whether_it_is_ready_and_its_numbers(served: Served) -> None:
    assert served.get("/healthz").json == {"status": "ok"}
    assert served.get("/readyz").json["status"] == "ready"
    assert served.call("HEAD", "/healthz").status == 200
    served.stock("A1")
    numbers = served.get("/metrics")
    assert numbers.headers["content-type"].startswith("text/plain")
    assert b'route="/v1/connectors/{connector}/items/{itemCode}/projected-stock"' in numbers.raw
    assert b"\na4s_store_readable 1.0\n" in numbers.raw
    assert b"A1" not in numbers.raw
    api = served.server._api
    assert api.state is not None
    api.state.is_draining = True
    assert served.get("/readyz").status == 503
    assert served.get("/healthz").status == 200


def test_scrapes_that_follow_each_other_ask_the_store_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a4s_pipeline.api.handlers.about._NUMBERS_FOR", 3600)
    asked: list[Platform] = []

    def numbers(platform: Platform) -> InstallationNumbers:
        asked.append(platform)
        return InstallationNumbers(waiting=7)

    monkeypatch.setattr("a4s_pipeline.api.handlers.about.collected", numbers)
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: served.get("/metrics"), range(8)))
    assert all(b"\na4s_inbox_requests 7.0\n" in reply.raw for reply in replies)
    assert len(asked) == 1


def test_no_scrape_waits_for_a_locked_store(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("a4s_pipeline.api.handlers.about._NUMBERS_WITHIN", 0.1)
    is_free, asked = threading.Event(), threading.Semaphore(0)

    def numbers(platform: Platform) -> InstallationNumbers:
        asked.release()
        assert is_free.wait(60)
        return InstallationNumbers(waiting=7)

    monkeypatch.setattr("a4s_pipeline.api.handlers.about.collected", numbers)
    for _ in range(3):
        held = served.get("/metrics").raw
        assert b"\na4s_store_readable 0.0\n" in held
        assert b"a4s_http_requests_open" in held
    is_free.set()
    wait_until(lambda: b"\na4s_inbox_requests 7.0\n" in served.get("/metrics").raw)
    assert asked.acquire(blocking=False)
    assert not asked.acquire(blocking=False)


def test_a_gateway_that_is_down_makes_it_not_ready(served: Served) -> None:
    served.site.sandbox.faults.server_error = 1
    reply = served.get("/readyz")
    assert (reply.status, reply.json["store"]) == (503, "ok")
    assert "500" in reply.json["gateway"]


def test_the_document_names_every_route_and_refers_to_nothing_that_is_not_in_it(served: Served) -> None:
    document = served.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]["/v1/connectors/{connector}/orders"]) == {"get", "post"}
    text = json.dumps(document)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in document["components"]["schemas"]
    identifiers = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(identifiers) == len(set(identifiers))
    copy = ROOT / "docs" / "openapi.json"
    assert copy.read_text(encoding="utf-8") == as_text(), (
        "python -m a4s_pipeline.api.document.openapi > docs/openapi.json"
    )
    page = served.get("/docs").raw.decode()
    assert "projected-stock" in page
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert "https://" not in page
