"""What a data engineer clicks: the launchpad of an import, and an asset's checks."""

import json
from pathlib import Path

import pytest

from a4s_pipeline_tests.orchestration.automation.conftest import PLACE, Server, background
from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS, line
from a4s_pipeline_tests.support.browser import Browser
from a4s_sandbox import Sandbox

RUN = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
LAUNCHPAD = f"/locations/__repository__@{PLACE['repositoryLocationName']}/jobs/import_orders/playground"
CHECKS = 7

pytestmark = pytest.mark.nightly


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Only connectors the gateway knows, so that importing all succeeds."""
    return {**environment, "A4S_CONNECTORS": json.dumps(ADMINISTRATIONS)}


def test_the_launchpad_imports_with_its_defaults_and_one_click_runs_all_checks(
    sandbox: Sandbox, server: Server, environment: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    header = {"orderCode": "A1", "orderDate": "2024-03-15T09:00:00", "customerCode": "K1"}
    for name in ("demo", "noord"):
        sandbox.world[ADMINISTRATIONS[name]].put_order(header, [line()])
    with background("dagster-daemon", ["run", "-m", "a4s_pipeline.definitions"], environment, tmp_path):
        browser.go(server.url + LAUNCHPAD)
        browser.wait_until("filled in", lambda: "reading: NEW" in browser.text)
        browser.wait_until("without errors", lambda: "No errors" in browser.text)
        browser.click("Launch Run", "gone on to the run", lambda: browser.path.startswith("/runs/"))
        run = browser.path.split("/")[2]

        def status() -> str:
            return str(server.ask(RUN, run=run)["runOrError"]["status"])

        server.wait_until("over", lambda: status() in ("SUCCESS", "FAILURE"))
        assert status() == "SUCCESS"

        browser.go(f"{server.url}/assets/orders?view=checks")
        browser.wait_until("shown", lambda: f"Checks ({CHECKS})" in browser.text)
        # Told by the import itself; months were never compared.
        browser.wait_until("told", lambda: browser.text.count("Not Evaluated") == 1)
        browser.click("Execute all", "executed", lambda: "Not Evaluated" not in browser.text)
        browser.wait_until("over", lambda: "In Progress" not in browser.text)
        browser.wait_until("with verdicts", lambda: browser.text.count("Succeeded") >= CHECKS - 1)

        browser.go(f"{server.url}/assets/sales_lines")
        browser.wait_until("recorded", lambda: "Never materialized" not in browser.text)
        assert "External Asset" in browser.text
