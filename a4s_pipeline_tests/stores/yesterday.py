"""An installation left by an earlier release in the middle of its work, continued by today's code."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from a4s_pipeline.ondemand.retrieval.orders import OrderHistory
from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.ondemand.worker.upkeep import Upkeep
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.schema.migrations import SCHEMA_VERSION, version_of
from a4s_pipeline_tests.kills.versions import TABLES, columns_of
from a4s_pipeline_tests.stores import made
from a4s_sandbox import Administration, Sandbox, World

MODELS = ("sales_orders", "stock_position")


@dataclass
class Site:
    """An old installation, run by today's code, on a gateway that knows what was sent to it then."""

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
        with self.platform.readable.reading() as connection:
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


def platform_on(sandbox: Sandbox, data: Path, **more: Any) -> Platform:
    settings: dict[str, Any] = {
        "gateway_url": sandbox.url,
        "connectors": {"demo": made.ADMINISTRATION},
        "data_dir": data,
        "linger_seconds": 0,
        "resend_after_seconds": 0,
        **more,
    }
    return Platform(GivenSettings(**settings))


@contextmanager
def opened(packed: Path, folder: Path, **more: Any) -> Iterator[Site]:
    """Unpack an installation, with a gateway that has what was sent to it then."""
    booked = made.unpack(packed, folder)
    world = World()
    source = world.add_administration(made.ADMINISTRATION)
    made.fill(source)
    for body in booked["orders"]:
        source.book(body)
    for body in booked["customers"]:
        source.register_customer(body)
    with Sandbox(world) as sandbox:
        yield Site(platform_on(sandbox, folder / "data", **more), sandbox, source)


def assert_it_is_brought_to_its_end(site: Site) -> None:
    """Answer what waits; check that each order is booked once and no given answer changes."""
    # The copy that was published then is read before anything else is done.
    assert OrderHistory(site.platform.readable, "demo").order("VO-1")["attributes"]["warehouse"] == "AMS1"
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


def assert_a_sync_brings_the_rows_of_a_fresh_import(site: Site, fresh: Site) -> None:
    """Check that old rows agree with what is imported now, and that nothing was rewritten."""
    written = "SELECT order_code, synced_at FROM orders WHERE order_code LIKE 'VO-%' ORDER BY ALL"
    before = site.rows(written)
    assert len(before) == 3
    site.source.history_sync()
    site.sync_all()
    fresh.sync_all()
    compared = [f"SELECT {columns_of(table)} FROM {table.name} ORDER BY ALL" for table in TABLES]
    compared += [f"SELECT * FROM {model} ORDER BY ALL" for model in MODELS]
    compared.append("SELECT stream, record_key, part, reason, payload FROM set_aside ORDER BY ALL")
    ours, theirs = site.published(compared), fresh.published(compared)
    assert ours == theirs
    assert site.rows(written) == before
    assert site.version() == SCHEMA_VERSION
