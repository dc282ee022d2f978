"""What a sync may cost, in counts: they are the same on every machine, and seconds are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from a4s_pipeline.sync import batches
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.costs.conftest import Importer

MakeImporter = Callable[[int], Importer]
HEADERS_AGAIN = OrdersPlan(Months(date(2015, 1, 1), date(2100, 1, 1)))
EVERYTHING = OrdersPlan(Months(date(2015, 1, 1), date(2100, 1, 1)), whole=True)
MOST_STATEMENTS_A_BATCH = 24


@pytest.fixture(autouse=True)
def batches_by_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine under load would write before it has 300 orders."""
    monkeypatch.setattr(batches, "LARGEST_BATCH", 300)
    monkeypatch.setattr(batches, "LONGEST_WAIT", 3600.0)


def rows_by_run(importer: Importer, table: str) -> dict[str, int]:
    with WarehouseFile(importer.settings.warehouse_path).session() as connection:
        return dict(connection.execute(f"SELECT run_id, count(*) FROM {table} GROUP BY ALL").fetchall())


@pytest.mark.parametrize("orders", [300, 900])
def test_a_first_sync_is_one_transaction_a_batch_and_one_for_its_last_word(
    importer: MakeImporter, orders: int
) -> None:
    site = importer(orders)
    with WarehouseFile(site.settings.warehouse_path).session():
        pass  # the tables are there
    site.sync()
    batches = orders // 300
    assert site.counts["COMMIT"] == batches + 1
    # One more to see what is held.
    assert site.counts["openings"] == batches + 2
    assert site.counts["statements"] <= MOST_STATEMENTS_A_BATCH * (batches + 2)


def test_what_a_first_sync_costs_and_the_ones_after_it(importer: MakeImporter) -> None:
    site = importer(600)
    first = site.sync()
    # Six pages, and the empty one that ends them. The eighth is that of what is dated after the clock, a
    # listing of its own, and empty.
    assert site.calls() == {"status": 1, "orders": 8, "order_lines": 600}
    assert (first.calls, first.new) == (609, 600)
    # No table is looked through for rows to replace.
    assert [words for words in site.counts if words.startswith("DELETE FROM order")] == []

    second = site.sync()
    assert (second.new, second.changed, second.seen) == (0, 0, second.unchanged)
    assert site.calls() == {"status": 1, "orders": 3}
    # What is held, what of the page is held, and the last word.
    assert (site.counts["openings"], site.counts["COMMIT"]) == (3, 1)
    assert site.counts["statements"] <= 30
    assert set(rows_by_run(site, "orders").values()) == {first.new}
    assert len(rows_by_run(site, "order_lines")) == 1

    for code in ("G0000007", "G0000311", "G0000599"):
        site.change(code, status="paid")
    result = site.sync(HEADERS_AGAIN)
    assert result.changed == 3
    assert site.calls() == {"status": 1, "orders": 8, "order_lines": 3}
    # What is held, each page with orders looked up once, the batch, and the last word.
    assert site.counts["openings"] == 1 + 6 + 1 + 1
    assert sorted(rows_by_run(site, "orders").values()) == [3, 597]
    assert sorted(rows_by_run(site, "order_lines").values()) == [12, 2388]

    # Everything again costs what the first time did.
    site.sync(EVERYTHING)
    assert site.calls() == {"status": 1, "orders": 8, "order_lines": 600}
    assert len(rows_by_run(site, "orders")) == 1
