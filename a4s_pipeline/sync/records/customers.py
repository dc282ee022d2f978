"""Turns a customer of the wire into rows, three levels deep."""

from __future__ import annotations

from collections.abc import Sequence

from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.records.customer_records import ContactDetail, Customer
from a4s_pipeline.gateway.records.records import numbered
from a4s_pipeline.sync.records.record_writer import RecordKind
from a4s_pipeline.sync.rows import Stamp, row_of
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, RowsByTable, adopt_created_customers
from a4s_pipeline.warehouse.rows.staging import Row
from a4s_pipeline.warehouse.tables import (
    CUSTOMER_ADDRESSES,
    CUSTOMER_CONTACT_DETAILS,
    CUSTOMER_CONTACT_PERSONS,
    CUSTOMERS,
)

_WITHIN = frozenset({"addresses", "contact_persons", "contact_details"})
_WITHIN_PERSON = frozenset({"contact_details"})
_CUSTOMER_ITSELF = 0


def customer_rows(customer: Customer, stamp: Stamp, fingerprint: str) -> RowsByTable:
    """Turn a customer into rows; raises `Unstorable` for an amount too large for its column.

    Contact details belong to the customer or to a contact person; anything that a back office adds below an
    address goes into the address's attributes.
    """
    code = customer.customer_code
    persons = numbered(customer.contact_persons)
    details = _details(customer.contact_details, code, _CUSTOMER_ITSELF, stamp)
    for number, person in persons:
        details += _details(person.contact_details, code, number, stamp)
    return {
        CUSTOMERS.name: [row_of(customer, stamp, without=_WITHIN) | {"fingerprint": fingerprint}],
        CUSTOMER_ADDRESSES.name: [
            row_of(address, stamp) | {"customer_code": code, "address_number": number}
            for number, address in numbered(customer.addresses)
        ],
        CUSTOMER_CONTACT_PERSONS.name: [
            row_of(person, stamp, without=_WITHIN_PERSON) | {"customer_code": code, "person_number": number}
            for number, person in persons
        ],
        CUSTOMER_CONTACT_DETAILS.name: details,
    }


def _details(details: Sequence[ContactDetail | None], code: str, person: int, stamp: Stamp) -> list[Row]:
    return [
        row_of(detail, stamp) | {"customer_code": code, "person_number": person, "detail_number": number}
        for number, detail in numbered(details)
    ]


CUSTOMER_KIND: RecordKind[Customer] = RecordKind(
    tables=CUSTOMER_TABLES,
    model=Customer,
    key_field="customerCode",
    page=Administration.customers,
    code_of=lambda customer: customer.customer_code,
    rows_of=customer_rows,
    also_write=adopt_created_customers,
)
