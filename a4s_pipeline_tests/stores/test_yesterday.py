"""Installations that earlier releases left in the middle of their work, continued by this one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from a4s_pipeline.orchestration.automation.on_demand import JOB
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.partitions import RANGE_END, RANGE_START
from a4s_pipeline.warehouse.schema.migrations import SCHEMA_VERSION
from a4s_pipeline_tests.orchestration.conftest import evaluated
from a4s_pipeline_tests.stores import made
from a4s_pipeline_tests.stores.yesterday import (
    Site,
    assert_a_sync_brings_the_rows_of_a_fresh_import,
    assert_it_is_brought_to_its_end,
    opened,
    platform_on,
)

# Those with a lake need its extension: a4s_pipeline_tests/lake has them.
INSTALLATIONS = [
    path for path in sorted(Path(made.__file__).parent.glob("*.tar.xz")) if "-lake-" not in path.name
]
SCHEMAS = {
    path.name.removesuffix(".tar.xz"): int(path.stem.partition("schema-")[2][0]) for path in INSTALLATIONS
}
"""The number of its schema by the name of each; that of 1 has none in the store itself."""
OF_EVERY_RELEASE = pytest.mark.parametrize(
    "packed",
    [*(pytest.param(path, marks=pytest.mark.slow) for path in INSTALLATIONS[:-1]), INSTALLATIONS[-1]],
    ids=SCHEMAS,
)


@pytest.fixture
def site(packed: Path, tmp_path: Path) -> Iterator[Site]:
    with opened(packed, tmp_path) as unpacked:
        yield unpacked


@OF_EVERY_RELEASE
def test_what_a_release_was_in_the_middle_of_is_brought_to_its_end(site: Site) -> None:
    assert_it_is_brought_to_its_end(site)


def test_there_is_an_installation_of_every_earlier_version_of_the_schema() -> None:
    """If you raise the version, keep an installation of the one before here: see `made.py`."""
    assert set(SCHEMAS.values()) >= set(range(1, SCHEMA_VERSION))


@OF_EVERY_RELEASE
def test_a_sync_brings_the_rows_of_a_fresh_import(site: Site, packed: Path, tmp_path: Path) -> None:
    assert (site.version() or 1) == SCHEMAS[packed.name.removesuffix(".tar.xz")]
    fresh = Site(platform_on(site.sandbox, tmp_path / "fresh"), site.sandbox, site.source)
    assert_a_sync_brings_the_rows_of_a_fresh_import(site, fresh)


@pytest.mark.slow
@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(path, marks=() if number == 0 else pytest.mark.nightly)
        for number, path in enumerate(INSTALLATIONS)
    ],
    ids=SCHEMAS,
)
def test_dagster_goes_on_in_the_home_of_a_release(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    definitions = build_definitions(site.platform.settings)
    resources = {"platform": site.platform}
    with dg.DagsterInstance.get() as instance:
        (killed,) = instance.get_runs(dg.RunsFilter(job_name=JOB))
        assert not killed.is_finished
        recorded = {key.to_user_string() for key in instance.all_asset_keys()}
        for sensor in definitions.sensors or ():
            with dg.build_sensor_context(instance, resources=resources, definitions=definitions) as context:
                tick = sensor.evaluate_tick(context)
            if sensor.name == "on_demand_requests":
                # Requests wait for no run that was killed.
                assert len(tick.run_requests or ()) == 1
        for schedule in definitions.schedules or ():
            evaluated(definitions, schedule.name, instance, site.platform)
        for name, first in {
            "sync_items": "demo",
            "sync_customers": "demo",
            "sync_orders": "demo|2024-03-01",
        }.items():
            job = definitions.resolve_job_def(name)
            done = job.execute_in_process(
                instance=instance, tags={RANGE_START: first, RANGE_END: first}, resources=resources
            )
            assert done.success
        assert recorded <= {key.to_user_string() for key in instance.all_asset_keys()}
