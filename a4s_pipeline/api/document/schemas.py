"""The schemas of requests, made from the models that check them, and of answers."""

from __future__ import annotations

from typing import Any

from a4s_pipeline.api.problems import BY_CODE
from a4s_pipeline.ondemand.orders.intake import IntakeOrder, NewCustomer
from a4s_pipeline.ondemand.requests.projected_stock import ProjectedStock

_DECIMAL = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["12.5"]}
_INSTANT = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": ["string", "null"]}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
    field = _object({"field": {"type": "string"}, "message": {"type": "string"}})
    error = _object(
        {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "fields": {"type": "array", "items": field},
            "retryAfterSeconds": {"type": "integer"},
        },
        "retryAfterSeconds",
    )
    reference = {"$ref": "#/components/schemas/Error"}
    error_or_null = {"anyOf": [reference, {"type": "null"}]}
    attributes = {"type": "object", "description": "Fields under the gateway's own names."}
    texts = {"type": "array", "items": {"type": "string"}}
    exported = {
        "intakeOrderId": {"type": "string"},
        "status": {"type": "string"},
        "externalId": {"type": "string"},
        "orderId": _TEXT,
        "orderNumber": _TEXT,
        "attempts": {"type": "integer"},
        "notSent": texts,
        "notice": {"type": "string"},
        "error": error_or_null,
    }
    return {
        "Problem": {
            **_object(
                {
                    "type": {"type": "string", "format": "uri-reference"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string", "examples": sorted(BY_CODE)},
                    "fields": {"type": "array", "items": field},
                    "retryAfterSeconds": {"type": "integer"},
                },
                "retryAfterSeconds",
            ),
            "examples": [
                {
                    "type": "/docs#Invalid",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "the request cannot be read",
                    "code": "Invalid",
                    "fields": [{"field": "on", "message": "must be a real ISO 8601 date"}],
                }
            ],
        },
        "Error": error,
        "StockEntry": _object(
            {
                "itemCode": {"type": "string"},
                "date": {"type": "string", "format": "date"},
                "projected": _DECIMAL,
                "shelfStock": _DECIMAL,
                "toBeDelivered": _DECIMAL,
                "incoming": _DECIMAL,
                "entriesWithoutDate": {"type": "integer"},
                "asOf": {"type": "string", "format": "date-time"},
                "error": reference,
            },
            *("projected", "shelfStock", "toBeDelivered", "incoming", "entriesWithoutDate", "asOf", "error"),
        ),
        "StockEntries": _object({"items": _list_of("StockEntry")}),
        "Exported": _object(exported, "notice", "error", "orderId", "orderNumber", "attempts", "notSent"),
        "Export": _object(
            {
                **exported,
                "customerCode": _TEXT,
                "receivedAt": _INSTANT,
                "lastSentAt": _INSTANT,
                "settledAt": _INSTANT,
            },
            *("orderId", "orderNumber", "attempts", "notSent", "notice"),
            *("customerCode", "receivedAt", "lastSentAt", "settledAt"),
        ),
        "Exports": _object({"exports": _list_of("Export"), "total": {"type": "integer"}}),
        "Created": _object(
            {
                "customerCode": {"type": "string"},
                "externalId": _TEXT,
                "status": {"type": "string"},
                "settledAt": _INSTANT,
                "error": error_or_null,
            },
            *("status", "settledAt", "error"),
        ),
        "Order": _object(
            {
                "orderCode": {"type": "string"},
                "attributes": attributes,
                "lines": {
                    "type": "array",
                    "items": _object({"lineCode": {"type": "string"}, "attributes": attributes}),
                },
                "linesSyncedAt": _INSTANT,
                "asOf": _INSTANT,
            },
            *("linesSyncedAt", "asOf"),
        ),
        "Orders": _object(
            {
                "orders": _list_of("Order"),
                "total": {"type": "integer"},
                "asOf": _INSTANT,
                "next": {"type": "string"},
            },
            "next",
        ),
    } | _models()


_EXAMPLES = {
    "IntakeOrder": {
        "intakeOrderId": "WEB-1001",
        "customerCode": "K00001",
        "yourReference": "PO 4711",
        "lines": [{"itemCode": "BE4010-3x16", "quantity": 2, "price": "12.50"}],
    },
    "NewCustomer": {
        "customerCode": "K90001",
        "name": "Kwekerij Bos",
        "addresses": [{"type": "Delivery", "city": "Delft", "country": "NL", "isMain": True}],
        "contactDetails": [{"type": "Email", "value": "info@example.com"}],
    },
    "StockQuestions": {"items": [{"itemCode": "BE4010-3x16", "date": "2030-12-24"}]},
}


def _models() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, model in (
        ("IntakeOrder", IntakeOrder),
        ("NewCustomer", NewCustomer),
        ("StockQuestions", ProjectedStock),
    ):
        schema = model.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[name] = schema | {"examples": [_EXAMPLES[name]]}
    return found
