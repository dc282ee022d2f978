"""What other people's programs make of the OpenAPI document: an interface tester and a client generator."""

import datetime
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline_tests.api.conftest import Served
from a4s_pipeline_tests.api.test_history import put, sync
from a4s_pipeline_tests.support.nightly import at_night

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
# 501 and 503 are answers of ours. An id that must agree with a header, and days that must follow each other,
# are beyond a schema; headers that nobody names are no fault of a request.
RULES = """
[parameters]
"path.connector" = "demo"
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501, 503]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429, "5xx"]
"""
BY_DAY = ("--include-path-regex", "/(orders|projected-stock)$", "--max-examples", "2", "--seed", "1")
"""Four of the operations: all of them take a tenth of a minute of the processor."""
LEFT_OUT = ("--exclude-checks", "negative_data_rejection")


@pytest.fixture
def filled(served: Served) -> Served:
    put(served, "VO26-03898", "2026-03-05T09:00:00", "K00001")
    served.site.put_items("BE4010-3x16")
    served.site.source.put_customer({"customerCode": "K00001", "name": "Bos"})
    sync(served)
    return served


def run(*command: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("drawn", [BY_DAY, *at_night((("--max-examples", "30"),))])
def test_schemathesis_finds_nothing(filled: Served, tmp_path: Path, drawn: tuple[str, ...]) -> None:
    (tmp_path / "schemathesis.toml").write_text(RULES)
    url = f"http://127.0.0.1:{filled.port}/openapi.json"
    program = str(PROGRAMS / "schemathesis")
    run(
        program,
        "run",
        url,
        "--checks",
        "all",
        *drawn,
        "--no-color",
        *LEFT_OUT,
        folder=tmp_path,
    )


@pytest.mark.slow
@pytest.mark.nightly
def test_a_client_that_is_made_of_the_document_does_all_four_jobs(
    filled: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, document = str(PROGRAMS / "openapi-python-client"), str(ROOT / "docs" / "openapi.json")
    made = ("--path", document, "--output-path", "made_client", "--meta", "none", "--fail-on-warning")
    run(program, "generate", *made, folder=tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    models = importlib.import_module("made_client.models")
    url = f"http://127.0.0.1:{filled.port}"

    def call(name: str, *path: str, **more: object) -> Any:
        module = importlib.import_module(f"made_client.api.default.{name}")
        with importlib.import_module("made_client").Client(base_url=url) as client:
            return module.sync(*path, client=client, **more)

    stock = call("get_items_item_code_projected_stock", "demo", "BE4010-3x16", on=datetime.date(2030, 1, 1))
    assert (stock.item_code, stock.projected) == ("BE4010-3x16", "5")
    line = models.IntakeLine(item_code="BE4010-3x16", quantity=2)
    order = models.IntakeOrder(intake_order_id="WEB/1", customer_code="K00001", lines=[line])
    assert call("post_orders", "demo", body=order).order_number == "TP000001"
    assert call("get_exports_intake_order_id", "demo", "WEB/1").status == "ok"
    customer = models.NewCustomer(customer_code="K9", name="Bos")
    assert call("post_customers", "demo", body=customer).external_id
    assert [found.order_code for found in call("get_orders", "demo", limit=1).orders] == ["VO26-03898"]
    assert call("get_orders_order_code", "demo", "B9").code == "UnknownOrder"
