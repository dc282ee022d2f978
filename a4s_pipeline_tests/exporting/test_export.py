"""Tables and models as files: the same rows, and a folder that is complete or unchanged."""

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec  # type: ignore[import-untyped]
import openpyxl
import pytest

from a4s_pipeline.errors import ChangeRequest, ChangeSite
from a4s_pipeline.exporting import Export, export_files
from a4s_pipeline.exporting.bucket import MANIFEST
from a4s_pipeline.exporting.export import guard_texts
from a4s_pipeline.exporting.workbook import in_words, write_workbook
from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.schema.relations import Relation, relations_by
from a4s_pipeline.warehouse.table import Column

RELATIONS = {relation.name: relation for relation in relations_by(Conventions())}


@pytest.fixture(scope="module")
def copy(demo_copy: Path) -> PublishedCopy:
    return PublishedCopy(demo_copy)


def these(*names: str) -> list[Relation]:
    return [RELATIONS[name] for name in names]


def query(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def test_everything_is_exported_and_read_back_the_same(copy: PublishedCopy, tmp_path: Path) -> None:
    done = export_files(copy, tmp_path / "out", Export(list(RELATIONS.values()), "parquet"))
    assert done.rows.keys() == RELATIONS.keys()
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["rows"] == done.rows
    with copy.reading() as connection:
        for name in ("sales_lines", "orders", "dim_customer"):
            expected = connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            found = query(f"SET TimeZone = 'UTC'; SELECT * FROM '{tmp_path}/out/{name}.parquet' ORDER BY ALL")
            assert found == expected
    assert not list(tmp_path.glob(".*"))


def test_a_month_is_a_file_where_rows_have_a_day(copy: PublishedCopy, tmp_path: Path) -> None:
    wanted = Export(these("sales_lines", "item_sales_by_month", "dim_item"), "csv", by_month=True)
    done = export_files(copy, tmp_path / "out", wanted)
    for name, month in (("sales_lines", "2026-01"), ("item_sales_by_month", "2026-01-01")):
        assert list((tmp_path / "out" / name / f"month={month}").glob("*.csv"))
        ((rows,),) = query(
            f"SELECT count(*) FROM read_csv('{tmp_path}/out/{name}/*/*.csv', all_varchar = true)"
        )
        assert rows == done.rows[name]
    assert (tmp_path / "out" / "dim_item.csv").exists()


def test_a_workbook_holds_numbers_days_and_texts_that_are_no_formulas(
    copy: PublishedCopy, tmp_path: Path
) -> None:
    wanted = Export(these("sales_orders"), "xlsx", connector="noord")
    done = export_files(copy, tmp_path / "out", wanted)
    sheet = openpyxl.load_workbook(tmp_path / "out" / "sales_orders.xlsx")["sales_orders"]
    heading, *rows = sheet.iter_rows(values_only=True)
    assert len(rows) == done.rows["sales_orders"] > 0
    amounts = [row[heading.index("amount")] for row in rows]
    with copy.reading() as connection:
        ((total,),) = connection.execute("SELECT sum(amount) FROM sales_orders").fetchall()
    assert sum(Decimal(str(amount or 0)) for amount in amounts) == pytest.approx(total)
    day = rows[0][heading.index("order_day")]
    assert isinstance(day, datetime)
    assert day.year > 2000


def test_an_earlier_export_is_replaced_and_nothing_else_is(copy: PublishedCopy, tmp_path: Path) -> None:
    export_files(copy, tmp_path / "out", Export(these("orders", "items"), "parquet"))
    export_files(copy, tmp_path / "out", Export(these("items"), "parquet"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"items.parquet", MANIFEST}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for target in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(ChangeRequest):
            export_files(copy, target, Export(these("items"), "parquet"))
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_where_one_cannot_be_written_the_folder_stays_as_it_was(
    copy: PublishedCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_files(copy, tmp_path / "out", Export(these("items"), "parquet"))
    before = (tmp_path / "out" / MANIFEST).read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("a4s_pipeline.exporting.export._copy", full)
    with pytest.raises(ChangeSite, match="No space left"):
        export_files(copy, tmp_path / "out", Export(these("orders"), "parquet"))
    assert (tmp_path / "out" / MANIFEST).read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_an_object_store_has_the_files_of_the_last_export_and_says_whether_they_are_whole(
    copy: PublishedCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fsspec.filesystem("memory")
    url = "memory://bucket/out"
    export_files(copy, url, Export(these("items", "sales_orders"), "parquet", by_month=True))
    done = export_files(copy, url, Export(these("items", "customers"), "parquet"))
    assert done.target == url
    names = {Path(path).name for path in store.find("/bucket/out")}
    assert names == {"items.parquet", "customers.parquet", MANIFEST}
    assert json.loads(store.cat(f"/bucket/out/{MANIFEST}"))["isWhole"] is True

    def broken(*_: object, **__: object) -> None:
        raise ConnectionError("secret")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(type(store), "put_file", broken)
        with pytest.raises(ChangeSite, match="isWhole is false") as told:
            export_files(copy, url, Export(these("items"), "parquet"))
    assert "secret" not in str(told.value)
    assert json.loads(store.cat(f"/bucket/out/{MANIFEST}"))["isWhole"] is False
    export_files(copy, url, Export(these("items"), "parquet"))
    assert json.loads(store.cat(f"/bucket/out/{MANIFEST}"))["isWhole"] is True
    store.pipe_file("/bucket/mine/letter.txt", b"dear")
    with pytest.raises(ChangeRequest, match="no export wrote"):
        export_files(copy, "memory://bucket/mine", Export(these("items"), "parquet"))
    with pytest.raises(ChangeSite, match="cannot be reached"):
        export_files(copy, "nowhere://user:geheim@bucket/mine", Export(these("items"), "parquet"))


def test_no_text_of_a_csv_is_a_formula_and_each_that_was_guarded_is_counted(tmp_path: Path) -> None:
    texts = ["=1+1", "+cmd|' /C calc'!A0", "-2+3+x", "@SUM(A1)", "\t=1", "-10%", "+31 6 123", "gewoon", "a=b"]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows AS SELECT unnest($texts) AS name", {"texts": texts})
        names = Relation("items", "table", "", (), (Column("name", "VARCHAR", ""),))
        (told,) = guard_texts(connection, "rows", names)
        found = [text for (text,) in connection.execute("FROM rows").fetchall()]
    assert found == [f"'{text}" for text in texts[:5]] + texts[5:]
    assert told.startswith("items: 5 texts")


def test_what_a_sheet_cannot_hold_unchanged_is_reported(tmp_path: Path) -> None:
    columns = (Column("a", "DECIMAL(18,4)", ""), Column("b", "DATE", ""), Column("c", "VARCHAR", ""))
    changed: Counter[str] = Counter()
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT 12345678901234.5678::DECIMAL(18,4) AS a, DATE '1899-01-01' AS b, repeat('x', 40000) AS c "
            "UNION ALL SELECT 12345678901.5, DATE '2026-01-01', '=1'"
        )
        write_workbook(tmp_path / "x.xlsx", Relation("x", "table", "", (), columns), rows, changed)
    assert changed == {"cut": 1, "rounded": 1, "dated": 1}
    assert len(in_words("x", changed)) == 3
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["x"]
    assert [cell.data_type for cell in sheet[3]] == ["n", "d", "s"]
