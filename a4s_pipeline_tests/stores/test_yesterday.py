"""Installations as earlier releases left them in the middle of their work, gone on with by this one."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import duckdb
import pytest

from a4s_pipeline.ondemand.retrieval.orders import retrieve_order
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.ondemand.worker.upkeep import Upkeep
from a4s_pipeline.orchestration.assets.partitions import RANGE_END, RANGE_START
from a4s_pipeline.orchestration.automation.on_demand import JOB
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.schema.migrations import SCHEMA_VERSION, version_of
from a4s_pipeline_tests.kills.versions import TABLES, columns_of
from a4s_pipeline_tests.orchestration.conftest import evaluated
from a4s_pipeline_tests.stores import made
from a4s_sandbox import Administration, Sandbox, World

INSTALLATIONS = sorted(Path(made.__file__).parent.glob("*.tar.xz"))
SCHEMAS = {
    path.name.removesuffix(".tar.xz"): int(path.stem.partition("schema-")[2][0]) for path in INSTALLATIONS
}
"""The number of its schema by the name of each; that of 1 has none in the store itself."""
OF_EVERY_RELEASE = pytest.mark.parametrize("packed", INSTALLATIONS, ids=SCHEMAS)
MODELS = ("sales_orders", "stock_position")


@dataclass
class Site:
    """An installation of yesterday, run by today's code, on a gateway that knows what was sent to it then."""

    platform: Platform
    sandbox: Sandbox
    source: Administration

    @property
    def data(self) -> Path:
        return self.platform.settings.data_dir

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.platform.warehouse.session() as connection:
            return connection.execute(query).fetchall()

    def version(self) -> int | None:
        with duckdb.connect(str(self.data / "analytics.duckdb"), read_only=True) as connection:
            return version_of(connection)

    def published(self, queries: list[str]) -> dict[str, list[tuple[Any, ...]]]:
        with self.platform.readable.reading() as connection:
            return {query: connection.execute(query).fetchall() for query in queries}

    def sync_all(self) -> None:
        for stream in ("items", "customers", "orders"):
            self.platform.sync(stream, "demo", run_id=str(uuid4()), plan=OrdersPlan()).or_raise()
        self.platform.publish()

    def answer_the_inbox(self) -> None:
        with OnDemand(self.platform, "today") as service, Upkeep(service):
            RequestWorker(service).serve(lambda: False)

    def answers(self) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_bytes()) for path in (self.data / "outbox").glob("*.json")}


@pytest.fixture
def site(packed: Path, tmp_path: Path) -> Iterator[Site]:
    booked = made.unpack(packed, tmp_path)
    world = World()
    source = world.add_administration(made.ADMINISTRATION)
    made.fill(source)
    for body in booked["orders"]:
        source.book(body)
    for body in booked["customers"]:
        source.register_customer(body)
    with Sandbox(world) as sandbox:
        yield Site(platform_on(sandbox, tmp_path / "data"), sandbox, source)


def platform_on(sandbox: Sandbox, data: Path) -> Platform:
    settings: dict[str, Any] = {
        "gateway_url": sandbox.url,
        "connectors": {"demo": made.ADMINISTRATION},
        "data_dir": data,
        "linger_seconds": 0,
        "resend_after_seconds": 0,
    }
    return Platform(GivenSettings(**settings))


@OF_EVERY_RELEASE
def test_what_a_release_was_in_the_middle_of_is_brought_to_its_end(site: Site) -> None:
    # The copy that was published then is read before anything else is done.
    assert retrieve_order(site.platform.readable, "demo", "VO-1")["attributes"]["warehouse"] == "AMS1"
    answered = site.answers()
    site.answer_the_inbox()
    answers = site.answers()
    # What was answered then stays as it was told.
    settled = {name: answers[name] for name in made.ANSWERED}
    assert settled == {name: answered[name] for name in made.ANSWERED}
    others = {name: answer["status"] for name, answer in answers.items() if name not in settled}
    assert others == dict.fromkeys((*made.UNSETTLED, *made.IN_FLIGHT, *made.WAITING), "ok")
    ledger = dict(site.rows("SELECT intake_order_id, status FROM order_exports"))
    assert ledger.pop("refused") == "refused"
    assert set(ledger.values()) == {"ok"}
    booked = Counter(order.external_id for order in site.source.booked)
    assert set(booked.values()) == {1}
    assert len(booked) == len(ledger) == 5
    # What was booked already is looked up, and not sent again.
    sent = [json.loads(call.body)["externalId"] for call in site.sandbox.calls("export_order")]
    assert sent == ["waiting"]
    assert not site.sandbox.calls("create_customer")
    # The same request again has the same answer.
    (site.data / "inbox" / "booked.json").write_bytes((site.data / "inbox/done/booked.json").read_bytes())
    (site.data / "outbox" / "booked.json").unlink()
    site.answer_the_inbox()
    assert site.answers()["booked"] == answered["booked"]


def test_there_is_an_installation_of_every_earlier_version_of_the_schema() -> None:
    """Whoever raises the version keeps one of the version before here: `made.py` says how."""
    assert set(SCHEMAS.values()) >= set(range(1, SCHEMA_VERSION))


@OF_EVERY_RELEASE
def test_a_sync_brings_the_rows_of_a_fresh_import(site: Site, packed: Path, tmp_path: Path) -> None:
    assert (site.version() or 1) == SCHEMAS[packed.name.removesuffix(".tar.xz")]
    written = "SELECT order_code, synced_at FROM orders WHERE order_code LIKE 'VO-%' ORDER BY ALL"
    before = site.rows(written)
    assert len(before) == 3
    site.source.history_sync()
    site.sync_all()
    fresh = Site(platform_on(site.sandbox, tmp_path / "fresh"), site.sandbox, site.source)
    fresh.sync_all()
    compared = [f"SELECT {columns_of(table)} FROM {table.name} ORDER BY ALL" for table in TABLES]
    compared += [f"SELECT * FROM {model} ORDER BY ALL" for model in MODELS]
    compared.append("SELECT stream, record_key, part, reason, payload FROM set_aside ORDER BY ALL")
    ours, theirs = site.published(compared), fresh.published(compared)
    assert ours == theirs
    assert site.rows(written) == before
    assert site.version() == SCHEMA_VERSION


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
