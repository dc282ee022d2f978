"""What the analysts' models cost: `python -m benchmarks.questions [ORDERS]`, four lines an order.

Fills a warehouse with the orders of three connectors and ten years, publishes it with all reference tables,
and asks it the questions of docs/questions.md. The figures are processor time, of both processors together:
the best of three runs, because the first reads the file from the disk. It also measures a publish, with the
models and with only the tables.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import duckdb

from a4s_pipeline.models import Conventions
from a4s_pipeline.warehouse.file.publish import publish
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.rows.state import StreamProgress, save_progress
from a4s_pipeline.warehouse.schema.views import views_by
from a4s_pipeline.warehouse.site import SiteFolders

_ROOT = Path(__file__).resolve().parents[1]
_QUESTION = re.compile(r"^## (\d+)\. (.*?)\n.*?^```sql\n(.*?);\n```", re.MULTILINE | re.DOTALL)
_LINES_OF_ORDER = 4

_REFERENCE = {
    "cost_prices": """
        SELECT 'A' || number AS item_code, DATE '2010-01-01' + to_years(year::INTEGER) AS valid_from,
               8 + hash(number, year) % 400 / 100 AS cost_price
        FROM range(5200) AS items(number), range(17) AS years(year)
    """,
    "list_prices": "SELECT 'A' || number AS item_code, 15 AS list_price FROM range(2000) AS items(number)",
    "minimum_stock": "SELECT 'A' || number AS item_code, 20 AS minimum FROM range(5000) AS items(number)",
    "item_families": "SELECT 'F' || n AS family_code, 'Familie ' || n AS name FROM range(40) AS families(n)",
    "currency_rates": """
        SELECT currency, DATE '2010-01-01' + to_days(day::INTEGER) AS day, 1.1 AS rate
        FROM (VALUES ('GBP'), ('USD')) AS given(currency), range(0, 6500, 7) AS days(day)
    """,
    "order_status": """
        SELECT unnest(['open', 'shipped', 'invoiced', 'cancelled']) AS status,
               unnest(['open', 'shipped', 'invoiced', 'cancelled']) AS status_group
    """,
}


def fill(warehouse: WarehouseFile, orders: int) -> None:
    """Fill a warehouse with this many orders, as if synced."""
    given = {"at": datetime.now(UTC), "orders": orders, "lines": _LINES_OF_ORDER}
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").rstrip(";\n").split(";\n")
    with warehouse.transaction() as connection:
        for statement in statements:
            connection.execute(statement, {name: given[name] for name in given if f"${name}" in statement})


def write_reference(folder: Path) -> None:
    """Write the site's own tables."""
    folder.mkdir()
    for name, query in _REFERENCE.items():
        with duckdb.connect() as maker:
            maker.sql(query).write_csv(str(folder / f"{name}.csv"))


def questions() -> Iterator[tuple[int, str, str]]:
    """Yield the questions of the page: number, title and query."""
    page = (_ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    for number, title, query in _QUESTION.findall(page):
        yield int(number), title, query


def processor_seconds(do: Callable[[], object]) -> float:
    """Return the CPU time of something, in this process and those it starts."""
    before = _processor()
    do()
    return _processor() - before


def _processor() -> float:
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def answered(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    """Answer a question completely."""
    return connection.execute(query).fetchall()


def publishing(warehouse: WarehouseFile, copy: Path, folders: SiteFolders | None) -> float:
    """Return the CPU time of a publish after a sync, the least of five."""

    def touched() -> float:
        at = datetime.now(UTC)
        progress = StreamProgress("noord", "orders", f"{at}", at, {"seen": 1})
        warehouse.transact(lambda connection: save_progress(connection, progress))
        return processor_seconds(lambda: publish(warehouse, copy, folders))

    return min(touched() for _ in range(5))


def without_models(folder: Path, warehouse: WarehouseFile) -> float:
    """Return what publishing the same tables costs without models and site files."""
    copy = folder / "tables.duckdb"
    copy.write_bytes(warehouse.path.read_bytes())
    bare = WarehouseFile(copy)
    with bare.session() as connection:
        for view in reversed(views_by(Conventions())):
            connection.execute(f"DROP VIEW {view.name}")
    return publishing(bare, folder / "tables-copy.duckdb", None)


def told(folder: Path, orders: int) -> Iterator[str]:
    """Measure, and print line by line."""
    warehouse, copy = WarehouseFile(folder / "warehouse.duckdb"), folder / "analytics.duckdb"
    folders = SiteFolders(folder / "reference", folder / "models")
    fill(warehouse, orders)
    write_reference(folders.reference)
    first = processor_seconds(lambda: publish(warehouse, copy, folders))
    lines, size = orders * _LINES_OF_ORDER, copy.stat().st_size
    yield f"{orders:,} orders, {lines:,} lines; the copy has {size / 1e6:.0f} MB"
    yield f"first publish, with {len(_REFERENCE)} reference files: {first:.2f} s of processor"
    yield f"publish after a sync: {publishing(warehouse, copy, folders):.3f} s of processor"
    yield f"the same without models and files: {without_models(folder, warehouse):.3f} s of processor"
    for number, title, query in questions():
        with duckdb.connect(str(copy), read_only=True) as connection:
            ask = partial(answered, connection, query)
            took = min(processor_seconds(ask) for _ in range(3))
        yield f"{took:6.2f} s  {number}. {title}"


def main() -> None:
    """Measure the requested size, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.questions", description=__doc__)
    parser.add_argument("orders", nargs="?", type=int, default=250_000)
    parser.add_argument("--folder", type=Path, help="keep the store here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in told(given.folder or Path(folder), given.orders):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
