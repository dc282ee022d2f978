import subprocess
import sys
import tomllib

import pytest

from a4s_pipeline_tests.mutants.survivors import KNOWN, allowed, report_on, results_of, survivors

MONTH_AFTER = "a4s_pipeline.sync.windows.x_month_after"
ADD = "a4s_pipeline.gateway.listing.listing.x.Listing.add"
RATE = "models/sales_orders.sql: AND given.day [<= becomes <] used.order_day"
RESULTS = """
    a4s_pipeline.sync.windows.x_month_after__mutmut_2: killed
    a4s_pipeline.sync.windows.x_month_after__mutmut_3: survived
    a4s_pipeline.sync.windows.x_month_after__mutmut_4: timeout
    a4s_pipeline.sync.windows.x_month_after__mutmut_5: survived
    a4s_pipeline.gateway.listing.listing.xǁListingǁadd__mutmut_1: no tests
models/sales_orders.sql: AND given.day [<= becomes <] used.order_day: survived
models/dim_date.sql: isodow(day) [< becomes <=] 6 AND holiday_nl IS NULL AS is_working_day_nl,: killed
"""
SCORE = "7 mutants: 3 noticed (42.9%), 3 survived, 1 reached by no test"


@pytest.mark.parametrize(
    ("known", "report", "is_well"),
    [
        ({MONTH_AFTER: 2, ADD: 1, RATE: 1}, [SCORE], True),
        (
            {MONTH_AFTER: 1, ADD: 1},
            [
                f"{MONTH_AFTER}: 2 mutants survived, 1 are known",
                f"{RATE}: 1 mutants survived, 0 are known",
                SCORE,
            ],
            False,
        ),
        # Room for another is told, and no fault: a busy machine lets a survivor time out.
        (
            {MONTH_AFTER: 3, ADD: 1, RATE: 1},
            [f"{MONTH_AFTER}: 2 mutants survived, 3 are known: lower it in known.toml", SCORE],
            True,
        ),
    ],
)
def test_more_survivors_than_are_known_are_a_fault_and_named(
    known: dict[str, int], report: list[str], is_well: bool
) -> None:
    assert report_on(results_of(RESULTS.splitlines()), known) == (report, is_well)


@pytest.mark.parametrize("outcome", ["not checked", "check was interrupted by user", "skipped"])
def test_a_run_that_did_not_try_every_mutant_proves_nothing(outcome: str) -> None:
    results = results_of([f"    a4s_pipeline.sync.windows.x_month_after__mutmut_3: {outcome}"])
    report, is_well = report_on(results, {})
    assert (report[0], is_well) == ("1 mutants were not tried", False)
    assert not report_on([], {})[1]


def test_the_command_fails_on_a_new_survivor_and_prints_the_score() -> None:
    command = [sys.executable, "-m", "a4s_pipeline_tests.mutants.survivors"]
    for result, status, told in (
        ("a4s_pipeline.sync.windows.x_new__mutmut_1: survived", 1, "x_new: 1 mutants survived, 0 are known"),
        ("a4s_pipeline.sync.windows.x_new__mutmut_1: no tests", 1, "x_new: 1 mutants survived, 0 are known"),
        ("a4s_pipeline.sync.windows.x_new__mutmut_1: killed", 0, "1 mutants: 1 noticed (100.0%)"),
    ):
        ended = subprocess.run(
            command, input=result, capture_output=True, text=True, check=False, cwd=KNOWN.parents[2]
        )
        assert (ended.returncode, ended.stderr) == (status, "")
        assert told in ended.stdout


def test_each_survivor_that_is_known_has_a_reason() -> None:
    known = tomllib.loads(KNOWN.read_text())
    assert all(entry["most"] > 0 and len(entry["why"]) > 20 for entry in known.values())
    assert allowed().keys() == known.keys()
    assert survivors(results_of(RESULTS.splitlines())) == {MONTH_AFTER: 2, ADD: 1, RATE: 1}
