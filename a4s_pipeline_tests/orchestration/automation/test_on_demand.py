import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from a4s_pipeline.ondemand.worker import runs
from a4s_pipeline.orchestration.automation import on_demand as module
from a4s_pipeline.orchestration.automation.on_demand import JOB, on_demand_requests
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.orchestration.conftest import definitions_of
from a4s_pipeline_tests.support.installed_site import Site, asks, exports, installed, wait_until
from a4s_pipeline_tests.support.project import ROOT


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, linger_seconds=0) as site:
        site.put_items("A1", "A2")
        yield site


def tick(site: Site, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """Evaluate the inbox sensor as the daemon does: a run request, or why there is none."""
    with dg.build_sensor_context(instance, resources={"platform": Platform(site.settings)}) as context:
        data = on_demand_requests.evaluate_tick(context)
    if data.run_requests:
        (request,) = data.run_requests
        return request
    assert data.skip_message is not None
    return data.skip_message


def load_anew() -> None:
    """Act as a new process of the code location."""
    module._generation.cache_clear()


def run(
    site: Site, instance: dg.DagsterInstance, config: dict[str, str] | None = None, **tags: str
) -> dg.ExecuteInProcessResult:
    job = definitions_of(site.settings).resolve_job_def(JOB)
    return job.execute_in_process(
        instance=instance,
        tags=tags,
        resources={"platform": Platform(site.settings)},
        run_config={"ops": {"answer_requests": {"config": config or {}}}},
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = [event for event in result.events_for_node("answer_requests") if event.is_successful_output]
    found = output.step_output_data.metadata
    return {name: value.value for name, value in found.items()}


def put_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    """Put a run with this status into the history, without anything else of it."""
    run = instance.create_run_for_job(
        job_def=module.on_demand_job(Layout()), status=dg.DagsterRunStatus.NOT_STARTED
    )
    events = {
        dg.DagsterRunStatus.STARTING: dg.DagsterEventType.PIPELINE_STARTING,
        dg.DagsterRunStatus.STARTED: dg.DagsterEventType.PIPELINE_START,
    }
    if status in events:
        instance.report_dagster_event(dg.DagsterEvent(events[status].value, JOB), run.run_id)
    return run.run_id


@contextmanager
def a_worker_in_this_process(site: Site) -> Iterator[None]:
    """Show what a run shows while it answers."""
    locks = site.data_dir / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / "on_demand.serving").open("a") as sign:
        fcntl.flock(sign, fcntl.LOCK_SH)
        yield


# The sensor.


def test_where_nothing_waits_no_run_is_started(site: Site, instance: dg.DagsterInstance) -> None:
    assert tick(site, instance) == "no request waits in the inbox"


def test_before_the_folders_are_made_no_run_is_started(site: Site, instance: dg.DagsterInstance) -> None:
    site.inbox.rmdir()
    assert tick(site, instance) == "no request waits in the inbox"


def test_without_a_connector_requests_wait_and_none_is_refused(
    site: Site, instance: dg.DagsterInstance
) -> None:
    site.drop("one", exports("IO-1"))
    site.settings = site.settings.model_copy(update={"connectors": {}})
    told = tick(site, instance)
    assert isinstance(told, str)
    assert "A4S_CONNECTORS" in told
    assert not run(site, instance).success
    assert (site.inbox / "one.json").exists()


def test_what_is_not_looked_at_starts_no_run(site: Site, instance: dg.DagsterInstance) -> None:
    for name in (".one.json", "one.json.tmp", "one.txt"):
        (site.inbox / name).write_text(json.dumps(asks("A1")))
    assert tick(site, instance) == "no request waits in the inbox"


@pytest.mark.parametrize("number", [1, 20])
def test_where_requests_wait_one_run_is_started(
    site: Site, instance: dg.DagsterInstance, number: int
) -> None:
    for each in range(number):
        site.drop(f"r{each}", asks("A1"))
    asked = tick(site, instance)
    assert isinstance(asked, dg.RunRequest)
    assert asked.job_name in (None, JOB)
    assert asked.run_config == {}


def test_what_is_not_settled_yet_starts_a_run_too(site: Site, instance: dg.DagsterInstance) -> None:
    unsettled = site.inbox / ".unsettled"
    unsettled.mkdir()
    (unsettled / "one.json").write_text(json.dumps(exports("IO-1")))
    assert isinstance(tick(site, instance), dg.RunRequest)


def test_a_request_that_no_run_has_answered_starts_another(site: Site, instance: dg.DagsterInstance) -> None:
    site.drop("one", asks("A1"))
    asked = [tick(site, instance) for _ in range(3)]
    keys = {each.run_key for each in asked if isinstance(each, dg.RunRequest)}
    assert len(keys) == 3


def test_while_a_run_answers_none_is_started(site: Site, instance: dg.DagsterInstance) -> None:
    site.drop("one", asks("A1"))
    with a_worker_in_this_process(site):
        assert tick(site, instance) == "a run is answering requests"
    assert isinstance(tick(site, instance), dg.RunRequest)


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_while_a_run_is_about_to_answer_none_is_started(
    site: Site, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    site.drop("one", asks("A1"))
    run_id = put_run(instance, status)
    record = instance.get_run_record_by_id(run_id)
    assert record is not None
    assert record.dagster_run.status is status
    assert tick(site, instance) == "a run is answering requests"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_that_was_killed_or_never_taken_up_is_in_nobodys_way_for_long(
    site: Site, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
) -> None:
    """Dagster counts it as running for minutes more; test_runs.py tests when that ends."""
    site.drop("one", asks("A1"))
    put_run(instance, status)
    assert tick(site, instance) == "a run is answering requests"
    for time_it_has in ("_TIME_TO_BEGIN", "_TIME_TO_SHOW"):
        monkeypatch.setattr(runs, time_it_has, timedelta(0))
    assert isinstance(tick(site, instance), dg.RunRequest)


def test_a_run_that_has_ended_is_in_nobodys_way(site: Site, instance: dg.DagsterInstance) -> None:
    site.drop("one", asks("A1"))
    assert run(site, instance).success
    site.drop("two", asks("A1"))
    assert isinstance(tick(site, instance), dg.RunRequest)


# The run.


def test_a_run_answers_what_waits_and_says_how_much(site: Site, instance: dg.DagsterInstance) -> None:
    for number in range(5):
        site.drop(f"r{number}", asks("A1"))
    site.drop("bad", b"{")
    site.drop("order", exports("IO-1"))
    result = run(site, instance)
    assert result.success
    assert site.answered() == {"r0", "r1", "r2", "r3", "r4", "bad", "order"}
    assert site.answer("r0")["answer"]["items"][0]["projected"] == "5"
    assert site.answer("order")["status"] == "ok"
    assert metadata(result) == {"answered_ok": 6, "answered_refused": 1}
    assert site.names_in() == []


def test_a_run_settles_what_is_unknown(site: Site, instance: dg.DagsterInstance) -> None:
    site.sandbox.faults.script = {"export_order": ["lose_post_reply"]}
    with site.service() as service:
        orders = service.connector("demo").orders
        assert orders.export(exports("IO-1")["order"], datetime.now(UTC)).status == "unknown"
    assert run(site, instance).success
    with site.service() as service:
        assert service.connector("demo").orders.settle("IO-1").status == "ok"  # type: ignore[union-attr]
    assert len(site.sandbox.calls("exported_order")) == 1
    assert len(site.source.booked) == 1


def test_a_run_answers_stock_while_the_warehouse_is_locked(site: Site, instance: dg.DagsterInstance) -> None:
    """However long the wait for the ledgers, with or without something to settle."""
    site.choose(linger_seconds=60)
    site.drop("one", asks("A1"))
    asked = tick(site, instance)
    assert isinstance(asked, dg.RunRequest)
    thread = threading.Thread(target=run, args=(site, instance), kwargs=asked.tags)
    with site.warehouse_held():
        thread.start()
        assert site.wait_for("one")["status"] == "ok"
        assert thread.is_alive()
        load_anew()
        tick(site, instance)
    thread.join(30)
    assert not thread.is_alive()


def test_a_run_shows_that_a_worker_is_there_and_ends_when_its_time_is_up(
    site: Site, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    site.choose(linger_seconds=60)
    site.drop("one", asks("A1"))
    thread = threading.Thread(target=run, args=(site, instance))
    thread.start()
    site.wait_for("one")
    site.drop("two", asks("A1"))
    with dg.DagsterInstance.ephemeral() as another:
        # The sign alone tells it: this history knows of no run.
        assert tick(site, another) == "a run is answering requests"
        site.wait_for("two")
        clock.now = module.LONGEST_RUN_SECONDS
        thread.join(30)
        assert not thread.is_alive()
        site.drop("three", asks("A1"))
        assert isinstance(tick(site, another), dg.RunRequest)
    assert site.answered() == {"one", "two"}


def test_a_run_ends_when_the_code_location_is_reloaded(
    site: Site, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_FOR_IT_EVERY_SECONDS", 0.05)
    site.choose(linger_seconds=60)
    site.drop("one", asks("A1"))
    asked = tick(site, instance)
    assert isinstance(asked, dg.RunRequest)
    thread = threading.Thread(target=run, args=(site, instance), kwargs=asked.tags)
    thread.start()
    site.wait_for("one")
    # The same code location looks again: nothing changes.
    assert tick(site, instance) == "a run is answering requests"
    site.drop("two", asks("A1"))
    site.wait_for("two")
    time.sleep(0.2)
    assert thread.is_alive()
    # Another process has loaded it.
    load_anew()
    assert tick(site, instance) == "a run is answering requests"
    thread.join(30)
    assert not thread.is_alive()


def test_a_run_goes_on_if_its_state_cannot_be_asked(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_run_id: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(instance, "get_run_by_id", away)
    assert not module._is_over(instance, "some run")()


def test_a_request_given_by_hand_is_answered_in_the_metadata_and_leaves_the_inbox_alone(
    site: Site, instance: dg.DagsterInstance
) -> None:
    site.drop("one", asks("A1"))
    result = run(site, instance, {"request_json": json.dumps(asks("A2"))})
    assert result.success
    found = metadata(result)
    assert found["status"] == "ok"
    assert (found["answer"]["id"], found["answer"]["kind"]) == ("launchpad", "projected_stock")
    assert found["answer"]["answer"]["items"][0]["itemCode"] == "A2"
    assert site.names_in() == ["one.json"]
    assert site.answered() == set()


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ("not json", "refused", "Invalid"),
        ('{"kind": "prices"}', "refused", "NotSupported"),
        ("[" * 100_000, "refused", "Invalid"),
        (json.dumps(asks("A1") | {"padding": "x" * 1024 * 1024}), "refused", "TooLarge"),
    ],
)
def test_a_request_given_by_hand_that_is_refused_says_so(
    site: Site, instance: dg.DagsterInstance, given: str, status: str, code: str
) -> None:
    result = run(site, instance, {"request_json": given, "request_id": "by-hand"})
    assert result.success
    found = metadata(result)
    assert (found["status"], found["answer"]["id"]) == (status, "by-hand")
    assert found["answer"]["error"]["code"] == code


def test_an_export_given_by_hand_goes_through_the_ledger(site: Site, instance: dg.DagsterInstance) -> None:
    for _ in range(2):
        result = run(site, instance, {"request_json": json.dumps(exports("IO-1"))})
        assert metadata(result)["answer"]["answer"]["orderNumber"] == "TP000001"
    assert len(site.source.booked) == 1


def test_orders_asked_for_by_hand_are_shown_with_what_the_contract_does_not_name(
    site: Site, instance: dg.DagsterInstance
) -> None:
    header = {"orderCode": "B1", "orderDate": "2024-03-05T09:00:00", "customerCode": "K1", "weight": 2.5}
    site.source.put_order(header, [])
    platform = Platform(site.settings)
    platform.sync("orders", "demo", run_id="sync").or_raise()
    platform.publish()
    result = run(site, instance, {"request_json": json.dumps({"kind": "retrieve_orders"})})
    (order,) = metadata(result)["answer"]["answer"]["orders"]
    assert (order["orderCode"], order["attributes"]["weight"]) == ("B1", 2.5)


@pytest.mark.parametrize("request_id", ["../one", "a/b", ".hidden", ""])
def test_an_id_given_by_hand_is_a_plain_file_name(
    site: Site, instance: dg.DagsterInstance, request_id: str
) -> None:
    result = run(site, instance, {"request_json": json.dumps(asks("A1")), "request_id": request_id})
    assert not result.success
    assert site.sandbox.requests == []


def test_nothing_of_the_job_is_run_again_by_dagster() -> None:
    job = module.on_demand_job(Layout())
    assert job.tags["dagster/max_retries"] == "0"
    assert job.executor_def is dg.in_process_executor
    assert [
        node.definition.retry_policy for node in job.nodes if isinstance(node.definition, dg.OpDefinition)
    ] == [None]


@pytest.mark.nightly  # test_request_worker.py shows the same without Dagster
def test_a_run_that_is_asked_to_stop_finishes_what_it_began(tmp_path: Path) -> None:
    with installed(tmp_path, max_connections=4) as site:
        # Each asks for another item: equal questions would share one call.
        site.put_items(*(f"A{number}" for number in range(10)))
        site.sandbox.faults.script = {"stock": ["hang"] * 4}
        site.sandbox.faults.hang_seconds = 3
        for number in range(10):
            site.drop(f"r{number}", asks(f"A{number}"))
        home = tmp_path / "home"
        home.mkdir()
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "A4S_GATEWAY_URL": site.sandbox.url,
            "A4S_CONNECTORS": json.dumps(site.chosen["connectors"]),
            "A4S_DATA_DIR": str(site.data_dir),
            "A4S_MAX_CONNECTIONS": "4",
        }
        command = [
            sys.executable,
            "-m",
            "dagster",
            "job",
            "execute",
            "-m",
            "a4s_pipeline.definitions",
            "-j",
            JOB,
        ]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            try:
                wait_until(lambda: len(site.sandbox.calls("stock")) == 4, seconds=60)
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            finally:
                process.kill()
                process.wait()
        assert len(site.answered()) == len(site.names_in("done")) == 4, (tmp_path / "log").read_text()
        assert {site.answer(each)["status"] for each in site.answered()} == {"ok"}
        assert len(site.names_in()) == 6
        assert len(site.sandbox.calls("stock")) == 4
