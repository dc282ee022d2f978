"""A site's own tables and SQL: what works is published, what fails is reported and left out."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from a4s_pipeline.models.holidays import holiday_rows
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.site import SiteFolders, reference
from a4s_pipeline_tests.models.holidays_by_library import holidays_by_library

pytestmark = pytest.mark.usefixtures("stores_stay_open")


class Site:
    def __init__(self, folder: Path, empty_warehouse: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        shutil.copyfile(empty_warehouse, folder / "data" / "warehouse.duckdb")
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
def site(tmp_path: Path, empty_warehouse: Path) -> Site:
    return Site(tmp_path, empty_warehouse)


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
    assert site.query("FROM duckdb_columns() WHERE comment IS NULL AND table_name = 'regions'") == []


def test_a_parquet_file_fills_a_table_too(site: Site) -> None:
    (site.folder / "data" / "reference").mkdir(parents=True)
    target = site.folder / "data" / "reference" / "targets.parquet"
    with duckdb.connect() as maker:
        maker.sql("SELECT DATE '2026-01-01' AS month, 5000.5 AS amount").write_parquet(str(target))
    assert site.publish() == ()
    assert site.query("SELECT month::VARCHAR, amount, sales_rep FROM targets") == [
        ("2026-01-01", Decimal("5000.5"), None)
    ]


FAULTY_FILES = [
    ("cost_prices.csv", "item_code,price\nA1,1\n", "the columns cost_price are missing"),
    ("cost_prices.csv", "item_code,cost_price\nA1,duur\n", "cost_price: 'duur' is not a number"),
    ("cost_prices.csv", "item_code,cost_price\n,1\n", "item_code is empty in 1 of its rows"),
    ("cost_prices.csv", "item_code,cost_price\nA1,1\nA1,2\n", "item_code A1 comes twice"),
    ("currency_rates.csv", "currency,day,rate\nGBP,gisteren,1\n", "day: 'gisteren' is not a day"),
    ("currency_rates.csv", "currency,day,rate\nGBP,2026-01-01,0\n", "rate: 0E-8 must be more than 0"),
    ("order_status.csv", "status,status_group\nX,weg\n", "status_group: 'weg' is none of open, shipped"),
    ("order_status.csv", "status,status_group\nX,open\nx,cancelled\n", "status X comes twice"),
    (
        "cost_prices.csv",
        "item_code;cost_price\nA1;1,50\nA2;1.234\n",
        "'1.234' may be a thousand or a decimal",
    ),
    ("cost_prices.csv", "item_code;cost_price\nA1;1;2\n", "more or fewer columns"),
    ("cost_prices.csv", "\n", "it is empty"),
    ("orders.csv", "a\n1\n", "orders is a table or view of the pipeline"),
    ("sales_lines.csv", "a\n1\n", "sales_lines is a table or view of the pipeline"),
    ("mijn tabel.csv", "a\n1\n", "its name is not valid for a table"),
    ("targets.parquet", "no parquet", "targets.parquet"),
]


def test_a_faulty_reference_file_is_reported_and_keeps_nothing_else_out(site: Site) -> None:
    site.write("data/reference/regions.csv", "post_code,region\n10,Noord\n")
    left = list(FAULTY_FILES)
    while left:
        # One fault of each file at a time: publishing is what costs.
        faulty = {name: (content, told) for name, content, told in reversed(left)}
        left = [fault for fault in left if (fault[1], fault[2]) != faulty[fault[0]]]
        for name, (content, _) in faulty.items():
            site.write(f"data/reference/{name}", content)
        problems = site.publish()
        assert len(problems) == len(faulty)
        for name, (_, told) in faulty.items():
            (problem,) = [problem for problem in problems if problem.startswith(f"{name}: ")]
            assert told in problem
            assert problem.endswith("it is left out")
            (site.folder / "data" / "reference" / name).unlink()
        assert site.query("FROM regions") == [(10, "Noord")]
    site.write("data/reference/cost_prices.csv", "item_code\nA1\n")
    assert site.publish() == site.publish() != ()


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


def test_files_are_read_whatever_wrote_them(site: Site) -> None:
    families = "family_code;name\nF1;Café €\n"
    encodings = {"ITEM_FAMILIES": "utf-16", "one": "utf-8", "two": "utf-8-sig", "three": "cp1252"}
    for name, encoding in encodings.items():
        site.write(f"data/reference/{name}.CSV", families.encode(encoding))
    assert site.publish() == ()
    for name, encoding in encodings.items():
        assert site.query(f"SELECT family_code, name FROM {name}") == [("F1", "Café €")], encoding


def test_views_that_read_each_other_or_take_a_name_of_ours_leave_the_others_in(site: Site) -> None:
    site.write("models/a.sql", "SELECT * FROM site.b")
    site.write("models/b.sql", "SELECT * FROM site.a")
    site.write("models/orders.sql", "SELECT 1 AS one")
    site.write("models/joined.SQL", "SELECT * FROM orders JOIN order_lines USING (connector, order_code)")
    problems = site.publish()
    assert [problem.split(",")[0] for problem in problems] == [
        "a.sql: it reads b",
        "b.sql: it reads a",
        "orders.sql: a table or view orders exists already: give it another name: it is left out",
    ]
    assert site.query("FROM site.joined") == []


def test_a_file_that_is_written_while_it_is_read_is_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write("data/reference/regions.csv", "post_code,region\n10,No")
    read = reference.stage

    def read_and_written(*arguments: Any) -> int:
        rows = read(*arguments)
        site.write("data/reference/regions.csv", "post_code,region\n10,Noord\n20,Zuid\n")
        return rows

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("a4s_pipeline.warehouse.site.loading.stage", read_and_written)
        site.publish()
    site.publish()
    assert site.query("FROM regions") == [(10, "Noord"), (20, "Zuid")]


def test_a_file_that_is_not_there_any_more_when_it_is_read_stops_nothing(site: Site) -> None:
    site.write("models/good.sql", "SELECT 1 AS one")
    (site.folder / "data" / "reference").mkdir(parents=True)
    (site.folder / "data" / "reference" / "regions.csv").symlink_to(site.folder / "nowhere.csv")
    (site.folder / "models" / "gone.sql").symlink_to(site.folder / "nowhere.sql")
    assert [problem.split(" (")[0] for problem in site.publish()] == [
        "gone.sql: it cannot be read",
        "regions.csv: it cannot be read",
    ]
    assert site.query("FROM site.good") == [(1,)]


def test_a_site_table_makes_room_where_a_new_version_has_a_table_of_its_name(site: Site) -> None:
    site.write("data/reference/regions.csv", "a\n1\n")
    site.publish()
    with site.warehouse.session() as store:
        store.execute("DROP VIEW sales_orders; ALTER TABLE regions RENAME TO sales_orders")
        store.execute("CREATE OR REPLACE MACRO a4s_schema() AS 'of an older version'")
    site.warehouse = WarehouseFile(site.warehouse.path)
    site.publish()
    assert site.query("SELECT count(is_sale) FROM sales_orders") == [(0,)]
    assert site.query("FROM regions") == [(1,)]


FAULTY_SQL = [
    ("SELECT nothing FROM sales_orders", "nothing"),
    ("SELEKT 1", "SELEKT"),
    ("SELECT 1; DROP TABLE orders", "one SELECT"),
    ("DROP TABLE orders", "one SELECT"),
    ("", "one SELECT"),
    ("SELECT * FROM site.faulty_5", "faulty_5"),
    ("SELECT * FROM read_csv('/nowhere.csv')", "nowhere"),
    ("SELECT * FROM site.good JOIN site.nobody USING (one)", "nobody"),
]


def test_faulty_sql_of_the_site_is_reported_and_left_out(site: Site) -> None:
    site.write("models/good.sql", "SELECT 1 AS one")
    for number, (content, _) in enumerate(FAULTY_SQL):
        site.write(f"models/faulty_{number}.sql", content)
    problems = site.publish()
    assert len(problems) == len(FAULTY_SQL)
    for number, (_, told) in enumerate(FAULTY_SQL):
        (problem,) = [problem for problem in problems if problem.startswith(f"faulty_{number}.sql: ")]
        assert told in problem
    assert site.query("FROM site.good") == [(1,)]
    assert site.query("SELECT count(*) FROM orders") == [(0,)]
    accounts = site.query("SELECT file, problem IS NULL FROM site_files ORDER BY file")
    assert accounts == [*((f"faulty_{number}.sql", False) for number in range(8)), ("good.sql", True)]


def test_nothing_is_written_where_nothing_of_the_site_changed(site: Site) -> None:
    site.write("models/good.sql", "SELECT 1 AS one")
    site.write("data/reference/regions.csv", "a\n1\n")
    site.publish()
    before = site.copy.stat()
    assert publish(site.warehouse, site.copy, site.folders).was_replaced is False
    assert site.copy.stat() == before


def test_the_holidays_of_the_package_are_the_librarys() -> None:
    """To mend it: `python -m a4s_pipeline_tests.models.holidays_by_library`."""
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
