"""Checks of scheduled runs: Dagster plans none, so none reads "In Progress" while runs wait."""

from typing import Any

import dagster as dg

from a4s_pipeline_tests.orchestration.conftest import Site, line

CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION


def events(site: Site, run_id: str) -> list[Any]:
    records = site.instance.get_records_for_run(run_id).records
    return [one.event_log_entry.dagster_event for one in records if one.event_log_entry.dagster_event]


def found(site: Site, run_id: str) -> dict[str, bool]:
    told = [one.asset_check_evaluation_data for one in events(site, run_id) if one.event_type is CHECK]
    return {one.check_name: one.passed for one in told}


def test_a_scheduled_run_plans_no_check_and_reports_each_after_its_last_write(site: Site) -> None:
    site.put("A1")
    site.put("A2", subTotal=12, lines=[line(lineTotal=10)])
    result = site.scheduled()
    assert result.success
    kinds = [one.event_type for one in events(site, result.run_id)]
    assert dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED not in kinds
    told = found(site, result.run_id)
    assert told["orders_have_lines"]
    assert not told["sub_totals_match_lines"]
    assert {"exports_are_settled", "creations_are_settled", "stream_is_fresh"} <= told.keys()
    # Of months that were never compared there is nothing to say, and no green that nobody looked for.
    assert "months_agree" not in told
    last_import = max(
        number
        for number, one in enumerate(events(site, result.run_id))
        if one.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
        and one.asset_key.to_user_string() in ("orders", "order_lines", "order_exports")
    )
    assert last_import < kinds.index(CHECK)


def test_a_run_whose_import_fails_still_reports_the_checks(site: Site) -> None:
    site.put("A1")
    site.sync()
    site.faults.server_error = 1.0
    result = site.scheduled()
    assert not result.success
    assert found(site, result.run_id)["orders_have_lines"]


def test_the_result_of_a_comparison_stays_until_the_next_though_imports_go_on(site: Site) -> None:
    site.put("A1")
    site.sync()
    site.source().remove_order("A1")
    site.definitions.resolve_job_def("reconcile_orders").execute_in_process(
        instance=site.instance, resources={"platform": site.platform}
    )
    assert found(site, site.scheduled().run_id)["months_agree"] is False


def test_a_run_that_is_started_without_naming_its_assets_has_its_checks_from_dagster(site: Site) -> None:
    result = site.run("demo|2024-03-01")
    told = [one.check_name for one in result.get_asset_check_evaluations()]
    assert len(told) == len(set(told)) == len(found(site, result.run_id))
