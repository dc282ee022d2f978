"""The OpenAPI document of all routes, made from the table and the request models.

`python -m a4s_pipeline.api.document.openapi > docs/openapi.json` writes the copy that stands in the docs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from a4s_pipeline.api.document.schemas import schemas
from a4s_pipeline.api.routing import Route
from a4s_pipeline.version import __version__

_PARAMETERS: dict[str, dict[str, Any]] = {
    "on": {
        "schema": {"type": "string", "format": "date"},
        "description": "The day; today by default.",
        "example": "2030-12-24",
    },
    "until": {
        "schema": {"type": "string", "format": "date"},
        "description": "Also each later day, up to this one, on which the stock changes.",
        "example": "2030-12-31",
    },
    "dryRun": {
        "schema": {"type": "boolean", "default": False},
        "description": "Return what would be sent, without sending it.",
    },
    "status": {
        "schema": {
            "type": "string",
            "enum": ["pending", "sending", "ok", "refused", "failed", "unknown"],
        },
        "description": "Only those with this status.",
    },
    "customer": {
        "schema": {"type": "string", "minLength": 1},
        "description": "Only orders of this customer.",
        "example": "K00001",
    },
    "from": {
        "schema": {"type": "string"},
        "description": "From this day or instant on.",
        "example": "2020-01-01",
    },
    "to": {
        "schema": {"type": "string"},
        "description": "Up to and including this day, or before this instant.",
        "example": "2030-12-31",
    },
    "limit": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000},
        "description": "The most to return.",
    },
    "offset": {
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**9},
        "description": "How many to skip.",
    },
    "after": {
        "schema": {"type": "string", "minLength": 1},
        "description": "The `next` of the previous page, to continue after its last order.",
    },
}


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
            "A code in a path is percent-encoded, `/` as `%2F`. Bodies have at most 1 MiB.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of A4S_API_KEYS."}
            },
            "schemas": schemas(),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {
        401: "no known key",
        403: "the key does not allow this",
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


_EXAMPLES = {
    "connector": "demo",
    "itemCode": "BE4010-3x16",
    "intakeOrderId": "WEB-1001",
    "customerCode": "K00001",
    "orderCode": "VO26-03898",
}
_TIMEOUT = {
    "name": "X-Request-Timeout",
    "in": "header",
    "schema": {"type": "number", "exclusiveMinimum": 0},
    "description": "How many seconds the answer may take; A4S_ANSWER_SECONDS by default.",
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
            "example": _EXAMPLES[part[1:-1]],
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
            "Location": {"schema": {"type": "string"}, "description": "Where to ask for the outcome."}
        }
    return response


def as_text() -> str:
    """Return the document as it stands in the docs."""
    from a4s_pipeline.api.routes import ROUTES  # noqa: PLC0415 - the table need not know its documentation

    return json.dumps(document(ROUTES), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
