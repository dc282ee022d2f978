import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from a4s_pipeline import alerts
from a4s_pipeline.alerts import FailureLog, post_alert, signature_headers

KEY = "T0ken-in-the-Path"


class Hook:
    """A webhook on this machine that keeps what it receives, and answers as told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.behaviour = "200"
        self.is_over = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.told.append(json.loads(body))
                hook.headers.append(dict(self.headers))
                with suppress(OSError):
                    hook._answer(self)

            def do_GET(self) -> None:
                hook.told.append({"path": self.path})
                self.send_error(404)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/{KEY}"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        match self.behaviour:
            case "hang":
                self.is_over.wait(300)
            case "drip":
                for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
                    handler.wfile.write(bytes([letter]))
                    if self.is_over.wait(0.05):
                        return
            case "reset":
                handler.connection.shutdown(socket.SHUT_RDWR)
            case status:
                handler.send_response(int(status))
                handler.send_header("Location", f"{self.url}/elsewhere")
                handler.send_header("Content-Length", "0")
                handler.end_headers()

    def close(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    opened = Hook()
    yield opened
    opened.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_TIMEOUT", 0.3)
    monkeypatch.setattr(alerts, "_LONGEST", 0.6)


def test_a_webhook_is_called_once_with_json(hook: Hook) -> None:
    assert post_alert(SecretStr(hook.url), {"text": "sync_orders café failed", "connector": None}) is None
    assert hook.told == [{"text": "sync_orders café failed", "connector": None}]
    assert hook.headers[0]["Content-Type"] == "application/json"


def test_a_body_is_signed_as_standard_webhooks_says(hook: Hook) -> None:
    # The example of the specification's own libraries.
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert post_alert(SecretStr(hook.url), {"text": "a"}, secret=secret) is None
    assert hook.headers[0]["webhook-signature"].startswith("v1,")
    assert {"webhook-id", "webhook-timestamp"} <= hook.headers[0].keys()


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("204", None),
        ("400", "it answered 400"),
        ("500", "it answered 500"),
        ("302", "it answered 302, a redirect, which is not followed"),
        ("308", "it answered 308, a redirect, which is not followed"),
        ("reset", "the call failed (ConnectionError)"),
    ],
)
def test_what_a_webhook_answers_is_reported_without_a_second_call(
    hook: Hook, behaviour: str, why: str | None
) -> None:
    hook.behaviour = behaviour
    assert post_alert(SecretStr(hook.url), {"text": "a"}) == why
    assert hook.told == [{"text": "a"}]


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("behaviour", ["hang", "drip"])
def test_a_webhook_that_gives_no_answer_is_left_after_a_while(hook: Hook, behaviour: str) -> None:
    hook.behaviour = behaviour
    assert post_alert(SecretStr(hook.url), {"text": "a"}) == "it gave no answer within 0.3 s"
    assert len(hook.told) == 1
    if behaviour == "hang":
        # The call itself came to its end too, and leaves no thread behind.
        for thread in threading.enumerate():
            if thread.name == "alert-webhook":
                thread.join(10)
                assert not thread.is_alive()


def test_an_unreachable_webhook_is_reported_without_its_url() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        why = post_alert(SecretStr(f"http://127.0.0.1:{free.getsockname()[1]}/{KEY}"), {"text": "a"})
    assert why == "the call failed (ConnectionError)"


def test_a_url_that_cannot_be_called_is_reported_without_the_url() -> None:
    for url in [f"http://host..name/{KEY}", f"http://{'x' * 300}/{KEY}"]:
        why = post_alert(SecretStr(url), {"text": "a"})
        assert why is not None, url
        assert why.startswith("the call failed ("), url
        assert KEY not in why, url


def test_neither_a_proxy_nor_a_netrc_of_the_environment_is_used(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jan password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert post_alert(SecretStr(hook.url), {"text": "a"}) is None
    assert "Authorization" not in hook.headers[0]


def test_the_log_of_failures_keeps_each_line_and_shows_the_last_ones(tmp_path: Path) -> None:
    log = FailureLog(tmp_path / "data" / "failures.log")
    assert log.recent() == []
    log.add("one café")
    log.add("two")
    assert log.recent() == ["one café", "two"]


def test_a_log_of_failures_that_is_full_gives_way_to_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_LARGEST_LOG", 10)
    log = FailureLog(tmp_path / "failures.log")
    for line in ("one, which is long", "two, which is long", "three"):
        log.add(line)
    assert log.recent() == ["three"]
    assert (tmp_path / "failures.log.1").read_text() == "two, which is long\n"


def test_a_log_of_failures_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    assert FailureLog(tmp_path).recent() == []


@responses.activate
def test_an_answer_of_any_success_is_enough_and_the_document_arrives_as_json() -> None:
    for status in (200, 202, 204):
        responses.post("https://hooks.example.com/x", status=status)
        assert post_alert(SecretStr("https://hooks.example.com/x"), {"text": "one", "count": 2}) is None
    assert [json.loads(call.request.body or "") for call in responses.calls] == [
        {"text": "one", "count": 2}
    ] * 3


@responses.activate
def test_a_refusal_is_recognized_by_its_status_alone() -> None:
    responses.post("https://hooks.example.com/x", status=410, body=f"no more {KEY}")
    assert post_alert(SecretStr("https://hooks.example.com/x"), {"text": "one"}) == "it answered 410"
