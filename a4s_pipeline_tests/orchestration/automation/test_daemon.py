"""Everything real: a webserver, a daemon, a backfill launched from the UI, and a request in the inbox."""

import json
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline_tests.orchestration.automation.conftest import Server, background
from a4s_pipeline_tests.orchestration.conftest import ADMINISTRATIONS
from a4s_pipeline_tests.support.installed_site import asks, stock_of
from a4s_pipeline_tests.support.nightly import at_night
from a4s_sandbox import Sandbox

pytestmark = pytest.mark.slow

LAUNCH = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


# Each run is a process that loads everything: five seconds of the processor.
@pytest.mark.parametrize("one_fails", [False, *at_night(True)])
def test_the_daemon_backfills_months_in_one_run_reports_a_failed_run_and_answers_requests(
    sandbox: Sandbox, server: Server, environment: dict[str, str], tmp_path: Path, one_fails: bool
) -> None:
    source = sandbox.world[ADMINISTRATIONS["demo"]]
    for month in range(1, 8):
        header = {"orderCode": f"A{month}", "orderDate": f"2024-0{month}-15T09:00:00", "customerCode": "K1"}
        lines = [{"lineCode": "1", "lineNumber": 1, "itemCode": "I1", "quantity": month}]
        source.put_order(header, lines)
    launched = server.ask(
        LAUNCH,
        params={
            "assetSelection": [{"path": ["orders"]}, {"path": ["order_lines"]}],
            "partitionNames": [f"demo|2024-0{month}-01" for month in (3, 4, 5)],
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    backfill = launched["backfillId"]

    source.put_item({"itemCode": "I1", "names": {}, "stock": stock_of("I1", 7)})
    inbox, answer = tmp_path / "data" / "inbox", tmp_path / "data" / "outbox" / "stock.json"
    inbox.mkdir(parents=True)
    (inbox / "stock.json").write_text(json.dumps(asks("I1")))

    def is_over() -> bool:
        return {run["status"] for run in server.runs(backfill)} & {"SUCCESS", "FAILURE", "CANCELED"} != set()

    # Started after the launch, because the daemon looks for backfills as it starts, then every 30 s.
    with background("dagster-daemon", ["run", "-m", "a4s_pipeline.definitions"], environment, tmp_path):
        server.wait_until("run", is_over)
        runs = server.runs(backfill)
        if one_fails:
            assert_a_run_that_fails_is_told(server, tmp_path / "data" / "failures.log")
        server.wait_until("answered", answer.exists)
    assert json.loads(answer.read_bytes())["answer"]["items"][0]["projected"] == "7"
    assert [run["status"] for run in runs] == ["SUCCESS"]
    (run,) = runs
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["dagster/asset_partition_range_start"] == "demo|2024-03-01"
    assert tags["dagster/asset_partition_range_end"] == "demo|2024-05-01"
    # A scheduled run may have come in between at a quarter of an hour: the rows of this run are its own.
    assert written_by(run["id"], tmp_path / "data" / "warehouse.duckdb") == ["A3 3", "A4 4", "A5 5"]
    assert written_by(run["id"], tmp_path / "data" / "analytics.duckdb") == ["A3 3", "A4 4", "A5 5"]


def assert_a_run_that_fails_is_told(server: Server, told: Path) -> None:
    server.wait_until("looked for alerts", lambda: server.has_ticked("alerts"))
    months = {f"dagster/asset_partition_range_{end}": "weg|2024-03-01" for end in ("start", "end")}
    failing = server.start("sync_orders", months)
    server.wait_until("told", lambda: told.exists() and failing in told.read_text())
    (line,) = [line for line in told.read_text().splitlines() if failing in line]
    assert "sync_orders weg 2024-03-01 failed: weg: " in line
    assert "Niet meer daar B.V." in line


def written_by(run_id: str, path: Path) -> list[str]:
    """The orders that a run wrote, each with its line's quantity."""
    query = """
        SELECT o.order_code || ' ' || l.quantity::BIGINT
        FROM orders o JOIN order_lines l USING (connector, order_code)
        WHERE o.run_id = $1 AND l.run_id = $1 ORDER BY ALL
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        return [row for (row,) in connection.execute(query, [run_id]).fetchall()]
