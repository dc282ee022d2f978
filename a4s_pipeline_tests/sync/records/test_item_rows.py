from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from a4s_pipeline.gateway.records.item_records import Item
from a4s_pipeline.gateway.records.reading import Unreadable, read_in_parts, read_record
from a4s_pipeline.sync.records.items import as_text, item_rows
from a4s_pipeline.sync.rows import Stamp
from a4s_pipeline.warehouse.rows.records import ITEM_TABLES
from a4s_pipeline_tests.sync.listings import item
from a4s_sandbox.data.catalogue import PLACEHOLDER_DATES

STAMP = Stamp("demo", "r1", datetime(2024, 3, 5, 9, tzinfo=UTC))
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def read(raw: dict[str, Any]) -> Item | Unreadable:
    return read_record(Item, raw, "itemCode", AMSTERDAM)


def rows_of(**more: Any) -> dict[str, list[dict[str, Any]]]:
    record = read(item("A1", **more))
    assert isinstance(record, Item), record
    return {name: [dict(row) for row in rows] for name, rows in item_rows(record, STAMP, "f").items()}


def stock(*entries: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {"itemCode": "A1", "shelfStock": 5, "toBeDelivered": 2, "deliveryDates": list(entries)} | more


def test_every_row_has_only_columns_of_its_table_and_says_whose_it_is_and_who_wrote_it() -> None:
    found = rows_of(
        attributes={"a": 1},
        images=[{"hash": "h", "sequence": 1, "alt": "x"}],
        stock=stock({"date": "2024-05-01", "quantity": 1}),
        unitOfMeasure={"code": "stuk"},
    )
    for table in ITEM_TABLES.all:
        (row,) = found[table.name]
        assert row.keys() <= set(table.column_names), table.name
        assert (row["connector"], row["run_id"], row["item_code"]) == ("demo", "r1", "A1")
        assert row["synced_at"] == "2024-03-05T09:00:00+00:00"


def test_an_item_with_every_field() -> None:
    found = rows_of(
        names={"nl": "Spade", "en": "Spade", "de": None},
        familyCode="TUIN",
        eanCode=8712345000035,
        unitOfMeasure={"code": "doos", "description": "Doos", "quantity": Decimal("12.5")},
        created="2024-01-15T08:00:00",
        modified="2024-07-01T08:00:00Z",
    )
    (row,) = found["items"]
    assert (row["family_code"], row["ean_code"], row["fingerprint"]) == ("TUIN", "8712345000035", "f")
    assert (row["unit_code"], row["unit_description"], row["unit_quantity"]) == ("doos", "Doos", "12.5000")
    assert (row["created"], row["modified"]) == ("2024-01-15T07:00:00+00:00", "2024-07-01T08:00:00+00:00")
    assert [(name["language"], name["name"]) for name in found["item_names"]] == [
        ("nl", "Spade"),
        ("en", "Spade"),
    ]


@pytest.mark.parametrize(
    "bare",
    [
        {"itemCode": "A1"},
        dict.fromkeys(("names", "images", "stock", "attributes"), None) | {"itemCode": "A1"},
    ],
)
def test_an_item_with_a_code_and_nothing_else_is_one_row(bare: dict[str, Any]) -> None:
    record = read(bare)
    assert isinstance(record, Item)
    rows = item_rows(record, STAMP, "f")
    assert {name: len(found) for name, found in rows.items() if found} == {"items": 1}
    assert rows["items"][0]["attributes"] is None


ATTRIBUTES: dict[str, tuple[Any, str, str | None]] = {
    "text": ("blauw", '"blauw"', "blauw"),
    "empty": ("", '""', ""),
    "whole": (6, "6", "6"),
    "exact": (Decimal("0.10"), "0.10", "0.10"),
    "long": (12345678901234567890123, "12345678901234567890123", "12345678901234567890123"),
    "yes": (True, "true", "true"),
    "no": (False, "false", "false"),
    "none": (None, "null", None),
    "list": (["EN", Decimal("1.50"), None], '["EN",1.50,null]', '["EN",1.50,null]'),
    "object": ({"degrees": 60, "dry": False}, '{"degrees":60,"dry":false}', '{"degrees":60,"dry":false}'),
    "Maat / Größe": ("80", '"80"', "80"),
    "looks like JSON": ("[1]", '"[1]"', "[1]"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_of_any_json_kind_is_kept_as_it_came_and_as_text(name: str) -> None:
    value, as_json, text = ATTRIBUTES[name]
    (row,) = rows_of(attributes={name: value})["item_attributes"]
    assert (row["name"], row["value"], row["value_text"]) == (name, as_json, text)
    assert as_text(value) == text


def test_fields_that_the_contract_does_not_name_are_attributes_and_the_items_own_win() -> None:
    found = rows_of(location="G3", brand="outer", attributes={"brand": "own", "weight": 2})
    assert {row["name"]: row["value_text"] for row in found["item_attributes"]} == {
        "location": "G3",
        "brand": "own",
        "weight": "2",
    }
    assert found["items"][0]["attributes"] == '{"location":"G3","brand":"own","weight":2}'


def test_what_the_contract_does_not_name_of_unit_picture_stock_and_delivery_is_kept_too() -> None:
    found = rows_of(
        unitOfMeasure={"code": "stuk", "weight": 3},
        images=[{"hash": "h", "sequence": 1, "alt": "Spade"}],
        stock=stock({"date": "2024-05-01", "quantity": 1, "supplier": "L1"}, reserved=4),
    )
    assert found["items"][0]["attributes"] == '{"unitOfMeasure":{"weight":3}}'
    assert found["item_images"][0]["attributes"] == '{"alt":"Spade"}'
    assert found["item_stocks"][0]["attributes"] == '{"reserved":4}'
    assert found["item_deliveries"][0]["attributes"] == '{"supplier":"L1"}'


def test_pictures_keep_the_order_of_the_record_and_the_sequence_of_the_back_office() -> None:
    images = [
        {"hash": "h2", "fileName": "../../etc/passwd", "sequence": 2},
        {"hash": "h1", "sequence": 1},
        {"hash": "h2", "sequence": 9},
    ]
    found = rows_of(images=images)["item_images"]
    assert [(row["image_number"], row["hash"], row["file_name"], row["sequence"]) for row in found] == [
        (1, "h2", "../../etc/passwd", 2),
        (2, "h1", None, 1),
        (3, "h2", None, 9),
    ]


def test_stock_is_exact_and_may_be_negative() -> None:
    (row,) = rows_of(stock=stock(shelfStock=Decimal("-2.50005"), toBeDelivered=Decimal("0.1")))["item_stocks"]
    assert (row["shelf_stock"], row["to_be_delivered"]) == ("-2.5001", "0.1000")


def test_the_items_own_code_names_its_stock() -> None:
    (row,) = rows_of(stock=stock(itemCode="ANOTHER"))["item_stocks"]
    assert row["item_code"] == "A1"


@pytest.mark.parametrize(
    "date",
    [
        *PLACEHOLDER_DATES,
        "0001-01-01T00:00:00Z",
        "1900-01-01T12:00:00",
        "2024-02-30",
        " ",
        20240501,
        [],
        True,
    ],
)
def test_a_delivery_without_a_real_date_has_none_and_is_kept(date: Any) -> None:
    entries = [{"date": date, "quantity": 10}, {"quantity": 7}, {"date": "2024-05-01", "quantity": 3}]
    found = rows_of(stock=stock(*entries))["item_deliveries"]
    assert [(row["entry_number"], row["delivery_date"], row["quantity"]) for row in found] == [
        (1, None, "10.0000"),
        (2, None, "7.0000"),
        (3, "2024-05-01", "3.0000"),
    ]


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T00:00:00", "2024-05-01"),
        ("2024-05-01T23:30:00Z", "2024-05-02"),
        ("2024-05-01T00:30:00+03:00", "2024-04-30"),
    ],
)
def test_a_delivery_is_expected_on_a_day_of_the_administration(sent: str, day: str) -> None:
    (row,) = rows_of(stock=stock({"date": sent, "quantity": 1}))["item_deliveries"]
    assert row["delivery_date"] == day


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"itemCode": None}, "itemCode: "),
        ({"itemCode": ".."}, "itemCode: cannot be put in a path"),
        ({"itemCode": False}, "itemCode: "),
    ],
)
def test_an_item_that_cannot_be_read_says_which_field_is_at_fault(more: dict[str, Any], reason: str) -> None:
    found = read(item("A1") | more)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)


# By the part that is set aside: the item, and the reason.
PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "names": ({"names": "Spade"}, "names: is not a JSON object"),
    "names.nl": ({"names": {"nl": ["Spade"], "en": "Spade"}}, "names.nl: input should be a valid string"),
    "unitOfMeasure": ({"unitOfMeasure": {"description": "Stuk"}}, "unitOfMeasure.code: field required"),
    "images.1": ({"images": [{"fileName": "a.png"}, {"hash": "h"}]}, "images.1.hash: field required"),
    "images.2": ({"images": [{"hash": "h"}, {"hash": ""}]}, "images.2.hash: is empty"),
    "stock": ({"stock": stock(shelfStock=10**15)}, "stock.shelfStock: has more than 14 digits before the"),
    "stock.deliveryDates": (
        {"stock": stock(deliveryDates="morgen")},
        "stock.deliveryDates: input should be a valid list",
    ),
    "stock.deliveryDates.1": (
        {"stock": stock({"date": "2024-05-01"}, {"quantity": 1})},
        "stock.deliveryDates.1.quantity: field required",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_of_no_use_is_left_out_and_the_rest_of_the_item_comes_in(part: str) -> None:
    more, reason = PARTS[part]
    found = read_in_parts(Item, item("A1") | more, "itemCode", AMSTERDAM)
    (left_out,) = found.parts
    assert (left_out.key, left_out.part) == ("A1", part)
    assert left_out.reason.startswith(reason)
    assert isinstance(found.record, Item)
    assert item_rows(found.record, STAMP, "f")["items"][0]["item_code"] == "A1"


def test_what_is_left_keeps_its_place_in_the_record() -> None:
    found = rows_of(
        images=[{"hash": "a"}, {"fileName": "b.png"}, {}, {"hash": "c"}],
        stock=stock({"quantity": 1}, None, {"date": "2024-05-01"}, {"quantity": 4}),
    )
    assert [(row["image_number"], row["hash"]) for row in found["item_images"]] == [(1, "a"), (4, "c")]
    assert [(row["entry_number"], row["quantity"]) for row in found["item_deliveries"]] == [
        (1, "1.0000"),
        (4, "4.0000"),
    ]


NOTHING: tuple[dict[str, Any], ...] = (
    {"unitOfMeasure": []},
    {"unitOfMeasure": ""},
    {"unitOfMeasure": False},
    {"images": {}},
    {"images": ""},
    {"images": False},
    {"images": [None, "", False, {}]},
    {"attributes": []},
    {"attributes": ""},
    {"attributes": False},
    {"familyCode": False},
    {"created": "0000-00-00"},
    {"created": "1899-12-30T00:00:00"},
    {"modified": False},
    {"stock": stock(deliveryDates={})},
    {"stock": stock(deliveryDates=False)},
)


def test_nothing_in_other_ways_is_nothing() -> None:
    expected = rows_of(stock=stock())
    for more in NOTHING:
        assert read_in_parts(Item, item("A1") | more, "itemCode", AMSTERDAM).parts == (), more
        found = rows_of(**({"stock": stock()} | more))
        assert {name: rows for name, rows in found.items() if rows} == {
            name: rows for name, rows in expected.items() if rows
        }, more
    assert rows_of(names=[])["item_names"] == rows_of(names={})["item_names"] == []
    assert "item_stocks" not in rows_of(stock=[])


def test_one_where_a_list_of_one_is_meant_is_the_one_and_the_reverse() -> None:
    image, entry = {"hash": "h"}, {"date": "2024-05-01", "quantity": 3}
    unit = {"code": "doos"}
    found = rows_of(images=image, stock=[stock(deliveryDates=entry)], unitOfMeasure=[unit])
    assert found == rows_of(images=[image], stock=stock(entry), unitOfMeasure=unit)
    # PHP keeps the numbers of a list of which an entry was taken out.
    assert rows_of(images={"0": image, "2": image}) == rows_of(images=[image, image])


def test_an_optional_value_that_cannot_be_read_is_null_and_stays_among_the_attributes() -> None:
    found = rows_of(
        created="onbekend",
        unitOfMeasure={"code": "doos", "quantity": "veel"},
        images=[{"hash": "h", "sequence": Decimal("1E+400")}],
    )
    (row,) = found["items"]
    assert (row["created"], row["unit_code"], row["unit_quantity"]) == (None, "doos", None)
    assert row["attributes"] == '{"created":"onbekend","unitOfMeasure":{"quantity":"veel"}}'
    assert (found["item_images"][0]["sequence"], found["item_images"][0]["attributes"]) == (
        None,
        '{"sequence":1E+400}',
    )
