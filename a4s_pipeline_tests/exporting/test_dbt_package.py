"""A dbt package of the published tables: described, tested, and with freshness."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.exporting.dbt_package import write_dbt_package
from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.schema.relations import relations_by
from a4s_pipeline_tests.support.demo_copy import publish_demo_copy

_ROOT = Path(__file__).parents[2]
_PROJECT = {
    "dbt_project.yml": "name: mine\nversion: 1.0.0\nprofile: mine\n",
    "packages.yml": "packages:\n  - local: ../dbt\n",
    "models/days.sql": "SELECT order_day, sum(amount) AS amount FROM {{ source('a4s', 'sales_orders') }} "
    "WHERE is_sale GROUP BY ALL",
}


def test_every_relation_and_column_is_described_and_tests_name_columns_that_are_there(tmp_path: Path) -> None:
    write_dbt_package(tmp_path / "dbt", Conventions(item_attributes=(("brand", "text"),)))
    written = yaml.safe_load((tmp_path / "dbt" / "models" / "a4s_sources.yml").read_text())
    tables = {table["name"]: table for table in written["sources"][0]["tables"]}
    columns = {name: {column["name"] for column in table["columns"]} for name, table in tables.items()}
    relations = relations_by(Conventions(item_attributes=(("brand", "text"),)))
    assert columns == {one.name: {column.name for column in one.columns} for one in relations}
    assert "brand" in columns["dim_item"]
    for name, table in tables.items():
        assert table["description"]
        assert all(column["description"] for column in table["columns"])
        for test in table.get("data_tests", ()):
            for kind, given in test.items():
                assert set(given["arguments"]["columns"]) <= columns[name]
                if kind == "a4s_reference":
                    there = given["arguments"]["to"].split("'")[3]
                    assert set(given["arguments"]["there"]) <= columns[there]
    assert {name for name, table in tables.items() if "config" in table} == {"orders", "customers", "items"}


def test_an_earlier_package_is_rewritten_and_nothing_else_is(tmp_path: Path) -> None:
    for _ in range(2):
        assert write_dbt_package(tmp_path / "dbt", Conventions())
    for folder, file in (("mine", "dbt_project.yml"), ("other", "letter.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("name: mine\n")
        with pytest.raises(ChangeRequest, match="contains other files"):
            write_dbt_package(tmp_path / folder, Conventions())


@pytest.mark.nightly
def test_dbt_builds_upon_it_and_every_test_of_the_package_passes(tmp_path: Path) -> None:
    dbt = shutil.which("dbt", path=os.pathsep.join([str(_ROOT / ".venv-dbt" / "bin"), os.environ["PATH"]]))
    if dbt is None:
        pytest.skip("dbt is not installed: `make nightly` installs it in .venv-dbt")
    publish_demo_copy(tmp_path)
    write_dbt_package(tmp_path / "dbt", Conventions())
    attached = {"path": "../analytics.duckdb", "alias": "a4s", "read_only": True}
    target = {
        "type": "duckdb",
        "path": "mine.duckdb",
        "settings": {"TimeZone": "Europe/Amsterdam"},
        "attach": [attached],
    }
    profile = {"mine": {"target": "dev", "outputs": {"dev": target}}}
    for path, content in {**_PROJECT, "profiles.yml": json.dumps(profile)}.items():
        (tmp_path / "site" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / path).write_text(content)
    for command in (["deps"], ["build", "--threads", "1", "--warn-error"], ["source", "freshness"]):
        done = subprocess.run(
            [dbt, *command, "--profiles-dir", "."],
            cwd=tmp_path / "site",
            env={**os.environ, "DO_NOT_TRACK": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
