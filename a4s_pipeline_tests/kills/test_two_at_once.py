"""Several processes on one installation: bounded waits, clear messages, and no update lost."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from a4s_pipeline_tests.kills.conftest import Site, Workers
from a4s_pipeline_tests.kills.test_sending_kills import creates, exports
from a4s_pipeline_tests.kills.versions import (
    all_rows,
    assert_true_state,
    put_customer,
    put_item,
    put_order,
)

ANALYST = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as held:
    print("held", flush=True)
    sys.stdin.readline()
    print(held.execute("SELECT count(*) FROM orders").fetchone()[0], flush=True)
"""


@contextmanager
def held_by_an_analyst(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Let another process open a file for reading; a line sent to it makes it count the orders and close."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANALYST, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.communicate("\n")


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    made = site_of(page_size=10)
    for number in range(20):
        put_order(made.source, number)
        put_item(made.source, number)
        put_customer(made.source, number)
    return made


def assert_as_calm(site: Site, workers: Workers, site_of: Callable[..., Site]) -> None:
    calm = site_of("calm")
    workers.do("sync", settings=calm.chosen, streams=["orders", "items", "customers"])
    assert all_rows(site) == all_rows(calm)


@pytest.mark.slow
def test_of_two_syncs_of_one_connector_one_waits_and_then_finds_nothing_new(
    site: Site, site_of: Callable[..., Site], crew: list[Workers]
) -> None:
    site.sandbox.latency_ms = 2
    for workers in crew[:2]:
        workers.start("sync", settings=site.chosen, streams=["orders", "items", "customers", "publish"])
    assert [workers.ended() for workers in crew[:2]] == [0, 0]
    # Whatever the one had brought in, the other did not ask for again.
    asked = [call.code for call in site.sandbox.calls("order_lines")]
    assert len(asked) == len(set(asked)) == 20
    assert_true_state(site)
    assert_as_calm(site, crew[0], site_of)
    assert site.query("SELECT flow, status, count(*) FROM flow_executions GROUP BY ALL ORDER BY ALL") == [
        ("sync_customers", "ok", 2),
        ("sync_items", "ok", 2),
        ("sync_orders", "ok", 2),
    ]


@pytest.mark.slow
def test_a_sync_a_backfill_exports_and_analysts_at_once_lose_nothing(
    site: Site, site_of: Callable[..., Site], crew: list[Workers]
) -> None:
    crew[0].do("sync", settings=site.chosen, streams=["orders", "publish"])
    for number in range(20, 30):
        put_order(site.source, number)
    put_order(site.source, 3, version=2)
    site.sandbox.latency_ms = 2
    site.sandbox.faults.dedupe = False
    requests = [exports(f"IO-{number}") for number in range(6)]
    for request in requests:
        request["order"] |= {"customerCode": "K0001", "lines": [{"itemCode": "I0001", "quantity": 2}]}
    requests += [creates(f"N{number:05d}") for number in range(6)]
    with held_by_an_analyst(site.settings.analytics_path) as analyst:
        crew[0].start(
            "sync", settings=site.chosen, streams=["orders", "publish", "items", "orders", "publish"]
        )
        crew[1].start("months", settings=site.chosen)
        crew[2].start("send", settings=site.chosen, requests=requests)
        assert [workers.ended() for workers in crew] == [0, 0, 0]
        # An open copy stays what it was.
        assert analyst.stdin is not None
        assert analyst.stdout is not None
        analyst.stdin.write("\n")
        analyst.stdin.flush()
        assert analyst.stdout.readline() == "20\n"
    assert site.published("SELECT count(*) FROM orders") == [(30,)]
    crew[0].do("sync", settings=site.chosen, streams=["customers"])
    assert_true_state_of_orders(site)
    assert_as_calm(site, crew[0], site_of)
    booked = sorted((order.external_id, order.order_number) for order in site.source.booked)
    assert len(booked) == len(dict(booked)) == 6
    assert (
        site.query("SELECT intake_order_id, order_number FROM order_exports WHERE status = 'ok' ORDER BY ALL")
        == booked
    )
    assert site.query("SELECT count(*) FROM created_customers WHERE status = 'ok'") == [(6,)]
    assert site.query("SELECT attempt_number, count(*) FROM order_export_attempts GROUP BY ALL") == [(1, 6)]


def assert_true_state_of_orders(site: Site) -> None:
    assert site.query("SELECT count(*) FROM orders WHERE lines_synced_at IS NULL") == [(0,)]
    assert site.query("SELECT count(*) FROM orders WHERE removed_at IS NOT NULL") == [(0,)]


def test_an_analyst_who_holds_the_warehouse_is_named_within_one_wait_and_costs_nothing(
    site: Site, site_of: Callable[..., Site], commands: Workers
) -> None:
    commands.do("sync", settings=site.chosen, streams=["orders", "items", "publish"])
    put_order(site.source, 20)
    with held_by_an_analyst(site.settings.warehouse_path) as analyst:
        said = commands.a4s(site, "sync", store_wait=4)
        assert said.status == 1
        # It is not waited for as long for each stream, nor to write down why it failed.
        for line, waited in zip(said.err, (4, 1, 1), strict=True):
            held = f"{site.settings.warehouse_path} is held by process {analyst.pid}, waited {waited} s"
            assert held in line
            assert "open analytics.duckdb, which is never locked" in line
        assert 6 <= said.waited < 7
        assert commands.a4s(site, "orders", "--json").status == 0
    assert commands.a4s(site, "sync", "orders").status == 0
    assert site.published("SELECT count(*) FROM orders") == [(21,)]
    assert_true_state(site)
