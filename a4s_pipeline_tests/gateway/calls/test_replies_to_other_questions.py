"""What an answer says about itself is compared with the question."""

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.errors import ReplyUnreadable
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.belonging import PageNumbers, is_same_code
from a4s_pipeline.gateway.sending import create_customer, export_order, exported_order
from a4s_pipeline_tests.gateway.conftest import FAST, NAME, Connect, Serve, in_turn, say

STOCK = {"shelfStock": 1, "toBeDelivered": 0, "deliveryDates": []}
Call = Callable[[Administration], Any]
CALLS: dict[str, tuple[Call, Any, Any, bool]] = {
    "stock": (lambda a: a.stock("A1"), STOCK | {"itemCode": "A2"}, STOCK | {"itemCode": "A1"}, True),
    "lines": (
        lambda a: a.order_lines("VO-1"),
        [{"orderCode": "VO-2", "lineCode": "1"}],
        [{"orderCode": "VO-1", "lineCode": "1"}],
        True,
    ),
    "items": (
        lambda a: a.items(1),
        {"page": 4, "totalCount": 9, "items": []},
        {"page": 1, "totalCount": 9, "items": []},
        True,
    ),
    "orders": (
        lambda a: a.orders(None, None, 2),
        {"page": 0, "totalCount": 9, "items": []},
        {"page": 2, "totalCount": 9, "items": []},
        True,
    ),
    "look-up": (
        lambda a: exported_order(a, "IO-1"),
        {"orderId": "7", "externalId": "IO-2"},
        {"orderId": "7", "externalId": "IO-1"},
        True,
    ),
    "export": (
        lambda a: export_order(a, "IO-1", "{}", "key"),
        {"orderId": "7", "externalId": "IO-2"},
        {"orderId": "7", "externalId": "IO-1"},
        False,
    ),
    "customer": (
        lambda a: create_customer(a, "K1", "{}", "key"),
        {"externalId": "7", "customerCode": "K2"},
        {"externalId": "7", "customerCode": "K1"},
        False,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_reply_that_names_another_record_is_no_answer(connect: Connect, serve: Serve, name: str) -> None:
    call, of_another, own, is_asked_again = CALLS[name]
    server = serve(say(200, json.dumps(of_another).encode()))
    administration = Administration(connect(server.url), NAME, ZoneInfo("Europe/Amsterdam"), 3)
    with pytest.raises(ReplyUnreadable, match=r"asked for|belong to another|is about another"):
        call(administration)
    assert len(server.asked) == (FAST.tries if is_asked_again else 1)
    server.answer = in_turn(say(200, json.dumps(own).encode()))
    call(administration)


def test_codes_are_the_same_as_back_offices_compare_them() -> None:
    same: list[tuple[Any, str]] = [
        ("A1", "A1"),
        ("A1   ", "a1"),
        (" a1", "A1"),
        (7, "7"),
        ("7", "7"),
        (7, "007"),
        (0, "000"),
        (-7, "-7"),
        ("Cafe\u0301", "Caf\u00e9"),
    ]
    other: list[tuple[Any, str]] = [
        ("A2", "A1"),
        (8, "7"),
        ("007", "7"),
        ("7", "007"),
        (70, "7"),
        (True, "1"),
    ]
    assert [pair for pair in same if not is_same_code(*pair)] == []
    assert [pair for pair in other if is_same_code(*pair)] == []


def test_lines_may_name_the_orders_that_they_come_from_beside_their_own(
    connect: Connect, serve: Serve
) -> None:
    for lines in (
        [{"orderCode": "VO-1"}, {"orderCode": "VO-9"}],
        [{"orderCode": None}, {"orderCode": ""}, {}, "no line"],
        [],
    ):
        server = serve(say(200, json.dumps(lines).encode()))
        administration = Administration(connect(server.url), NAME, ZoneInfo("Europe/Amsterdam"), 3)
        assert administration.order_lines("VO-1").value == lines


def test_pages_are_counted_from_nought_or_from_one_all_through() -> None:
    def verdicts(*pages: tuple[Any, int]) -> str:
        numbers = PageNumbers()
        letters = ""
        for told, asked in pages:
            try:
                numbers.require(told, asked)
                letters += "+"
            except ValueError:
                letters += "-"
        return letters

    cases: dict[str, tuple[list[tuple[Any, int]], str]] = {
        "as asked": ([(0, 0), (1, 1), ("2", 2)], "+++"),
        "untold": ([(None, 0), ("", 1), (True, 2), ([], 3)], "++++"),
        "another page once": ([(0, 0), (2, 1), (1, 1)], "+-+"),
        "another page first": ([(1, 0), (0, 0), (1, 1)], "-++"),
        "always the first": ([(0, 0), (0, 1), (0, 1)], "+--"),
        "from one": ([(1, 0), (1, 0), (2, 1), (3, 2)], "-+++"),
        "from one, and another page": ([(1, 0), (1, 0), (3, 1), (2, 1)], "-+-+"),
        "from two": ([(2, 0), (2, 0), (2, 0)], "---"),
        "from nought is held to": ([(0, 0), (2, 1), (2, 1)], "+--"),
    }
    assert {name: verdicts(*pages) for name, (pages, _) in cases.items()} == {
        name: expected for name, (_, expected) in cases.items()
    }
