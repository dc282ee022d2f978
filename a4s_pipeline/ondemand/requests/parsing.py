"""Turns the bytes of a request into a JSON object, with exact numbers and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.files import exact_json

LARGEST_REQUEST = 1024 * 1024


def parse_request(raw: bytes) -> Mapping[str, Any]:
    """Read the bytes of a request as a JSON object, or raise `ChangeRequest`."""
    if len(raw) > LARGEST_REQUEST:
        raise ChangeRequest(f"the request is larger than {LARGEST_REQUEST >> 20} MiB", code="TooLarge")
    try:
        body = exact_json.loads(raw, names_once=True)
    except exact_json.NamedTwice as fault:
        raise ChangeRequest(
            f"the request {fault}: which value is meant cannot be told", code="Invalid"
        ) from None
    except exact_json.NestedTooDeeply:
        raise ChangeRequest(
            "the request is not JSON that can be read: it is nested too deeply", code="Invalid"
        ) from None
    except ValueError as fault:
        # It says where, but does not quote the content.
        raise ChangeRequest(str(fault).replace("the body", "the request", 1), code="Invalid") from None
    if not isinstance(body, dict):
        raise ChangeRequest("the request must be a JSON object", code="Invalid")
    return body
