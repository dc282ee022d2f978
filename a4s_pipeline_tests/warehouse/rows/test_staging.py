import json
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a4s_pipeline.warehouse.rows.staging import amount, append_rows, delete_codes, replace_rows
from a4s_pipeline.warehouse.table import AMOUNT, DAY, FLAG, INSTANT, JSON, TEXT, WHOLE, Column, Table
from a4s_pipeline_tests.support.nightly import examples
from a4s_pipeline_tests.support.tables import row

THINGS = Table(
    "things",
    "",
    ("connector", "code"),
    tuple(
        Column(name, type_, "")
        for name, type_ in {
            "connector": TEXT,
            "code": TEXT,
            "amount": AMOUNT,
            "number": WHOLE,
            "at": INSTANT,
            "day": DAY,
            "flag": FLAG,
            "attributes": JSON,
        }.items()
    ),
)


@pytest.fixture
def connection() -> Any:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        for statement in THINGS.ddl():
            opened.execute(statement)
        yield opened


def thing(code: str, connector: str = "demo", **more: Any) -> dict[str, Any]:
    return {"connector": connector, "code": code, **more}


def test_an_amount_is_rounded_half_up_to_four_decimals() -> None:
    for value, stored in [
        ("0", "0.0000"),
        ("-0.0", "-0.0000"),
        ("1.23455", "1.2346"),
        ("1.23445", "1.2345"),
        ("1.234449999", "1.2344"),
        ("-1.23445", "-1.2345"),
        ("1E+3", "1000.0000"),
        ("1E-999999", "0.0000"),
        ("99999999999999.99994", "99999999999999.9999"),
        ("12345678901234.12345678901234567890", "12345678901234.1235"),
    ]:
        assert amount(Decimal(value)) == stored, value


def test_an_amount_of_more_than_14_digits_before_the_point_is_refused() -> None:
    for value in ["1E+14", "-1E+14", "99999999999999.99995", "1E+999999", "123456789012345"]:
        with row(value), pytest.raises(ValueError, match="more than 14 digits"):
            amount(Decimal(value))


@given(st.decimals(-(10**13), 10**13, allow_nan=False))
def test_rounding_moves_an_amount_by_half_of_the_last_decimal_at_most_and_ties_away_from_zero(
    value: Decimal,
) -> None:
    with localcontext(prec=200):
        stored = Decimal(amount(value))
        assert abs(stored - value) <= Decimal("0.00005")
        assert stored == value.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        if abs(stored - value) == Decimal("0.00005"):
            assert abs(stored) > abs(value)


def test_each_type_arrives_as_it_was_given(connection: duckdb.DuckDBPyConnection) -> None:
    append_rows(
        connection,
        THINGS,
        [
            thing(
                "A1",
                amount="99999999999999.9999",
                number=2**62,
                at="2024-03-05T09:00:00.123456+01:00",
                day="2024-02-29",
                flag=True,
                attributes='{"a":1.10}',
            )
        ],
    )
    found = connection.execute(
        'SELECT amount::VARCHAR, number, "at"::VARCHAR, day::VARCHAR, flag, attributes::VARCHAR FROM things'
    ).fetchall()
    expected = (
        "99999999999999.9999",
        2**62,
        "2024-03-05 08:00:00.123456+00",
        "2024-02-29",
        True,
        '{"a":1.10}',
    )
    assert found == [expected]


def test_a_column_that_is_missing_is_null(connection: duckdb.DuckDBPyConnection) -> None:
    append_rows(connection, THINGS, [thing("A1"), thing("A2", number=1, attributes=None)])
    rows = connection.execute("SELECT code, amount, number, attributes FROM things ORDER BY code").fetchall()
    assert rows == [("A1", None, None, None), ("A2", None, 1, None)]


@given(texts=st.lists(st.text(max_size=30), min_size=20, max_size=60, unique=True))
@settings(max_examples=examples(4, 100))
def test_any_text_arrives_to_the_letter(texts: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(THINGS.ddl()[0])
        rows = [thing(text, attributes=json.dumps({"t": text}, ensure_ascii=False)) for text in texts]
        append_rows(connection, THINGS, rows)
        found = connection.execute("SELECT code, attributes->>'$.t' FROM things").fetchall()
    assert sorted(found) == sorted((text, text) for text in texts)


def test_half_a_surrogate_pair_becomes_a_question_mark(connection: duckdb.DuckDBPyConnection) -> None:
    append_rows(connection, THINGS, [thing("A\ud800")])
    assert connection.execute("SELECT code FROM things").fetchall() == [("A?",)]


def test_rows_take_the_place_of_those_with_their_key_and_of_no_other(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    append_rows(
        connection, THINGS, [thing("A1", number=1), thing("A2", number=1), thing("A1", "noord", number=1)]
    )
    replace_rows(connection, THINGS, [thing("A1", number=2), thing("A3", number=2)])
    rows = connection.execute("SELECT connector, code, number FROM things ORDER BY ALL").fetchall()
    assert rows == [("demo", "A1", 2), ("demo", "A2", 1), ("demo", "A3", 2), ("noord", "A1", 1)]


def test_no_rows_replace_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    append_rows(connection, THINGS, [thing("A1")])
    replace_rows(connection, THINGS, [])
    append_rows(connection, THINGS, [])
    assert connection.execute("SELECT code FROM things").fetchall() == [("A1",)]


def test_codes_are_deleted_of_only_one_connector(connection: duckdb.DuckDBPyConnection) -> None:
    append_rows(connection, THINGS, [thing("A1"), thing("A'2"), thing("A3"), thing("A1", "noord")])
    delete_codes(connection, THINGS, "demo", "code", ["A1", "A'2", "unknown"])
    delete_codes(connection, THINGS, "demo", "code", [])
    rows = connection.execute("SELECT connector, code FROM things ORDER BY ALL").fetchall()
    assert rows == [("demo", "A3"), ("noord", "A1")]
