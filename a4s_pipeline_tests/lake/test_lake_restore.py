"""Restoring a lake in a process that has read it before."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from a4s_pipeline.backup.making import back_up
from a4s_pipeline.backup.restoring import restore
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.rows.ondemand.restores import last_restore
from a4s_pipeline.warehouse.rows.staging import append_rows
from a4s_pipeline.warehouse.tables import FORGOTTEN_CUSTOMERS

pytestmark = pytest.mark.cluster


def forget(platform: Platform, code: str) -> None:
    now = datetime.now(UTC).isoformat()
    row = {
        "connector": "demo",
        "customer_code": code,
        "forgotten_at": now,
        "asked_by": "ann",
        "touched": "{}",
        "synced_at": now,
        "run_id": "run",
    }
    platform.warehouse.transact(lambda connection: append_rows(connection, FORGOTTEN_CUSTOMERS, [row]))


def test_a_restored_lake_is_the_one_that_is_marked_and_whoever_was_forgotten_since_is_named(
    tmp_path: Path,
) -> None:
    platform = Platform(
        GivenSettings(
            connectors={"demo": "Demo B.V."},
            data_dir=tmp_path / "data",
            warehouse=f"ducklake:sqlite:{tmp_path}/data/catalog.sqlite",
        )
    )
    forget(platform, "K1")
    back_up(platform, tmp_path / "backup")
    forget(platform, "K2")

    restored = restore(platform, tmp_path / "backup", replace=True)

    assert restored.forgotten_since == (("demo", "K2"),)
    with platform.warehouse.session() as connection:
        assert last_restore(connection, "demo") is not None
        forgotten = connection.execute("SELECT customer_code FROM forgotten_customers").fetchall()
    assert forgotten == [("K1",)]
