"""The OpenAPI document of all routes, made of the table and of the models that check what comes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from http import HTTPStatus
from typing import Any

from a4s_pipeline import __version__
from a4s_pipeline.api.problems import BY_CODE
from a4s_pipeline.api.routing import Route
from a4s_pipeline.ondemand.intake import IntakeOrder, NewCustomer
from a4s_pipeline.ondemand.requests.projected_stock import ProjectedStock

_DECIMAL = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["12.5"]}
_INSTANT = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": ["string", "null"]}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "on": {"schema": {"type": "string", "format": "date"}, "description": "The day; today by default."},
    "until": {
        "schema": {"type": "string", "format": "date"},
        "description": "Also each later day, up to this one, on which the figure changes.",
    },
    "dryRun": {
        "schema": {"type": "boolean", "default": False},
        "description": "Say what would be sent, and send nothing.",
    },
    "status": {
        "schema": {
            "type": "string",
            "enum": ["pending", "sending", "ok", "refused", "failed", "unknown"],
        },
        "description": "Only those of this status.",
    },
    "customer": {
        "schema": {"type": "string", "minLength": 1},
        "description": "Orders of this customer alone.",
    },
    "from": {"schema": {"type": "string"}, "description": "From this day or instant on."},
    "to": {
        "schema": {"type": "string"},
        "description": "Up to and including this day, or before this instant.",
    },
    "limit": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000},
        "description": "How many at most.",
    },
    "offset": {
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**9},
        "description": "How many are skipped.",
    },
}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _schemas() -> dict[str, Any]:
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
        "Orders": _object({"orders": _list_of("Order"), "total": {"type": "integer"}, "asOf": _INSTANT}),
    } | _models()


def _models() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, model in (
        ("IntakeOrder", IntakeOrder),
        ("NewCustomer", NewCustomer),
        ("StockQuestions", ProjectedStock),
    ):
        schema = model.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[name] = schema
    return found


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "a4s-pipeline",
            "version": __version__,
            "description": "Projected stock live, orders and customers sent exactly once, and order history. "
            "Amounts and quantities are exact decimals: strings in answers, numbers or strings in requests. "
            "A code in a path is percent-encoded, `/` as `%2F`. Bodies are 1 MiB at most.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of A4S_API_KEYS."}
            },
            "schemas": _schemas(),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {
        401: "no key that is known",
        403: "beyond what the key may",
        404: "no such connector",
        **route.answers,
    }
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route.parameters), _TIMEOUT],
        "responses": {
            str(status): _response(status, told, route) for status, told in sorted(answers.items())
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{route.body}"}}},
        }
        operation["responses"]["413"] = _response(413, "the body is larger than 1 MiB", route)
    if route.body in ("IntakeOrder", "NewCustomer"):
        operation["parameters"].append(_KEY)
    return operation


_TIMEOUT = {
    "name": "X-Request-Timeout",
    "in": "header",
    "schema": {"type": "number", "exclusiveMinimum": 0},
    "description": "Seconds within which the answer is wanted; A4S_ANSWER_SECONDS by default.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Not needed: the order's id or the customer's code is the key. If sent, it must agree.",
}


def _operation_id(route: Route) -> str:
    kept = [part.strip("{}") for part in route.segments[3:] if part and part != "{connector}"]
    words = " ".join([route.method.lower(), *kept]).replace("-", " ").split()
    return words[0] + "".join(word[0].upper() + word[1:] for word in words[1:])


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": part[1:-1],
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for part in route.segments
        if part.startswith("{")
    ]


def _query_parameters(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", **_PARAMETERS[name]} for name in names]


def _response(status: int, told: str, route: Route) -> dict[str, Any]:
    response: dict[str, Any] = {"description": told}
    content: dict[str, Any]
    if status >= 400:
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    elif route.result == "StockEntry":
        kinds: list[dict[str, str]] = [
            {"$ref": "#/components/schemas/StockEntry"},
            {"$ref": "#/components/schemas/StockEntries"},
        ]
        content = {"application/json": {"schema": {"anyOf": kinds}}}
    elif "dryRun" in route.parameters and status == 200:
        kinds = [{"$ref": f"#/components/schemas/{route.result}"}, {"type": "object"}]
        content = {"application/json": {"schema": {"anyOf": kinds}}}
    else:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{route.result}"}}}
    response["content"] = content
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    if status in (201, 202):
        response["headers"] = {
            "Location": {"schema": {"type": "string"}, "description": "What became of it."}
        }
    return response


def page(routes: Sequence[Route]) -> str:
    """Return a page of documentation that needs no network."""
    return "\n".join(_page_lines(routes))


def _page_lines(routes: Iterable[Route]) -> Iterable[str]:
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>a4s-pipeline over HTTP</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "code{background:#8881;padding:.1em .3em}td{padding:.2em .8em .2em 0;vertical-align:top}"
        "h2{font-size:1.05rem;margin-top:2rem}</style><h1>a4s-pipeline over HTTP</h1>"
    )
    yield (
        '<p>The whole of it as <a href="/openapi.json">OpenAPI 3.1</a>. A code in a path is percent-encoded, '
        "<code>/</code> as <code>%2F</code>. <code>X-Request-Timeout: SECONDS</code> says how long an answer "
        "may take. An error is <code>application/problem+json</code>.</p>"
    )
    for route in routes:
        query = f"?{'&'.join(f'{name}=' for name in route.parameters)}" if route.parameters else ""
        yield f"<h2><code>{escape(f'{route.method} {route.template}{query}')}</code></h2>"
        yield f"<p>{escape(route.summary)}.</p><table>"
        for status, told in sorted(route.answers.items()):
            yield f"<tr><td>{status} {escape(HTTPStatus(status).phrase)}<td>{escape(told)}"
        yield "</table>"
    yield "<h1>Errors</h1><table>"
    for code, status in sorted(BY_CODE.items()):
        yield f'<tr id="{escape(code)}"><td><code>{escape(code)}</code><td>{status}'
    yield "</table></html>"
