"""Decides what stays of a request or an answer about a forgotten customer: pure functions on JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

# What the books need, and what identifies a document. Any other text may be about the person, because the
# content of unknown fields is unknown.
_KEPT = frozenset(
    {
        *("id", "kind", "connector", "status", "code", "field"),
        *("receivedAt", "answeredAt", "createdAt", "orderDate", "deliveryDate", "created", "modified"),
        *("date", "asOf", "linesSyncedAt", "orderDateFrom", "orderDateTo"),
        *("customerCode", "orderCode", "orderId", "orderNumber", "orderType", "intakeOrderId", "externalId"),
        *("lineCode", "itemCode", "unit", "currency"),
        *("quantity", "price", "discount", "lineTotal", "subTotal", "vatTotal", "shippingCosts", "total"),
    }
)
REMOVED = "[removed]"


def concerns(document: Any, customer_code: str) -> bool:
    """Tell whether a document names the customer, anywhere in it."""
    if isinstance(document, dict):
        return _is_theirs(document, customer_code) or any(
            concerns(value, customer_code) for value in document.values()
        )
    return isinstance(document, list) and any(concerns(value, customer_code) for value in document)


def without_person(
    document: Any, customer_code: str, marks: Collection[str], *, is_theirs: bool = False
) -> Any:
    """Return a document without the customer's personal data; data about others stays.

    `marks` are texts that identify the person, and are removed everywhere; `is_theirs` means that the whole
    document is about them.
    """
    if isinstance(document, dict):
        theirs = is_theirs or _is_theirs(document, customer_code)
        return {
            name: value
            if name in _KEPT and not isinstance(value, dict | list)
            else without_person(value, customer_code, marks, is_theirs=theirs)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [without_person(value, customer_code, marks, is_theirs=is_theirs) for value in document]
    if isinstance(document, str) and (is_theirs or any(mark in document for mark in marks)):
        return REMOVED
    return document


def _is_theirs(record: dict[str, Any], customer_code: str) -> bool:
    """Tell whether an object is the customer, or an order of theirs as it was sent or answered."""
    attributes = record.get("attributes")
    named = [
        record.get("customerCode"),
        attributes.get("customerCode") if isinstance(attributes, dict) else None,
    ]
    return any(code is not None and str(code) == customer_code for code in named)
