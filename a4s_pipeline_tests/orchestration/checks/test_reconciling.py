import dagster as dg

from a4s_pipeline.orchestration.automation.jobs import SYNC_ORDERS
from a4s_pipeline.orchestration.checks.reconciling import RECONCILE_ORDERS
from a4s_pipeline.orchestration.failing import is_outage
from a4s_pipeline_tests.orchestration.conftest import Site, failure_of


def _run(site: Site) -> dg.ExecuteInProcessResult:
    return site.definitions.resolve_job_def(RECONCILE_ORDERS).execute_in_process(
        instance=site.instance, resources={"platform": site.platform}, raise_on_error=False
    )


def _told(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_months_that_agree_pass_with_their_counts(site: Site) -> None:
    site.put("A1")
    site.sync()
    told = _told(_run(site))
    assert told.passed
    assert told.metadata["orders_at_the_gateway"].value == told.metadata["orders_held"].value == 1


def test_a_month_that_no_sync_would_mend_is_named_with_its_orders_and_what_to_do(site: Site) -> None:
    for code in ("A1", "A2"):
        site.put(code)
        site.put(code, connector="noord")
    site.put("B1", "2024-09-01T09:00:00")
    site.sync()
    site.sync("noord")
    site.source().remove_order("A1")
    site.put("A2", connector="noord", status="changed")
    told = _told(_run(site))
    assert not told.passed
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert told.description == (
        "orders that differ from the gateway's: 1 (demo 2024-03: `A1`); "
        "`a4s reconcile --repair` reads these months again"
    )
    assert site.query("SELECT connector, gone FROM reconciled_months WHERE differs", copy=True) == [
        ("demo", 1),
        ("noord", 0),
    ]


def test_orders_that_the_next_sync_brings_in_are_nothing_to_warn_of(site: Site) -> None:
    site.put("A1")
    site.sync()
    site.put("NEW", "2024-06-05T09:00:00")
    assert _told(_run(site)).passed


def test_a_gateway_that_does_not_answer_fails_the_run_in_words(site: Site) -> None:
    site.sync()
    site.faults.server_error = 1.0
    result = _run(site)
    assert not result.success
    assert failure_of(result).startswith("demo: ")
    # So that it is told together with the imports that the same outage fails.
    assert all(is_outage(event) for event in result.get_step_failure_events())


def test_a_sync_does_not_compare_the_whole_history(site: Site) -> None:
    nodes = site.definitions.resolve_job_def(SYNC_ORDERS).graph.node_dict
    assert "order_health" in nodes
    assert "order_reconciliation" not in nodes


def test_a_month_by_hand_compares_its_own_months_and_says_what_is_known_of_the_others(site: Site) -> None:
    for connector in ("demo", "noord"):
        site.put("A1", connector=connector)
        site.put("B1", "2024-09-01T09:00:00", connector=connector)
        site.sync(connector)
    site.source("noord").remove_order("A1")
    _run(site)
    site.source().remove_order("B1")
    site.sandbox.clear()
    job = site.definitions.resolve_implicit_global_asset_job_def()
    keys = {dg.AssetKey("orders"), dg.AssetKey("order_lines")}
    check = dg.AssetCheckKey(dg.AssetKey("orders"), "months_agree")
    result = job.get_subset(asset_selection=keys, asset_check_selection={check}).execute_in_process(
        instance=site.instance,
        partition_key=dg.MultiPartitionKey({"connector": "demo", "month": "2024-03-01"}),
        resources={"platform": site.platform},
    )
    told = _told(result)
    assert told.metadata["months"].value == 1
    assert told.description is not None
    assert "noord 2024-03: `A1`" in told.description
    assert {call.administration for call in site.sandbox.requests} == {"Demo B.V."}


def test_a_gateway_that_does_not_answer_leaves_what_was_found_before(site: Site) -> None:
    site.put("A1")
    site.sync()
    assert _told(_run(site)).passed
    site.faults.server_error = 1.0
    result = _run(site)
    assert not result.success
    assert _told(result).passed
