"""An installation that moves from a file to a lake, with rows that are hard to move."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.lake.lake_export import export_to_lake
from a4s_pipeline.warehouse.rows.staging import Row, append_rows
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.table import AMOUNT, DAY, FLAG, INSTANT, JSON, SECONDS, TEXT, WHOLE, Table
from a4s_pipeline.warehouse.tables import TABLES
from a4s_pipeline_tests.hostile.wire_values import NASTY_TEXTS
from a4s_pipeline_tests.kills.conftest import foreign_environment
from a4s_pipeline_tests.kills.versions import put_customer, put_item, put_order
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Sandbox, World

CONNECTORS = {"demo": "Demo B.V.", "noord": "Noord"}
RUN = "from a4s_pipeline.cli import run; run()"
EXTREMES: dict[str, list[Any]] = {
    TEXT: [*(text for text in NASTY_TEXTS if "\ud800" not in text), None],
    AMOUNT: ["99999999999999.9999", "-99999999999999.9999", "0.0001", "-0.0000", None],
    INSTANT: ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-03-31T02:30:00+01:00", None],
    DAY: ["0001-01-01", "9999-12-31", None],
    WHOLE: [2**63 - 1, -(2**63), 0, None],
    FLAG: [True, False, None],
    SECONDS: [1e300, 0.1, -0.0, None],
    JSON: ['{"b": 1,  "a": 1.10, "a": 2}', "[1E+400]", "null", '"\\u0000"', '" "', None],
}
FILL = """
    INSERT INTO order_lines (connector, order_code, line_code, quantity, description, attributes, synced_at)
    SELECT 'demo', 'B' || number // 5, number % 5, number / 7, hash(number), '{"of": "' || number || '"}',
           TIMESTAMPTZ '2024-01-01'
    FROM range($rows) AS t (number)
"""

Rows = dict[str, list[tuple[Any, ...]]]


def hostile_rows(table: Table, connector: str) -> list[Row]:
    """Rows in which each column takes all its extremes, each under its own key."""
    rows: list[Row] = []
    for number in range(max(map(len, EXTREMES.values()))):
        row: dict[str, Any] = {
            column.name: EXTREMES[column.type][(number + place) % len(EXTREMES[column.type])]
            for place, column in enumerate(table.columns)
        }
        row |= {"synced_at": f"2024-05-01T00:00:{number:02d}.000001Z", "connector": connector}
        for name in table.key[1:]:
            of_type = next(column.type for column in table.columns if column.name == name)
            row[name] = {WHOLE: number, DAY: f"2024-05-{number + 1:02d}"}.get(of_type, f"{number}\x00'é")
        rows.append(row)
    return rows


def all_rows(store: Warehouse) -> Rows:
    """Every row of every table, with the columns in the package's order."""
    with store.session() as connection:
        found = {}
        for table in TABLES:
            columns = ", ".join(f'"{name}"' for name in table.column_names)
            rows = connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY ALL").fetchall()
            found[table.name] = rows
        return found


class Move:
    """An installation on a file, and the lake it moves to."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.data = folder / "data"
        self.files = folder / "lake" / "files"
        self.before: dict[str, str] = {
            "A4S_GATEWAY_URL": sandbox.url,
            "A4S_CONNECTORS": json.dumps(CONNECTORS),
            "A4S_DATA_DIR": str(self.data),
            "A4S_HISTORY_START": "2024-01-01",
        }
        self.after = {
            **self.before,
            "A4S_WAREHOUSE": f"ducklake:sqlite:{folder / 'lake' / 'catalog.sqlite'}",
            "A4S_LAKE_FILES": str(self.files),
        }
        self.of_file = Platform(_settings(self.before))
        self.of_lake = Platform(_settings(self.after))

    def to(self, lake: str) -> None:
        """Move to another lake."""
        self.after["A4S_WAREHOUSE"] = lake
        self.of_lake = Platform(_settings(self.after))

    @property
    def path(self) -> Path:
        return self.data / "warehouse.duckdb"

    @property
    def lake(self) -> Lake:
        assert isinstance(self.of_lake.warehouse, Lake)
        return self.of_lake.warehouse

    def put(self, *numbers: int, version: int = 1) -> None:
        for name in CONNECTORS.values():
            for number in numbers:
                for put in (put_order, put_item, put_customer):
                    put(self.sandbox.world[name], number, version)

    def sync(self, platform: Platform) -> None:
        for connector in CONNECTORS:
            platform.sync("items", connector, run_id="r").or_raise()
            platform.sync("customers", connector, run_id="r").or_raise()
            platform.sync("orders", connector, run_id="r").or_raise()

    def put_hostile(self) -> None:
        def write(connection: duckdb.DuckDBPyConnection) -> None:
            for table in TABLES:
                for connector in ("hostile", "' OR 1 = 1; --"):
                    append_rows(connection, table, hostile_rows(table, connector))

        self.of_file.warehouse.transact(write)

    def export(self, **how: Any) -> None:
        """Move everything in this process, without the command."""
        export_to_lake(self.path, self.lake, self.connectors(), **how)

    def connectors(self) -> list[str]:
        return sorted({row[0] for rows in all_rows(self.of_file.warehouse).values() for row in rows})

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command in its own process."""
        return subprocess.Popen(
            [sys.executable, "-c", RUN, "lake", "export"],
            cwd=ROOT,
            env=foreign_environment(**self.after),
            stdout=subprocess.DEVNULL,
        )

    def assert_moved(self) -> None:
        theirs, ours = all_rows(self.lake), all_rows(WarehouseFile(self.path))
        for name, rows in ours.items():
            assert theirs[name] == rows, name


def _settings(environment: dict[str, str]) -> GivenSettings:
    given = {name.removeprefix("A4S_").lower(): value for name, value in environment.items()}
    return GivenSettings(**given)  # type: ignore[arg-type]


@contextmanager
def moving(folder: Path, synced: Path | None = None) -> Iterator[Move]:
    """A synced installation of two connectors on a file, or a copy of one."""
    world = World()
    for name in CONNECTORS.values():
        world.add_administration(name)
    with Sandbox(world) as sandbox:
        move = Move(sandbox, folder)
        move.put(*range(30))
        if synced is None:
            move.sync(move.of_file)
        else:
            move.data.mkdir()
            shutil.copyfile(synced, move.path)
        yield move


def make_synced(folder: Path) -> None:
    """Make the file that is copied for others."""
    with moving(folder) as move:
        move.path.rename(folder / "synced.duckdb")
