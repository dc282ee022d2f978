"""A reply before it is written: status, body and its own headers."""

from dataclasses import dataclass
from typing import Any

from a4s_sandbox.answers.encoding import encode

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"
HTML = "text/html; charset=utf-8"

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    **_TITLES,
}


@dataclass(slots=True)
class Reply:
    """The answer to a request; `headers` are additional to type, length, date and connection."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def problem(status: int, code: str, detail: str, **more: Any) -> Reply:
    """Return an error as problem+json; `more` are further members, such as `errors` or `orderId`."""
    title = _TITLES[status]
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}
    return Reply(status, encode(body), PROBLEM)


def html_page(status: int, title: str) -> Reply:
    """Return a page as a proxy in front of the gateway would write it."""
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Reply(status, text.encode(), HTML)
