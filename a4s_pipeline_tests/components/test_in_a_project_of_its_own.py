"""The component in another project, loaded and listed by Dagster's own command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster import ComponentTree

from a4s_pipeline.components.connector import A4sConnector, checked_streams
from a4s_pipeline.errors import ChangeSettings

pytestmark = pytest.mark.slow

PYPROJECT = """
[project]
name = "warehouse"
version = "1"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "warehouse"
python_environment = "active"
"""
DEFINITIONS = """
from pathlib import Path
import dagster as dg

@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
OWN_ORDERS = """
import dagster as dg

@dg.asset
def orders():
    "Another system's orders: a key that ours must not take."
"""
DEFS_YAML = """
type: a4s_pipeline.components.A4sConnector
attributes:
  settings:
    gateway_url: https://gateway.example.com
    gateway_token: "{{ env.TOKEN_OF_THE_GATEWAY }}"
    connectors: {shop: {administration: Shop B.V., streams: [items, orders]}}
    data_dir: data
    history_start: "2026-01-01"
  key_prefix: [erp, a4s]
  groups: {sales: a4s_sales}
  owners: ["team:erp"]
  streams: [items, orders]
  schedules: false
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    folder = root / "warehouse" / "defs"
    (folder / "a4s").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "warehouse" / "__init__.py").touch()
    (root / "warehouse" / "definitions.py").write_text(DEFINITIONS)
    (folder / "__init__.py").touch()
    (folder / "own.py").write_text(OWN_ORDERS)
    (folder / "a4s" / "defs.yaml").write_text(DEFS_YAML)
    return root


def dg(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("A4S_")}
    bin_folder = Path(sys.executable).parent
    return subprocess.run(
        [str(bin_folder / "dg"), *arguments],
        cwd=project,
        env={
            **environment,
            "PATH": f"{bin_folder}{os.pathsep}{environment['PATH']}",
            "PYTHONPATH": str(project),
            "TOKEN_OF_THE_GATEWAY": "s3cret-Word",
            "DAGSTER_HOME": str(project),
            "DG_CLI_CONFIG": str(project / "dg.toml"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_is_listed_beside_what_the_project_has_itself(project: Path) -> None:
    listed = dg(project, "list", "defs", "--json")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    found = json.loads(listed.stdout)
    assets = {asset["asset_key"]: asset for asset in found["assets"]}
    assert {"orders", "erp/a4s/orders", "erp/a4s/order_lines", "erp/a4s/items"} <= assets.keys()
    assert "erp/a4s/customers" not in assets
    assert assets["erp/a4s/orders"]["group_name"] == "a4s_sales"
    assert "erp" in json.dumps(assets["erp/a4s/orders"]["owners"])
    assert {job["name"] for job in found["jobs"]} >= {"sync_orders", "sync_items", "on_demand"}
    assert found["schedules"] == []
    assert {sensor["name"] for sensor in found["sensors"]} >= {"on_demand_requests"}
    assert "s3cret-Word" not in listed.stdout + listed.stderr


def test_a_wrong_setting_is_reported_by_its_name() -> None:
    component = A4sConnector(settings={"data_folder": "data", "connectors": {"shop": "Shop B.V."}})
    with pytest.raises(ChangeSettings, match="data_folder: there is no such setting"):
        component.build_defs(ComponentTree.for_test().load_context)


@pytest.mark.nightly
def test_a_wrong_setting_is_reported_by_the_check_of_dagster(project: Path) -> None:
    path = project / "warehouse" / "defs" / "a4s" / "defs.yaml"
    path.write_text(DEFS_YAML.replace("data_dir:", "data_folder:"))
    checked = dg(project, "check", "defs")
    assert checked.returncode != 0
    assert "data_folder: there is no such setting" in checked.stdout + checked.stderr


def test_streams_are_imported_in_their_order_whatever_the_order_in_which_they_are_named() -> None:
    assert checked_streams(["orders", "items"]) == ("items", "orders")
    with pytest.raises(ValueError, match="prices"):
        checked_streams(["items", "prices"])
    with pytest.raises(ValueError, match="name at least one"):
        checked_streams([])
