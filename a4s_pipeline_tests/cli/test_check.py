import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from a4s_pipeline.cli.main import a4s
from a4s_pipeline.errors import ChangeSettings
from a4s_sandbox import Faults, Sandbox, World

CONNECTORS = {"demo": "Demo B.V.", "zuid": "Kantoor Zuid B.V."}
NAMES = [
    "reachable",
    "credentials",
    "administration",
    "focus_connector",
    "last_history_sync",
    "clock",
    "paging",
    "order_of_orders",
    "boundary_of_dates",
    "order_lines",
]
Check = Callable[..., Result]


@pytest.fixture
def world() -> World:
    world = World()
    held = world.add_administration("Demo B.V.", "Exact Globe", timedelta(minutes=20))
    for number in range(5):
        lines = [{"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": 1}]
        day = f"2024-03-0{number + 1}T09:00:00"
        held.put_order({"orderCode": f"VO-{number}", "orderDate": day, "customerCode": "K1"}, lines)
    world.add_administration("Kantoor Zuid B.V.", None)
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as served:
        yield served


@pytest.fixture
def configured(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("A4S_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A4S_GATEWAY_URL", sandbox.url)
    monkeypatch.setenv("A4S_CONNECTORS", json.dumps(CONNECTORS))
    return monkeypatch


@pytest.fixture
def run(configured: pytest.MonkeyPatch) -> Check:
    return lambda *arguments: CliRunner().invoke(a4s, ["check", *arguments])


def test_a_connector_in_order_has_a_heading_ten_ticks_and_status_0(run: Check) -> None:
    result = run("--connector", "demo")
    assert (result.exit_code, result.stderr) == (0, "")
    heading, *lines = result.stdout.splitlines()
    assert heading == "demo  'Demo B.V.'"
    assert [line[4:23].strip().replace(" ", "_") for line in lines] == NAMES
    assert {line[:4] for line in lines} == {"  ✓ "}
    assert "\x1b" not in result.stdout


def test_all_connectors_are_checked_where_none_is_named(run: Check) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    demo, zuid = result.stdout.split("\n\n")
    assert demo.startswith("demo  ")
    assert zuid.startswith("zuid  'Kantoor Zuid B.V.'\n")
    assert "  ! focus connector    the legacy backend has no focus connector" in zuid
    assert f"\n{' ' * 23}→ have a focus connector configured" in zuid
    assert "  – paging  " in zuid  # noqa: RUF001 - the mark itself


def test_with_only_warnings_the_status_is_0(run: Check, sandbox: Sandbox) -> None:
    sandbox.faults = Faults(ignore_order_date_to=True, clock_skew_seconds=3600)
    result = run("--connector", "demo")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "  ! clock  " in result.stdout
    assert "  ! boundary of dates" in result.stdout
    assert result.stdout.count("→") == 2


def test_json_is_one_document_of_all_findings(run: Check) -> None:
    result = run("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert list(document) == ["machine", "connectors"]
    assert [finding["verdict"] for finding in document["machine"]] == ["ok", "ok"]
    assert list(document["connectors"]) == ["demo", "zuid"]
    for findings in document["connectors"].values():
        assert [finding["name"] for finding in findings] == NAMES
        assert all(list(finding) == ["name", "verdict", "message", "advice"] for finding in findings)
    verdicts = [finding["verdict"] for finding in document["connectors"]["zuid"]]
    assert verdicts == ["ok", "ok", "ok", "warning", "skipped", "ok"] + ["skipped"] * 4
    assert {finding["advice"] for finding in document["connectors"]["demo"]} == {None}


def test_credentials_are_never_shown(run: Check, sandbox: Sandbox, configured: pytest.MonkeyPatch) -> None:
    sandbox.token = "tok-RIGHT-7"
    configured.setenv("A4S_GATEWAY_TOKEN", "tok-WRONG-7")
    for options in ([], ["--json"]):
        result = run(*options)
        assert result.exit_code == 1
        assert "401" in result.stdout
        assert "-7" not in result.output


def test_a_gateway_that_is_away_is_a_finding_and_no_stack_trace(
    run: Check, sandbox: Sandbox, configured: pytest.MonkeyPatch
) -> None:
    sandbox.close()
    result = run("--connector", "demo")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "✗ reachable" in result.stdout
    assert result.stderr == "a4s: demo: not in order: reachable\n"


@pytest.mark.parametrize(
    ("variable", "value", "arguments"),
    [
        ("A4S_GATEWAY_URL", None, []),
        ("A4S_CONNECTORS", None, []),
        ("A4S_PAGE_SIZE", "0", []),
        ("A4S_CONNECTORS", '{"demo": "Demo B.V."}', ["--connector", "noord"]),
    ],
)
def test_wrong_settings_are_reported_before_any_call(
    variable: str,
    value: str | None,
    arguments: list[str],
    run: Check,
    sandbox: Sandbox,
    configured: pytest.MonkeyPatch,
) -> None:
    if value is None:
        configured.delenv(variable)
    else:
        configured.setenv(variable, value)
    result = run(*arguments)
    assert isinstance(result.exception, ChangeSettings)
    assert variable in str(result.exception)
    assert sandbox.requests == []


def test_advice_is_broken_at_the_width_of_a_terminal(run: Check, configured: pytest.MonkeyPatch) -> None:
    configured.setattr("a4s_pipeline.cli.imports.check._is_terminal", lambda: True)
    configured.setenv("COLUMNS", "80")
    lines = run("--connector", "zuid").stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    advice = next(number for number, line in enumerate(lines) if "→" in line)
    assert lines[advice + 1].startswith(" " * 25)


def test_the_installed_command_needs_neither_dagster_nor_duckdb(
    configured: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    program = (
        "import sys\n"
        "from a4s_pipeline.cli import main\n"
        "sys.argv = ['a4s', 'check', '--connector', 'demo', '--json']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    heavy = {'dagster', 'duckdb', 'pandas'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["connectors"]) == ["demo"]


def test_proxies_of_the_environment_are_reported_because_no_call_uses_them(
    run: Check, configured: pytest.MonkeyPatch
) -> None:
    assert "A4S_GATEWAY_PROXY" not in run().stderr
    configured.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:1")
    result = run("--json")
    assert "HTTPS_PROXY set but not used" in result.stderr
    assert "secret" not in result.output + result.stderr
    assert len(json.loads(result.stdout)["connectors"]["demo"]) == len(NAMES)


def test_what_is_wrong_on_this_machine_is_said_first_with_what_to_do(
    run: Check, configured: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("A4S_PAGE_SISE=100\n")
    configured.setenv("A4S_DATA_DIR", "/dev/null/data")
    configured.setenv("A4S_ORDER_HOOK", "no_such_module:before_export")
    result = run("--connector", "demo")
    assert result.exit_code == 1
    machine, demo = result.stdout.split("\n\n")
    assert machine.startswith("this machine  /dev/null/data\n")
    assert "  ! settings           A4S_PAGE_SISE is not a setting and is ignored" in machine
    assert "→ did you mean A4S_PAGE_SIZE?" in machine
    assert "  ✗ data folder        /dev/null cannot be written" in machine
    assert "  ✗ order hook         A4S_ORDER_HOOK: no_such_module:before_export cannot be imported" in machine
    assert demo.count("✓") == len(NAMES)
    assert result.stderr.endswith("a4s: this machine: not in order: data folder, order hook\n")


def test_interim_answers_are_counted_and_reported(run: Check, sandbox: Sandbox) -> None:
    assert "interim" not in run("--connector", "demo").stderr
    sandbox.faults = Faults(interim=1)
    done = run("--connector", "demo")
    assert done.exit_code == 0
    assert re.search(r"the gateway sent \d+ interim answers \(102, 103\) before its answers", done.stderr)
