"""Old Dagster runs are deleted, and no partition loses its state."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from a4s_pipeline.orchestration.assets.events.run_history import prune_runs

MONTHS = dg.StaticPartitionsDefinition(["one", "two"])


@dg.asset(partitions_def=MONTHS)
def months(context: dg.AssetExecutionContext) -> None:
    context.log.info("recorded")


@dg.asset
def whole() -> None:
    print("captured")  # noqa: T201 - so that there is output to delete


def record(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, partition: str | None = None) -> str:
    return dg.materialize([asset], instance=instance, partition_key=partition).run_id


def test_old_runs_go_but_for_the_last_that_recorded_a_partition(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        superseded = [record(instance, months, "one"), record(instance, whole)]
        last_of_two = record(instance, months, "two")
        now = datetime.now(UTC) + timedelta(milliseconds=1)
        newer = [record(instance, months, "one"), record(instance, whole)]

        assert prune_runs(instance, now) == len(superseded)

        left = {record.dagster_run.run_id for record in instance.get_run_records()}
        assert left == {last_of_two, *newer}
        assert instance.get_materialized_partitions(months.key) == {"one", "two"}
        files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
        assert [name for name in files if any(run_id in name for run_id in superseded)] == []
        assert prune_runs(instance, now) == 0


def test_a_run_under_way_stays_however_old(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        job = dg.Definitions(assets=[whole]).resolve_implicit_global_asset_job_def()
        under_way = instance.create_run_for_job(job).run_id
        assert prune_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        assert instance.get_run_by_id(under_way) is not None
