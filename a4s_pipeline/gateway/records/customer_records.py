"""The customers of the wire, with addresses, contact persons and contact details."""

from __future__ import annotations

from a4s_pipeline.gateway.records.records import Amount, Code, Entries, OptionalInstant, Text, WireRecord


class Address(WireRecord):
    """One address; `type` is Delivery, Invoice, Visit, Other or Custom."""

    type: str
    custom_type: str | None = None
    name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    post_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    is_main: bool | None = None


class ContactDetail(WireRecord):
    """One contact detail; `type` is PhoneNumber, MobileNumber, Email or Custom."""

    type: str
    custom_type: str | None = None
    value: Text


class ContactPerson(WireRecord):
    """One contact person, with their own contact details."""

    first_name: str | None = None
    last_name: str
    function: str | None = None
    gender: str | None = None
    is_main: bool | None = None
    contact_details: Entries[ContactDetail]


class Customer(WireRecord):
    """One customer, whole; its own `attributes` are among the extras."""

    external_id: str | None = None
    customer_code: Code
    name: str
    coc_number: str | None = None
    vat_number: str | None = None
    is_blocked: bool | None = None
    is_prospect: bool | None = None
    language_code: str | None = None
    currency: str | None = None
    price_list: str | None = None
    payment_condition_code: str | None = None
    discount: Amount | None = None
    website: str | None = None
    created: OptionalInstant = None
    modified: OptionalInstant = None
    addresses: Entries[Address]
    contact_persons: Entries[ContactPerson]
    contact_details: Entries[ContactDetail]
