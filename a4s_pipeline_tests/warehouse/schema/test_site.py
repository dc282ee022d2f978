"""A site's own tables and SQL: what works is in the copy, what does not is told and left out."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.models.holidays import holiday_rows, holidays_by_library
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.site import SiteFolders


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = WarehouseFile(folder / "data" / "warehouse.duckdb")
        self.copy = folder / "data" / "analytics.duckdb"
        self.folders = SiteFolders(folder / "data" / "reference", folder / "models")

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def publish(self) -> tuple[str, ...]:
        return publish(self.warehouse, self.copy, self.folders).problems

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.copy), read_only=True) as copy:
            return copy.execute(sql).fetchall()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_reference_files_fill_their_tables_however_a_spreadsheet_writes_them(site: Site) -> None:
    site.write(
        "data/reference/currency_rates.csv", "currency;day;rate\nGBP;31-12-2025;1,15\nUSD;2026-01-01;0.9\n"
    )
    site.write("data/reference/cost_prices.csv", "Item_Code,cost_price,our note\nA1,1234.5,x\nA2,0.8,\n")
    site.write("data/reference/order_status.csv", "\ufeffstatus,status_group\nGeleverd,shipped\n")
    site.write("data/reference/regions.csv", "post_code,region\n10,Noord\n")
    assert site.publish() == ()
    rates = site.query("SELECT currency, day::VARCHAR, rate FROM currency_rates ORDER BY ALL")
    assert rates == [("GBP", "2025-12-31", Decimal("1.15")), ("USD", "2026-01-01", Decimal("0.9"))]
    assert site.query("SELECT item_code, valid_from, cost_price FROM cost_prices ORDER BY ALL") == [
        ("A1", None, Decimal("1234.5")),
        ("A2", None, Decimal("0.8")),
    ]
    assert site.query("SELECT connector, status, status_group FROM order_status") == [
        (None, "Geleverd", "shipped")
    ]
    assert site.query("FROM regions") == [(10, "Noord")]
    assert site.query("SELECT comment FROM duckdb_tables() WHERE table_name = 'regions'") != [(None,)]


def test_a_parquet_file_fills_a_table_too(site: Site) -> None:
    (site.folder / "data" / "reference").mkdir(parents=True)
    target = site.folder / "data" / "reference" / "targets.parquet"
    with duckdb.connect() as maker:
        maker.sql("SELECT DATE '2026-01-01' AS month, 5000.5 AS amount").write_parquet(str(target))
    assert site.publish() == ()
    assert site.query("SELECT month::VARCHAR, amount, sales_rep FROM targets") == [
        ("2026-01-01", Decimal("5000.5"), None)
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("cost_prices.csv", "item_code,price\nA1,1\n", "the columns cost_price are missing"),
        ("cost_prices.csv", "item_code,cost_price\nA1,duur\n", "cost_price: 'duur' is not a number"),
        ("cost_prices.csv", "item_code,cost_price\n,1\n", "item_code is empty in 1 of its rows"),
        ("cost_prices.csv", "item_code,cost_price\nA1,1\nA1,2\n", "item_code A1 comes twice"),
        ("currency_rates.csv", "currency,day,rate\nGBP,gisteren,1\n", "day: 'gisteren' is not a day"),
        ("currency_rates.csv", "currency,day,rate\nGBP,2026-01-01,0\n", "rate: 0E-8 is not more than nil"),
        ("order_status.csv", "status,status_group\nX,weg\n", "status_group: 'weg' is none of open, shipped"),
        ("order_status.csv", "status,status_group\nX,open\nx,cancelled\n", "status X comes twice"),
        ("orders.csv", "a\n1\n", "orders is a table or view of the pipeline"),
        ("sales_lines.csv", "a\n1\n", "sales_lines is a table or view of the pipeline"),
        ("mijn tabel.csv", "a\n1\n", "its name cannot be that of a table"),
        ("targets.parquet", "no parquet", "targets.parquet"),
    ],
)
def test_a_faulty_reference_file_is_told_and_keeps_nothing_else_out(
    site: Site, name: str, content: str, told: str
) -> None:
    site.write(f"data/reference/{name}", content)
    site.write("data/reference/regions.csv", "post_code,region\n10,Noord\n")
    (problem,) = site.publish()
    assert problem.startswith(f"{name}: ")
    assert told in problem
    assert problem.endswith("it is left out")
    assert site.query("FROM regions") == [(10, "Noord")]
    assert site.publish() == (problem,)


def test_a_table_keeps_its_rows_where_its_file_has_a_fault_now_and_loses_them_with_it(site: Site) -> None:
    site.write("data/reference/item_families.csv", "family_code,name\nF1,Tuin\n")
    site.write("data/reference/regions.csv", "a\n1\n")
    site.publish()
    site.write("data/reference/item_families.csv", "family_code\nF1\n")
    assert len(site.publish()) == 1
    assert site.query("FROM item_families") == [("F1", "Tuin")]
    for file in ("item_families", "regions"):
        (site.folder / "data" / "reference" / f"{file}.csv").unlink()
    assert site.publish() == ()
    assert site.query("FROM item_families") == []
    assert site.query("SELECT 1 FROM duckdb_tables() WHERE table_name = 'regions'") == []


def test_the_sites_own_sql_is_applied_in_the_order_in_which_it_reads_itself(site: Site) -> None:
    site.write("models/a_top.sql", "-- The best, by day.\nSELECT * FROM site.z_days WHERE amount > 0;\n")
    site.write("models/z_days.sql", "SELECT order_day, sum(amount) AS amount FROM sales_orders GROUP BY ALL")
    assert site.publish() == ()
    assert site.query("FROM site.a_top") == []
    assert site.query("SELECT comment FROM duckdb_views() WHERE view_name = 'a_top'") == [
        ("The best, by day.",)
    ]
    site.write("models/a_top.sql", "SELECT 1 AS one")
    (site.folder / "models" / "z_days.sql").unlink()
    assert site.publish() == ()
    assert site.query("FROM site.a_top") == [(1,)]
    assert site.query("SELECT view_name FROM duckdb_views() WHERE schema_name = 'site'") == [("a_top",)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("SELECT nothing FROM sales_orders", "nothing"),
        ("SELEKT 1", "SELEKT"),
        ("SELECT 1; DROP TABLE orders", "one SELECT"),
        ("DROP TABLE orders", "one SELECT"),
        ("", "one SELECT"),
        ("SELECT * FROM site.faulty", "faulty"),
        ("SELECT * FROM read_csv('/nowhere.csv')", "nowhere"),
    ],
)
def test_faulty_sql_of_the_site_is_told_and_left_out(site: Site, content: str, told: str) -> None:
    site.write("models/faulty.sql", content)
    site.write("models/good.sql", "SELECT 1 AS one")
    (problem,) = site.publish()
    assert problem.startswith("faulty.sql: ")
    assert told in problem
    assert site.query("FROM site.good") == [(1,)]
    assert site.query("SELECT count(*) FROM orders") == [(0,)]
    accounts = site.query("SELECT file, problem IS NULL FROM site_files ORDER BY file")
    assert accounts == [("faulty.sql", False), ("good.sql", True)]


def test_nothing_is_written_where_nothing_of_the_site_changed(site: Site) -> None:
    site.write("models/good.sql", "SELECT 1 AS one")
    site.write("data/reference/regions.csv", "a\n1\n")
    site.publish()
    before = site.copy.stat()
    assert publish(site.warehouse, site.copy, site.folders).was_replaced is False
    assert site.copy.stat() == before


def test_the_holidays_of_the_package_are_the_librarys() -> None:
    """To mend it: `python -m a4s_pipeline.models.holidays`."""
    assert list(holiday_rows()) == holidays_by_library()


def test_a_working_day_is_no_weekend_and_no_holiday(site: Site) -> None:
    site.publish()
    found = site.query(
        "SELECT day::VARCHAR, is_working_day_nl, is_working_day_be, holiday_nl, iso_week, fiscal_year "
        "FROM dim_date WHERE day IN ('2026-01-01', '2026-04-27', '2026-05-01', '2026-07-18') ORDER BY day"
    )
    assert found == [
        ("2026-01-01", False, False, "New Year's Day", 1, 2026),
        ("2026-04-27", False, True, "King's Day", 18, 2026),
        ("2026-05-01", True, False, None, 18, 2026),
        ("2026-07-18", False, False, None, 29, 2026),
    ]
    assert site.query("SELECT count(*) = count(DISTINCT day) FROM dim_date") == [(True,)]
