import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.calls.masking import masked
from a4s_pipeline.gateway.records.contract import FieldRule, JsonKind
from a4s_pipeline.gateway.records.customer_records import Customer
from a4s_pipeline.gateway.records.drift import Departure, Drift, DriftFinder, departure_of
from a4s_pipeline.gateway.records.item_records import Item
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, WireRecord

ADDRESS = {"type": "Delivery", "customType": None, "addressLine1": "Kade 1", "postCode": "1234 AB"}
DETAIL = {"type": "Email", "value": "info@example.com"}
STOCK = {"itemCode": "A1", "shelfStock": 5, "toBeDelivered": 0, "deliveryDates": []}
RECORDS: dict[type[WireRecord], dict[str, Any]] = {
    OrderHeader: {"orderCode": "O1", "orderDate": "2024-03-05", "customerCode": "K1"},
    OrderLine: {"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": Decimal("1.5")},
    Customer: {
        "customerCode": "K1",
        "name": "Klant",
        "addresses": [ADDRESS],
        "contactPersons": [{"lastName": "de Vries", "contactDetails": [DETAIL]}],
        "contactDetails": [DETAIL],
    },
    Item: {"itemCode": "A1", "names": {"nl": "Spade", "en": None}, "images": [], "stock": STOCK},
}

Told = set[tuple[str, str, str]]


def drifts(model: type[WireRecord], raw: Any) -> Told:
    return set(map(tuple, DriftFinder(model).drifts_of(raw)))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", RECORDS)
def test_a_record_by_the_contract_does_not_drift(model: type[WireRecord]) -> None:
    assert drifts(model, RECORDS[model]) == set()


@pytest.mark.parametrize("model", RECORDS)
@pytest.mark.parametrize("absent", [False, True])
def test_a_required_field_is_missed_where_it_is_absent_or_null(model: type[WireRecord], absent: bool) -> None:
    for name in RECORDS[model]:
        if (model, name) == (OrderLine, "itemCode"):
            continue  # null on a line of text
        raw = {key: value for key, value in RECORDS[model].items() if key != name}
        if not absent:
            raw[name] = None
        assert drifts(model, raw) == {(name, "missing", "nothing")}, name


@pytest.mark.parametrize(
    ("model", "more", "found"),
    [
        # The contract does not name it, whatever hangs below it.
        (OrderHeader, {"warehouse": "MAG1"}, {("warehouse", "unknown", "text")}),
        (OrderHeader, {"warehouse": None}, {("warehouse", "unknown", "nothing")}),
        (OrderHeader, {"custom": {"a": {"b": 1}}}, {("custom", "unknown", "object")}),
        (OrderHeader, {"attributes": {}}, {("attributes", "unknown", "object")}),
        (OrderLine, {"batch": [1]}, {("batch", "unknown", "list")}),
        (OrderLine, {"": True}, {('""', "unknown", "flag")}),
        (Item, {"orderCode": 1}, {("orderCode", "unknown", "number")}),
        # It is of another kind.
        (OrderHeader, {"subTotal": "12.50"}, {("subTotal", "kind", "text")}),
        (OrderHeader, {"orderNumber": 12}, {("orderNumber", "kind", "number")}),
        (OrderHeader, {"orderDate": 20240305}, {("orderDate", "kind", "number")}),
        (OrderHeader, {"modified": True}, {("modified", "kind", "flag")}),
        (OrderHeader, {"notes": ["a"]}, {("notes", "kind", "list")}),
        (OrderHeader, {"deliveryAddress": "Kade 1"}, {("deliveryAddress", "kind", "text")}),
        (OrderLine, {"quantity": True}, {("quantity", "kind", "flag")}),
        (OrderLine, {"quantity": "NaN"}, {("quantity", "kind", "text")}),
        (Customer, {"isBlocked": 0}, {("isBlocked", "kind", "number")}),
        (Customer, {"isBlocked": "true"}, {("isBlocked", "kind", "text")}),
        (Customer, {"addresses": {"type": "Visit"}}, {("addresses", "kind", "object")}),
        (Customer, {"attributes": ["a"]}, {("attributes", "kind", "list")}),
        (Item, {"names": "Spade"}, {("names", "kind", "text")}),
        # What may be absent or null may.
        (OrderHeader, {"subTotal": None, "notes": "", "modified": "", "deliveryAddress": None}, set()),
        (OrderHeader, {"subTotal": 1, "total": Decimal("1.10")}, set()),
        (OrderLine, {"deliveryDate": "onbekend"}, set()),
        (Customer, {"attributes": {"route": 7, "x": {"y": []}}}, set()),
        (Customer, {"isBlocked": False, "discount": 5}, set()),
        (Item, {"attributes": {"colour": ["red"]}, "unitOfMeasure": None}, set()),
    ],
)
def test_a_field_drifts_where_it_departs_from_the_contract(
    model: type[WireRecord], more: dict[str, Any], found: Told
) -> None:
    assert drifts(model, RECORDS[model] | more) == found


@pytest.mark.parametrize(
    ("model", "more", "found"),
    [
        (
            OrderHeader,
            {"deliveryAddress": {"floor": 3, "city": 1}},
            {
                ("deliveryAddress.type", "missing", "nothing"),
                ("deliveryAddress.floor", "unknown", "number"),
                ("deliveryAddress.city", "kind", "number"),
            },
        ),
        (
            Customer,
            {"addresses": [ADDRESS, {**ADDRESS, "floor": "3"}, "Kade 1", {**ADDRESS, "floor": "4"}]},
            {("addresses[].floor", "unknown", "text"), ("addresses[]", "kind", "text")},
        ),
        (
            Customer,
            {"contactPersons": [{"lastName": None, "function": 7, "contactDetails": [{"type": "Email"}]}]},
            {
                ("contactPersons[].lastName", "missing", "nothing"),
                ("contactPersons[].function", "kind", "number"),
                ("contactPersons[].contactDetails[].value", "missing", "nothing"),
            },
        ),
        (Item, {"names": {"nl": 1, "en": None, "de": 2}}, {("names.*", "kind", "number")}),
        (
            Item,
            {"unitOfMeasure": {"description": "Doos", "related": []}},
            {("unitOfMeasure.code", "missing", "nothing"), ("unitOfMeasure.related", "unknown", "list")},
        ),
        (Item, {"images": [{"hash": "a", "sequence": "1"}]}, {("images[].sequence", "kind", "text")}),
        (
            Item,
            {"stock": {"shelfStock": "5", "toBeDelivered": 0, "deliveryDates": [{"date": 1}, None]}},
            {
                ("stock.itemCode", "missing", "nothing"),
                ("stock.shelfStock", "kind", "text"),
                ("stock.deliveryDates[].date", "kind", "number"),
                ("stock.deliveryDates[].quantity", "missing", "nothing"),
                ("stock.deliveryDates[]", "kind", "nothing"),
            },
        ),
    ],
)
def test_a_field_within_drifts_under_its_path(
    model: type[WireRecord], more: dict[str, Any], found: Told
) -> None:
    assert drifts(model, RECORDS[model] | more) == found


@pytest.mark.parametrize(
    ("model", "more", "met"),
    [
        (OrderHeader, {"floor": 3}, {("floor", "unknown", "number"): 3}),
        (OrderHeader, {"subTotal": "12.50"}, {("subTotal", "kind", "text"): "12.50"}),
        (OrderHeader, {"orderCode": None}, {("orderCode", "missing", "nothing"): None}),
        (OrderHeader, {"deliveryAddress": {"type": 5}}, {("deliveryAddress.type", "kind", "number"): 5}),
        (
            Customer,
            {"addresses": ["Kade 1", {**ADDRESS, "floor": 3}, {**ADDRESS, "floor": 4}, "Kade 2"]},
            {("addresses[]", "kind", "text"): "Kade 1", ("addresses[].floor", "unknown", "number"): 3},
        ),
        (
            Item,
            {"names": {"nl": 1, "en": None, "de": 2, "fr": True}},
            {("names.*", "kind", "number"): 1, ("names.*", "kind", "flag"): True},
        ),
    ],
)
def test_each_drift_is_reported_with_the_first_value_found_there(
    model: type[WireRecord], more: dict[str, Any], met: dict[tuple[str, str, str], Any]
) -> None:
    assert DriftFinder(model).drifts_of(RECORDS[model] | more) == met


@pytest.mark.parametrize("when", [{}, *({"date": date} for date in (None, "", "onbekend", "0001-01-01"))])
def test_a_delivery_without_a_real_date_does_not_drift(when: dict[str, Any]) -> None:
    stock = STOCK | {"deliveryDates": [{"quantity": 1, **when}]}
    assert drifts(Item, RECORDS[Item] | {"stock": stock}) == set()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [("O1", "text"), (7, "number"), (True, "flag"), (["O1"], "list"), (None, "nothing")],
)
def test_what_is_no_record_drifts_as_a_whole(raw: Any, kind: str) -> None:
    assert drifts(OrderHeader, raw) == {("record", "kind", kind)}


def test_a_long_name_is_cut_and_a_strange_one_made_printable() -> None:
    names = {name for name, _, _ in drifts(OrderLine, RECORDS[OrderLine] | {"n" * 500: 1, "a\nb\ud800": 1})}
    assert names == {"n" * 79 + "…", "a?b?"}
    assert drifts(OrderLine, RECORDS[OrderLine] | {"n" * 80: 1}) == {("n" * 80, "unknown", "number")}


# Any JSON at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=9), inside, max_size=4),
    max_leaves=12,
)
NAMES = sorted({*RECORDS[Customer], *RECORDS[Item], *STOCK, *ADDRESS, "unitOfMeasure", "deliveryAddress"})


@st.composite
def near_records(draw: st.DrawFn) -> Any:
    """A record with some fields replaced or added, up to two levels deep."""
    raw = dict(draw(st.sampled_from(list(RECORDS.values()))))
    raw |= draw(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4))
    within = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4)
    name = draw(st.sampled_from(NAMES))
    raw[name] = draw(within | st.lists(within, max_size=3))
    return raw


def same_shape(value: Any) -> Any:
    """Another value of the same shape: the same names, with other texts, numbers and flags."""
    if isinstance(value, dict):
        return {name: same_shape(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [same_shape(inside) for inside in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "?"
    return value + 1 if isinstance(value, int) else value


@pytest.mark.parametrize("model", RECORDS)
@settings(deadline=None)
@given(raw=JSON | near_records())
@example(raw=exact_json.loads('{"quantity": NaN, "orderCode": ' + "7" * 90 + "}"))
def test_drift_depends_only_on_the_shape_and_is_found_in_any_value(model: type[WireRecord], raw: Any) -> None:
    finder = DriftFinder(model)
    found = finder.drifts_of(raw)
    assert set(found) == set(finder.drifts_of(same_shape(raw))) == set(DriftFinder(model).drifts_of(raw))


@settings(deadline=None)
@given(near_records())
def test_a_remembered_shape_finds_what_a_new_finder_finds(raw: Any) -> None:
    finder = DriftFinder(Customer)
    for record in (RECORDS[Customer], raw, RECORDS[Customer] | {"x": 1}, raw, same_shape(raw)):
        assert finder.drifts_of(record) == DriftFinder(Customer).drifts_of(record)


def remembered(finder: DriftFinder) -> int:
    return len(finder._record._shapes)


def test_records_of_one_shape_are_looked_into_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_into = []

    def noted(rule: FieldRule | None, found: JsonKind) -> Departure | None:
        looked_into.append(found)
        return departure_of(rule, found)

    monkeypatch.setattr("a4s_pipeline.gateway.records.drift.departure_of", noted)
    finder = DriftFinder(OrderLine)
    for number in range(9):
        assert finder.drifts_of({"lineNumber": number, "batch": str(number)}).keys() >= {
            Drift("batch", "unknown", "text")
        }
    assert remembered(finder) == 1
    assert looked_into == ["number", "text"]


@pytest.mark.parametrize(("fields", "is_remembered"), [(400, True), (401, False)])
def test_a_shape_is_remembered_up_to_a_size_of_names_and_fields(fields: int, is_remembered: bool) -> None:
    finder = DriftFinder(OrderLine)
    # Three characters each, the name itself and its kind: 2,000 of 400.
    finder.drifts_of({f"{number:03}": number for number in range(fields)})
    assert remembered(finder) == is_remembered


def test_records_of_ever_new_shapes_are_judged_rightly_when_no_more_are_remembered() -> None:
    finder = DriftFinder(OrderLine)
    finder.drifts_of({"n" * 1_000_000: 1})
    assert remembered(finder) == 0
    for number in range(1500):
        raw = RECORDS[OrderLine] | {f"x{number}": number}
        (drift,) = finder.drifts_of(raw)
        assert drift == (f"x{number}", "unknown", "number")
    assert set(finder.drifts_of(RECORDS[OrderLine])) == set()
    assert remembered(finder) == 1000


SECRETS = st.text(alphabet="qjwQJWzé5678", min_size=3)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), SECRETS | st.lists(SECRETS) | st.dictionaries(SECRETS, SECRETS))
)
def test_no_example_holds_what_a_value_holds(more: dict[str, Any]) -> None:
    for model, record in RECORDS.items():
        for value in DriftFinder(model).drifts_of(record | more).values():
            assert not re.search("[qjwQJWzé5678]{3}", re.sub("of [0-9]+$", "", masked(value) or ""))
