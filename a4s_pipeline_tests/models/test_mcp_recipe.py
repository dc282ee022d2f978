"""The language model recipe of docs/analysts.md: its client queries the copy, without any model."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline_tests.support.project import ROOT

_PAGE = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
REFUSED = [
    "DELETE FROM orders",
    "CREATE TABLE mine (a INT)",
    "COPY orders TO '{folder}/orders.csv'",
    "EXPORT DATABASE '{folder}/all'",
    "SELECT * FROM read_text('{folder}/.env')",
    "SELECT * FROM '{folder}/*.csv'",
    "ATTACH '{site}/warehouse.duckdb' AS store",
    "ATTACH '{folder}/mine.duckdb' AS mine",
    "INSTALL httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
]


class McpClient:
    """Speaks the Model Context Protocol with a server it started."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server
        self._id = 0
        about = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        self.ask("initialize", about)
        self._write({"method": "notifications/initialized"})

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        self._write({"id": self._id, "method": method, "params": params})
        assert self._server.stdout is not None
        for line in self._server.stdout:
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == self._id:
                assert "result" in answer, answer
                return dict(answer["result"])
        raise AssertionError(f"the server ended before it answered {method}")

    def call(self, tool: str, **arguments: str) -> str:
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        return "".join(part["text"] for part in answer["content"])

    def _write(self, message: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._server.stdin.flush()


@pytest.fixture
def client(demo_copy: Path) -> Iterator[McpClient]:
    program = shutil.which(
        "mcp-server-motherduck", path=os.pathsep.join([str(ROOT / ".venv-mcp" / "bin"), os.environ["PATH"]])
    )
    if program is None:
        pytest.skip("mcp-server-motherduck is not installed: `make nightly` installs it in .venv-mcp")
    found = re.search(r"```json\n(.*?)```", _PAGE, re.S)
    assert found is not None
    package, *arguments = json.loads(found[1])["mcpServers"]["a4s"]["args"]
    assert package == Path(program).name
    arguments[arguments.index("--db-path") + 1] = str(demo_copy)
    with subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=demo_copy.parent,
    ) as server:
        try:
            yield McpClient(server)
        finally:
            server.terminate()


@pytest.mark.nightly
def test_the_comments_reach_it_and_it_can_query_but_not_write_or_see_a_file(
    client: McpClient, demo_copy: Path, tmp_path: Path
) -> None:
    for name in (".env", "prices.csv"):
        (tmp_path / name).write_text("A4S_GATEWAY_TOKEN=hidden\n")
    tables = {one["name"]: one["comment"] for one in json.loads(client.call("list_tables"))["tables"]}
    assert "What was sold is `WHERE is_sale`" in tables["sales_orders"]
    columns = json.loads(client.call("list_columns", table="sales_orders"))["columns"]
    assert all(column["comment"] for column in columns)
    sold = client.call("execute_query", sql="SELECT count(*) AS n FROM sales_orders WHERE is_sale")
    assert json.loads(sold)["rows"][0][0] > 100
    before = sorted([*tmp_path.iterdir(), *demo_copy.parent.iterdir()])
    for statement in REFUSED:
        answer = client.call("execute_query", sql=statement.format(folder=tmp_path, site=demo_copy.parent))
        assert answer.startswith("Error") or json.loads(answer)["success"] is False, (statement, answer)
        assert "hidden" not in answer
    assert sorted([*tmp_path.iterdir(), *demo_copy.parent.iterdir()]) == before
