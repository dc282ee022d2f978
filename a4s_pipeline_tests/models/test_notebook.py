"""The notebook, run without a browser on the demo's copy."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.report.months import year_of_sales
from a4s_pipeline.report.sales import sales_of
from a4s_pipeline.warehouse.file.reader import published
from a4s_pipeline_tests.support.demo_copy import CONNECTOR

pytest.importorskip(
    "marimo", reason="the notebook's extra is not installed: pip install 'a4s-pipeline[notebook]'"
)
pytest.importorskip(
    "altair", reason="the notebook's extra is not installed: pip install 'a4s-pipeline[notebook]'"
)


def test_every_cell_answers_with_the_numbers_of_the_report_and_follows_its_filters(
    demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A4S_DATA_DIR", str(demo_copy.parent))
    from a4s_pipeline.notebook.sales_and_stock import app  # noqa: PLC0415

    # A cell that fails raises here.
    found: Mapping[str, Any] = app.run()[1]
    with published(demo_copy) as connection:
        year = year_of_sales(connection, CONNECTOR, found["today"])
        assert year is not None
        reported = sales_of(connection, CONNECTOR, year, limit=10)[0]
    assert found["currency"].value == reported.currency == "EUR"
    assert found["totals"].sales == pytest.approx(float(reported.amount))
    assert found["totals"].year_before == pytest.approx(float(reported.year_before))
    assert list(found["months"].sales) == pytest.approx([float(month.amount) for month in reported.months])
    assert list(found["top_customers"].customer_code[:10]) == [one.code for one in reported.customers]
    assert list(found["top_items"].item_code[:10]) == [one.code for one in reported.items]
    assert found["top_customers"].sales.sum() == pytest.approx(float(reported.amount))
    assert len(found["gone_quiet"]) > 3
    assert len(found["running_short"]) == len(found["shortages"].items) > 3

    quiet = found["gone_quiet"].iloc[0]
    chosen = found["chosen"] | {
        "first": date(2022, 1, 1),
        "currency": None,
        "customers": [quiet.customer_code, *found["top_customers"].customer_code[:1]],
        "sales_reps": [quiet.sales_rep],
    }
    filtered: Mapping[str, Any] = app.run(defs={"chosen": chosen})[1]
    assert list(filtered["gone_quiet"].customer_code) == [quiet.customer_code]
    with published(demo_copy) as connection:
        sold = connection.execute(
            "SELECT sum(house_amount), count(*) FROM sales_orders WHERE is_sale AND sales_rep = $sales_rep "
            "AND order_day BETWEEN $first AND $last AND customer_code IN (SELECT unnest($customers))",
            {
                "sales_rep": quiet.sales_rep,
                **{name: chosen[name] for name in ("first", "last", "customers")},
            },
        ).fetchone()
    assert sold is not None
    totals = filtered["totals"]
    assert (totals.sales, totals.orders + totals.returns) == (pytest.approx(float(sold[0])), sold[1])


def test_the_same_days_a_year_before_are_as_long() -> None:
    from a4s_pipeline.notebook.sales_and_stock import year_before  # noqa: PLC0415

    for day, before in (
        (date(2026, 10, 28), date(2025, 10, 28)),
        (date(2024, 2, 29), date(2023, 2, 28)),
        (date(2025, 2, 28), date(2024, 2, 29)),
    ):
        assert year_before(day) == before
