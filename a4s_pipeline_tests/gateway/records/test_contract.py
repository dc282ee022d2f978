import pytest

from a4s_pipeline.gateway.records.contract import contract_of
from a4s_pipeline.gateway.records.customer_records import Address, ContactDetail, ContactPerson, Customer
from a4s_pipeline.gateway.records.item_records import Item, ItemDelivery, ItemImage, ItemStock, UnitOfMeasure
from a4s_pipeline.gateway.records.records import OrderHeader, OrderLine, WireRecord

# In the contract's own notation: "?" where the field may be null or absent; text where no kind is named.
CONTRACT: dict[type[WireRecord], str] = {
    OrderHeader: "orderCode orderNumber? externalId? orderDate customerCode customerName? orderType? status? "
    "reference? yourReference? notes? currency? subTotal:number? vatTotal:number? shippingCosts:number? "
    "total:number? salesRep? modified? deliveryAddress:object?",
    OrderLine: "lineCode lineNumber:number itemCode? description? quantity:number unit? price:number? "
    "discount:number? lineTotal:number? deliveryDate? instruction? yourReference?",
    Customer: "externalId? customerCode name cocNumber? vatNumber? isBlocked:flag? isProspect:flag? "
    "languageCode? currency? priceList? paymentConditionCode? discount:number? website? created? modified? "
    "addresses:list contactPersons:list contactDetails:list attributes:object?",
    Address: "type customType? name? addressLine1? addressLine2? addressLine3? postCode? city? state? "
    "country? isMain:flag?",
    ContactPerson: "firstName? lastName function? gender? isMain:flag? contactDetails:list",
    ContactDetail: "type customType? value",
    Item: "itemCode names:object familyCode? eanCode? unitOfMeasure:object? attributes:object? images:list "
    "stock:object created? modified?",
    UnitOfMeasure: "code description? quantity:number?",
    ItemImage: "hash fileName? sequence:number",
    ItemStock: "itemCode shelfStock:number toBeDelivered:number deliveryDates:list",
    ItemDelivery: "date? quantity:number",
}
WITHIN = {
    (OrderHeader, "deliveryAddress"): Address,
    (Customer, "addresses"): Address,
    (Customer, "contactPersons"): ContactPerson,
    (Customer, "contactDetails"): ContactDetail,
    (ContactPerson, "contactDetails"): ContactDetail,
    (Item, "unitOfMeasure"): UnitOfMeasure,
    (Item, "images"): ItemImage,
    (Item, "stock"): ItemStock,
    (ItemStock, "deliveryDates"): ItemDelivery,
}


@pytest.mark.parametrize("model", CONTRACT)
def test_what_is_read_off_a_model_is_what_the_contract_says(model: type[WireRecord]) -> None:
    written = set()
    for name, rule in contract_of(model).items():
        kind = "" if rule.kind == "text" else f":{rule.kind}"
        written.add(f"{name}{kind}{'' if rule.is_required else '?'}")
    assert written == set(CONTRACT[model].split())


def test_records_lie_within_others_where_the_contract_says_so() -> None:
    found = {
        (model, name): rule.within
        for model in CONTRACT
        for name, rule in contract_of(model).items()
        if rule.within is not None
    }
    assert found == WITHIN


def test_the_names_of_an_item_are_texts_in_any_language() -> None:
    assert contract_of(Item)["names"].kind_of_values == "text"
