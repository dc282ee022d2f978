"""No file, log, event or output holds a credential, however much is logged and whatever fails."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from a4s_pipeline_tests.gateway.conftest import Serve, say
from a4s_pipeline_tests.gateway.conftest import serve as serve  # noqa: PLC0414 - a fixture of theirs
from a4s_pipeline_tests.hostile.conftest import ADMINISTRATION
from a4s_pipeline_tests.hostile.marks import contents_below, forms_of, leaks
from a4s_pipeline_tests.hostile.valid_records import CUSTOMER, HEADER, ITEM, LINE
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Administration, Sandbox

pytestmark = pytest.mark.slow

PROJECT = ROOT
TOKEN = "mArk3d-T0ken/+%=9x'\""
USER = "mArk3d-Us3r/+%é"
PASSWORD = "mArk3d-Pässw0rd/+%&\"'"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CANARY = "canary-71c4"
# A hook that holds the secrets in its locals, talks, and fails.
HOOK = f"""
import logging, os

def before_export(order, intake):
    secrets = {{name: value for name, value in os.environ.items() if name.startswith("A4S_")}}
    logging.getLogger("site").debug("{CANARY}")
    if "raises" in intake.intake_order_id:
        raise RuntimeError(f"the hook has {{len(secrets)}} settings and no idea")
    return order
"""
DAGSTER = """
python_logs: {managed_python_loggers: [root], python_log_level: DEBUG}
telemetry: {enabled: false}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a Dagster home, a hook and requests to send."""
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(DAGSTER)
    (tmp_path / "site_hook.py").write_text(HOOK)
    order = {"customerCode": "K1", "lines": [{"itemCode": "A1", "quantity": 1}]}
    for name in ("order", "raises", "later"):
        (tmp_path / f"{name}.json").write_text(json.dumps(order | {"intakeOrderId": f"IO-{name}"}))
    refused = order | {"intakeOrderId": "IO-refused", "customerCode": "nobody"}
    (tmp_path / "refused.json").write_text(json.dumps(refused))
    (tmp_path / "customer.json").write_text(json.dumps({"customerCode": "K9", "name": "n"}))
    return tmp_path


def fill(source: Administration) -> None:
    source.put_order(HEADER, [LINE])
    source.put_order(HEADER | {"orderCode": "bad", "orderDate": "never"}, [LINE])
    source.put_item(ITEM)
    source.put_customer(CUSTOMER)
    source.put_image("0f", b"GIF89a and so on")


def everything(home: Path, url: str, elsewhere: list[dict[str, str]], **credentials: str) -> bytes:
    """Run everything, and return all that it printed."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}
    given = {
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONPATH": str(PROJECT),
        "A4S_GATEWAY_URL": url,
        "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION}),
        "A4S_HISTORY_START": "2024-01-01",
        "A4S_ORDER_HOOK": "site_hook:before_export",
        "A4S_LINGER_SECONDS": "0",
        "A4S_TIMEOUT_SECONDS": "10",
    }
    done = subprocess.run(
        [sys.executable, "-m", "a4s_pipeline_tests.hostile.everything", json.dumps(elsewhere)],
        cwd=home,
        env={**mine, **given, **credentials},
        capture_output=True,
        timeout=240,
        check=False,
    )
    (home / "stdout.txt").write_bytes(done.stdout)
    (home / "stderr.txt").write_bytes(done.stderr)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def wrong_ways(serve: Serve, wrong: str) -> list[dict[str, str]]:
    """Environments where nothing works."""
    elsewhere = serve(say(200, b"{}"))
    redirecting = serve(say(307, b"", Location=elsewhere.url))
    failing = serve(say(500, b'{"code": "Broken"}'))
    return [
        {"A4S_GATEWAY_URL": redirecting.url},
        {"A4S_GATEWAY_URL": failing.url},
        {"A4S_GATEWAY_URL": "http://127.0.0.1:1"},
        {"A4S_GATEWAY_URL": f"http://{quote(USER)}:{quote(wrong, safe='')}@127.0.0.1:1"},
    ]


def prove_that_it_was_looked_at_closely(home: Path, printed: bytes) -> None:
    """The commands worked, and the logs went where the secrets are looked for."""
    assert b"== sync all: 0" in printed
    assert b"== export-order order.json: 0" in printed
    assert b"== export-order raises.json: 1" in printed
    assert printed.rstrip().endswith(b"== sync items: 1")
    assert b"check A4S_GATEWAY_TOKEN" in (home / "stderr.txt").read_bytes()
    assert b"DEBUG:urllib3.connectionpool:" in (home / "stderr.txt").read_bytes()
    found = " ".join(leaks([CANARY], contents_below(home)))
    assert "stderr.txt" in found
    assert "dagster/history/runs" in found
    assert (home / "data" / "report.html").exists()
    assert (home / "data" / "outbox" / "raises.json").exists()


def test_a_token_is_found_nowhere(source: Administration, sandbox: Sandbox, serve: Serve, home: Path) -> None:
    fill(source)
    sandbox.token = TOKEN
    wrong = wrong_ways(serve, TOKEN)
    both, neither = (
        {"A4S_GATEWAY_USER": USER, "A4S_GATEWAY_PASSWORD": PASSWORD},
        dict.fromkeys(("A4S_GATEWAY_USER", "A4S_GATEWAY_PASSWORD"), ""),
    )
    # A user and a password go out, and are refused.
    wrong += [{"A4S_GATEWAY_URL": sandbox.url, "A4S_GATEWAY_TOKEN": ""} | both]
    wrong += [both, {**neither, "A4S_GATEWAY_URL": sandbox.url, "A4S_GATEWAY_TOKEN": f"{TOKEN}-wrong"}]
    printed = everything(home, sandbox.url, wrong, A4S_GATEWAY_TOKEN=TOKEN)
    prove_that_it_was_looked_at_closely(home, printed)
    sent = {str(call.headers.get("Authorization", "")) for call in sandbox.requests}
    assert {f"Bearer {TOKEN}", f"Bearer {TOKEN}-wrong", f"Basic {PAIR}"} <= sent
    assert leaks([TOKEN, PASSWORD, USER, PAIR], contents_below(home)) == []


@pytest.mark.nightly
def test_a_password_is_found_nowhere(
    source: Administration, sandbox: Sandbox, serve: Serve, home: Path
) -> None:
    fill(source)
    sandbox.user, sandbox.password = USER, PASSWORD
    wrong = wrong_ways(serve, PASSWORD)[:1]
    wrong += [{"A4S_GATEWAY_URL": sandbox.url, "A4S_GATEWAY_PASSWORD": f"{PASSWORD}-wrong"}]
    credentials = {"A4S_GATEWAY_USER": USER, "A4S_GATEWAY_PASSWORD": PASSWORD}
    printed = everything(home, sandbox.url, wrong, **credentials)
    prove_that_it_was_looked_at_closely(home, printed)
    assert leaks([PASSWORD, USER, PAIR], contents_below(home)) == []


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD, USER])
def test_a_secret_would_be_found_in_any_form(tmp_path: Path, secret: str) -> None:
    """The tests above would notice a leak."""
    hidden = {form: b"before " + mark + b" after" for form, mark in forms_of(secret).items()}
    hidden["Basic"] = base64.b64encode(f"a:{secret}".encode())
    hidden["Bearer"] = base64.b64encode(f"somebody:{secret} and more".encode())
    for place, (form, content) in enumerate(hidden.items()):
        path = tmp_path / str(place) / "log"
        path.parent.mkdir()
        path.write_bytes(content)
        assert leaks([secret], contents_below(path.parent)), form
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "log").write_bytes(b"nothing of it")
    assert leaks([secret], contents_below(tmp_path / "clean")) == []


def test_a_secret_would_be_found_in_a_store_and_in_a_name(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as store:
        store.execute("CREATE TABLE t AS SELECT repeat('x', 100) || $1 AS it FROM range(5000)", [TOKEN])
    with closing(sqlite3.connect(tmp_path / "b.db")) as store:
        store.execute("CREATE TABLE t (it BLOB)")
        store.execute("INSERT INTO t VALUES (?)", [zlib.compress(TOKEN.encode())])
        store.commit()
    (tmp_path / "T0ken-in-a-name").write_text("")
    found = leaks([TOKEN, "T0ken-in-a-name"], contents_below(tmp_path))
    assert [name for name in ("a.duckdb", "b.db", "the name T0ken") if name in " ".join(found)] == [
        "a.duckdb",
        "b.db",
        "the name T0ken",
    ]
