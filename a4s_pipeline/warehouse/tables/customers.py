"""The tables of customers, with addresses, contact persons and contact details."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import AMOUNT, FLAG, INSTANT, TEXT, WHOLE, Column, local_day
from a4s_pipeline.warehouse.tables.common import ATTRIBUTES, FINGERPRINT, REMOVED_AT, synced_table

_CUSTOMER_CODE = Column("customer_code", TEXT, "The customer's code, unique in its administration.")
_IS_MAIN = Column("is_main", FLAG, "Whether it is the main one of its kind.")

_CREATED = Column("created", INSTANT, "When the customer was created, if the gateway says so.")
_MODIFIED = Column("modified", INSTANT, "When the customer was last changed, if the gateway says so.")

CUSTOMERS = synced_table(
    "customers",
    "Customers as the gateway last listed them: one row per customer.",
    ("customer_code",),
    _CUSTOMER_CODE,
    Column("external_id", TEXT, "The external customer identifier that the gateway gave."),
    Column("name", TEXT, "The customer's name."),
    Column("coc_number", TEXT, "The number at the chamber of commerce."),
    Column("vat_number", TEXT, "The VAT number."),
    Column("is_blocked", FLAG, "Whether the customer is blocked."),
    Column("is_prospect", FLAG, "Whether the customer is a prospect."),
    Column("language_code", TEXT, "The customer's language."),
    Column("currency", TEXT, "The customer's currency."),
    Column("price_list", TEXT, "The customer's price list."),
    Column("payment_condition_code", TEXT, "The customer's payment condition."),
    Column("discount", AMOUNT, "The customer's discount in percent."),
    Column("website", TEXT, "The customer's website."),
    _CREATED,
    local_day("created_day", _CREATED),
    _MODIFIED,
    local_day("modified_day", _MODIFIED),
    ATTRIBUTES,
    FINGERPRINT,
    REMOVED_AT,
)

CUSTOMER_ADDRESSES = synced_table(
    "customer_addresses",
    "The addresses of customers: one row per address.",
    ("customer_code", "address_number"),
    _CUSTOMER_CODE,
    Column("address_number", WHOLE, "The address's position in the record, from 1."),
    Column("type", TEXT, "Delivery, Invoice, Visit, Other or Custom."),
    Column("custom_type", TEXT, "What kind of address it is, if the type is Custom."),
    Column("name", TEXT, "The name at the address."),
    Column("address_line1", TEXT, "The first line of the address."),
    Column("address_line2", TEXT, "The second line of the address."),
    Column("address_line3", TEXT, "The third line of the address."),
    Column("post_code", TEXT, "The post code."),
    Column("city", TEXT, "The city."),
    Column("state", TEXT, "The state or province."),
    Column("country", TEXT, "The country."),
    _IS_MAIN,
    ATTRIBUTES,
)

CUSTOMER_CONTACT_PERSONS = synced_table(
    "customer_contact_persons",
    "The contact persons of customers: one row per person.",
    ("customer_code", "person_number"),
    _CUSTOMER_CODE,
    Column("person_number", WHOLE, "The person's position in the record, from 1."),
    Column("first_name", TEXT, "The first name."),
    Column("last_name", TEXT, "The last name."),
    Column("function", TEXT, "The person's function."),
    Column("gender", TEXT, "The person's gender, as the back office writes it."),
    _IS_MAIN,
    ATTRIBUTES,
)

CUSTOMER_CONTACT_DETAILS = synced_table(
    "customer_contact_details",
    "How to reach customers and their contact persons: one row per number, address or other detail.",
    ("customer_code", "person_number", "detail_number"),
    _CUSTOMER_CODE,
    Column("person_number", WHOLE, "The contact person it belongs to; 0 if it is the customer's own."),
    Column("detail_number", WHOLE, "The detail's position in its list, from 1."),
    Column("type", TEXT, "PhoneNumber, MobileNumber, Email or Custom."),
    Column("custom_type", TEXT, "What kind of detail it is, if the type is Custom."),
    Column("value", TEXT, "The number, the address, or other value."),
    ATTRIBUTES,
)
