"""What can be promised of an item, and from which day."""

from datetime import date
from decimal import Decimal

import pytest

from a4s_pipeline.warehouse.tables import ITEM_DELIVERIES, ITEM_STOCKS, ITEMS
from a4s_pipeline_tests.models.conftest import Store
from a4s_pipeline_tests.support.rows import MIDSUMMER

# Each row: its first and last day in June, what comes in, what is there, what can be promised from then on.
Course = list[tuple[int, int | None, int, int, int]]


@pytest.mark.parametrize(
    ("shelf", "sold", "deliveries", "course", "short_from"),
    [
        (10, 3, {}, [(15, None, 0, 7, 7)], None),
        (3, 3, {}, [(15, None, 0, 0, 0)], None),
        (3, 4, {}, [(15, None, 0, -1, -1)], 15),
        # What comes in before the stock is of its first day.
        (0, 0, {14: 1, 15: 2, 16: 4}, [(15, 15, 3, 3, 3), (16, None, 4, 7, 7)], None),
        (5, 0, {18: 2, 20: 1}, [(15, 17, 0, 5, 5), (18, 19, 2, 7, 7), (20, None, 1, 8, 8)], None),
        # What will go out again cannot be promised before.
        (5, 0, {17: 4, 20: -7}, [(15, 16, 0, 5, 2), (17, 19, 4, 9, 2), (20, None, -7, 2, 2)], None),
        (
            5,
            0,
            {17: -6, 20: 9, 22: -9},
            [(15, 16, 0, 5, -1), (17, 19, -6, -1, -1), (20, 21, 9, 8, -1), (22, None, -9, -1, -1)],
            17,
        ),
        (5, 0, {17: 0, 18: 1}, [(15, 17, 0, 5, 5), (18, None, 1, 6, 6)], None),
    ],
)
def test_the_stock_of_an_item_runs_from_change_to_change(
    store: Store, shelf: int, sold: int, deliveries: dict[int, int], course: Course, short_from: int | None
) -> None:
    def june(day: int | None) -> date | None:
        return None if day is None else date(2024, 6, day)

    # The other item runs short at once, which is nothing to the first.
    for code, stock in (("A1", shelf), ("A2", sold - 1)):
        key = {"connector": "demo", "item_code": code}
        store.put(ITEMS, key)
        store.put(ITEM_STOCKS, {**key, "shelf_stock": stock, "to_be_delivered": sold, "synced_at": MIDSUMMER})
    for number, (day, quantity) in enumerate(deliveries.items()):
        entry = {"entry_number": number, "delivery_date": june(day), "quantity": quantity}
        store.put(ITEM_DELIVERIES, {"connector": "demo", "item_code": "A1", **entry})
    columns = "day, last_day, incoming, projected, promisable, short_from"
    assert store.query(f"SELECT {columns} FROM stock_position WHERE item_code = 'A1' ORDER BY day") == [
        (june(first), june(last), *map(Decimal, amounts), june(short_from))
        for first, last, *amounts in course
    ]
    assert store.query(f"SELECT {columns} FROM stock_position WHERE item_code = 'A2'") == [
        (june(15), None, Decimal(0), Decimal(-1), Decimal(-1), june(15))
    ]
