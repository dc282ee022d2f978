"""One whole record of each kind, for tests that spoil parts of it."""

from __future__ import annotations

from typing import Any

ADDRESS: dict[str, Any] = {"type": "Visit", "name": "n", "addressLine1": "a", "city": "c", "isMain": True}
DETAIL: dict[str, Any] = {"type": "Email", "customType": "c", "value": "a@b.nl"}
HEADER: dict[str, Any] = {
    "orderCode": "O1",
    "orderNumber": "1",
    "orderDate": "2024-03-05T09:00:00",
    "customerCode": "K1",
    "customerName": "n",
    "orderType": "order",
    "notes": "n",
    "currency": "EUR",
    "subTotal": 10,
    "total": 12.1,
    "modified": "2024-03-05T09:00:00Z",
    "deliveryAddress": ADDRESS,
    "attributes": {"a": 1},
}
LINE: dict[str, Any] = {
    "lineCode": "1",
    "lineNumber": 1,
    "itemCode": "A1",
    "description": "d",
    "quantity": 2,
    "unit": "st",
    "price": 5,
    "discount": 0,
    "lineTotal": 10,
    "deliveryDate": "2024-03-07",
}
CUSTOMER: dict[str, Any] = {
    "externalId": "e",
    "customerCode": "K1",
    "name": "n",
    "isBlocked": False,
    "discount": 2.5,
    "created": "2024-03-05T09:00:00",
    "addresses": [ADDRESS],
    "contactPersons": [{"lastName": "l", "isMain": True, "contactDetails": [DETAIL]}],
    "contactDetails": [DETAIL],
    "attributes": {"a": 1},
}
STOCK: dict[str, Any] = {
    "itemCode": "A1",
    "shelfStock": 5,
    "toBeDelivered": 2,
    "deliveryDates": [{"date": "2024-03-07", "quantity": 3}],
}
ITEM: dict[str, Any] = {
    "itemCode": "A1",
    "names": {"nl": "n"},
    "familyCode": "f",
    "unitOfMeasure": {"code": "st", "description": "d", "quantity": 1},
    "attributes": {"a": [1], "b": True},
    "images": [{"hash": "0f", "fileName": "a.png", "sequence": 1}],
    "stock": STOCK,
    "created": "2024-03-05T09:00:00",
}
STATUS: dict[str, Any] = {
    "administration": "Demo B.V.",
    "focusConnector": {"configured": True, "name": "Exact"},
    "lastHistorySync": "2024-06-01T07:30:00Z",
}
