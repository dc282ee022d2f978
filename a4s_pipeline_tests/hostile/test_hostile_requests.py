"""Whatever an integrator or user sends: an answer or a line, no traceback, no path outside the folder."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.cli import main
from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.ondemand.inbox.inbox import Waiting, as_bytes
from a4s_pipeline.ondemand.orders.intake import IntakeOrder, NewCustomer, read_request
from a4s_pipeline.ondemand.orders.order_export import prepare_order
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST, parse_request
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.hostile.conftest import ADMINISTRATION, PlatformOf
from a4s_pipeline_tests.hostile.valid_records import ADDRESS, CUSTOMER, DETAIL, HEADER, ITEM, LINE
from a4s_pipeline_tests.hostile.wire_values import any_value, as_json, mutated, nested
from a4s_pipeline_tests.support.nightly import examples
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Administration, Sandbox

INTAKE: dict[str, Any] = {
    "intakeOrderId": "IO-1",
    "customerCode": "K1",
    "lines": [{"itemCode": "A1", "quantity": 2, "price": 5, "unit": "st", "discount": 0, "description": "d"}],
    "ourReference": "r",
    "notes": "n",
    "createdAt": "2024-03-05T09:00:00",
    "attributes": {"a": 1},
}
NEW_CUSTOMER: dict[str, Any] = {
    "customerCode": "K9",
    "name": "n",
    "cocNumber": "1",
    "vatNumber": "2",
    "addresses": [ADDRESS],
    "contactDetails": [DETAIL],
}
REQUESTS: list[dict[str, Any]] = [
    {"kind": "projected_stock", "connector": "demo", "items": [{"itemCode": "A1", "date": "2024-03-07"}]},
    {"kind": "export_order", "connector": "demo", "order": INTAKE},
    {"kind": "create_customer", "connector": "demo", "customer": NEW_CUSTOMER},
    {
        "kind": "retrieve_orders",
        "connector": "demo",
        "customerCode": "K1",
        "orderDateFrom": "2024-01-01",
        "orderDateTo": "2025-01-01",
        "limit": 5,
        "offset": 0,
    },
    {"kind": "retrieve_order", "connector": "demo", "orderCode": "O1"},
]
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
many = settings(max_examples=examples(20, 400), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def stocked(source: Administration, platform: Platform) -> Platform:
    """A platform with an order in its published copy."""
    source.put_order(HEADER, [LINE])
    source.put_item(ITEM)
    source.put_customer(CUSTOMER)
    platform.sync("orders", "demo", run_id="r").or_raise()
    platform.publish()
    return platform


def refusal_of(read: Callable[[], object]) -> ChangeRequest | None:
    """Read something, and return the error that refuses it; any other exception is a defect."""
    try:
        read()
    except ChangeRequest as refused:
        return refused
    return None


@many
@given(mutated(INTAKE) | any_value)
def test_any_intake_order_is_prepared_or_refused_with_its_faults(order: Any) -> None:
    raw = parse_request(as_json({"order": order}).encode())["order"]

    def prepared() -> None:
        intake = read_request(IntakeOrder, raw, "the order", AMSTERDAM)
        payload, _ = prepare_order(intake, None, datetime.now(UTC))
        assert json.loads(payload)["externalId"] == intake.intake_order_id

    refused = refusal_of(prepared)
    assert refused is None or refused.fields or "JSON object" in str(refused)


@many
@given(mutated(NEW_CUSTOMER) | any_value)
def test_any_new_customer_is_read_or_refused_with_its_faults(customer: Any) -> None:
    raw = parse_request(as_json({"customer": customer}).encode())["customer"]
    refused = refusal_of(lambda: read_request(NewCustomer, raw, "the customer", AMSTERDAM))
    assert refused is None or refused.fields or "JSON object" in str(refused)


@given(st.binary(max_size=200) | any_value.map(lambda value: as_json(value).encode()))
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    refused = refusal_of(lambda: parse_request(raw))
    assert refused is None or refused.code in ("Invalid", "TooLarge")


def test_every_request_has_an_answer_and_none_fails_by_surprise(
    stocked: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """Through the worker, as from the inbox; the answer `Unexpected` would be a defect."""
    caplog.set_level(logging.ERROR)
    with OnDemand(stocked, "run") as service:
        worker = RequestWorker(service)

        @settings(many, max_examples=50)
        @given(st.sampled_from(REQUESTS).flatmap(mutated))
        def check(request: Any) -> None:
            raw = as_json(request).encode()
            answer = worker_answer(worker, raw)
            assert answer["status"] in ("ok", "refused", "failed", "unknown")
            assert (answer["error"] or {}).get("code") != "Unexpected"

        check()
    assert [record.getMessage() for record in caplog.records] == []


def worker_answer(worker: RequestWorker, raw: bytes) -> dict[str, Any]:
    document = json.loads(as_bytes(worker.document(Waiting("id", raw))))
    assert isinstance(document, dict)
    return document


def test_a_request_that_is_nested_deeply_has_an_answer(stocked: Platform) -> None:
    with OnDemand(stocked, "run") as service:
        worker = RequestWorker(service)
        for request, depth in product(REQUESTS, (99, 940)):
            for deep in ({"more": nested(depth)}, deeply(request, depth)):
                answer = worker_answer(worker, as_json(request | deep).encode())
                assert (answer["error"] or {}).get("code") != "Unexpected", (request["kind"], depth)


def deeply(request: dict[str, Any], depth: int) -> dict[str, Any]:
    """The last field of a request, deeply nested."""
    name = list(request)[-1]
    held = request[name]
    return {name: held | {"more": nested(depth)} if isinstance(held, dict) else nested(depth)}


# The inbox


def test_whatever_is_in_the_inbox_is_answered_or_left_and_nothing_else_is_touched(
    stocked: Platform, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text('{"kind": "outside-secret"}')
    inbox = stocked.settings.data_dir / "inbox"
    inbox.mkdir()
    good = json.dumps({"kind": "retrieve_orders"}).encode()
    names = [
        *("a.json", "..a.json", "-rf.json", "a\\..\\b.json", "new\nline.json", "\x1b[2J.json", "CON.json"),
        *(
            "\u202e.json",
            " .json",
            "x" * 240 + ".json",
            "$(id).json",
            "%2e%2e%2fx.json",
            "half.tmp",
            ".hidden.json",
        ),
        os.fsdecode(b"\xff\xfe.json"),
    ]
    for name in names:
        (inbox / name).write_bytes(good)
    (inbox / "folder.json").mkdir()
    (inbox / "link.json").symlink_to(outside / "secret.json")
    (inbox / "dangling.json").symlink_to(outside / "nowhere")
    (inbox / "endless.json").symlink_to("/dev/zero")
    os.mkfifo(inbox / "pipe.json")
    with (inbox / "huge.json").open("wb") as file:
        file.truncate(100 * LARGEST_REQUEST)
    (inbox / "deep.json").write_bytes(b"[" * 100_000)
    (inbox / "bom.json").write_bytes(b"\xef\xbb\xbf" + good)
    (inbox / "twice.json").write_bytes(b'{"kind": "retrieve_orders", "kind": "prices"}')
    (inbox / "empty.json").write_bytes(b"")
    asked = {path.name for path in inbox.iterdir()} - {"half.tmp", ".hidden.json", "..a.json"}
    before = everything_in(outside)
    started = time.monotonic()
    settled = stocked.settings.model_copy(update={"linger_seconds": 0.3})
    with OnDemand(Platform(settled), "run") as service:
        RequestWorker(service).serve(lambda: time.monotonic() - started > 60)
    left = {path.name for path in inbox.iterdir()} - {"done", "failed", ".unsettled", ".answers"}
    assert left == {"half.tmp", ".hidden.json", "..a.json"}
    answers = [path.read_text() for path in (stocked.settings.data_dir / "outbox").iterdir()]
    assert len(answers) == len(asked)
    assert {json.loads(answer)["status"] for answer in answers} == {"ok", "refused"}
    assert not any("outside-secret" in answer for answer in answers)
    assert everything_in(outside) == before
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("data", "outside")] == []


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_picture_stays_in_its_folder_whatever_its_hash_says(
    source: Administration, platform: Platform, tmp_path: Path
) -> None:
    hashes = ["../../x", "/etc/x", "..", "a/../../b", "nul\0", "\x1b[2J", "x" * 5000, "é"]
    for number, one in enumerate(hashes):
        images = [{"hash": one, "fileName": "../../../y"}]
        source.put_item(ITEM | {"itemCode": f"A{number}", "images": images})
        source.put_image(one, b"GIF89a and so on")
    platform.sync("items", "demo", run_id="r").or_raise()
    platform.publish()
    result = platform.fetch_pictures("demo")
    held = [path for path in tmp_path.rglob("*") if path.suffix == ".gif"]
    assert [path.parent for path in held] == [platform.settings.images_path] * result.fetched
    assert result.fetched + len(result.missed) == len(hashes)


# The command line


ARGUMENTS = (
    (b"order", b"\xff"),
    (b"orders", b"--customer", b"\xff"),
    (b"orders", b"--offset", b"9" * 60),
    (b"orders", b"--limit", b"9" * 60),
    (b"orders", b"--offset", b"1000000000"),
    (b"orders", b"--json", b"--connector", b"\xff"),
    (b"retry", b"\xff"),
    (b"images", b"\xff"),
    (b"stock", b"\xff"),
    (b"report", b"--connector", b"\xff"),
    (b"export-order", b"\xff.json"),
)


def test_any_argument_has_a_line_for_an_answer(
    stocked: Platform, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("A4S_GATEWAY_URL", stocked.settings.required_gateway_url())
    monkeypatch.setenv("A4S_CONNECTORS", json.dumps({"demo": ADMINISTRATION}))
    for arguments in ARGUMENTS:
        monkeypatch.setattr(sys, "argv", ["a4s", *map(os.fsdecode, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = "".join(capsys.readouterr())
        assert ended.value.code in (None, 0, 1, 2), arguments
        assert "Traceback" not in printed, arguments
        assert printed, arguments


NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202e\r\n"


def test_no_command_lets_a_name_speak_to_the_terminal(
    source: Administration, sandbox: Sandbox, platform_of: PlatformOf, tmp_path: Path
) -> None:
    code = f"O{NASTY}1"
    spoken = {"customerName": NASTY, "notes": NASTY, "currency": NASTY, "customerCode": NASTY, NASTY: NASTY}
    source.put_order(HEADER | {"orderCode": code} | spoken, [LINE | {"description": NASTY, "unit": NASTY}])
    source.put_item(ITEM | {"itemCode": NASTY, "images": [{"hash": NASTY}]})
    order = INTAKE | {"intakeOrderId": NASTY, NASTY: 1, "customerCode": NASTY}
    (tmp_path / "order.json").write_text(json.dumps(order))
    (tmp_path / "customer.json").write_text(json.dumps({"customerCode": NASTY, "name": NASTY}))
    platform = platform_of(sandbox.url)
    platform.sync("items", "demo", run_id="r").or_raise()
    platform.sync("orders", "demo", run_id="r").or_raise()
    platform.publish()
    commands = [
        *(["orders"], ["orders", "--json"], ["order", code], ["order", code, "--json"], ["order", NASTY]),
        *(["stock", NASTY], ["stock", f"{NASTY}x"], ["images"], ["images", f"{NASTY}x"], ["check"]),
        *(["export-order", "order.json", "--dry-run"], ["export-order", "order.json"], ["exports"]),
        *(["retry", NASTY], ["create-customer", "customer.json"], ["exports", "--json"]),
    ]
    script = (
        "import json, sys\nfrom a4s_pipeline.cli import main\n"
        # As to a terminal: click takes escape sequences out of what goes to a file.
        "import click.utils; click.utils.should_strip_ansi = lambda *_: False\n"
        f"for arguments in json.loads({json.dumps(json.dumps(commands))}):\n"
        "    sys.argv = ['a4s', *arguments]\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
    )
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}
    given = {"A4S_GATEWAY_URL": sandbox.url, "A4S_CONNECTORS": json.dumps({"demo": ADMINISTRATION})}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**mine, **given, "A4S_TIMEOUT_SECONDS": "10", "NO_COLOR": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    printed = (done.stdout + done.stderr).decode()
    assert "Traceback" not in printed
    own_colours = ("\x1b[1m", "\x1b[0m", *(f"\x1b[{colour}m" for colour in (31, 32, 33, 90)))
    for colour in own_colours:
        printed = printed.replace(colour, "")
    assert [letter for letter in "\x1b\x07\x9b\x7f\u202e\r" if letter in printed] == []
    assert r"\x1b[2J" in printed


# These print what is their own, or escape it themselves.
PRINT_THEMSELVES = {"check.py", "demo.py", "dev.py", "main.py", "output.py", "report.py", "sandbox.py"}


def test_commands_print_through_the_one_place_that_escapes() -> None:
    cli = ROOT / "a4s_pipeline" / "cli"
    found = {path.name for path in cli.rglob("*.py") if "click.echo(" in path.read_text(encoding="utf-8")}
    assert found <= PRINT_THEMSELVES
