import subprocess
import sys
from pathlib import Path

import pytest

from a4s_pipeline_tests.mutants.models import changes
from a4s_pipeline_tests.mutants.sql_changes import changes_of

pytestmark = pytest.mark.slow

HEAD = "/* the first day < the last one */\n"


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("WHERE a <= b", ["WHERE a < b"]),
        (
            "WHERE a < b OR c >= d",
            ["WHERE a <= b OR c >= d", "WHERE a < b AND c >= d", "WHERE a < b OR c > d"],
        ),
        # Neither a field of JSON, nor a remark, nor the digits of a type or of a name.
        ("SELECT a ->> '$.x' -> 'y', b1 -- a < 1\n::DECIMAL(18,4)", []),
        ("SELECT month(day), last_month(day)", ["SELECT quarter(day), last_month(day)"]),
        (
            "SELECT year(day) + 10",
            ["SELECT isoyear(day) + 10", "SELECT year(day) - 10", "SELECT year(day) + 11"],
        ),
        (
            "day BETWEEN DATE '2000-01-01' AND last",
            ["day BETWEEN DATE '1999-12-31' AND last", "day BETWEEN DATE '2000-01-02' AND last"],
        ),
        ("timezone({zone}, at)::DATE", ["timezone('UTC', at)::DATE"]),
        ("coalesce(f(a, b), c, d)", ["coalesce(c, f(a, b), d)"]),
        ("arg_max(name, (order_date, code))", ["arg_min(name, (order_date, code))", "arg_max(name, (code))"]),
        (
            "lead(day) OVER (ORDER BY day)",
            ["lag(day) OVER (ORDER BY day)", "lead(day) OVER (ORDER BY day DESC)"],
        ),
    ],
)
def test_a_model_is_changed_in_one_place_at_a_time_and_only_in_its_code(
    code: str, changed: list[str]
) -> None:
    assert [change.text for change in changes_of("x", HEAD + code)] == [HEAD + text for text in changed]


def test_a_change_is_named_by_its_line() -> None:
    (change,) = changes_of("x", "SELECT 'a'\n  WHERE a <= b\n")
    assert change.name == "models/x.sql: WHERE a [<= becomes <] b"


def test_every_model_that_decides_by_dates_is_changed() -> None:
    found = {model for model, change in changes() if "day" in change.name or "date" in change.name}
    assert found >= {
        "customer_sales_by_month",
        "dim_customer",
        "dim_date",
        "dim_item",
        "item_sales_by_month",
        "sales_lines",
        "sales_orders",
        "stock_position",
    }


def test_one_change_of_the_calendar_is_noticed_by_its_tests() -> None:
    """At night each change of each model is tried."""
    working_day = "isodow(day) [< becomes <=] 6 AND holiday_nl"
    ended = subprocess.run(
        [sys.executable, "-m", "a4s_pipeline_tests.mutants.models", working_day],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"models/dim_date.sql: {working_day} IS NULL AS is_working_day_nl,: killed\n"
