"""Runs whose worker is gone are ended; all others are left alone."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from a4s_pipeline.cli.demo_folder import dagster_home
from a4s_pipeline.errors import StoreUnreachable
from a4s_pipeline.locks.file_locks import Busy, FileLocks
from a4s_pipeline.orchestration.automation.jobs import IMPORT_TAGS
from a4s_pipeline.orchestration.automation.lost_runs import (
    ANNOUNCED_WITHIN_SECONDS,
    ANNOUNCES_PRESENCE,
    lost_runs,
    may_be_ours,
    platform_resource,
)
from a4s_pipeline.orchestration.in_process import jobs_recorded_in
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings


class Presences:
    """Locks that reach other machines, as far as these tests need them: a set of names."""

    reach_other_machines = True

    def __init__(self) -> None:
        self.shown_now: set[str] = set()

    @contextmanager
    def announce_presence(self, name: str) -> Iterator[None]:
        self.shown_now.add(name)
        yield
        self.shown_now.discard(name)

    def is_present(self, name: str) -> bool:
        return name in self.shown_now

    def exclusive(self, name: str, wait_seconds: float, busy: Busy) -> AbstractContextManager[None]:
        raise NotImplementedError

    def to_write(
        self, name: str, wait_seconds: float, busy: Busy, *, is_exclusive: bool
    ) -> AbstractContextManager[None]:
        raise NotImplementedError


@dg.op(required_resource_keys={"platform"})
def look_at_the_locks(context: dg.OpExecutionContext) -> set[str]:
    return set(getattr(context.resources.platform.locks, "shown_now", ()))


@dg.job
def some_job() -> None:
    look_at_the_locks()


class Runs:
    """Runs that Dagster considers started, and the sensor that examines them."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.locks = Presences()
        self.platform = Platform(GivenSettings())
        self.platform.__dict__["locks"] = self.locks
        self.cursor: str | None = None

    def started(self, *, is_of_others: bool = False, tags: Mapping[str, str] = ANNOUNCES_PRESENCE) -> str:
        tags = {} if is_of_others else dict(tags)
        run = self.instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTING, tags=tags)
        event = dg.DagsterEvent(event_type_value="PIPELINE_START", job_name="some_job", message="")
        self.instance.report_dagster_event(event, run_id=run.run_id)
        return run.run_id

    def look(self) -> None:
        resources = {"platform": self.platform}
        with dg.build_sensor_context(self.instance, cursor=self.cursor, resources=resources) as context:
            result = lost_runs(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status


@pytest.fixture
def runs() -> Iterator[Runs]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runs(instance)


def test_a_run_that_shows_no_sign_at_two_looks_is_ended_with_a_reason(runs: Runs) -> None:
    lost = runs.started()
    runs.look()
    assert runs.status(lost) is dg.DagsterRunStatus.STARTED
    runs.look()
    assert runs.status(lost) is dg.DagsterRunStatus.FAILURE
    events = [entry.dagster_event for entry in runs.instance.all_logs(lost) if entry.dagster_event]
    assert any("its worker is gone" in (event.message or "") for event in events)
    runs.look()
    assert runs.cursor == ""


def test_a_run_that_announces_its_presence_is_left_alone(runs: Runs) -> None:
    alive, lost = runs.started(), runs.started()
    with runs.locks.announce_presence(f"run.{alive}"):
        runs.look()
        runs.look()
    assert runs.status(alive) is dg.DagsterRunStatus.STARTED
    assert runs.status(lost) is dg.DagsterRunStatus.FAILURE


def test_a_sign_that_was_missed_once_is_forgiven(runs: Runs) -> None:
    alive = runs.started()
    runs.look()
    with runs.locks.announce_presence(f"run.{alive}"):
        runs.look()
    runs.look()
    assert runs.status(alive) is dg.DagsterRunStatus.STARTED


def test_an_import_whose_worker_was_gone_before_it_could_announce_itself_is_ended_too(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, other = runs.started(tags=IMPORT_TAGS), runs.started(is_of_others=True)
    runs.look()
    runs.look()
    assert runs.status(lost) is dg.DagsterRunStatus.STARTED
    later = time.time() + ANNOUNCED_WITHIN_SECONDS + 1
    monkeypatch.setattr("a4s_pipeline.orchestration.automation.lost_runs.time.time", lambda: later)
    runs.look()
    runs.look()
    assert runs.status(lost) is dg.DagsterRunStatus.FAILURE
    assert runs.status(other) is dg.DagsterRunStatus.STARTED


def test_runs_of_other_projects_in_the_same_dagster_are_left_alone(runs: Runs) -> None:
    other = runs.started(is_of_others=True)
    runs.look()
    runs.look()
    assert runs.status(other) is dg.DagsterRunStatus.STARTED


def test_runs_of_another_installation_in_the_same_dagster_are_left_alone() -> None:
    for run_location, location, is_ours in [
        ("warehouse_a", "warehouse_a", True),
        ("warehouse_b", "warehouse_a", False),
        (None, "warehouse_a", True),
        ("warehouse_a", None, True),
    ]:
        assert may_be_ours(run_location, location) is is_ours


def test_a_run_shows_its_sign_as_long_as_it_lasts(runs: Runs) -> None:
    done = some_job.execute_in_process(
        instance=runs.instance, resources={"platform": platform_resource(runs.platform)}
    )
    assert done.output_for_node("look_at_the_locks") == {f"run.{done.run_id}"}
    recorded = runs.instance.get_run_by_id(done.run_id)
    assert recorded is not None
    assert ANNOUNCES_PRESENCE.items() <= recorded.tags.items()
    assert runs.locks.shown_now == set()


def test_on_one_machine_a_run_shows_nothing(tmp_path: Path) -> None:
    platform = Platform(GivenSettings(data_dir=tmp_path))
    assert isinstance(platform.locks, FileLocks)
    some_job.execute_in_process(resources={"platform": platform_resource(platform)})
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_show_its_sign_fails_with_the_reason_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def announce_presence(_name: str) -> AbstractContextManager[None]:
        raise StoreUnreachable("the database does not answer: see that it runs")

    platform = Platform(GivenSettings(connectors={"demo": "Demo B.V."}, data_dir=tmp_path))
    locks = Presences()
    monkeypatch.setattr(locks, "announce_presence", announce_presence)
    platform.__dict__["locks"] = locks
    with jobs_recorded_in(dagster_home(tmp_path), platform) as run:
        assert run("items", "demo") == "the database does not answer: see that it runs"
