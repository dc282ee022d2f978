"""Each question of the page gives the same answer as a plain query of the tables."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.warehouse.file.reader import published
from a4s_pipeline_tests.support.project import ROOT

_PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = {
    int(number): (title, query)
    for number, title, query in re.findall(r"^## (\d+)\. (.*?)\n.*?^```sql\n(.*?);\n```", _PAGE, re.M | re.S)
}
TODAY = "DATE '2026-11-01'"
REFERENCE = {
    "cost_prices": "item_code,cost_price\nTU1010-klein,10\nKL3010-GR-46,2\n",
    "minimum_stock": "item_code,minimum\nTU1010-klein,1000000\nTU1010-groot,-1000000\n",
    "list_prices": "item_code,list_price\nTU1010-klein,100\n",
    "item_families": "family_code,name\nTUIN,Tuin\n",
    "currency_rates": "currency,day,rate\nGBP,2020-01-01,1.2\n",
}

# The tables alone, without anything that the models define.
_RAW = """
    WITH sold AS (
        SELECT *, (order_date AT TIME ZONE 'Europe/Amsterdam')::DATE AS on_day,
               sub_total * CASE currency WHEN 'EUR' THEN 1 WHEN 'GBP' THEN 1.2 END AS euros
        FROM orders WHERE removed_at IS NULL AND coalesce(order_type, 'order') IN ('order', 'return')
    ), bought AS (FROM sold WHERE order_type IS DISTINCT FROM 'return'),
    lines AS (
        SELECT order_lines.*, on_day, sold.customer_code, sold.currency,
               line_total * CASE currency WHEN 'EUR' THEN 1 WHEN 'GBP' THEN 1.2 END AS euros
        FROM order_lines JOIN sold USING (connector, order_code)
    ),
    bought_lines AS (FROM lines WHERE order_code IN (SELECT order_code FROM bought)),
    firsts AS (SELECT customer_code, min(on_day) AS first, max(on_day) AS last FROM bought GROUP BY ALL)
"""
# By question: what is asked of its answer, and the same of the tables.
CHECKS = {
    1: ("sum(sales)", "sum(euros) FROM sold"),
    2: ("count(*)", "count(*) FROM sold WHERE status = 'open'"),
    3: ("sum(promised)", "count(delivery_date) FROM bought_lines"),
    4: ("list(item_code)", "['TU1010-klein']"),
    5: (
        "count(DISTINCT customer_code)",
        "count(*) FROM firsts LEFT JOIN customers USING (customer_code) "
        f"WHERE last < {TODAY} - INTERVAL 6 MONTHS AND removed_at IS NULL "
        "AND is_blocked IS DISTINCT FROM true",
    ),
    6: ("coalesce(sum(sold), 0) - coalesce(sum(returned), 0)", "sum(sub_total) FROM sold"),
    7: (
        "sum(margin)",
        "sum(euros - quantity * CASE item_code WHEN 'TU1010-klein' THEN 10 ELSE 2 END) FROM lines "
        "WHERE item_code IN ('TU1010-klein', 'KL3010-GR-46') AND euros IS NOT NULL",
    ),
    8: (
        "sum(this_year) FILTER (currency = 'EUR')",
        f"sum(sub_total) FROM sold WHERE currency = 'EUR' AND on_day BETWEEN '2026-01-01' AND {TODAY}",
    ),
    9: ("sum(orders)", "count(*) FROM sold WHERE year(on_day) = 2026"),
    # Nothing but deliveries is expected, so an item is shortest on its first day.
    10: (
        "count(*)",
        "count(*) FROM item_stocks AS stocks WHERE shelf_stock - to_be_delivered + coalesce(("
        "SELECT sum(quantity) FROM item_deliveries AS due WHERE due.item_code = stocks.item_code "
        "AND delivery_date <= (synced_at AT TIME ZONE 'Europe/Amsterdam')::DATE), 0) < 0",
    ),
    11: ("count(*)", "count(*) FROM bought_lines WHERE item_code = 'TU1010-klein' AND currency = 'EUR'"),
    12: ("sum(lines)", "count(*) FROM bought_lines WHERE item_code IS NOT NULL"),
    13: ("sum(orders)", "count(*) FROM bought"),
    14: ("sum(lines)", "count(delivery_date) FROM bought_lines"),
    15: ("sum(new_customers)", "count(*) FROM firsts"),
    16: ("sum(customers) FILTER (years_later = 0)", "count(*) FROM firsts"),
    17: (
        "sum(sales)",
        "sum(euros) FROM (SELECT sum(euros) AS euros FROM lines "
        f"WHERE on_day > {TODAY} - INTERVAL 1 YEAR AND on_day <= {TODAY} GROUP BY item_code) WHERE euros > 0",
    ),
    18: (
        "count(*)",
        "count(*) FROM item_stocks WHERE shelf_stock > 0 AND item_code NOT IN "
        f"(SELECT item_code FROM bought_lines WHERE on_day >= {TODAY} - INTERVAL 6 MONTHS)",
    ),
    19: ("sum(value)", "shelf_stock * 2 FROM item_stocks WHERE item_code = 'KL3010-GR-46'"),
    20: (
        "sum(sales) FILTER (family_name = 'Tuin')",
        "sum(line_total) FROM lines JOIN items USING (connector, item_code) WHERE family_code = 'TUIN'",
    ),
    21: ("sum(vat)", "sum(vat_total) FROM sold"),
    22: ("sum(sales)", "sum(euros) FROM sold"),
    23: (
        "sum(quotations)",
        "count(DISTINCT order_code) FROM orders JOIN order_lines USING (connector, order_code) "
        "WHERE order_type = 'quotation'",
    ),
    24: ("sum(orders)", "count(*) FROM bought"),
    25: (
        "count(*)",
        "count(DISTINCT customer_code) FROM sold JOIN customers USING (customer_code) "
        "WHERE status = 'open' AND is_blocked",
    ),
}


@pytest.fixture(scope="module")
def copy(demo_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    settings = GivenSettings(data_dir=folder)
    shutil.copyfile(demo_copy.with_name("warehouse.duckdb"), settings.warehouse_path)
    (folder / "reference").mkdir()
    for name, content in REFERENCE.items():
        (folder / "reference" / f"{name}.csv").write_text(content)
    Platform(settings).publish()
    return settings.analytics_path


def test_each_question_has_the_answer_that_the_tables_give(copy: Path) -> None:
    assert QUESTIONS.keys() == CHECKS.keys() == set(range(1, 26))
    with published(copy) as connection:
        for number, (title, query) in QUESTIONS.items():
            asked, expected = CHECKS[number]
            # Stock is of the day of its sync; sales are of fixed days.
            dated = query if number == 10 else query.replace("local_day(now())", TODAY)
            answer = value(connection, f"SELECT {asked} FROM ({dated})")
            assert answer == value(connection, f"{_RAW} SELECT {expected}"), f"{number}. {title}"
            assert answer or number == 25, f"{number}. {title}: nothing was found to compare"


def value(connection: duckdb.DuckDBPyConnection, query: str) -> object:
    ((found,),) = connection.execute(query).fetchall()
    return found
