"""Which HTTP status an answer has, in one table, and errors as `application/problem+json`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from a4s_pipeline.errors import A4sError, ChangeRequest
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.texts import json_to_show
from a4s_pipeline.ondemand.answers import Answered, error_object, error_of

# By the code of the error, which takes precedence over the answer's status.
BY_CODE = {
    "UnknownItem": 404,
    "UnknownOrder": 404,
    "UnknownExport": 404,
    "UnknownCustomerCode": 404,
    "UnknownConnector": 404,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "Unauthorized": 401,
    "Forbidden": 403,
    "BodyTimeout": 408,
    "DuplicateRequest": 409,
    "FocusConnectorNotConfigured": 409,
    "TooLarge": 413,
    "Overloaded": 429,
    "Unexpected": 500,
    "NotSupported": 501,
}
# Codes with one meaning on every route; any other may be the gateway's own, so the answer's status decides
# unless the route knows the code.
_ALWAYS_OURS = frozenset({"DuplicateRequest", "Overloaded", "NotSupported", "Unexpected"})
BY_STATUS = {"ok": 200, "unknown": 202, "refused": 422, "failed": 503}
_COME_BACK_IN = 5
_TO_BE_TRIED_AGAIN = (429, 503)


def status_of(answered: Answered, *own_codes: str) -> int:
    """Return the HTTP status of an answer; `own_codes` are the codes that the route knows."""
    code = answered.error["code"] if answered.error else ""
    if code in _ALWAYS_OURS or code in own_codes:
        return BY_CODE[code]
    return BY_STATUS[answered.status]


def problem(error: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an error, as answers have it, as a problem document."""
    document = {
        "type": f"/docs#{error['code']}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error["message"],
        **{name: value for name, value in error.items() if name != "message"},
    }
    headers = dict(headers or {})
    if status in _TO_BE_TRIED_AGAIN:
        headers["Retry-After"] = str(error.get("retryAfterSeconds", _COME_BACK_IN))
    return as_json(document, status, headers, "application/problem+json")


def problem_of(error: A4sError, headers: dict[str, str] | None = None) -> Response:
    """Return one of our errors as a problem document."""
    usual = BY_STATUS["refused" if isinstance(error, ChangeRequest) else "failed"]
    return problem(error_object(error), BY_CODE.get(error.code, usual), headers)


def problem_with(code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return a problem document about the call itself."""
    return problem(error_of(code, message), BY_CODE.get(code, 422), headers)


def as_json(
    document: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return a JSON document, every decimal exact."""
    body = json_to_show(exact_json.dumps(document)).encode("utf-8", "replace")
    return Response(body, status, headers, media_type)


def respond(answered: Answered, *own_codes: str) -> Response:
    """Return an answer as its document or as a problem; see `status_of`."""
    status = status_of(answered, *own_codes)
    if answered.status == "ok" and answered.answer is not None:
        return as_json(answered.answer, status)
    return problem(answered.error or error_of("Unexpected", "there is no answer"), status)
